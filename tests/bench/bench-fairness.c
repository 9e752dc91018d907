/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-fairness [-s SECONDS] [-m MODEL]: simulated cameras, one model, the scheduler's one thread. Each camera is a thread that
 * puts a frame (640x480 NV12) each interval, and one that takes what comes out. Two runs:
 *
 *  1. 16 cameras of 5 frames a second;
 *  2. the same number at three times what the machine was measured to do, with the weights 1, 2, 3 and 4.
 *
 * Prints for each camera frames seen, looked at and shed, the age of frames when their result was there (p50, p99, in frame
 * times, too), and its shares of frames and of time divided by those that are due to it (there is time for all, or by weight); and for each run the resident memory before and after. To be run
 * on one core: taskset -c 1 bench-fairness.
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-detector.h"
#include "models/vigil-scheduler.h"
#include "tests/support/vigil-test-data.h"

#define MODEL "models/ssd_mobilenet_v1_coco_quant_300.tflite"
#define N_CAMERAS 16
#define WIDTH 640
#define HEIGHT 480
#define MAX_DETECTIONS 100
#define FIRST_FPS 5.0
#define OVERLOAD 3.0

typedef struct {
    VigilFrame base;
    gint64 born_us;
} Frame;

typedef struct {
    VigilStream *stream;
    GThread *putter, *taker;
    guint weight;
    gint64 interval_us, begin_us, end_us;
    GArray *ages_us; /* of frames that were looked at, with the inference */
    guint64 n_seen, n_shed;
    gint64 busy_us; /* of its inferences */
} Camera;

static VigilDetector *detector;
static VigilImage image;
static VigilDetection detections[MAX_DETECTIONS];
static gint n_frames; /* atomic: that are anywhere */
static gint seconds = 30;
static gchar *model_path;

static gint
compare_times(gconstpointer a, gconstpointer b)
{
    const gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;

    return (left > right) - (left < right);
}

/* In the scheduler's thread. */
static gboolean
look(VigilFrame *frame, gpointer user_data)
{
    Camera *camera = user_data;
    const gint64 begin_us = g_get_monotonic_time();
    const gint n = vigil_detector_run(detector, &image, -1.0f, detections, MAX_DETECTIONS);

    camera->busy_us += g_get_monotonic_time() - begin_us;
    return n >= 0;
}

static void
release(VigilFrame *frame)
{
    g_atomic_int_add(&n_frames, -1);
    g_free(frame);
}

static gpointer
put_frames(gpointer user_data)
{
    Camera *self = user_data;

    for (gint64 due = self->begin_us; due < self->end_us; due += self->interval_us) {
        const gint64 wait = due - g_get_monotonic_time();
        Frame *frame = g_new0(Frame, 1);

        if (wait > 0)
            g_usleep((gulong)wait);
        frame->born_us = due;
        g_atomic_int_inc(&n_frames);
        self->n_seen++;
        vigil_frame_init(&frame->base, release);
        if (!vigil_stream_put(self->stream, &frame->base, VIGIL_FRAME_WANTED, due * 1000))
            break;
    }
    return NULL;
}

static gpointer
take_frames(gpointer user_data)
{
    Camera *self = user_data;
    VigilFrameFate fate;
    VigilFrame *frame;

    while ((frame = vigil_stream_take(self->stream, &fate))) {
        const gint64 age = g_get_monotonic_time() - ((Frame *)frame)->born_us;

        if (fate == VIGIL_FRAME_INFERRED)
            g_array_append_val(self->ages_us, age);
        else
            self->n_shed++;
        vigil_frame_unref(frame);
    }
    return NULL;
}

static gint64
resident_kb(void)
{
    g_autofree gchar *text = NULL;
    const gchar *at;

    if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL) ||
        !(at = strstr(text, "VmRSS:")))
        return 0;
    return g_ascii_strtoll(at + strlen("VmRSS:"), NULL, 10);
}

static gint64
get_age(const Camera *self, gdouble part)
{
    const guint n = self->ages_us->len;

    return n ? g_array_index(self->ages_us, gint64, MIN((guint)(part * n), n - 1)) : 0;
}

static void
begin(Camera *cameras, gdouble fps, const guint *weights, guint n_weights, gint64 duration_us)
{
    const gint64 begin_us = g_get_monotonic_time() + 100000;

    for (guint i = 0; i < N_CAMERAS; i++) {
        Camera *self = &cameras[i];

        *self = (Camera){.weight = weights[i % n_weights], .interval_us = (gint64)(1e6 / fps)};
        self->begin_us = begin_us + self->interval_us * i / N_CAMERAS;
        self->end_us = self->begin_us + duration_us;
        self->ages_us = g_array_sized_new(FALSE, FALSE, sizeof(gint64), 65536);
        self->stream = vigil_stream_new(
            vigil_scheduler_get(), &(VigilStreamOptions){.weight = self->weight}, look, self, NULL);
        self->taker = g_thread_new("take", take_frames, self);
    }
    for (guint i = 0; i < N_CAMERAS; i++)
        cameras[i].putter = g_thread_new("put", put_frames, &cameras[i]);
}

