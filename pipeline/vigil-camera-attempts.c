/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-camera-private.h"
#include "pipeline/vigil-fault.h"

/* A live camera that is silent for so long is lost, whatever its connection says. */
#define SILENCE_US (5 * G_USEC_PER_SEC)
#define WATCH_INTERVAL_MS 250
/* For the end of stream to come through: below the 5 s in which the program is to end. */
#define DRAIN_MS 2500
/* A connection that held for so long was a good one: the next pause is a short one again. */
#define GOOD_US (10 * G_USEC_PER_SEC)
#define LATER_MS 30000
#define JITTER_MS 500

static gboolean begin_attempt(gpointer user_data);

/* --- the end of an attempt ------------------------------------------------------------------- */

static void
clear_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_source_unref(*source);
    *source = NULL;
}

static void
set_timer(VigilCamera *self, guint ms, GSourceFunc func)
{
    clear_source(&self->timer);
    self->timer = g_timeout_source_new(ms);
    g_source_set_callback(self->timer, func, self, NULL);
    g_source_attach(self->timer, self->context);
}

/* The recorder commits what it has when it is stopped, and says so. */
static void
take_last_messages(VigilCamera *self, GstElement *pipeline)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    GstMessage *message;

    gst_element_set_state(pipeline, GST_STATE_READY);
    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT))) {
        vigil_camera_on_element_message(self, gst_message_get_structure(message));
        gst_message_unref(message);
    }
}

static void
drop_pipeline(VigilCamera *self)
{
    VigilCameraPipeline *pipeline;

    clear_source(&self->bus_watch);
    clear_source(&self->watchdog);
    clear_source(&self->timer);
    g_mutex_lock(&self->lock);
    pipeline = g_steal_pointer(&self->pipeline);
    if (pipeline)
        self->frames_before += vigil_camera_pipeline_get_frames(pipeline);
    self->rates = (VigilRateWindow){0};
    g_mutex_unlock(&self->lock);
    /* may take long: not under the lock */
    if (pipeline)
        take_last_messages(self, vigil_camera_pipeline_get_element(pipeline));
    vigil_camera_pipeline_free(pipeline);
}

static void
wait_for_next(VigilCamera *self, gboolean good)
{
    static const guint pauses_ms[] = {1000, 2000, 4000, 5000};
    g_autofree gchar *text = NULL;
    guint pause;

    if (good)
        self->attempt = 0;
    pause = pauses_ms[MIN(self->attempt, G_N_ELEMENTS(pauses_ms) - 1)];
    if (self->after == AFTER_LATER)
        pause = LATER_MS;
    self->attempt++;
    /* cameras that were lost together need not come back together */
    pause += (guint)g_random_int_range(0, JITTER_MS);
    vigil_camera_set_state(self, VIGIL_CAMERA_WAITING);
    text = g_strdup_printf("next attempt in %.1f s", pause / 1000.0);
    vigil_camera_log(self, text);
    set_timer(self, pause, begin_attempt);
}

