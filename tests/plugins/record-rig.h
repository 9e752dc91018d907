/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/plugins/record-test.h"

/* A pipeline with vigilrecord, real encoded video, and an analysis that the test plays. */

#define MS G_GINT64_CONSTANT(1000000)
#define STEP_MS 100

/* A pipeline with the recorder in it, and a pad of ours that plays the part of vigilevents. */
typedef struct {
    GstElement *pipeline, *record;
    GstPad *events;
    GstBus *bus;
    gchar *dir, *database, *clips;
    gboolean h265; /* what its clips are expected to be */
} Rig;

/* One message about an event: at @time_ms, about what began at @start_ms. */
typedef struct {
    guint id;
    VigilEventType type;
    gint64 start_ms, time_ms, pre_ms, post_ms;
    gboolean no_clip;
} Script;

#define B VIGIL_EVENT_BEGIN
#define U VIGIL_EVENT_UPDATE
#define E VIGIL_EVENT_END

#define SOURCE(n, fps)             \
    "videotestsrc num-buffers=" #n \
    " ! video/x-raw,format=I420,width=160,height=120,framerate=" #fps "/1 ! "
#define X264(gop, more) \
    "x264enc speed-preset=ultrafast bitrate=200 key-int-max=" #gop " " more " ! h264parse ! "
#define AVC "video/x-h264,stream-format=avc,alignment=au ! "
/* 20 s, 10 frames a second, a keyframe a second */
#define PLAIN SOURCE(200, 10) X264(10, "") AVC

static inline Rig
rig_in(const gchar *dir, const gchar *video, const gchar *settings)
{
    Rig rig = {.dir = g_strdup(dir)};
    g_autofree gchar *line = NULL;
    GstPad *sink;
    GstCaps *caps = gst_caps_from_string(GST_VIGIL_EVENT_CAPS);
    GstSegment segment;
    GError *error = NULL;

    rig.database = g_build_filename(dir, "events.db", NULL);
    rig.clips = g_build_filename(dir, "clips", NULL);
    line = g_strdup_printf("%s r.video vigilrecord name=r database=%s location=%s %s", video,
                           rig.database, rig.clips, settings);
    rig.pipeline = gst_parse_launch(line, &error);
    fail_unless(error == NULL, "%s", error ? error->message : "");
    rig.record = gst_bin_get_by_name(GST_BIN(rig.pipeline), "r");
    rig.bus = gst_pipeline_get_bus(GST_PIPELINE(rig.pipeline));
    rig.events = gst_pad_new("events", GST_PAD_SRC);
    gst_pad_set_active(rig.events, TRUE);
    sink = gst_element_get_static_pad(rig.record, "events");
    fail_unless(gst_pad_link_full(rig.events, sink, GST_PAD_LINK_CHECK_NOTHING) == GST_PAD_LINK_OK);
    gst_object_unref(sink);
    fail_unless(gst_element_set_state(rig.pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(rig.events, gst_event_new_stream_start("events"));
    gst_pad_push_event(rig.events, gst_event_new_caps(caps));
    gst_pad_push_event(rig.events, gst_event_new_segment(&segment));
    gst_caps_unref(caps);
    return rig;
}

static inline Rig
rig_new(const gchar *video, const gchar *settings)
{
    g_autofree gchar *dir = test_make_dir();

    return rig_in(dir, video, settings);
}

static inline void
rig_push(Rig *rig, const Script *s)
{
    VigilEvent *event =
        test_event_new(s->id, s->type, s->start_ms, s->time_ms, s->pre_ms, s->post_ms);

    event->record = !s->no_clip;
    gst_pad_push(rig->events, gst_vigil_event_buffer_new(event, s->time_ms * MS));
    vigil_event_unref(event);
}

static inline void
rig_push_gap(Rig *rig, gint64 ms)
{
    gst_pad_push_event(rig->events, gst_event_new_gap(ms * MS, GST_CLOCK_TIME_NONE));
}

/* The analysis goes through the stream in steps, says at each what it found, and comes to @end_ms. */
static inline void
rig_play(Rig *rig, const Script *script, guint n, gint64 end_ms, gulong pause_us)
{
    guint next = 0;

    for (gint64 ms = 0; ms < end_ms; ms += STEP_MS) {
        for (; next < n && script[next].time_ms <= ms; next++)
            rig_push(rig, &script[next]);
        rig_push_gap(rig, ms);
        if (pause_us)
            g_usleep(pause_us);
    }
    for (; next < n; next++)
        rig_push(rig, &script[next]);
    gst_pad_push_event(rig->events, gst_event_new_eos());
}

/* Waits for EOS. Returns: lines that were committed, until then. */
static inline GPtrArray *
rig_wait(Rig *rig)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    const gchar *multiplier = g_getenv("CK_TIMEOUT_MULTIPLIER"); /* under valgrind */
    const guint64 seconds = 60 * (multiplier ? g_ascii_strtoull(multiplier, NULL, 10) : 1);
    gboolean eos = FALSE;

    while (!eos) {
        GstMessage *message =
            gst_bus_timed_pop_filtered(rig->bus, seconds * GST_SECOND,
                                       GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);

        fail_unless(message != NULL, "no EOS");
        fail_if(GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR);
        eos = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
        if (gst_message_has_name(message, "vigilrecord-event"))
            g_ptr_array_add(lines, g_strdup(gst_structure_get_string(
                                       gst_message_get_structure(message), "json")));
        gst_message_unref(message);
    }
    return lines;
}

static inline guint64
rig_stat(Rig *rig, const gchar *name)
{
    GstStructure *stats;
    guint64 value = G_MAXUINT64;

    g_object_get(rig->record, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &value), "%s", name);
    gst_structure_free(stats);
    return value;
}

