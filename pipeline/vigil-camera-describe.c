/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-camera-describe.h"

#include <math.h>

#include "pipeline/vigil-time.h"

static void
add_string(JsonBuilder *json, const gchar *name, const gchar *value)
{
    json_builder_set_member_name(json, name);
    if (value)
        json_builder_add_string_value(json, value);
    else
        json_builder_add_null_value(json);
}

static void
add_int(JsonBuilder *json, const gchar *name, gint64 value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_int_value(json, value);
}

static void
add_seconds(JsonBuilder *json, const gchar *name, gint64 us)
{
    const gint64 ms = us / 1000;

    json_builder_set_member_name(json, name);
    if (us >= 0)
        json_builder_add_double_value(json, (gdouble)ms / 1000.0);
    else
        json_builder_add_null_value(json);
}

static void
describe_model(JsonBuilder *json, const VigilCameraStatus *status)
{
    const VigilCameraTrial *trial = &status->trial;

    json_builder_set_member_name(json, "model");
    json_builder_begin_object(json);
    add_string(json, "name", status->model.name);
    add_string(json, "sha256", status->model.sha256);
    json_builder_end_object(json);
    if (!*trial->verdict)
        return;
    json_builder_set_member_name(json, "trial");
    json_builder_begin_object(json);
    add_string(json, "verdict", trial->verdict);
    add_string(json, "reason", *trial->reason ? trial->reason : NULL);
    add_int(json, "frames", (gint64)trial->frames);
    add_int(json, "samples", (gint64)trial->samples);
    add_int(json, "old_objects", (gint64)trial->old_objects);
    add_int(json, "found", (gint64)trial->found);
    add_int(json, "new_objects", (gint64)trial->new_objects);
    json_builder_end_object(json);
}

static void
add_milliseconds(JsonBuilder *json, const gchar *name, guint64 ns)
{
    json_builder_set_member_name(json, name);
    json_builder_add_double_value(json, round((gdouble)ns / 1e3) / 1e3);
}

static void
describe_times(JsonBuilder *json, const gchar *name, const VigilCameraTimes *times)
{
    json_builder_set_member_name(json, name);
    json_builder_begin_object(json);
    add_milliseconds(json, "p50", times->p50);
    add_milliseconds(json, "p95", times->p95);
    add_milliseconds(json, "p99", times->p99);
    json_builder_end_object(json);
}

static void
describe_detection(JsonBuilder *json, const VigilCameraSettings *settings,
                   const VigilCameraDetection *detection)
{
    json_builder_set_member_name(json, "detection");
    json_builder_begin_object(json);
    add_int(json, "weight", settings->weight);
    add_seconds(json, "max_age_s", settings->max_age_ns / 1000);
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++)
        add_int(json, vigil_outcome_to_string(i), (gint64)detection->outcomes[i]);
    add_int(json, "late", (gint64)detection->late);
    add_int(json, "superseded", (gint64)detection->superseded);
    add_int(json, "too-old", (gint64)detection->too_old);
    describe_times(json, "queue_age_ms", &detection->queue_age);
    describe_times(json, "inference_ms", &detection->inference);
    json_builder_end_object(json);
}

static void
describe_decoder(JsonBuilder *json, const VigilCameraDecoder *decoder)
{
    json_builder_set_member_name(json, "decoder");
    json_builder_begin_object(json);
    add_string(json, "name", decoder->name);
    json_builder_set_member_name(json, "hardware");
    json_builder_add_boolean_value(json, decoder->hardware);
    add_int(json, "replaced", decoder->replaced);
    add_string(json, "failed", decoder->failed);
    add_string(json, "reason", decoder->failed ? decoder->reason : NULL);
    json_builder_end_object(json);
}

void
vigil_camera_describe(VigilCamera *self, JsonBuilder *json)
{
    const VigilCameraSettings *settings = vigil_camera_get_settings(self);
    VigilCameraStatus status;
    g_autofree gchar *since = NULL;

    vigil_camera_get_status(self, &status);
    since = vigil_time_format(status.since_us);
    json_builder_begin_object(json);
    add_string(json, "name", settings->name);
    add_string(json, "source", settings->source->display);
    add_string(json, "state", vigil_camera_state_to_string(status.state));
    add_string(json, "since", since);
    add_string(json, "error", status.error);
    add_int(json, "losses", status.losses);
    add_int(json, "frames", (gint64)status.frames);
    add_seconds(json, "last_frame_s_ago", status.idle_us);
    json_builder_set_member_name(json, "outcomes");
    json_builder_begin_object(json);
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++)
        add_int(json, vigil_outcome_to_string(i), (gint64)status.outcomes[i]);
    json_builder_end_object(json);
    describe_decoder(json, &status.decoder);
    describe_detection(json, settings, &status.detection);
    describe_model(json, &status);
    add_seconds(json, "inference_s", status.inference_us ? status.inference_us : -1);
    add_int(json, "events", (gint64)status.events);
    add_int(json, "unrecorded", status.unrecorded);
    add_string(json, "last_event", *status.last_event ? status.last_event : NULL);
    json_builder_end_object(json);
    vigil_camera_status_clear(&status);
}
