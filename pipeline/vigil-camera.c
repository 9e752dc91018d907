/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-camera.h"

#include <string.h>

#include "pipeline/vigil-camera-pipeline.h"
#include "pipeline/vigil-fault.h"
#include "pipeline/vigil-redact.h"

/* A live camera that is silent for so long is lost, whatever its connection says. */
#define SILENCE_US (5 * G_USEC_PER_SEC)
#define WATCH_INTERVAL_MS 250
/* For the end of stream to come through: below the 5 s in which the program is to end. */
#define DRAIN_MS 2500
/* A connection that held for so long was a good one: the next pause is a short one again. */
#define GOOD_US (10 * G_USEC_PER_SEC)
#define LATER_MS 30000
#define JITTER_MS 500

typedef enum {
    AFTER_RETRY, /* as VIGIL_FAULT_RETRY and RESTART */
    AFTER_LATER,
    AFTER_FAILED,
    AFTER_ENDED,
} After;

struct VigilCamera {
    gatomicrefcount refs; /* the owner, the thread, each notice under way */
    VigilCameraSettings *settings;
    VigilCameraOptions options;
    gchar *database, *clips;
    GMainContext *owner_context;
    GMainContext *context;
    GThread *thread;

    /* the camera's thread */
    GMainLoop *loop;
    VigilCameraPipeline *pipeline;
    GSource *bus_watch, *watchdog, *timer;
    gint64 begun_us;
    guint attempt;
    gboolean stopping, draining;
    After after;

    GMutex lock;
    gboolean orphaned;     /* the owner is gone: no more notices */
    guint64 frames_before; /* of earlier pipelines */
    VigilCameraStatus status;
};

static void camera_unref(VigilCamera *self);
static gboolean begin_attempt(gpointer user_data);
static void on_element_message(VigilCamera *self, const GstStructure *structure);

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

/* --- notices to the owner -------------------------------------------------------------------- */

typedef struct {
    VigilCamera *camera;
    gchar *json; /* NULL: the state changed */
    VigilEventType type;
    VigilCameraState state;
} Notice;

static void
notice_free(gpointer data)
{
    Notice *notice = data;

    camera_unref(notice->camera);
    g_free(notice->json);
    g_free(notice);
}

static gboolean
deliver(gpointer data)
{
    const Notice *notice = data;
    VigilCamera *self = notice->camera;
    gboolean orphaned;

    g_mutex_lock(&self->lock);
    orphaned = self->orphaned;
    g_mutex_unlock(&self->lock);
    if (orphaned)
        return G_SOURCE_REMOVE;
    if (notice->json && self->options.event)
        self->options.event(self, notice->type, notice->json, self->options.user_data);
    else if (!notice->json && self->options.changed)
        self->options.changed(self, notice->state, self->options.user_data);
    return G_SOURCE_REMOVE;
}

static void
notify(VigilCamera *self, const gchar *json, VigilEventType type, VigilCameraState state)
{
    g_autoptr(GSource) source = g_idle_source_new();
    Notice *notice = g_new0(Notice, 1);

    g_atomic_ref_count_inc(&self->refs);
    *notice = (Notice){self, g_strdup(json), type, state};
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, deliver, notice, notice_free);
    g_source_attach(source, self->owner_context);
}

static void
set_state(VigilCamera *self, VigilCameraState state)
{
    gboolean changed;

    g_mutex_lock(&self->lock);
    changed = self->status.state != state;
    self->status.state = state;
    if (changed)
        self->status.since_us = g_get_real_time();
    if (state == VIGIL_CAMERA_WAITING)
        self->status.losses++;
    g_mutex_unlock(&self->lock);
    if (changed)
        notify(self, NULL, VIGIL_EVENT_BEGIN, state);
}

/* A replay says by itself what becomes of its one camera. */
static void
log_line(VigilCamera *self, const gchar *text)
{
    g_log(G_LOG_DOMAIN, self->options.realtime ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_INFO,
          "camera %s: %s", self->settings->name, text);
}

