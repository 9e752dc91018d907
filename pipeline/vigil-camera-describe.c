/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-camera-describe.h"

#include <math.h>

#include "events/vigil-privacy-mask.h"
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
    add_int(json, "inferred-part", (gint64)detection->parts);
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

static void
describe_rates(JsonBuilder *json, const gdouble rates[VIGIL_RATE_COUNTERS])
{
    static const gchar *const names[VIGIL_RATE_COUNTERS] = {"captured", "decoded", "inferred"};

    json_builder_set_member_name(json, "rates");
    json_builder_begin_object(json);
    for (guint i = 0; i < VIGIL_RATE_COUNTERS; i++) {
        json_builder_set_member_name(json, names[i]);
        json_builder_add_double_value(json, round(rates[i] * 100.0) / 100.0);
    }
    json_builder_end_object(json);
}

static void
describe_dropouts(JsonBuilder *json, const VigilCameraDropouts *dropouts)
{
    g_autofree gchar *since = dropouts->since_us ? vigil_time_format(dropouts->since_us) : NULL;

    json_builder_set_member_name(json, "dropouts");
    json_builder_begin_object(json);
    add_int(json, "count", dropouts->count);
    add_string(json, "since", since);
    add_seconds(json, "total_s", dropouts->total_us);
    add_seconds(json, "longest_s", dropouts->longest_us);
    json_builder_end_object(json);
}

static void
describe_queues(JsonBuilder *json, const VigilCameraQueue *queues)
{
    static const gchar *const names[VIGIL_CAMERA_N_QUEUES] = {"decode", "frames", "record"};

    json_builder_set_member_name(json, "queues");
    json_builder_begin_object(json);
    for (guint i = 0; i < VIGIL_CAMERA_N_QUEUES; i++) {
        json_builder_set_member_name(json, names[i]);
        json_builder_begin_object(json);
        add_int(json, "frames", queues[i].frames);
        add_int(json, "bytes", queues[i].bytes);
        add_seconds(json, "age_s", (gint64)(queues[i].age_ns / 1000));
        json_builder_end_object(json);
    }
    json_builder_end_object(json);
}

/* Null where there is no such element. */
static gboolean
begin_element(JsonBuilder *json, const gchar *name, gboolean known)
{
    json_builder_set_member_name(json, name);
    if (known)
        json_builder_begin_object(json);
    else
        json_builder_add_null_value(json);
    return known;
}

static void
describe_network(JsonBuilder *json, const gchar *name, const VigilCameraNetwork *network)
{
    if (!begin_element(json, name, network->known))
        return;
    add_string(json, "transport", network->transport);
    json_builder_set_member_name(json, "udp_lost_percent");
    if (network->udp_lost_permille)
        json_builder_add_double_value(json, network->udp_lost_permille / 10.0);
    else
        json_builder_add_null_value(json);
    add_int(json, "frames", (gint64)network->frames);
    add_int(json, "packets", (gint64)network->packets);
    add_int(json, "lost_packets", (gint64)network->lost_packets);
    add_int(json, "stale", (gint64)network->stale);
    add_int(json, "before_key", (gint64)network->before_key);
    add_int(json, "dropped", (gint64)network->dropped);
    add_int(json, "drop_outs", (gint64)network->drop_outs);
    add_int(json, "attempts", (gint64)network->attempts);
    add_int(json, "jumps", network->jumps);
    json_builder_end_object(json);
}

static void
describe_sound(JsonBuilder *json, const VigilCameraSettings *settings,
               const VigilCameraSound *sound)
{
    if (!begin_element(json, "sound", settings->audio))
        return;
    add_int(json, "packets", (gint64)sound->packets);
    add_int(json, "lost_packets", (gint64)sound->lost_packets);
    add_int(json, "frames", (gint64)sound->frames);
    add_int(json, "stale", (gint64)sound->stale);
    add_int(json, "dropped", (gint64)sound->dropped);
    add_int(json, "missing", (gint64)sound->missing);
    json_builder_end_object(json);
}

