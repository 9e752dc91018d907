/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pipeline/marker.h"

#include <check.h>
#include <gst/app/gstappsink.h>

#include "tests/pipeline/program.h"
#include "tests/support/vigil-spot-model.h"

/* What an encoder makes of black beside something restless. */
#define CLIP_TOLERANCE 10
#define CLIP_MARGIN 8
/* The picture has the clip's size, but JPEG's blocks are larger where chroma is halved. */
#define JPEG_TOLERANCE 12
#define JPEG_MARGIN 16

void
marker_video(const gchar *path, guint width, guint height, const gchar *codec)
{
    g_autofree gchar *pattern = g_strdup_printf("testsrc2=s=%ux%u:r=10:d=12", width, height);
    g_autofree gchar *black = g_strdup_printf("color=black:s=%ux%u:r=10:d=12", width, height);
    g_autofree gchar *graph =
        g_strdup_printf("[0]crop=iw*%g:ih:0:0,lutyuv=y='if(lt(val,128),64,235)'[m];"
                        "[1][m]overlay=0:0[a];"
                        "[a][2]overlay=x='%u-mod(n,20)':y=24:enable='between(t,5,7)'",
                        MARKER_PART, width - 60);
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-y",
                           "-f",
                           "lavfi",
                           "-i",
                           pattern,
                           "-f",
                           "lavfi",
                           "-i",
                           black,
                           "-f",
                           "lavfi",
                           "-i",
                           "color=white:s=48x48:r=10:d=12",
                           "-filter_complex",
                           graph,
                           "-c:v",
                           codec,
                           "-pix_fmt",
                           "yuv420p",
                           "-g",
                           "20",
                           "-bf",
                           "0",
                           path,
                           NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
}

gchar *
marker_model(const gchar *folder)
{
    const VigilSpot spot = {160, 96, VIGIL_SPOT_BRIGHT, 2, 0};
    gchar *path = g_build_filename(folder, "spot", NULL);

    vigil_spot_package(&spot, path, "spot", "1.0.0", "light\nb\n");
    return path;
}

/* Greatest distance from black of this component in columns @from to @to - 1. */
static guint
distance(GstVideoFrame *frame, guint component, gint from, gint to)
{
    const guint8 *data = GST_VIDEO_FRAME_COMP_DATA(frame, component);
    guint most = 0;

    for (gint y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(frame, component); y++) {
        const guint8 *row = data + (gsize)y * GST_VIDEO_FRAME_COMP_STRIDE(frame, component);

        for (gint x = from; x < to; x++) {
            const gint value = row[x * GST_VIDEO_FRAME_COMP_PSTRIDE(frame, component)];
            /* black is 16, or 0 in a full range */
            const gint off = component == 0 ? MAX(value - 16, 0) : ABS(value - 128);

            most = MAX(most, (guint)off);
        }
    }
    return most;
}

void
marker_look(GstVideoFrame *frame, guint margin, MarkerCount *count)
{
    const gint width = GST_VIDEO_FRAME_WIDTH(frame);
    const gint end = (gint)(MARKER_PART * width + 0.001);

    count->frames++;
    count->n_sizes += width != count->last_width;
    count->last_width = width;
    count->bright += distance(frame, 0, end, width) > 60;
    for (guint i = 0; i < GST_VIDEO_FRAME_N_COMPONENTS(frame); i++) {
        const guint shift = frame->info.finfo->w_sub[i];

        count->most = MAX(count->most, distance(frame, i, 0, (end - (gint)margin) >> shift));
    }
}

MarkerCount
marker_look_file(const gchar *path, guint margin)
{
    const gchar *decoder =
        g_str_has_suffix(path, ".mp4") ? "qtdemux ! h264parse ! avdec_h264" : "jpegparse ! jpegdec";
    g_autofree gchar *line =
        g_strdup_printf("filesrc location=\"%s\" ! %s ! videoconvert ! video/x-raw,format=I420 ! "
                        "appsink name=sink sync=false",
                        path, decoder);
    g_autoptr(GError) error = NULL;
    g_autoptr(GstElement) pipeline = gst_parse_launch(line, &error);
    g_autoptr(GstElement) sink = NULL;
    MarkerCount count = {0};
    GstSample *sample;

    ck_assert_msg(!error, "%s", error ? error->message : "");
    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
        GstVideoInfo info;
        GstVideoFrame frame;

        ck_assert(gst_video_info_from_caps(&info, gst_sample_get_caps(sample)));
        ck_assert(gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ));
        marker_look(&frame, margin, &count);
        gst_video_frame_unmap(&frame);
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    return count;
}

typedef struct {
    const gchar *folder;
    VigilStore *store;
    GHashTable *clips; /* paths that were looked at */
    guint least_frames, n_snapshots;
} Look;

static void
check_clip(Look *look, const VigilEventRow *row)
{
    g_autofree gchar *path = g_build_filename(look->folder, "clips", row->clip, NULL);
    MarkerCount count;

    if (!g_hash_table_add(look->clips, g_strdup(row->clip)))
        return;
    count = marker_look_file(path, CLIP_MARGIN);
    ck_assert_uint_le(count.most, CLIP_TOLERANCE);
    ck_assert_uint_ge(count.frames, look->least_frames);
    ck_assert_uint_ge(count.bright, 5);
}

static gboolean
check_row(const VigilEventRow *row, gpointer user_data)
{
    Look *look = user_data;
    g_autoptr(GBytes) jpeg = NULL;
    g_autofree gchar *path = NULL;
    MarkerCount count;

    ck_assert_ptr_nonnull(row->clip);
    check_clip(look, row);
    if (!row->has_snapshot)
        return TRUE;
    jpeg = vigil_store_get_snapshot(look->store, row->event->id, NULL);
    path = g_build_filename(look->folder, "snapshot.jpg", NULL);
    ck_assert(g_file_set_contents(path, g_bytes_get_data(jpeg, NULL),
                                  (gssize)g_bytes_get_size(jpeg), NULL));
    count = marker_look_file(path, JPEG_MARGIN);
    ck_assert_uint_le(count.most, JPEG_TOLERANCE);
    ck_assert_uint_eq(count.bright, 1);
    look->n_snapshots++;
    return TRUE;
}

guint
marker_check_store(const gchar *folder, guint least_frames, guint *n_snapshots)
{
    g_autofree gchar *database = g_build_filename(folder, "events.db", NULL);
    g_autofree gchar *clips = g_build_filename(folder, "clips", NULL);
    g_autoptr(GError) error = NULL;
    Look look = {.folder = folder, .least_frames = least_frames};
    guint n;

    look.store = vigil_store_open_reader(database, clips, &error);
    ck_assert_msg(look.store != NULL, "%s", error ? error->message : "");
    look.clips = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    ck_assert(
        vigil_store_query_events(look.store, &(VigilEventQuery){0}, check_row, &look, &error));
    n = g_hash_table_size(look.clips);
    if (n_snapshots)
        *n_snapshots = look.n_snapshots;
    g_hash_table_unref(look.clips);
    vigil_store_unref(look.store);
    return n;
}