static void
set_error(VigilCamera *self, const gchar *text)
{
    g_autofree gchar *safe = vigil_redact(text);

    log_line(self, safe);
    g_mutex_lock(&self->lock);
    g_free(self->status.error);
    self->status.error = g_steal_pointer(&safe);
    g_mutex_unlock(&self->lock);
}

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
        on_element_message(self, gst_message_get_structure(message));
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
    set_state(self, VIGIL_CAMERA_WAITING);
    text = g_strdup_printf("next attempt in %.1f s", pause / 1000.0);
    log_line(self, text);
    set_timer(self, pause, begin_attempt);
}

static gboolean
finish_attempt(gpointer user_data)
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
    set_state(self, self->after == AFTER_FAILED  ? VIGIL_CAMERA_FAILED
                    : self->after == AFTER_ENDED ? VIGIL_CAMERA_ENDED
                                                 : VIGIL_CAMERA_STOPPED);
    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

/* What is open is finished before the pipeline goes; an EOS on the bus says that it is. */
static void
end_attempt(VigilCamera *self, After after)
{
    if (self->draining)
        return;
    self->draining = TRUE;
    self->after = after;
    clear_source(&self->watchdog);
    if (self->pipeline && vigil_camera_pipeline_drain(self->pipeline, self->stopping))
        set_timer(self, DRAIN_MS, finish_attempt);
    else
        finish_attempt(self);
}

static void
handle_error(VigilCamera *self, const GError *error)
{
    const VigilFault fault =
        vigil_fault_classify(error, vigil_source_is_live(self->settings->source));

    if (self->draining) /* the first one said why */
        return;
    set_error(self, error->message);
    switch (fault) {
    case VIGIL_FAULT_SKIP: break;
    case VIGIL_FAULT_RETRY:
    case VIGIL_FAULT_RESTART: end_attempt(self, AFTER_RETRY); break;
    case VIGIL_FAULT_LATER: end_attempt(self, AFTER_LATER); break;
    case VIGIL_FAULT_STOP: end_attempt(self, AFTER_FAILED); break;
    }
}

/* --- messages -------------------------------------------------------------------------------- */

static void
on_recorded_event(VigilCamera *self, const GstStructure *structure)
{
    const gchar *json = gst_structure_get_string(structure, "json");
    const gchar *type = gst_structure_get_string(structure, "type");
    const gchar *id = gst_structure_get_string(structure, "id");
    VigilEventType value = VIGIL_EVENT_BEGIN;

    if (!json || !type || !id)
        return;
    while (value < VIGIL_EVENT_END && !g_str_equal(type, vigil_event_type_to_string(value)))
        value++;
    g_mutex_lock(&self->lock);
    if (value == VIGIL_EVENT_BEGIN)
        self->status.events++;
    g_strlcpy(self->status.last_event, id, sizeof self->status.last_event);
    g_mutex_unlock(&self->lock);
    notify(self, json, value, VIGIL_CAMERA_RUNNING);
}

static void
on_outcomes(VigilCamera *self, const GstStructure *structure)
{
    guint32 counts[VIGIL_N_OUTCOMES] = {0};
    g_autoptr(GError) error = NULL;
    gint64 minute;

    if (!gst_structure_get_int64(structure, "minute", &minute))
        return;
    g_mutex_lock(&self->lock);
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++) {
        guint count = 0;

        gst_structure_get_uint(structure, vigil_outcome_to_string(i), &count);
        counts[i] = count;
        self->status.outcomes[i] += count;
    }
    g_mutex_unlock(&self->lock);
    self->options.store = vigil_store_renew(self->options.store, &error);
    if (error || !vigil_store_add_outcomes(self->options.store, self->settings->name, minute,
                                           counts, &error))
        g_message("camera %s: %s", self->settings->name, error->message);
}

static void
on_stats(VigilCamera *self, const GstStructure *structure)
{
    guint64 mean_ns;

    if (!gst_structure_get_uint64(structure, "inference-time-mean", &mean_ns))
        return;
    g_mutex_lock(&self->lock);
    self->status.inference_us = (gint64)(mean_ns / 1000);
    g_mutex_unlock(&self->lock);
}

