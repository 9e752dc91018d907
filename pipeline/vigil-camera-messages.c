/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pipeline/vigil-camera-private.h"
#include "pipeline/vigil-redact.h"
#include "storage/vigil-store-decisions.h"

static void
on_recorded_event(VigilCamera *self, const GstStructure *structure)
{
    const gchar *json = gst_structure_get_string(structure, "json");
    const gchar *type = gst_structure_get_string(structure, "type");
    const gchar *id = gst_structure_get_string(structure, "id");
    VigilEventType value = VIGIL_EVENT_BEGIN;
    g_autoptr(VigilEvent) event = NULL;

    if (!json || !type || !id)
        return;
    while (value < VIGIL_EVENT_END && !g_str_equal(type, vigil_event_type_to_string(value)))
        value++;
    g_mutex_lock(&self->lock);
    if (value == VIGIL_EVENT_BEGIN)
        self->status.events++;
    g_strlcpy(self->status.last_event, id, sizeof self->status.last_event);
    g_mutex_unlock(&self->lock);
    if (!gst_structure_get(structure, "event", VIGIL_TYPE_EVENT, &event, NULL) ||
        vigil_event_is_reported(event))
        vigil_camera_notify_event(self, json, value);
}

static void
on_outcomes(VigilCamera *self, const GstStructure *structure)
{
    guint32 counts[VIGIL_N_OUTCOME_COUNTS] = {0};
    g_autoptr(GError) error = NULL;
    gint64 minute;

    if (!gst_structure_get_int64(structure, "minute", &minute))
        return;
    g_mutex_lock(&self->lock);
    for (guint i = 0; i < VIGIL_N_OUTCOME_COUNTS; i++) {
        guint count = 0;

        gst_structure_get_uint(structure, vigil_outcome_to_string(i), &count);
        counts[i] = count;
        if (i < VIGIL_N_OUTCOMES)
            self->status.outcomes[i] += count;
    }
    g_mutex_unlock(&self->lock);
    self->options.store = vigil_store_renew(self->options.store, &error);
    if (error || !vigil_store_add_outcomes(self->options.store, self->settings->name, minute,
                                           counts, &error))
        g_message("camera %s: %s", self->settings->name, error->message);
    vigil_camera_read_day(self);
}

/* Only there to be looked up: what cannot be written is left out. */
static void
on_decisions(VigilCamera *self, const GstStructure *structure)
{
    g_autoptr(GArray) decisions = NULL;
    g_autoptr(GError) error = NULL;

    if (!gst_structure_get(structure, "decisions", G_TYPE_ARRAY, &decisions, NULL))
        return;
    self->options.store = vigil_store_renew(self->options.store, &error);
    if (error || !vigil_store_add_decisions(self->options.store,
                                            (const VigilDecision *)(gpointer)decisions->data,
                                            decisions->len, &error))
        g_message("camera %s: %s", self->settings->name, error->message);
}

static void
read_times(const GstStructure *structure, const gchar *name, VigilCameraTimes *times)
{
    guint64 *const places[] = {&times->p50, &times->p95, &times->p99};
    static const gchar *const parts[] = {"p50", "p95", "p99"};

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree gchar *field = g_strdup_printf("%s-%s", name, parts[i]);

        gst_structure_get_uint64(structure, field, places[i]);
    }
}

static void
on_stats(VigilCamera *self, const GstStructure *structure)
{
    VigilCameraDetection detection = {0};
    guint64 mean_ns;

    if (!gst_structure_get_uint64(structure, "inference-time-mean", &mean_ns))
        return;
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++)
        gst_structure_get_uint64(structure, vigil_outcome_to_string(i), &detection.outcomes[i]);
    gst_structure_get(structure, "late", G_TYPE_UINT64, &detection.late, "superseded",
                      G_TYPE_UINT64, &detection.superseded, "too-old", G_TYPE_UINT64,
                      &detection.too_old, "inferred-part", G_TYPE_UINT64, &detection.parts, NULL);
    read_times(structure, "inference-time", &detection.inference);
    read_times(structure, "queue-age", &detection.queue_age);
    g_mutex_lock(&self->lock);
    self->status.inference_us = (gint64)(mean_ns / 1000);
    self->status.detection = detection;
    g_mutex_unlock(&self->lock);
}

/* Which model looks at this camera: an event's worth depends on it. */
static void
on_model(VigilCamera *self, const GstStructure *structure)
{
    const VigilModelId id = {g_intern_string(gst_structure_get_string(structure, "name")),
                             g_intern_string(gst_structure_get_string(structure, "sha256"))};
    g_autoptr(GError) error = NULL;
    g_autofree gchar *text = NULL;
    gboolean changed;

    if (!id.name || !id.sha256)
        return;
    g_mutex_lock(&self->lock);
    changed = self->status.model.sha256 && self->status.model.sha256 != id.sha256;
    self->status.model = id;
    if (!g_str_equal(self->status.trial.verdict, "unhealthy"))
        memset(&self->status.trial, 0, sizeof self->status.trial);
    g_mutex_unlock(&self->lock);
    if (self->pipeline)
        vigil_camera_pipeline_fit_tracker(self->pipeline, structure);
    if (changed) {
        text = g_strdup_printf("model %s (%.12s) looks at it from now on", id.name, id.sha256);
        vigil_camera_log(self, text);
    }
    self->options.store = vigil_store_renew(self->options.store, &error);
    if (error || !vigil_store_note_model(self->options.store, self->settings->name, id.name,
                                         id.sha256, &error))
        vigil_camera_log(self, error->message);
}