static inline void
rig_stop(Rig *rig)
{
    GstPad *sink = gst_pad_get_peer(rig->events);

    fail_unless(gst_element_set_state(rig->pipeline, GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS);
    gst_pad_unlink(rig->events, sink);
    gst_object_unref(sink);
    gst_object_unref(rig->events);
    gst_object_unref(rig->bus);
    gst_object_unref(rig->record);
    ASSERT_OBJECT_REFCOUNT(rig->pipeline, "pipeline", 1);
    gst_object_unref(rig->pipeline);
    rig->pipeline = NULL;
}

static inline void
rig_free(Rig *rig)
{
    if (rig->pipeline)
        rig_stop(rig);
    test_remove_tree(rig->dir);
    g_free(rig->dir);
    g_free(rig->database);
    g_free(rig->clips);
}

/* What the store has of an event. */
typedef struct {
    const gchar *clips;
    guint n, n_ended, n_clips;
    gchar *path; /* of the last one */
    gint64 start_ms, end_ms;
    gboolean complete;
} Found;

static inline gboolean
on_row(const VigilEventRow *row, gpointer user_data)
{
    Found *found = user_data;

    found->n++;
    found->n_ended += row->event->type == VIGIL_EVENT_END;
    found->n_clips += row->clip != NULL;
    g_free(found->path);
    found->path = row->clip ? g_build_filename(found->clips, row->clip, NULL) : NULL;
    found->start_ms = row->clip_start_ns / MS;
    found->end_ms = row->clip_end_ns / MS;
    found->complete = row->clip_complete;
    return TRUE;
}

/* @id 0: all of them */
static inline Found
rig_find(Rig *rig, guint id)
{
    Found found = {.clips = rig->clips};
    g_autofree gchar *name = id ? g_strdup_printf("%026u", id) : NULL;
    const VigilEventQuery query = {.id = name};
    g_autoptr(VigilStore) store = vigil_store_open_reader(rig->database, rig->clips, NULL);

    fail_unless(store != NULL);
    fail_unless(vigil_store_query_events(store, &query, on_row, &found, NULL));
    return found;
}

/* The clip of an event runs from @start_ms to @end_ms, can be played, and begins at 0 on a keyframe. */
static inline void
assert_clip(Rig *rig, guint id, gint64 start_ms, gint64 min_end_ms, gint64 max_end_ms)
{
    Found found = rig_find(rig, id);
    ClipView view;
    gdouble duration;

    fail_unless(found.n == 1 && found.path, "event %u: %u rows, clip %s", id, found.n, found.path);
    fail_unless(found.complete);
    assert_equals_int(found.start_ms, start_ms);
    fail_unless(found.end_ms >= min_end_ms && found.end_ms <= max_end_ms,
                "clip of %u ends at %d, not in %d..%d", id, (int)found.end_ms, (int)min_end_ms,
                (int)max_end_ms);
    view = test_view_clip(found.path, rig->h265);
    assert_equals_int(view.n_errors, 0);
    fail_unless(view.first_is_key);
    assert_equals_uint64(view.first_dts, 0);
    assert_equals_int(view.n_decoded, view.n_samples);
    assert_equals_int((view.end_pts - view.first_pts) / MS, found.end_ms - found.start_ms);
    duration = test_ffprobe_duration(found.path);
    fail_unless(duration < 0 || ABS(duration * 1000 - (found.end_ms - found.start_ms)) < 2,
                "ffprobe says %f s", duration);
    g_free(found.path);
}

static inline void
assert_nothing_amiss(Rig *rig)
{
    static const gchar *const names[] = {
        "frames-lost",    "holds-given-up",      "ring-dropped-space",   "events-failed",
        "events-dropped", "events-without-clip", "clips-failed",         "clips-broken",
        "clips-short",    "clips-cut",           "clips-without-trigger"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        fail_unless(rig_stat(rig, names[i]) == 0, "%s is not 0", names[i]);
}
