/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What models cost: nothing is allocated for an inference, sessions of one model add what they need for themselves and nothing
 * else, and a detector is small. (What is resident says nothing under a sanitizer.)
 */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-detector.h"
#include "models/vigil-model.h"
#include "models/vigil-pool-private.h"
#include "tests/support/vigil-heap-meter.h"
#include "tests/support/vigil-test-data.h"
#include "tests/support/vigil-test-models.h"

#define SSD "models/ssd_mobilenet_v1_coco_quant_300.tflite"
#define SSD_LABELS "labels/coco_labels_90_coral.txt"
#define MEGABYTE (1024u * 1024u)
/* 16 MB in all are promised; what a process has before it opens a model, about 2.5 MB, depends on the system. */
#define SSD_RESIDENT (14u * MEGABYTE)
#define N_SESSIONS 8u

static GPtrArray *paths;

START_TEST(allocations_are_counted)
{
#if defined(__GLIBC__)
    ck_assert(vigil_heap_meter_works());
#endif
}
END_TEST

static void
meet(gpointer data, guint chunk, guint thread)
{
    _Atomic guint *n_here = data;
    const gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

    atomic_fetch_add(n_here, 1);
    while (atomic_load(n_here) < 2 && g_get_monotonic_time() < until)
        g_usleep(100);
}

/* On a machine that is busy the pool's thread may be new when the first run is over; what the C library or a sanitizer sets up for it is no run's. */
static void
let_threads_begin(void)
{
    _Atomic guint n_here = 0;

    if (vigil_pool_acquire(2) == 2)
        vigil_pool_run(2, 2, NULL, meet, &n_here);
    vigil_pool_release();
}

START_TEST(a_session_allocates_nothing_for_a_run)
{
    const gchar *path = g_ptr_array_index(paths, (guint)_i);
    g_autoptr(VigilModel) model = vigil_model_load(path, NULL);
    g_autoptr(VigilSession) session = model ? vigil_session_new(model, 2, NULL) : NULL;
    guint before, counted;

    if (!session) /* some are refused, which other tests are about */
        return;
    let_threads_begin();
    vigil_session_run(session);
    before = vigil_heap_meter_count();
    vigil_session_run(session);
    vigil_session_run(session);
    counted = vigil_heap_meter_count() - before;
    ck_assert_msg(counted == 0, "%s: %u allocations in two runs", path, counted);
}
END_TEST

static VigilDetector *
open_detector(const gchar *path)
{
    g_autofree gchar *labels =
        g_str_equal(path, "default") ? NULL : vigil_test_data_path(SSD_LABELS);
    VigilDetectorOptions options = vigil_detector_options_defaults();

    options.model = path;
    options.labels = labels;
    /* so low that there are boxes */
    options.threshold = 0.02f;
    return vigil_detector_open(&options, NULL);
}

/* Checks nothing by itself, since that allocates. Returns: how many boxes. */
static gint
look(VigilDetector *detector, guint width, guint height)
{
    static guint8 pixels[640 * 480 * 3 / 2];
    const VigilImage image = {
        .format = VIGIL_PIXELS_I420,
        .width = (gint)width,
        .height = (gint)height,
        .planes = {pixels, pixels + width * height, pixels + width * height * 5 / 4},
        .strides = {(gint)width, (gint)width / 2, (gint)width / 2},
    };
    VigilDetection found[100];

    for (guint i = 0; i < sizeof pixels; i++)
        pixels[i] = (guint8)(i * 2654435761u >> 24);
    return vigil_detector_run(detector, &image, -1.0f, found, G_N_ELEMENTS(found));
}

/* From the camera's pixels to boxes, also when the camera's size changes in between and back; the first frame of a size is planned for. */
START_TEST(a_detector_allocates_nothing_for_a_frame)
{
    const gchar *path = _i == 0 ? "default" : g_ptr_array_index(paths, (guint)_i - 1);
    g_autoptr(VigilDetector) detector = open_detector(path);
    guint before, counted;
    gint n;

    if (!detector)
        return;
    look(detector, 640, 480);
    look(detector, 320, 240);
    before = vigil_heap_meter_count();
    look(detector, 320, 240);
    n = look(detector, 640, 480);
    counted = vigil_heap_meter_count() - before;
    ck_assert_msg(counted == 0, "%s: %u allocations in two frames", path, counted);
    ck_assert_int_gt(n, 0);
}
END_TEST

static gsize
resident(void)
{
    g_autofree gchar *statm = NULL;
    gulong all, pages;

    ck_assert(g_file_get_contents("/proc/self/statm", &statm, NULL, NULL));
    ck_assert_int_eq(sscanf(statm, "%lu %lu", &all, &pages), 2);
    return pages * 4096;
}

START_TEST(sessions_add_their_own_memory_only)
{
    g_autofree gchar *path = vigil_test_data_path(SSD);
    g_autoptr(VigilModel) model = path ? vigil_model_load(path, NULL) : NULL;
    VigilSession *sessions[N_SESSIONS];
    gsize one, all;

    if (!model)
        return;
    one = vigil_heap_meter_get_held();
    sessions[0] = vigil_session_new(model, 1, NULL);
    vigil_session_run(sessions[0]);
    one = vigil_heap_meter_get_held() - one;
    all = vigil_heap_meter_get_held();
    for (guint i = 1; i < N_SESSIONS; i++) {
        sessions[i] = vigil_session_new(model, 1, NULL);
        vigil_session_run(sessions[i]);
    }
    all = vigil_heap_meter_get_held() - all;
    g_print("a session: %.2f MB, seven more: %.2f MB\n", (gdouble)one / MEGABYTE,
            (gdouble)all / MEGABYTE);
    ck_assert_uint_le(all, one * (N_SESSIONS - 1) + MEGABYTE / 16);
    /* the arena of this model by its plan, and little else: its weights are 6.9 MB */
    ck_assert_uint_le(one, 4 * MEGABYTE);
    for (guint i = 0; i < N_SESSIONS; i++)
        vigil_session_free(sessions[i]);
}
END_TEST

START_TEST(ssd_is_small)
{
    g_autofree gchar *path = vigil_test_data_path(SSD);
    const gsize before = resident();
    g_autoptr(VigilDetector) detector = path ? open_detector(path) : NULL;

    if (!detector)
        return;
    ck_assert_int_ge(look(detector, 640, 480), 0);
    g_print("resident: %.1f MB, of these %.1f MB before the model was opened\n",
            (gdouble)resident() / MEGABYTE, (gdouble)before / MEGABYTE);
    ck_assert_uint_le(resident() - before, SSD_RESIDENT);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("memory");
    TCase *tcase = tcase_create("memory");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 120);
    paths = vigil_test_models();
    tcase_add_test(tcase, allocations_are_counted);
    if (vigil_heap_meter_works()) {
        tcase_add_loop_test(tcase, a_session_allocates_nothing_for_a_run, 0, (int)paths->len);
        tcase_add_loop_test(tcase, a_detector_allocates_nothing_for_a_frame, 0,
                            (int)paths->len + 1);
        tcase_add_test(tcase, sessions_add_their_own_memory_only);
    }
#if !defined(VIGIL_HEAP_METER_SANITIZED)
    tcase_add_test(tcase, ssd_is_small);
#endif
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_ptr_array_unref(paths);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
