/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-loop-filter: what is lost by decoding without the loop filter. Each video by two decoders at the same time, picture by picture:
 * time, how far luma drifts until the next keyframe, what VigilMotion and two models make of it, at 5 looks a second. The
 * videos are made of the test data by ffmpeg; x264's fastest preset would not do: it has no loop filter.
 * [-d FOLDER: where the videos are, or are made and kept]
 */
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <stdlib.h>
#include <time.h>

#include "events/vigil-motion.h"
#include "plugins/avcodec/vigil-avcodec-library-private.h"
#include "tests/bench/bench-loop-filter.h"
#include "tests/support/vigil-test-data.h"

#define SECONDS "36"
#define FPS 15
#define LOOK_EACH 3

static const struct {
    const gchar *name, *codec, *rate;
    guint width, height, gop, b_frames;
} codings[] = {
    {"1080p 4M g60", "libx264", "4M", 1920, 1080, 60, 0},
    {"1080p 4M g250", "libx264", "4M", 1920, 1080, 250, 0},
    {"360p 512k g60", "libx264", "512k", 640, 360, 60, 0},
    {"360p 512k g250", "libx264", "512k", 640, 360, 250, 0},
    {"360p 512k g250 B", "libx264", "512k", 640, 360, 250, 2},
    {"360p 512k g250 H.265", "libx265", "512k", 640, 360, 250, 0},
};

static const struct {
    const gchar *name, *input, *filter, *after; /* after: once it has its size */
} scenes[] = {
    {"visitors", "one-by-one-person-detection.mp4", "null", ""},
    {"rider", "person-bicycle-car-detection.mp4", "null", ""},
    {"traffic", "slow_traffic_small.mp4", "null", ""},
    {"nobody, noise", "one-by-one-person-detection.mp4",
     "trim=46:46.2,setpts=PTS-STARTPTS,loop=-1:1,setpts=N/15/TB", ",noise=alls=6:allf=t"},
};

typedef struct {
    const VigilAvcodecApi *api;
    gboolean h265;
    AVPacket *packet;
    AVFrame *pictures[BENCH_N_WAYS];
    VigilMotion *motion[BENCH_N_WAYS];
    BenchLooks *looks;
    gdouble seconds[BENCH_N_WAYS]; /* of decoding */
    guint n_pictures, n_moving[BENCH_N_WAYS], n_unlike;
    gdouble difference, worst; /* of luma: sum of means, highest mean */
} Comparison;

static gdouble
cpu_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (gdouble)time.tv_sec + (gdouble)time.tv_nsec / 1e9;
}

/* --- videos --------------------------------------------------------------------------------------- */

static gboolean
make_video(guint coding, guint scene, const gchar *path)
{
    g_autofree gchar *relative = g_build_filename("videos", scenes[scene].input, NULL);
    g_autofree gchar *input = vigil_test_data_path(relative);
    g_autofree gchar *filter =
        g_strdup_printf("%s,fps=%d,scale=%u:%u%s", scenes[scene].filter, FPS, codings[coding].width,
                        codings[coding].height, scenes[scene].after);
    g_autofree gchar *quoted_input = input ? g_shell_quote(input) : NULL;
    g_autofree gchar *quoted_path = g_shell_quote(path);
    const gboolean h265 = g_str_equal(codings[coding].codec, "libx265");
    const gchar *rate = codings[coding].rate;
    g_autofree gchar *line = g_strdup_printf(
        "ffmpeg -v error -y -i %s -an -vf %s -t " SECONDS
        " -c:v %s -b:v %s -maxrate %s -bufsize %s "
        "-preset veryfast -g %u -bf %u -pix_fmt yuv420p %s %s",
        quoted_input, filter, codings[coding].codec, rate, rate, rate, codings[coding].gop,
        codings[coding].b_frames,
        h265 ? "-x265-params scenecut=0:open-gop=0:log-level=none" : "-x264-params scenecut=0",
        quoted_path);
    gint status = -1;

    return g_file_test(path, G_FILE_TEST_EXISTS) ||
           (input && g_spawn_command_line_sync(line, NULL, NULL, &status, NULL) && status == 0);
}