static void
on_trial(VigilCamera *self, const GstStructure *structure)
{
    const gchar *verdict = gst_structure_get_string(structure, "verdict");
    const gchar *path = gst_structure_get_string(structure, "model");
    const gchar *reason = gst_structure_get_string(structure, "reason");
    VigilCameraTrial trial = {0};

    if (!verdict || !path || !reason)
        return;
    g_strlcpy(trial.verdict, verdict, sizeof trial.verdict);
    g_strlcpy(trial.reason, reason, sizeof trial.reason);
    gst_structure_get(structure, "frames", G_TYPE_UINT64, &trial.frames, "samples", G_TYPE_UINT64,
                      &trial.samples, "old-objects", G_TYPE_UINT64, &trial.old_objects, "found",
                      G_TYPE_UINT64, &trial.found, "new-objects", G_TYPE_UINT64, &trial.new_objects,
                      NULL);
    g_mutex_lock(&self->lock);
    self->status.trial = trial;
    g_mutex_unlock(&self->lock);
    if (g_str_equal(verdict, "healthy"))
        vigil_camera_notify_model(self, VIGIL_CAMERA_MODEL_HEALTHY, path, NULL);
    else if (g_str_equal(verdict, "unhealthy"))
        vigil_camera_notify_model(self, VIGIL_CAMERA_MODEL_UNHEALTHY, path, reason);
}

static void
on_refused(VigilCamera *self, const GstStructure *structure)
{
    const gchar *path = gst_structure_get_string(structure, "model");
    const gchar *reason = gst_structure_get_string(structure, "reason");
    g_autofree gchar *text = g_strdup_printf("the model stays as it was: %s", reason ? reason : "");

    vigil_camera_set_error(self, text);
    vigil_camera_notify_model(self, VIGIL_CAMERA_MODEL_REFUSED, path, reason);
}

/* The log hears of a decoder that is replaced, and of what it is replaced by: the camera goes on. */
static void
on_decoder(VigilCamera *self, const GstStructure *structure)
{
    const gchar *failed = gst_structure_get_string(structure, "failed");
    const gchar *reason = gst_structure_get_string(structure, "reason");
    g_autofree gchar *safe = vigil_redact(reason);
    g_autofree gchar *text = NULL;
    VigilCameraDecoder *decoder = &self->status.decoder;

    g_mutex_lock(&self->lock);
    decoder->name = g_intern_string(gst_structure_get_string(structure, "decoder"));
    gst_structure_get_boolean(structure, "hardware", &decoder->hardware);
    if (failed) {
        decoder->failed = g_intern_string(failed);
        g_strlcpy(decoder->reason, safe ? safe : "", sizeof decoder->reason);
        decoder->replaced++;
    }
    g_mutex_unlock(&self->lock);
    if (!failed)
        return;
    text = g_strdup_printf("the decoder %s failed (%s), and %s takes its place", failed, safe,
                           gst_structure_get_string(structure, "decoder"));
    vigil_camera_log(self, text);
}

static gboolean
is_of_detector(const VigilCamera *self, const GstStructure *structure)
{
    const VigilSource *source = self->settings->detect_source;

    return source &&
           g_strcmp0(gst_structure_get_string(structure, "location"), source->location) == 0;
}

static void
on_source_away(VigilCamera *self, const VigilSource *source, const gchar *reason)
{
    g_autofree gchar *text =
        g_strdup_printf("%s is awaited: %s", source->display, reason ? reason : "");

    vigil_camera_set_error(self, text);
    /* it says so again when the reason is another one: that is no other loss */
    if (vigil_camera_get_state(self) != VIGIL_CAMERA_WAITING)
        vigil_camera_set_state(self, VIGIL_CAMERA_WAITING);
}

/* A camera that is away: the source waits for it by itself. */
static void
on_source_state(VigilCamera *self, const GstStructure *structure)
{
    const gboolean sub = is_of_detector(self, structure);
    const VigilSource *source = sub ? self->settings->detect_source : self->settings->source;
    const gchar *node = gst_structure_get_string(structure, "node");
    const gchar *transport = gst_structure_get_string(structure, "transport");
    const gchar *format = gst_structure_get_string(structure, "format");
    const gchar *place = node ? node : transport;
    gboolean *waits = sub ? &self->blind : &self->absent;
    g_autofree gchar *text = NULL;

    if (self->draining)
        return;
    *waits = g_strcmp0(gst_structure_get_string(structure, "state"), "waiting") == 0;
    if (*waits) {
        on_source_away(self, source, gst_structure_get_string(structure, "reason"));
        return;
    }
    if (self->pipeline)
        vigil_camera_pipeline_touch(self->pipeline);
    if (!self->absent && !self->blind)
        vigil_camera_set_state(self, VIGIL_CAMERA_CONNECTING);
    text = g_strdup_printf("%s is %s: %s", source->display, place ? place : "there",
                           format ? format : "");
    vigil_camera_log(self, text);
}