static void
report(const Camera *cameras, gboolean loaded)
{
    gdouble sum = 0, busy = 0, weights = 0, worst_age = 0, worst_share = 0;

    for (guint i = 0; i < N_CAMERAS; i++) {
        sum += cameras[i].ages_us->len;
        busy += (gdouble)cameras[i].busy_us;
        weights += cameras[i].weight;
    }
    printf("camera weight    seen looked-at    shed  age p50 ms  p99 ms  p99/frame time  of frames "
           " of time\n");
    for (guint i = 0; i < N_CAMERAS; i++) {
        const Camera *self = &cameras[i];
        const gdouble age = (gdouble)get_age(self, 0.99) / (gdouble)self->interval_us;
        const gdouble due = loaded ? self->weight / weights : 1.0 / N_CAMERAS;
        const gdouble frames = self->ages_us->len / sum / due;
        const gdouble time = (gdouble)self->busy_us / busy / due;

        printf("%6u %6u %7" G_GUINT64_FORMAT " %9u %7" G_GUINT64_FORMAT
               " %11.1f %7.1f %15.2f %10.3f %8.3f\n",
               i + 1, self->weight, self->n_seen, self->ages_us->len, self->n_shed,
               (gdouble)get_age(self, 0.5) / 1000, (gdouble)get_age(self, 0.99) / 1000, age, frames,
               time);
        worst_age = MAX(worst_age, age);
        worst_share = MAX(worst_share, ABS((loaded ? time : frames) - 1));
    }
    printf("worst p99 age %.2f frame times, worst share of %s %.1f %% from what is due\n",
           worst_age, loaded ? "time" : "frames", worst_share * 100);
}

static void
run(const gchar *title, gdouble fps, const guint *weights, guint n_weights, gboolean loaded)
{
    Camera cameras[N_CAMERAS];
    const gint64 before = resident_kb();
    gint64 after;
    gint most = 0;

    printf("\n%s: %u cameras, %.1f frames a second each, %d s\n", title, N_CAMERAS, fps, seconds);
    begin(cameras, fps, weights, n_weights, seconds * G_USEC_PER_SEC);
    for (gint i = 0; i < seconds * 20; i++) {
        g_usleep(50000);
        most = MAX(most, g_atomic_int_get(&n_frames));
    }
    after = resident_kb();
    for (guint i = 0; i < N_CAMERAS; i++) {
        g_thread_join(cameras[i].putter);
        vigil_stream_drain(cameras[i].stream);
        vigil_stream_set_flushing(cameras[i].stream, TRUE);
        g_thread_join(cameras[i].taker);
        vigil_stream_free(cameras[i].stream);
        g_array_sort(cameras[i].ages_us, compare_times);
    }
    report(cameras, loaded);
    printf("resident %" G_GINT64_FORMAT " kB before, %" G_GINT64_FORMAT
           " kB at the end; at most %d frames held, %.1f a camera\n",
           before, after, most, (gdouble)most / N_CAMERAS);
    for (guint i = 0; i < N_CAMERAS; i++)
        g_array_unref(cameras[i].ages_us);
}

/* Inferences a second, back to back. */
static gdouble
measure(void)
{
    const gint64 begin_us = g_get_monotonic_time();
    Camera nobody = {0};
    guint n = 0;

    for (; g_get_monotonic_time() - begin_us < 3 * G_USEC_PER_SEC; n++)
        look(NULL, &nobody);
    return n * 1e6 / (gdouble)(g_get_monotonic_time() - begin_us);
}

int
main(int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"seconds", 's', 0, G_OPTION_ARG_INT, &seconds, "Of each run, default 30", NULL},
        {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model_path, "Default: SSD MobileNet v1", NULL},
        G_OPTION_ENTRY_NULL,
    };
    static const guint even[] = {1}, uneven[] = {1, 2, 3, 4};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *pixels = g_malloc(WIDTH * HEIGHT * 3 / 2);
    VigilDetectorOptions options = vigil_detector_options_defaults();
    gdouble rate;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return EXIT_FAILURE;
    }
    if (!model_path && !(model_path = vigil_test_data_path(MODEL)))
        return EXIT_SUCCESS;
    options.model = model_path;
    detector = vigil_detector_open(&options, &error);
    if (!detector) {
        fprintf(stderr, "%s\n", error->message);
        return EXIT_FAILURE;
    }
    for (guint i = 0; i < WIDTH * HEIGHT * 3 / 2; i++)
        pixels[i] = (guint8)(i * 7 + i / WIDTH);
    image = (VigilImage){.format = VIGIL_PIXELS_NV12,
                         .width = WIDTH,
                         .height = HEIGHT,
                         .planes = {pixels, pixels + WIDTH * HEIGHT},
                         .strides = {WIDTH, WIDTH}};
    measure();
    rate = measure();
    printf("%s: %.1f inferences a second, %.2f ms each\n", vigil_detector_get_name(detector), rate,
           1000 / rate);
    run("As many as there are", FIRST_FPS, even, G_N_ELEMENTS(even), FALSE);
    run("Three times too much", OVERLOAD * rate / N_CAMERAS, uneven, G_N_ELEMENTS(uneven), TRUE);
    vigil_detector_unref(detector);
    g_free(model_path);
    return EXIT_SUCCESS;
}