/* Returns: (transfer full) (element-type GstBuffer): coded frames in the order of decoding */
static GPtrArray *
read_frames(const gchar *path, gboolean h265)
{
    g_autofree gchar *line = g_strdup_printf("filesrc location=\"%s\" ! qtdemux ! %sparse ! "
                                             "video/x-%s,stream-format=byte-stream,alignment=au ! "
                                             "appsink name=sink sync=false",
                                             path, h265 ? "h265" : "h264", h265 ? "h265" : "h264");
    g_autoptr(GstElement) pipeline = gst_parse_launch(line, NULL);
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_autoptr(GPtrArray) frames =
        g_ptr_array_new_with_free_func((GDestroyNotify)gst_mini_object_unref);
    GstSample *sample;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
        g_ptr_array_add(frames, gst_buffer_ref(gst_sample_get_buffer(sample)));
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (frames->len == 0)
        g_error("%s: nothing in it", path);
    return g_steal_pointer(&frames);
}

/* --- decoding ------------------------------------------------------------------------------------- */

static AVCodecContext *
open_codec(const VigilAvcodecApi *api, gboolean h265, gboolean skip)
{
    const AVCodec *codec = api->avcodec_find_decoder(h265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264);
    AVCodecContext *context = api->avcodec_alloc_context3(codec);

    g_assert_nonnull(context);
    context->thread_count = 1;
    context->skip_loop_filter = skip ? AVDISCARD_ALL : AVDISCARD_DEFAULT;
    g_assert_cmpint(api->avcodec_open2(context, codec, NULL), >=, 0);
    return context;
}

static void
push_frame(Comparison *self, AVCodecContext *const *contexts, BenchWay way, GstBuffer *frame)
{
    gdouble begin;
    GstMapInfo map;

    g_assert_true(gst_buffer_map(frame, &map, GST_MAP_READ));
    /* of nobody's memory a copy is made, with room behind it */
    self->packet->data = map.data;
    self->packet->size = (int)map.size;
    begin = cpu_now();
    g_assert_cmpint(self->api->avcodec_send_packet(contexts[way], self->packet), >=, 0);
    self->seconds[way] += cpu_now() - begin;
    self->api->av_packet_unref(self->packet);
    gst_buffer_unmap(frame, &map);
}

static gboolean
pull_picture(Comparison *self, AVCodecContext *const *contexts, BenchWay way)
{
    const gdouble begin = cpu_now();
    const int result = self->api->avcodec_receive_frame(contexts[way], self->pictures[way]);

    self->seconds[way] += cpu_now() - begin;
    return result >= 0;
}

/* --- what is seen --------------------------------------------------------------------------------- */

static void
compare_luma(Comparison *self, const VigilImage images[BENCH_N_WAYS])
{
    guint64 sum = 0;
    gdouble mean;

    for (guint y = 0; y < images[0].height; y++) {
        const guint8 *a = images[0].planes[0] + (gsize)y * images[0].strides[0];
        const guint8 *b = images[1].planes[0] + (gsize)y * images[1].strides[0];
        guint32 line = 0;

        for (guint x = 0; x < images[0].width; x++)
            line += (guint32)ABS(a[x] - b[x]);
        sum += line;
    }
    mean = (gdouble)sum / ((gdouble)images[0].width * images[0].height);
    self->difference += mean;
    self->worst = MAX(self->worst, mean);
}

static void
compare_motion(Comparison *self, const VigilImage images[BENCH_N_WAYS], gint64 number)
{
    gboolean moving[BENCH_N_WAYS];

    for (guint w = 0; w < BENCH_N_WAYS; w++) {
        VigilMotionResult result;

        vigil_motion_update(self->motion[w], number * (gint64)(GST_SECOND / FPS),
                            images[w].planes[0], images[w].strides[0], &result);
        moving[w] =
            result.state == VIGIL_MOTION_MOVING || result.state == VIGIL_MOTION_SCENE_CHANGE;
        self->n_moving[w] += moving[w] ? 1 : 0;
    }
    self->n_unlike += moving[BENCH_WHOLE] != moving[BENCH_SKIPPED] ? 1 : 0;
}

static void
compare_pictures(Comparison *self)
{
    VigilImage images[BENCH_N_WAYS];

    for (guint w = 0; w < BENCH_N_WAYS; w++) {
        const AVFrame *picture = self->pictures[w];

        images[w] = (VigilImage){.format = VIGIL_PIXELS_I420,
                                 .width = (guint)picture->width,
                                 .height = (guint)picture->height};
        for (guint p = 0; p < 3; p++) {
            images[w].planes[p] = picture->data[p];
            images[w].strides[p] = (guint)picture->linesize[p];
        }
    }
    compare_luma(self, images);
    compare_motion(self, images, self->n_pictures);
    if (self->n_pictures++ % LOOK_EACH == 0)
        bench_looks_add(self->looks, images);
}