/* Clips are silent, and that is all; but who asked for sound is told, in a replay, too. */
static void
on_no_sound(VigilCamera *self, const GstStructure *structure)
{
    g_message("camera %s: %s: its clips are without sound: %s", self->settings->name,
              self->settings->source->display, gst_structure_get_string(structure, "reason"));
}

void
vigil_camera_on_element_message(VigilCamera *self, const GstStructure *structure)
{
    if (!structure)
        return;
    if (gst_structure_has_name(structure, "vigilrecord-event"))
        on_recorded_event(self, structure);
    else if (gst_structure_has_name(structure, "vigilevents-outcomes"))
        on_outcomes(self, structure);
    else if (gst_structure_has_name(structure, "vigilevents-decisions"))
        on_decisions(self, structure);
    else if (gst_structure_has_name(structure, "vigildetect-stats"))
        on_stats(self, structure);
    else if (gst_structure_has_name(structure, "vigildetect-model"))
        on_model(self, structure);
    else if (gst_structure_has_name(structure, "vigildetect-trial"))
        on_trial(self, structure);
    else if (gst_structure_has_name(structure, "vigildetect-refused"))
        on_refused(self, structure);
    else if (gst_structure_has_name(structure, "vigil-decoder"))
        on_decoder(self, structure);
    else if (gst_structure_has_name(structure, "vigilv4l2src-state") ||
             gst_structure_has_name(structure, "vigilrtspsrc-state"))
        on_source_state(self, structure);
    else if (gst_structure_has_name(structure, "vigil-no-sound") ||
             gst_structure_has_name(structure, "vigilrtspsrc-no-sound"))
        on_no_sound(self, structure);
}

static void
on_error_message(VigilCamera *self, GstMessage *message)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *debug = NULL;
    g_autofree gchar *safe = NULL, *shown = NULL;

    gst_message_parse_error(message, &error, &debug);
    safe = vigil_redact(debug);
    g_debug("camera %s: %s", self->settings->name, safe ? safe : "");
    /* a file whose sound is broken still has its pictures */
    if (g_str_equal(GST_MESSAGE_SRC_NAME(message), VIGIL_CAMERA_AUDIO_PARSER)) {
        g_message("camera %s: %s: its sound is broken: %s", self->settings->name,
                  self->settings->source->display, error->message);
        return;
    }
    if (g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND)) {
        g_free(error->message);
        error->message =
            g_strdup("this is no video that can be read: its content is of no known kind");
    }
    /* our own texts name the source, perhaps as it is; those of GStreamer's elements do not */
    shown = vigil_redact(error->message);
    if (!strstr(shown, self->settings->source->display))
        g_prefix_error(&error, "%s: ", self->settings->source->display);
    vigil_camera_handle_error(self, error);
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
    vigil_camera_set_error(self, error->message);
    g_mutex_lock(&self->lock);
    self->status.unrecorded++;
    g_mutex_unlock(&self->lock);
}

static void
on_eos(VigilCamera *self)
{
    g_autofree gchar *text = NULL;

    if (self->draining) {
        vigil_camera_finish_attempt(self);
        return;
    }
    if (vigil_source_is_live(self->settings->source)) {
        text = g_strdup_printf("%s: the stream ended", self->settings->source->display);
        vigil_camera_set_error(self, text);
        vigil_camera_end_attempt(self, AFTER_RETRY);
        return;
    }
    text = vigil_camera_pipeline_dup_end_problem(self->pipeline);
    if (text)
        vigil_camera_set_error(self, text);
    self->after = text ? AFTER_FAILED : AFTER_ENDED;
    vigil_camera_finish_attempt(self);
}

gboolean
vigil_camera_on_message(GstBus *bus, GstMessage *message, gpointer user_data)
{
    VigilCamera *self = user_data;

    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR: on_error_message(self, message); break;
    case GST_MESSAGE_WARNING: on_warning_message(self, message); break;
    case GST_MESSAGE_EOS: on_eos(self); break;
    case GST_MESSAGE_ELEMENT:
        vigil_camera_on_element_message(self, gst_message_get_structure(message));
        break;
    case GST_MESSAGE_LATENCY:
        gst_bin_recalculate_latency(GST_BIN(vigil_camera_pipeline_get_element(self->pipeline)));
        break;
    default: break;
    }
    return G_SOURCE_CONTINUE;
}
