/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-preprocess: milliseconds of processor time from a camera's frame to a model's input, beside GstVideoConverter (what
 * the element videoconvertscale is made of; bilinear, one thread), one run of each in turn, medians. GstVideoConverter
 * takes two source pixels an output pixel and way however much it shrinks; Vigil takes all of them.
 */
#include <gst/video/video.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "models/vigil-pixels-private.h"
#include "models/vigil-preprocess.h"

#define RUNS 101

typedef struct {
    const gchar *name;
    VigilPixelFormat format;
    GstVideoFormat gst_format;
    guint width, height, out_width, out_height;
    VigilResize resize;
} Case;

static const Case cases[] = {
    {"1080p NV12 to 300x300", VIGIL_PIXELS_NV12, GST_VIDEO_FORMAT_NV12, 1920, 1080, 300, 300,
     VIGIL_RESIZE_STRETCH},
    {"1080p I420 to 416x416, letterbox", VIGIL_PIXELS_I420, GST_VIDEO_FORMAT_I420, 1920, 1080, 416,
     416, VIGIL_RESIZE_LETTERBOX},
    {"720p I420 to 320x192, letterbox", VIGIL_PIXELS_I420, GST_VIDEO_FORMAT_I420, 1280, 720, 320,
     192, VIGIL_RESIZE_LETTERBOX},
    {"720p YUY2 to 300x300", VIGIL_PIXELS_YUY2, GST_VIDEO_FORMAT_YUY2, 1280, 720, 300, 300,
     VIGIL_RESIZE_STRETCH},
    {"VGA I420 to 300x300", VIGIL_PIXELS_I420, GST_VIDEO_FORMAT_I420, 640, 480, 300, 300,
     VIGIL_RESIZE_STRETCH},
    {"VGA RGB to 300x300", VIGIL_PIXELS_RGB, GST_VIDEO_FORMAT_RGB, 640, 480, 300, 300,
     VIGIL_RESIZE_STRETCH},
    {"1080p BGRx to 640x640, letterbox", VIGIL_PIXELS_BGRX, GST_VIDEO_FORMAT_BGRx, 1920, 1080, 640,
     640, VIGIL_RESIZE_LETTERBOX},
};

static gdouble
now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (gdouble)time.tv_sec * 1e3 + (gdouble)time.tv_nsec / 1e6;
}

static int
compare_doubles(const void *a, const void *b)
{
    const gdouble left = *(const gdouble *)a, right = *(const gdouble *)b;

    return (left > right) - (left < right);
}

static gdouble
median(gdouble *values)
{
    qsort(values, RUNS, sizeof *values, compare_doubles);
    return values[RUNS / 2];
}

static VigilImage
image_of(const GstVideoFrame *frame, VigilPixelFormat format)
{
    VigilImage image = {.format = format,
                        .width = (guint)GST_VIDEO_FRAME_WIDTH(frame),
                        .height = (guint)GST_VIDEO_FRAME_HEIGHT(frame)};

    for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES(frame); p++) {
        image.planes[p] = GST_VIDEO_FRAME_PLANE_DATA(frame, p);
        image.strides[p] = (guint)GST_VIDEO_FRAME_PLANE_STRIDE(frame, p);
    }
    return image;
}

static GstVideoConverter *
converter_of(const Case *one, GstVideoInfo *from, GstVideoInfo *to, const VigilMapping *mapping)
{
    GstStructure *config = gst_structure_new(
        "config", GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD,
        GST_VIDEO_RESAMPLER_METHOD_LINEAR, GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, 1, NULL);

    if (one->resize == VIGIL_RESIZE_LETTERBOX) {
        const gint width = (gint)(one->out_width / mapping->x_scale + 0.5f);
        const gint height = (gint)(one->out_height / mapping->y_scale + 0.5f);

        gst_structure_set(config, GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT,
                          ((gint)one->out_width - width) / 2, GST_VIDEO_CONVERTER_OPT_DEST_Y,
                          G_TYPE_INT, ((gint)one->out_height - height) / 2,
                          GST_VIDEO_CONVERTER_OPT_DEST_WIDTH, G_TYPE_INT, width,
                          GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, height, NULL);
    }
    return gst_video_converter_new(from, to, config);
}

static void
fill_noise(GstVideoInfo *info, GstBuffer *buffer)
{
    GstMapInfo map;
    guint32 noise = 1;

    g_assert_true(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
    g_assert_cmpuint(map.size, ==, GST_VIDEO_INFO_SIZE(info));
    for (gsize i = 0; i < map.size; i++) {
        noise = noise * 1664525u + 1013904223u;
        map.data[i] = (guint8)(noise >> 24);
    }
    gst_buffer_unmap(buffer, &map);
}

static void
bench(const Case *one)
{
    const VigilTensorInfo input = {
        .name = "input",
        .type = VIGIL_TENSOR_UINT8,
        .n_dims = 4,
        .dims = {1, (gint32)one->out_height, (gint32)one->out_width, 3},
        .bytes = (gsize)one->out_width * one->out_height * 3,
    };
    VigilPreprocessOptions options = vigil_preprocess_options_defaults();
    g_autoptr(VigilPreprocess) preprocess = NULL;
    g_autofree guint8 *tensor = g_malloc(input.bytes);
    GstVideoInfo from, to;
    GstVideoFrame source, target;
    GstVideoConverter *converter;
    GstBuffer *in, *out;
    gdouble own[RUNS], theirs[RUNS], ratio;
    VigilMapping mapping;
    VigilImage image;

    options.resize = one->resize;
    preprocess = vigil_preprocess_new(&input, &options, NULL);
    gst_video_info_set_format(&from, one->gst_format, one->width, one->height);
    gst_video_info_set_format(&to, GST_VIDEO_FORMAT_RGB, one->out_width, one->out_height);
    in = gst_buffer_new_and_alloc(GST_VIDEO_INFO_SIZE(&from));
    out = gst_buffer_new_and_alloc(GST_VIDEO_INFO_SIZE(&to));
    fill_noise(&from, in);
    g_assert_true(gst_video_frame_map(&source, &from, in, GST_MAP_READ));
    g_assert_true(gst_video_frame_map(&target, &to, out, GST_MAP_WRITE));
    image = image_of(&source, one->format);
    g_assert_true(vigil_preprocess_run(preprocess, &image, tensor, &mapping));
    converter = converter_of(one, &from, &to, &mapping);
    gst_video_converter_frame(converter, &source, &target);
    for (guint i = 0; i < RUNS; i++) {
        const gdouble begin = now_ms();
        gdouble middle;

        vigil_preprocess_run(preprocess, &image, tensor, &mapping);
        middle = now_ms();
        own[i] = middle - begin;
        gst_video_converter_frame(converter, &source, &target);
        theirs[i] = now_ms() - middle;
    }
    ratio = median(theirs) / median(own);
    g_print("%-34s vigil %7.3f ms  gstreamer %7.3f ms  ratio %5.2f\n", one->name, own[RUNS / 2],
            theirs[RUNS / 2], ratio);
    gst_video_converter_free(converter);
    gst_video_frame_unmap(&source);
    gst_video_frame_unmap(&target);
    gst_buffer_unref(in);
    gst_buffer_unref(out);
}

int
main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    g_print("pixel loops: %s\n", vigil_pixels_select()->name);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        bench(&cases[i]);
    return EXIT_SUCCESS;
}
