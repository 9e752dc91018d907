/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors that ONNX Runtime runs, from picture to boxes. Skipped, with a message, where it or the test data is missing. */
#include <check.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/vigil-detector.h"
#include "models/vigil-model.h"
#include "tests/support/vigil-onnx-writer.h"
#include "tests/support/vigil-test-data.h"
#include "tests/support/vigil-test-image.h"

#define CAPACITY 100
#define CAT "images/tfex_cat1.png"
#define PEOPLE "images/dls_pedestrians.jpg"
#define YOLOX "models/yolox_nano.onnx"
#define NANODET "models/object_detection_nanodet_2022nov.onnx"
#define NANODET_INT8 "models/object_detection_nanodet_2022nov_int8.onnx"

/*
 * What ONNX Runtime 1.30 gives for pictures that ffmpeg scaled (bilinear, letterbox), decoded as the detectors' makers publish
 * it, by a program that shares nothing with this one. Weaker ones may be found, too: resampling differs.
 */
typedef struct {
    const gchar *label;
    gfloat score;
    VigilBox box;
} Golden;

static const struct {
    const gchar *model, *picture;
    guint n;
    Golden boxes[10];
} cases[] = {
    {YOLOX,
     CAT,
     3,
     {{"cat", 0.757f, {0.2425f, 0.2635f, 0.7777f, 0.7393f}},
      {"dog", 0.534f, {0.2523f, 0.2581f, 0.7758f, 0.7407f}},
      {"chair", 0.513f, {0.0348f, 0.0242f, 0.8863f, 0.9529f}}}},
    {YOLOX,
     PEOPLE,
     10,
     {{"person", 0.845f, {0.1167f, 0.5397f, 0.2395f, 1.0024f}},
      {"person", 0.838f, {0.6049f, 0.5761f, 0.7232f, 0.9143f}},
      {"person", 0.838f, {0.7277f, 0.5794f, 0.8079f, 0.8983f}},
      {"person", 0.831f, {0.2996f, 0.5480f, 0.4011f, 0.9375f}},
      {"person", 0.812f, {0.4133f, 0.5696f, 0.4987f, 0.9033f}},
      {"person", 0.794f, {0.5420f, 0.5767f, 0.6038f, 0.8034f}},
      {"person", 0.761f, {0.2317f, 0.5504f, 0.3089f, 0.9154f}},
      {"person", 0.748f, {0.4924f, 0.5697f, 0.5445f, 0.7934f}},
      {"person", 0.747f, {0.7924f, 0.5755f, 0.8625f, 0.8840f}},
      {"person", 0.725f, {0.8515f, 0.6025f, 0.9309f, 0.8890f}}}},
    {NANODET, CAT, 1, {{"cat", 0.654f, {0.2566f, 0.2633f, 0.7901f, 0.7525f}}}},
    {NANODET,
     PEOPLE,
     5,
     {{"person", 0.754f, {0.1206f, 0.5510f, 0.2399f, 1.0073f}},
      {"person", 0.745f, {0.4911f, 0.5702f, 0.5442f, 0.7884f}},
      {"person", 0.737f, {0.2996f, 0.5430f, 0.4186f, 0.9489f}},
      {"person", 0.690f, {0.5404f, 0.5804f, 0.6078f, 0.8107f}},
      {"person", 0.633f, {0.6101f, 0.5884f, 0.7243f, 0.9189f}}}},
    {NANODET_INT8, CAT, 1, {{"cat", 0.690f, {0.2564f, 0.2612f, 0.7969f, 0.7571f}}}},
    {NANODET_INT8,
     PEOPLE,
     5,
     {{"person", 0.725f, {0.2966f, 0.5445f, 0.4156f, 0.9472f}},
      {"person", 0.715f, {0.5395f, 0.5806f, 0.6083f, 0.8118f}},
      {"person", 0.693f, {0.4923f, 0.5723f, 0.5442f, 0.7915f}},
      {"person", 0.630f, {0.6090f, 0.5892f, 0.7296f, 0.9227f}},
      {"person", 0.630f, {0.1171f, 0.5624f, 0.2414f, 1.0099f}}}},
};

/* NULL, after a message, where there is no ONNX Runtime. */
static VigilDetector *
open_path(const gchar *path, const gchar *labels, gfloat threshold)
{
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(GError) error = NULL;
    VigilDetector *detector;

    options.model = path;
    options.labels = labels;
    options.threshold = threshold;
    options.threads = 2;
    detector = vigil_detector_open(&options, &error);
    if (detector)
        return detector;
    ck_assert_msg(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED) &&
                      strstr(error->message, "ONNX Runtime, which"),
                  "%s", error->message);
    fprintf(stderr, "SKIP: %s\n", error->message);
    return NULL;
}