static void
compare_decoded(Comparison *self, AVCodecContext *const *contexts)
{
    while (pull_picture(self, contexts, BENCH_WHOLE)) {
        g_assert_true(pull_picture(self, contexts, BENCH_SKIPPED));
        compare_pictures(self);
        for (guint w = 0; w < BENCH_N_WAYS; w++)
            self->api->av_frame_unref(self->pictures[w]);
    }
}

static void
compare_frames(Comparison *self, GPtrArray *frames)
{
    AVCodecContext *contexts[BENCH_N_WAYS];

    for (guint w = 0; w < BENCH_N_WAYS; w++)
        contexts[w] = open_codec(self->api, self->h265, w == BENCH_SKIPPED);
    for (guint i = 0; i < frames->len; i++) {
        for (guint w = 0; w < BENCH_N_WAYS; w++)
            push_frame(self, contexts, w, frames->pdata[i]);
        compare_decoded(self, contexts);
    }
    for (guint w = 0; w < BENCH_N_WAYS; w++)
        self->api->avcodec_send_packet(contexts[w], NULL);
    compare_decoded(self, contexts);
    for (guint w = 0; w < BENCH_N_WAYS; w++)
        self->api->avcodec_free_context(&contexts[w]);
}

/* --- tables --------------------------------------------------------------------------------------- */

static void
print_row(const Comparison *self)
{
    g_print(" %.2f | %.2f | %.2f | %.2f, %.2f | %u | %u | %u | %u |",
            1e3 * self->seconds[BENCH_WHOLE] / self->n_pictures,
            1e3 * self->seconds[BENCH_SKIPPED] / self->n_pictures,
            self->seconds[BENCH_SKIPPED] / self->seconds[BENCH_WHOLE],
            self->difference / self->n_pictures, self->worst, self->n_pictures,
            self->n_moving[BENCH_WHOLE], self->n_moving[BENCH_SKIPPED], self->n_unlike);
    bench_looks_print(self->looks);
    g_print("\n");
}

static void
compare_video(guint coding, const gchar *path, const VigilAvcodecApi *api)
{
    Comparison self = {.api = api,
                       .h265 = g_str_equal(codings[coding].codec, "libx265"),
                       .packet = api->av_packet_alloc(),
                       .pictures = {api->av_frame_alloc(), api->av_frame_alloc()},
                       .looks = bench_looks_new(codings[coding].width, codings[coding].height)};
    g_autoptr(GPtrArray) frames = read_frames(path, self.h265);

    for (guint w = 0; w < BENCH_N_WAYS; w++)
        self.motion[w] = vigil_motion_new(codings[coding].width, codings[coding].height,
                                          VIGIL_MOTION_SENSITIVITY_DEFAULT);
    g_assert_nonnull(self.looks);
    compare_frames(&self, frames);
    print_row(&self);
    for (guint w = 0; w < BENCH_N_WAYS; w++) {
        api->av_frame_free(&self.pictures[w]);
        vigil_motion_free(self.motion[w]);
    }
    api->av_packet_free(&self.packet);
    bench_looks_free(self.looks);
}

static void
print_head(void)
{
    g_print("| coding | scene | ms a frame | skipped | ratio | luma off: mean, worst picture | "
            "pictures | with motion | skipped | unlike |");
    bench_looks_print_head();
    g_print("\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
}

int
main(int argc, char **argv)
{
    g_autofree gchar *folder = NULL;
    const GOptionEntry entries[] = {
        {"folder", 'd', 0, G_OPTION_ARG_FILENAME, &folder, "Where the videos are kept", "FOLDER"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    const VigilAvcodecApi *api;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL))
        return EXIT_FAILURE;
    gst_init(NULL, NULL);
    api = vigil_avcodec_library_get(NULL);
    if (!api)
        return EXIT_SUCCESS;
    if (!folder)
        folder = g_dir_make_tmp("vigil-bench-XXXXXX", NULL);
    print_head();
    for (guint i = 0; i < G_N_ELEMENTS(codings) * G_N_ELEMENTS(scenes); i++) {
        const guint coding = i / G_N_ELEMENTS(scenes), scene = i % G_N_ELEMENTS(scenes);
        g_autofree gchar *name = g_strdup_printf("loop-filter-%u-%u.mp4", coding, scene);
        g_autofree gchar *path = g_build_filename(folder, name, NULL);

        if (!make_video(coding, scene, path)) {
            g_printerr("%s: ffmpeg could not make it\n", name);
            continue;
        }
        g_print("| %s | %s |", codings[coding].name, scenes[scene].name);
        compare_video(coding, path, api);
    }
    return EXIT_SUCCESS;
}
