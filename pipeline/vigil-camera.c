/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-camera-private.h"

const gchar *
vigil_camera_state_to_string(VigilCameraState state)
{
    static const gchar *const names[] = {"connecting", "running", "waiting",
                                         "ended",      "failed",  "stopped"};

    return names[state];
}

gboolean
vigil_camera_state_is_final(VigilCameraState state)
{
    return state == VIGIL_CAMERA_ENDED || state == VIGIL_CAMERA_FAILED ||
           state == VIGIL_CAMERA_STOPPED;
}

void
vigil_camera_status_clear(VigilCameraStatus *self)
{
    g_clear_pointer(&self->error, g_free);
}

VigilCamera *
vigil_camera_new(VigilCameraSettings *settings, const VigilCameraOptions *options)
{
    VigilCamera *self = g_new0(VigilCamera, 1);

    g_atomic_ref_count_init(&self->refs);
    g_atomic_ref_count_inc(&self->refs); /* the thread's */
    g_mutex_init(&self->lock);
    self->settings = vigil_camera_settings_ref(settings);
    self->latest = vigil_camera_settings_ref(settings);
    self->past = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_camera_settings_unref);
    self->options = *options;
    self->options.store = vigil_store_ref(options->store);
    self->database = g_strdup(options->database);
    self->clips = g_strdup(options->clips);
    self->owner_context = g_main_context_ref_thread_default();
    self->context = g_main_context_new();
    self->loop = g_main_loop_new(self->context, FALSE);
    self->decoder_failures = vigil_decoder_failures_new();
    self->status.since_us = self->status.dropouts.since_us = g_get_real_time();
    self->progress.at_us = g_get_monotonic_time();
    self->thread = g_thread_new(settings->name, vigil_camera_run, self);
    return self;
}

void
vigil_camera_unref(VigilCamera *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    vigil_store_unref(self->options.store);
    vigil_camera_settings_unref(self->settings);
    vigil_camera_settings_unref(self->latest);
    g_ptr_array_unref(self->past);
    vigil_decoder_failures_unref(self->decoder_failures);
    vigil_camera_status_clear(&self->status);
    g_main_loop_unref(self->loop);
    g_main_context_unref(self->context);
    g_main_context_unref(self->owner_context);
    g_free(self->database);
    g_free(self->clips);
    g_mutex_clear(&self->lock);
    g_free(self);
}

/* No reference to the camera: a thread that has ended takes no change any more. */
typedef struct {
    VigilCamera *camera;
    VigilCameraSettings *settings;
} Change;

static void
change_free(gpointer data)
{
    Change *change = data;

    vigil_camera_settings_unref(change->settings);
    g_free(change);
}

/* In the camera's thread. */
static gboolean
take_model(gpointer user_data)
{
    const Change *change = user_data;
    VigilCamera *self = change->camera;
    const gboolean same =
        vigil_model_settings_equal(self->settings->model, change->settings->model);

    g_ptr_array_add(self->past, self->settings);
    self->settings = vigil_camera_settings_ref(change->settings);
    if (self->pipeline)
        vigil_camera_pipeline_set_settings(self->pipeline, self->settings, !same);
    return G_SOURCE_REMOVE;
}

void
vigil_camera_set_model(VigilCamera *self, VigilCameraSettings *settings)
{
    g_autoptr(GSource) source = g_idle_source_new();
    Change *change = g_new0(Change, 1);

    vigil_camera_settings_unref(self->latest);
    self->latest = vigil_camera_settings_ref(settings);
    *change = (Change){self, vigil_camera_settings_ref(settings)};
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, take_model, change, change_free);
    g_source_attach(source, self->context);
}

void
vigil_camera_stop(VigilCamera *self)
{
    g_autoptr(GSource) source = g_idle_source_new();

    g_source_set_priority(source, G_PRIORITY_HIGH);
    g_source_set_callback(source, vigil_camera_on_stop, self, NULL);
    g_source_attach(source, self->context);
}

void
vigil_camera_free(VigilCamera *self)
{
    if (!self)
        return;
    g_mutex_lock(&self->lock);
    self->orphaned = TRUE;
    g_mutex_unlock(&self->lock);
    if (vigil_camera_state_is_final(vigil_camera_get_state(self))) {
        g_thread_join(self->thread);
    } else {
        g_message("camera %s: it hangs, and is left behind", self->latest->name);
        g_thread_unref(self->thread);
    }
    vigil_camera_unref(self);
}

VigilCameraSettings *
vigil_camera_get_settings(VigilCamera *self)
{
    return self->latest;
}

VigilCameraState
vigil_camera_get_state(VigilCamera *self)
{
    VigilCameraState state;

    g_mutex_lock(&self->lock);
    state = self->status.state;
    g_mutex_unlock(&self->lock);
    return state;
}

void
vigil_camera_get_status(VigilCamera *self, VigilCameraStatus *status)
{
    g_mutex_lock(&self->lock);
    *status = self->status;
    status->error = g_strdup(self->status.error);
    status->frames = self->frames_before;
    status->idle_us = -1;
    if (self->pipeline) {
        status->frames += vigil_camera_pipeline_get_frames(self->pipeline);
        if (status->frames > 0)
            status->idle_us = vigil_camera_pipeline_get_idle_us(self->pipeline);
        vigil_camera_pipeline_get_progress(self->pipeline, &status->position_ns,
                                           &status->duration_ns);
        vigil_camera_pipeline_get_live(self->pipeline, &status->live);
        vigil_rate_window_get(&self->rates, status->rates);
    }
    g_mutex_unlock(&self->lock);
}
