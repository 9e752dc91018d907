/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-jpeg: milliseconds of processor time for a camera's frame of 1080p Motion JPEG, by vigiljpegdec beside GStreamer's jpegdec, which
 * decodes all of it, alone and with videoscale behind it. One run of each in turn, medians. [FILE: a JPEG to take the picture from]
 */
#include <gst/check/gstharness.h>
#include <stdlib.h>
#include <time.h>
#include <turbojpeg.h>

#include "tests/plugins/jpeg-test.h"
#include "tests/support/vigil-test-data.h"

#define PICTURE "images/ji_peds_0.jpg"
#define RUNS 31
#define FRAMES 3

/* As cameras send it: reading the codes, which no scale saves, takes the more of the time the better the quality. */
static const struct {
    gint subsampling, quality;
} kinds[] = {{TJSAMP_422, 80}, {TJSAMP_422, 40}, {TJSAMP_420, 80}, {TJSAMP_420, 40}};

static const struct {
    const gchar *name, *ours, *theirs;
} cases[] = {
    {"1920x1080 I420", "vigiljpegdec ! capsfilter caps=video/x-raw,format=I420",
     "jpegdec ! capsfilter caps=video/x-raw,format=I420"},
    {"960x540 I420", "vigiljpegdec ! capsfilter caps=video/x-raw,format=I420,width=960,height=540",
     "jpegdec ! videoscale ! capsfilter caps=video/x-raw,format=I420,width=960,height=540"},
    {"480x270 I420", "vigiljpegdec ! capsfilter caps=video/x-raw,format=I420,width=480,height=270",
     "jpegdec ! videoscale ! capsfilter caps=video/x-raw,format=I420,width=480,height=270"},
    {"240x135 GRAY8",
     "vigiljpegdec ! capsfilter caps=video/x-raw,format=GRAY8,width=240,height=135",
     "jpegdec ! videoconvertscale ! capsfilter caps=video/x-raw,format=GRAY8,width=240,height=135"},
    {"320x180 I420",
     "vigiljpegdec ! videoscale ! capsfilter caps=video/x-raw,format=I420,width=320,height=180",
     "jpegdec ! videoscale ! capsfilter caps=video/x-raw,format=I420,width=320,height=180"},
    {"1920x1080 RGB", "vigiljpegdec ! capsfilter caps=video/x-raw,format=RGB",
     "jpegdec ! videoconvert ! capsfilter caps=video/x-raw,format=RGB"},
};

typedef struct {
    GstHarness *harness;
    guint n_frames;
    gdouble runs[RUNS];
} Contender;

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

/* (transfer full): a frame as a camera sends it, of the picture in @path or of one that is made up */
static GstBuffer *
camera_frame(const gchar *path, gint subsampling, gint quality)
{
    const JpegKind kind = jpeg_kind(1920, 1080, 2, 1);
    tjhandle encoder = tjInitCompress();
    g_autofree gchar *file = NULL;
    g_autofree guint8 *pixels = NULL;
    guint8 *made = NULL, *frame = NULL;
    gsize size;
    gulong length = 0;
    guint width, height;
    GstBuffer *buffer;

    if (!path || !g_file_get_contents(path, &file, &size, NULL))
        made = jpeg_test_make(&kind, 0, &size);
    pixels = jpeg_test_decode(made ? made : (guint8 *)file, size, 1, JCS_RGB, &width, &height);
    if (tjCompress2(encoder, pixels, (gint)width, 0, (gint)height, TJPF_RGB, &frame, &length,
                    subsampling, quality, 0) != 0)
        g_error("%s", tjGetErrorStr2(encoder));
    buffer = gst_buffer_new_memdup(frame, length);
    g_print("%ux%u %s, quality %d, %lu bytes%s\n\n", width, height,
            subsampling == TJSAMP_422 ? "4:2:2" : "4:2:0", quality, length,
            made ? ", a made-up picture" : "");
    tjFree(frame);
    tjDestroy(encoder);
    free(made);
    return buffer;
}

static void
contender_init(Contender *self, const gchar *launch)
{
    *self = (Contender){.harness = gst_harness_new_parse(launch)};
    gst_harness_set_src_caps_str(self->harness, "image/jpeg, framerate=15/1");
}

static gdouble
run(Contender *self, GstBuffer *frame)
{
    gdouble sum = 0;

    for (guint i = 0; i < FRAMES; i++) {
        GstBuffer *buffer = gst_buffer_copy(frame), *out;
        gdouble begin;

        GST_BUFFER_PTS(buffer) = self->n_frames++ * GST_SECOND / 15;
        begin = now_ms();
        gst_harness_push(self->harness, buffer);
        sum += now_ms() - begin;
        out = gst_harness_try_pull(self->harness);
        if (!out)
            g_error("no picture came out");
        gst_buffer_unref(out);
    }
    return sum / FRAMES;
}

static gdouble
median(Contender *self)
{
    qsort(self->runs, RUNS, sizeof self->runs[0], compare_doubles);
    return self->runs[RUNS / 2];
}

static void
compare(guint index, GstBuffer *frame)
{
    Contender contenders[3];
    gdouble ours, theirs, whole;

    contender_init(&contenders[0], cases[index].ours);
    contender_init(&contenders[1], cases[index].theirs);
    contender_init(&contenders[2], cases[0].theirs);
    for (guint i = 0; i < 3; i++)
        run(&contenders[i], frame);
    for (guint round = 0; round < RUNS; round++)
        for (guint i = 0; i < 3; i++)
            contenders[i].runs[round] = run(&contenders[i], frame);
    ours = median(&contenders[0]);
    theirs = median(&contenders[1]);
    whole = median(&contenders[2]);
    g_print("| %-15s | %5.2f | %5.2f | %5.2f | %4.2f | %4.2f |\n", cases[index].name, ours, theirs,
            whole, ours / theirs, ours / whole);
    for (guint i = 0; i < 3; i++)
        gst_harness_teardown(contenders[i].harness);
}

int
main(int argc, char **argv)
{
    g_autofree gchar *path = argc > 1 ? g_strdup(argv[1]) : vigil_test_data_path(PICTURE);

    gst_init(NULL, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        GstBuffer *frame = camera_frame(path, kinds[i].subsampling, kinds[i].quality);

        g_print("| to | vigiljpegdec ms | jpegdec and scaling ms | jpegdec alone ms | ratio | "
                "ratio to jpegdec alone |\n|---|---|---|---|---|---|\n");
        for (guint k = 0; k < G_N_ELEMENTS(cases); k++)
            compare(k, frame);
        g_print("\n");
        gst_buffer_unref(frame);
    }
    return EXIT_SUCCESS;
}