static void
on_element_message(VigilCamera *self, const GstStructure *structure)
{
    if (!structure)
        return;
    if (gst_structure_has_name(structure, "vigilrecord-event"))
        on_recorded_event(self, structure);
    else if (gst_structure_has_name(structure, "vigilevents-outcomes"))
        on_outcomes(self, structure);
    else if (gst_structure_has_name(structure, "vigildetect-stats"))
        on_stats(self, structure);
}

static void
on_error_message(VigilCamera *self, GstMessage *message)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *debug = NULL;
    g_autofree gchar *safe = NULL;

    gst_message_parse_error(message, &error, &debug);
    safe = vigil_redact(debug);
    g_debug("camera %s: %s", self->settings->name, safe ? safe : "");
    if (g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND)) {
        g_free(error->message);
        error->message =
            g_strdup("this is no video that can be read: its content is of no known kind");
    }
    /* our own texts name the source; those of GStreamer's elements do not */
    if (!strstr(error->message, self->settings->source->display))
        g_prefix_error(&error, "%s: ", self->settings->source->display);
    handle_error(self, error);
}

/* The recorder's warnings are about an event or a clip that could not be kept; others about a piece of the stream. */
static void
on_warning_message(VigilCamera *self, GstMessage *message)
{
    g_autoptr(GError) error = NULL;
    const gboolean record = g_str_equal(GST_MESSAGE_SRC_NAME(message), "record");

    gst_message_parse_warning(message, &error, NULL);
    if (!record) {
        g_autofree gchar *safe = vigil_redact(error->message);

        g_debug("camera %s: %s", self->settings->name, safe);
        return;
    }
    set_error(self, error->message);
    g_mutex_lock(&self->lock);
    self->status.unrecorded++;
    g_mutex_unlock(&self->lock);
}

static void
on_eos(VigilCamera *self)
{
    g_autofree gchar *text = NULL;
    gint64 missing_ns;

    if (self->draining) {
        finish_attempt(self);
        return;
    }
    if (vigil_source_is_live(self->settings->source)) {
        text = g_strdup_printf("%s: the stream ended", self->settings->source->display);
        set_error(self, text);
        end_attempt(self, AFTER_RETRY);
        return;
    }
    missing_ns = vigil_camera_pipeline_get_missing_ns(self->pipeline);
    self->after = AFTER_ENDED;
    if (missing_ns > 0) {
        text = g_strdup_printf("%s: the file is cut off: its last %.1f s are missing",
                               self->settings->source->display, missing_ns / 1e9);
        set_error(self, text);
        self->after = AFTER_FAILED;
    }
    finish_attempt(self);
}

static gboolean
on_message(GstBus *bus, GstMessage *message, gpointer user_data)
{
    VigilCamera *self = user_data;

    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR: on_error_message(self, message); break;
    case GST_MESSAGE_WARNING: on_warning_message(self, message); break;
    case GST_MESSAGE_EOS: on_eos(self); break;
    case GST_MESSAGE_ELEMENT: on_element_message(self, gst_message_get_structure(message)); break;
    case GST_MESSAGE_LATENCY:
        gst_bin_recalculate_latency(GST_BIN(vigil_camera_pipeline_get_element(self->pipeline)));
        break;
    default: break;
    }
    return G_SOURCE_CONTINUE;
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

    if (flowing && vigil_camera_get_state(self) == VIGIL_CAMERA_CONNECTING)
        set_state(self, VIGIL_CAMERA_RUNNING);
    if (!live || idle_us < SILENCE_US)
        return G_SOURCE_CONTINUE;
    text =
        g_strdup_printf("%s: no frame for %.0f s", self->settings->source->display, idle_us / 1e6);
    set_error(self, text);
    end_attempt(self, AFTER_RETRY);
    return G_SOURCE_REMOVE;
}

/* Which model looks at this camera: an event's worth depends on it. */
static void
note_model(VigilCamera *self)
{
    const VigilDetector *detector = vigil_camera_pipeline_get_detector(self->pipeline);
    g_autoptr(GError) error = NULL;

    if (!vigil_store_note_model(self->options.store, self->settings->name,
                                vigil_detector_get_name(detector),
                                vigil_detector_get_sha256(detector), &error))
        log_line(self, error->message);
}

