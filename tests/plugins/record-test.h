/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/app/gstappsink.h>
#include <sys/stat.h>

#include "storage/vigil-store.h"
#include "tests/plugins/plugin-test.h"

/* What the tests of the recorder need: a clip seen through other people's eyes, and a folder of one's own. */

/** ClipView: of an MP4, as qtdemux and a decoder see it. */
typedef struct {
    guint n_samples, n_decoded, n_errors;
    gboolean first_is_key;
    GstClockTime first_pts, first_dts, end_pts;
    GstClockTime first_decoded_pts,
        max_step; /* longest distance from one shown picture to the next */
    gconstpointer user_data;
} ClipView;

static inline void
test_view_samples(GstAppSink *sink, ClipView *view)
{
    GstSample *sample;

    while ((sample = gst_app_sink_try_pull_sample(sink, 20 * GST_SECOND))) {
        GstBuffer *buffer = gst_sample_get_buffer(sample);

        if (view->n_samples++ == 0) {
            view->first_is_key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
            view->first_pts = GST_BUFFER_PTS(buffer);
            view->first_dts = GST_BUFFER_DTS(buffer);
        }
        view->end_pts = MAX(view->end_pts, GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer));
        gst_sample_unref(sample);
    }
}

static inline void
test_view_pictures(GstAppSink *sink, ClipView *view)
{
    GstClockTime last = GST_CLOCK_TIME_NONE;
    GstSample *sample;

    while ((sample = gst_app_sink_try_pull_sample(sink, 20 * GST_SECOND))) {
        const GstClockTime pts = GST_BUFFER_PTS(gst_sample_get_buffer(sample));

        if (view->n_decoded++ == 0)
            view->first_decoded_pts = pts;
        else
            view->max_step = MAX(view->max_step, pts - last);
        last = pts;
        gst_sample_unref(sample);
    }
}

static inline void
test_view_pipeline(const gchar *path, const gchar *rest, void (*func)(GstAppSink *, ClipView *),
                   ClipView *view)
{
    g_autofree gchar *line = g_strdup_printf(
        "filesrc location=\"%s\" ! qtdemux ! %s ! appsink name=sink sync=false", path, rest);
    GstElement *pipeline = gst_parse_launch(line, NULL), *sink;
    GstBus *bus;

    fail_unless(pipeline != NULL);
    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    func(GST_APP_SINK(sink), view);
    bus = gst_pipeline_get_bus(GST_PIPELINE(pipeline));
    view->n_errors += test_count_messages(bus, GST_MESSAGE_ERROR);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
}

static inline ClipView
test_view_clip(const gchar *path, gboolean h265)
{
    ClipView view = {0};

    test_view_pipeline(path, h265 ? "video/x-h265" : "video/x-h264", test_view_samples, &view);
    test_view_pipeline(path,
                       h265 ? "h265parse ! avdec_h265 max-threads=1"
                            : "h264parse ! avdec_h264 max-threads=1",
                       test_view_pictures, &view);
    return view;
}

/**
 * test_ffprobe_duration:
 *
 * Returns: seconds, or -1 without ffprobe; the test fails when ffprobe has anything to complain about
 */
static inline gdouble
test_ffprobe_duration(const gchar *path)
{
    g_autofree gchar *program = g_find_program_in_path("ffprobe"), *out = NULL, *err = NULL;
    const gchar *argv[] = {"ffprobe", "-v", "warning", "-show_entries", "format=duration", "-of",
                           "csv=p=0", path, NULL};
    gint status = -1;

    if (!program) {
        g_printerr("SKIP: no ffprobe\n");
        return -1;
    }
    fail_unless(g_spawn_sync(NULL, (gchar **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                             &err, &status, NULL));
    fail_unless(status == 0 && !*err, "ffprobe %s: %s", path, err);
    return g_ascii_strtod(out, NULL);
}

/** test_ffprobe_frames: pictures that ffmpeg decodes, or -1 without ffprobe; fails as above. */
static inline gint
test_ffprobe_frames(const gchar *path)
{
    g_autofree gchar *program = g_find_program_in_path("ffprobe"), *out = NULL, *err = NULL;
    const gchar *argv[] = {"ffprobe",
                           "-v",
                           "warning",
                           "-count_frames",
                           "-show_entries",
                           "stream=nb_read_frames",
                           "-of",
                           "csv=p=0",
                           path,
                           NULL};
    gint status = -1;

    if (!program)
        return -1;
    fail_unless(g_spawn_sync(NULL, (gchar **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                             &err, &status, NULL));
    fail_unless(status == 0 && !*err, "ffprobe %s: %s", path, err);
    return (gint)g_ascii_strtoll(out, NULL, 10);
}

static inline gchar *
test_make_dir(void)
{
    gchar *dir = g_dir_make_tmp("vigil-record-XXXXXX", NULL);

    fail_unless(dir != NULL);
    return dir;
}

static inline void
test_remove_tree(const gchar *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const gchar *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree gchar *child = g_build_filename(path, name, NULL);

        test_remove_tree(child);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
}

/** test_event_new: (transfer full): times in ms. @n becomes the id. */
static inline VigilEvent *
test_event_new(guint n, VigilEventType type, gint64 start_ms, gint64 time_ms, gint64 pre_ms,
               gint64 post_ms)
{
    VigilEvent *event = vigil_event_new();

    g_snprintf(event->id, sizeof event->id, "%026u", n);
    event->type = type;
    event->end_reason = type == VIGIL_EVENT_END ? VIGIL_END_GONE : VIGIL_END_NONE;
    event->camera = g_intern_static_string("door");
    event->rule = g_intern_static_string("visitor");
    event->label = g_intern_static_string("person");
    event->start_ns = start_ms * 1000000;
    event->trigger_ns = event->time_ns = event->end_ns = time_ms * 1000000;
    if (type == VIGIL_EVENT_END)
        event->trigger_ns = event->start_ns;
    event->start_wall_us = G_GINT64_CONSTANT(1700000000000000) + start_ms * 1000;
    event->end_wall_us = G_GINT64_CONSTANT(1700000000000000) + time_ms * 1000;
    event->record = TRUE;
    event->pre_ns = pre_ms * 1000000;
    event->post_ns = post_ms * 1000000;
    return event;
}