static void
describe_idle(JsonBuilder *json, const VigilCameraIdle *idle)
{
    if (!begin_element(json, "idle", idle->known))
        return;
    json_builder_set_member_name(json, "asleep");
    json_builder_add_boolean_value(json, idle->asleep);
    add_int(json, "frames", (gint64)idle->frames);
    add_int(json, "left", (gint64)idle->left);
    add_int(json, "caught_up", (gint64)idle->caught_up);
    add_int(json, "sleeps", (gint64)idle->sleeps);
    add_int(json, "woken_by_size", (gint64)idle->woken_by_size);
    add_int(json, "woken_by_probe", (gint64)idle->woken_by_probe);
    add_int(json, "woken_by_track", (gint64)idle->woken_by_track);
    add_int(json, "woken_by_limit", (gint64)idle->woken_by_limit);
    add_int(json, "false_sizes", (gint64)idle->false_sizes);
    json_builder_end_object(json);
}

static void
describe_capture(JsonBuilder *json, const VigilCameraCapture *capture)
{
    if (!begin_element(json, "capture", capture->known))
        return;
    add_int(json, "frames", (gint64)capture->frames);
    add_int(json, "lost", (gint64)capture->lost);
    add_int(json, "corrupt", (gint64)capture->corrupt);
    add_int(json, "short", (gint64)capture->too_short);
    add_int(json, "oversize", (gint64)capture->oversize);
    add_int(json, "backwards", (gint64)capture->backwards);
    add_int(json, "dropped", (gint64)capture->dropped);
    add_int(json, "unplugs", (gint64)capture->unplugs);
    json_builder_end_object(json);
}

static void
describe_recording(JsonBuilder *json, const VigilCameraSettings *settings,
                   const VigilCameraRecording *recording)
{
    json_builder_set_member_name(json, "recording");
    json_builder_begin_object(json);
    add_int(json, "ring_bytes", (gint64)recording->ring_bytes);
    add_int(json, "ring_frames", recording->ring_frames);
    add_int(json, "frames_lost", (gint64)recording->frames_lost);
    add_int(json, "clips_complete", (gint64)recording->clips_complete);
    add_int(json, "clips_failed", (gint64)recording->clips_failed);
    add_int(json, "clips_short", (gint64)recording->clips_short);
    json_builder_set_member_name(json, "continuous");
    json_builder_add_boolean_value(json, settings->continuous.enabled);
    add_int(json, "footage_lost", (gint64)recording->footage_lost);
    add_int(json, "segments_failed", (gint64)recording->segments_failed);
    json_builder_end_object(json);
}

static void
describe_day(JsonBuilder *json, const VigilCameraDay *day)
{
    guint64 frames = 0;

    json_builder_set_member_name(json, "day");
    json_builder_begin_object(json);
    add_int(json, "minutes", (gint64)day->minutes);
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++) {
        add_int(json, vigil_outcome_to_string(i), (gint64)day->outcomes[i]);
        frames += day->outcomes[i];
    }
    json_builder_set_member_name(json, "coverage");
    if (frames > 0)
        json_builder_add_double_value(
            json,
            round((gdouble)day->outcomes[VIGIL_OUTCOME_INFERRED] * 1e4 / (gdouble)frames) / 1e4);
    else
        json_builder_add_null_value(json);
    json_builder_end_object(json);
}

static void
describe_privacy(JsonBuilder *json, const VigilCameraSettings *settings)
{
    g_autoptr(VigilPrivacyMask) mask =
        settings->masks ? vigil_privacy_mask_parse(settings->masks, NULL) : NULL;

    json_builder_set_member_name(json, "privacy");
    json_builder_begin_object(json);
    add_int(json, "masks", mask ? vigil_privacy_mask_get_n(mask) : 0);
    json_builder_set_member_name(json, "metadata_only");
    json_builder_add_boolean_value(json, settings->metadata_only);
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
    describe_rates(json, status.rates);
    describe_dropouts(json, &status.dropouts);
    json_builder_set_member_name(json, "outcomes");
    json_builder_begin_object(json);
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++)
        add_int(json, vigil_outcome_to_string(i), (gint64)status.outcomes[i]);
    json_builder_end_object(json);
    describe_day(json, &status.day);
    describe_capture(json, &status.live.capture);
    describe_network(json, "network", &status.live.network);
    describe_network(json, "detect_network", &status.live.detect_network);
    describe_sound(json, settings, &status.live.sound);
    describe_idle(json, &status.live.idle);
    describe_queues(json, status.live.queues);
    describe_recording(json, settings, &status.live.recording);
    describe_privacy(json, settings);
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