gboolean
vigil_camera_finish_attempt(gpointer user_data)
{
    VigilCamera *self = user_data;
    const gboolean good = self->pipeline && vigil_camera_pipeline_get_frames(self->pipeline) > 0 &&
                          g_get_monotonic_time() - self->begun_us >= GOOD_US;

    drop_pipeline(self);
    self->draining = FALSE;
    if (!self->stopping && (self->after == AFTER_RETRY || self->after == AFTER_LATER)) {
        wait_for_next(self, good);
        return G_SOURCE_REMOVE;
    }
    vigil_camera_set_state(self, self->after == AFTER_FAILED  ? VIGIL_CAMERA_FAILED
                                 : self->after == AFTER_ENDED ? VIGIL_CAMERA_ENDED
                                                              : VIGIL_CAMERA_STOPPED);
    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

/* What is open is finished before the pipeline goes; an EOS on the bus says that it is. */
void
vigil_camera_end_attempt(VigilCamera *self, VigilCameraAfter after)
{
    if (self->draining)
        return;
    self->draining = TRUE;
    self->after = after;
    clear_source(&self->watchdog);
    if (self->pipeline && vigil_camera_pipeline_drain(self->pipeline, self->stopping))
        set_timer(self, DRAIN_MS, vigil_camera_finish_attempt);
    else
        vigil_camera_finish_attempt(self);
}

void
vigil_camera_handle_error(VigilCamera *self, const GError *error)
{
    const VigilFault fault =
        vigil_fault_classify(error, vigil_source_is_live(self->settings->source));

    if (self->draining) /* the first one said why */
        return;
    vigil_camera_set_error(self, error->message);
    switch (fault) {
    case VIGIL_FAULT_SKIP: break;
    case VIGIL_FAULT_RETRY:
    case VIGIL_FAULT_RESTART: vigil_camera_end_attempt(self, AFTER_RETRY); break;
    case VIGIL_FAULT_LATER: vigil_camera_end_attempt(self, AFTER_LATER); break;
    case VIGIL_FAULT_STOP: vigil_camera_end_attempt(self, AFTER_FAILED); break;
    }
}

/* --- attempts -------------------------------------------------------------------------------- */

static gboolean
watch(gpointer user_data)
{
    VigilCamera *self = user_data;
    const gboolean live = vigil_source_is_live(self->settings->source);
    const gint64 idle_us = vigil_camera_pipeline_get_idle_us(self->pipeline);
    const gboolean flowing = vigil_camera_pipeline_get_frames(self->pipeline) > 0;
    g_autofree gchar *text = NULL;

    vigil_camera_sample_rates(self);
    if (flowing && vigil_camera_get_state(self) == VIGIL_CAMERA_CONNECTING)
        vigil_camera_set_state(self, VIGIL_CAMERA_RUNNING);
    /* where nothing has flowed nothing is open: a source that waits for its device may do so for ever */
    if (!live || idle_us < SILENCE_US || (self->absent && !flowing))
        return G_SOURCE_CONTINUE;
    text =
        g_strdup_printf("%s: no frame for %.0f s", self->settings->source->display, idle_us / 1e6);
    vigil_camera_set_error(self, text);
    vigil_camera_end_attempt(self, AFTER_RETRY);
    return G_SOURCE_REMOVE;
}

static void
watch_pipeline(VigilCamera *self)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(vigil_camera_pipeline_get_element(self->pipeline));

    self->bus_watch = gst_bus_create_watch(bus);
    g_source_set_callback(self->bus_watch, G_SOURCE_FUNC(vigil_camera_on_message), self, NULL);
    g_source_attach(self->bus_watch, self->context);
    self->watchdog = g_timeout_source_new(WATCH_INTERVAL_MS);
    g_source_set_callback(self->watchdog, watch, self, NULL);
    g_source_attach(self->watchdog, self->context);
}

static gboolean
begin_attempt(gpointer user_data)
{
    VigilCamera *self = user_data;
    const VigilCameraPipelineOptions options = {.database = self->database,
                                                .clips = self->clips,
                                                .failures = self->decoder_failures,
                                                .realtime = self->options.realtime};
    g_autoptr(GError) error = NULL;
    VigilCameraPipeline *pipeline;

    clear_source(&self->timer);
    self->absent = self->blind = FALSE;
    self->begun_us = g_get_monotonic_time();
    vigil_camera_set_state(self, VIGIL_CAMERA_CONNECTING);
    vigil_camera_set_building(self, TRUE);
    pipeline = vigil_camera_pipeline_new(self->settings, &options, &error);
    if (!pipeline) {
        vigil_camera_set_building(self, FALSE);
        vigil_camera_handle_error(self, error);
        return G_SOURCE_REMOVE;
    }
    g_mutex_lock(&self->lock);
    self->pipeline = pipeline;
    g_mutex_unlock(&self->lock);
    watch_pipeline(self);
    /* when it refuses, an error is on the bus; if not, the watchdog or the owner ends it */
    if (!vigil_camera_pipeline_start(pipeline))
        g_debug("camera %s: refused to start", self->settings->name);
    vigil_camera_set_building(self, FALSE);
    return G_SOURCE_REMOVE;
}

gboolean
vigil_camera_on_stop(gpointer user_data)
{
    VigilCamera *self = user_data;

    self->stopping = TRUE;
    if (!g_main_loop_is_running(self->loop) || self->draining)
        return G_SOURCE_REMOVE;
    vigil_camera_end_attempt(self, AFTER_RETRY);
    return G_SOURCE_REMOVE;
}

gpointer
vigil_camera_run(gpointer user_data)
{
    VigilCamera *self = user_data;
    g_autoptr(GSource) first = g_idle_source_new();

    g_main_context_push_thread_default(self->context);
    vigil_camera_read_day(self);
    vigil_camera_watch_progress(self);
    g_source_set_callback(first, begin_attempt, self, NULL);
    g_source_attach(first, self->context);
    g_main_loop_run(self->loop);
    g_main_context_pop_thread_default(self->context);
    vigil_camera_unref(self);
    return NULL;
}