static VigilDetector *
open_detector(const gchar *model, gfloat threshold)
{
    g_autofree gchar *path = vigil_test_data_path(model);
    g_autofree gchar *labels = vigil_test_data_path("labels/coco_80.txt");

    return path && labels ? open_path(path, labels, threshold) : NULL;
}

static guint
detect(VigilDetector *detector, const gchar *picture, VigilDetection *found)
{
    g_autofree gchar *path = vigil_test_data_path(picture);
    VigilImage image;
    gint n;

    ck_assert_ptr_nonnull(path);
    ck_assert(vigil_test_image_load(path, &image));
    n = vigil_detector_run(detector, &image, -1, found, CAPACITY);
    vigil_test_image_clear(&image);
    ck_assert_int_ge(n, 0);
    return (guint)n;
}

static gboolean
is_golden(const VigilDetection *found, const Golden *golden, gfloat slack)
{
    return g_str_equal(found->label, golden->label) &&
           vigil_box_iou(&found->box, &golden->box) >= 0.85f &&
           fabsf(found->score - golden->score) <= slack;
}

/* Quantized steps are coarse, and another resampling takes some of them: more slack. */
START_TEST(test_golden)
{
    const gboolean coarse = g_str_equal(cases[_i].model, NANODET_INT8);
    g_autoptr(VigilDetector) detector = open_detector(cases[_i].model, coarse ? 0.4f : 0.45f);
    VigilDetection found[CAPACITY];
    const guint n = detector ? detect(detector, cases[_i].picture, found) : 0;

    for (guint i = 0; detector && i < cases[_i].n; i++) {
        const Golden *golden = &cases[_i].boxes[i];
        gboolean seen = FALSE;

        for (guint k = 0; k < n && !seen; k++)
            seen = is_golden(&found[k], golden, coarse ? 0.12f : 0.05f);
        ck_assert_msg(seen, "%s, %s: no %s of %g at %g %g", cases[_i].model, cases[_i].picture,
                      golden->label, golden->score, golden->box.x0, golden->box.y0);
    }
    for (guint k = 0; k < n; k++) {
        gboolean known = found[k].score < 0.56f;

        for (guint i = 0; i < cases[_i].n && !known; i++)
            known = is_golden(&found[k], &cases[_i].boxes[i], 0.15f);
        ck_assert_msg(known, "%s, %s: %s of %g is not expected", cases[_i].model, cases[_i].picture,
                      found[k].label, found[k].score);
    }
}
END_TEST

/* A manifest that says what is guessed otherwise gives the same boxes; one that says something else is obeyed. */
START_TEST(test_package)
{
    static const gchar *const manifests[] = {
        "[model]\nname = m\nfile = m.onnx\ndecoder = yolox\ncoordinates = cells\n"
        "[input]\nresize = letterbox\ncolour = bgr\nmean = 0\nstd = 1\n[detect]\nthreshold = "
        "0.45\n",
        "[model]\nname = m\nfile = m.onnx\n[input]\nstd = 255\n[detect]\nthreshold = 0.45\n",
        "[model]\nname = m\nfile = m.onnx\ndecoder = nanodet\n",
    };
    g_autofree gchar *relative = vigil_test_data_path(YOLOX);
    g_autofree gchar *path = relative ? g_canonicalize_filename(relative, NULL) : NULL;
    g_autoptr(VigilDetector) bare = open_detector(YOLOX, 0.45f);
    g_autofree gchar *directory = g_dir_make_tmp("vigil-onnx-XXXXXX", NULL);
    g_autofree gchar *model = g_build_filename(directory, "m.onnx", NULL);
    g_autofree gchar *manifest = g_build_filename(directory, "manifest.ini", NULL);
    VigilDetection wanted[CAPACITY], found[CAPACITY];
    VigilDetectorOptions options = vigil_detector_options_defaults();
    guint n;

    options.model = directory;
    for (guint i = 0; bare && i < G_N_ELEMENTS(manifests); i++) {
        g_autoptr(VigilDetector) detector = NULL;
        g_autoptr(GError) error = NULL;

        ck_assert_int_eq(i == 0 ? symlink(path, model) : 0, 0);
        ck_assert(g_file_set_contents(manifest, manifests[i], -1, NULL));
        detector = vigil_detector_open(&options, &error);
        ck_assert_msg((detector != NULL) == (i < 2), "%s", error ? error->message : "opened");
        n = detector ? detect(bare, CAT, wanted) : 0;
        if (i == 0) {
            ck_assert_uint_eq(detect(detector, CAT, found), n);
            for (guint k = 0; k < n; k++)
                ck_assert(found[k].score == wanted[k].score &&
                          vigil_box_iou(&found[k].box, &wanted[k].box) > 0.999f);
        } else if (i == 1) {
            ck_assert_uint_lt(detect(detector, CAT, found), n); /* almost black to this model */
        } else {
            ck_assert_ptr_nonnull(strstr(error->message, "a NanoDet head is"));
        }
    }
    g_remove(model);
    g_remove(manifest);
    g_rmdir(directory);
}
END_TEST