static void
watch_pipeline(VigilCamera *self)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(vigil_camera_pipeline_get_element(self->pipeline));

    self->bus_watch = gst_bus_create_watch(bus);
    g_source_set_callback(self->bus_watch, G_SOURCE_FUNC(on_message), self, NULL);
    g_source_attach(self->bus_watch, self->context);
    self->watchdog = g_timeout_source_new(WATCH_INTERVAL_MS);
    g_source_set_callback(self->watchdog, watch, self, NULL);
    g_source_attach(self->watchdog, self->context);
}

static gboolean
begin_attempt(gpointer user_data)
{
    VigilCamera *self = user_data;
    const VigilCameraPipelineOptions options = {
        .database = self->database, .clips = self->clips, .realtime = self->options.realtime};
    g_autoptr(GError) error = NULL;
    VigilCameraPipeline *pipeline;

    clear_source(&self->timer);
    self->begun_us = g_get_monotonic_time();
    set_state(self, VIGIL_CAMERA_CONNECTING);
    pipeline = vigil_camera_pipeline_new(self->settings, &options, &error);
    if (!pipeline) {
        handle_error(self, error);
        return G_SOURCE_REMOVE;
    }
    g_mutex_lock(&self->lock);
    self->pipeline = pipeline;
    g_mutex_unlock(&self->lock);
    note_model(self);
    watch_pipeline(self);
    /* when it refuses, an error is on the bus; if not, the watchdog or the owner ends it */
    if (!vigil_camera_pipeline_start(pipeline))
        g_debug("camera %s: refused to start", self->settings->name);
    return G_SOURCE_REMOVE;
}

static gboolean
stop(gpointer user_data)
{
    VigilCamera *self = user_data;

    self->stopping = TRUE;
    if (!g_main_loop_is_running(self->loop) || self->draining)
        return G_SOURCE_REMOVE;
    end_attempt(self, AFTER_RETRY);
    return G_SOURCE_REMOVE;
}

static gpointer
run_thread(gpointer user_data)
{
    VigilCamera *self = user_data;
    g_autoptr(GSource) first = g_idle_source_new();

    g_main_context_push_thread_default(self->context);
    g_source_set_callback(first, begin_attempt, self, NULL);
    g_source_attach(first, self->context);
    g_main_loop_run(self->loop);
    g_main_context_pop_thread_default(self->context);
    camera_unref(self);
    return NULL;
}

/* --- the owner's side ------------------------------------------------------------------------ */

VigilCamera *
vigil_camera_new(VigilCameraSettings *settings, const VigilCameraOptions *options)
{
    VigilCamera *self = g_new0(VigilCamera, 1);

    g_atomic_ref_count_init(&self->refs);
    g_atomic_ref_count_inc(&self->refs); /* the thread's */
    g_mutex_init(&self->lock);
    self->settings = vigil_camera_settings_ref(settings);
    self->options = *options;
    self->options.store = vigil_store_ref(options->store);
    self->database = g_strdup(options->database);
    self->clips = g_strdup(options->clips);
    self->owner_context = g_main_context_ref_thread_default();
    self->context = g_main_context_new();
    self->loop = g_main_loop_new(self->context, FALSE);
    self->status.since_us = g_get_real_time();
    self->thread = g_thread_new(settings->name, run_thread, self);
    return self;
}

static void
camera_unref(VigilCamera *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    vigil_store_unref(self->options.store);
    vigil_camera_settings_unref(self->settings);
    vigil_camera_status_clear(&self->status);
    g_main_loop_unref(self->loop);
    g_main_context_unref(self->context);
    g_main_context_unref(self->owner_context);
    g_free(self->database);
    g_free(self->clips);
    g_mutex_clear(&self->lock);
    g_free(self);
}

void
vigil_camera_stop(VigilCamera *self)
{
    g_autoptr(GSource) source = g_idle_source_new();

    g_source_set_priority(source, G_PRIORITY_HIGH);
    g_source_set_callback(source, stop, self, NULL);
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
        g_message("camera %s: it hangs, and is left behind", self->settings->name);
        g_thread_unref(self->thread);
    }
    camera_unref(self);
}

VigilCameraSettings *
vigil_camera_get_settings(VigilCamera *self)
{
    return self->settings;
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
    }
    g_mutex_unlock(&self->lock);
}