/*
 * A float YOLOv8 head, [1, 4 + classes, N], with nothing in it but one box of constants; names as Ultralytics' exporter
 * writes them. Box and score are what the head says, whatever the picture.
 */
static GBytes *
write_yolov8(void)
{
    static const gint64 image[] = {1, 3, 64, 64}, shape[] = {1, 6, 84};
    static gfloat head[6 * 84];
    static const gfloat zero = 0;
    VigilOnnxWriter *writer = vigil_onnx_writer_new();

    for (guint i = 0; i < 84; i++)
        head[i] = 63; /* centres in pixels */
    for (guint i = 0; i < 4; i++)
        head[i * 84 + 17] = i < 2 ? 32 : 16;
    head[5 * 84 + 17] = 0.75f;
    vigil_onnx_writer_input(writer, "images", VIGIL_ONNX_FLOAT, 4, image);
    vigil_onnx_writer_constant(writer, "head", VIGIL_ONNX_FLOAT, head, 6 * 84);
    vigil_onnx_writer_constant(writer, "zero", VIGIL_ONNX_FLOAT, &zero, 1);
    vigil_onnx_writer_constant(writer, "shape", VIGIL_ONNX_INT64, shape, 3);
    vigil_onnx_writer_node(writer, "ReduceMax", "images", NULL, "brightest", "keepdims", 0);
    vigil_onnx_writer_node(writer, "Mul", "brightest", "zero", "nothing", NULL, 0);
    vigil_onnx_writer_node(writer, "Add", "head", "nothing", "all", NULL, 0);
    vigil_onnx_writer_node(writer, "Reshape", "all", "shape", "output0", NULL, 0);
    vigil_onnx_writer_output(writer, "output0", VIGIL_ONNX_FLOAT, 3, shape);
    vigil_onnx_writer_metadata(writer, "names", "{0: 'hen', 1: 'duck'}");
    return vigil_onnx_writer_finish(writer);
}

START_TEST(test_yolov8_with_names)
{
    g_autofree gchar *path = NULL;
    g_autoptr(GBytes) bytes = write_yolov8();
    g_autoptr(VigilDetector) detector = NULL;
    const gint fd = g_file_open_tmp("vigil-test-XXXXXX.onnx", &path, NULL);
    VigilImage image = vigil_test_image_noise(VIGIL_PIXELS_RGB, 128, 128, 5);
    VigilDetection found[CAPACITY];

    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert(g_file_set_contents(path, g_bytes_get_data(bytes, NULL),
                                  (gssize)g_bytes_get_size(bytes), NULL));
    detector = open_path(path, NULL, 0.5f);
    if (detector) {
        ck_assert_uint_eq(vigil_detector_get_n_labels(detector), 2);
        ck_assert_int_eq(vigil_detector_run(detector, &image, -1, found, CAPACITY), 1);
        ck_assert_str_eq(found[0].label, "duck");
        ck_assert_float_eq_tol(found[0].score, 0.75, 1e-6);
        ck_assert_float_eq_tol(found[0].box.x0, 24 / 64.0, 1e-5);
        ck_assert_float_eq_tol(found[0].box.y1, 40 / 64.0, 1e-5);
    }
    vigil_test_image_clear(&image);
    g_remove(path);
}
END_TEST

/* Not a detector, and one whose outputs have no scale. */
START_TEST(test_refused)
{
    static const gchar *const models[] = {"models/mobilenet_v1_0.5_128_quant.onnx",
                                          "models/synthetic_ssd_mobilenet_v2_300_uint8_qdq.onnx"};
    g_autofree gchar *path = vigil_test_data_path(models[_i]);
    g_autoptr(VigilDetector) probe = open_detector(YOLOX, -1);
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(GError) error = NULL;

    if (!path || !probe)
        return;
    options.model = path;
    ck_assert_ptr_null(vigil_detector_open(&options, &error));
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED));
    ck_assert_ptr_nonnull(strstr(error->message, "the model has"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("detector-onnx");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, test_golden, 0, G_N_ELEMENTS(cases));
    tcase_add_test(all, test_package);
    tcase_add_test(all, test_yolov8_with_names);
    tcase_add_loop_test(all, test_refused, 0, 2);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
