/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-detector.h"
#include "models/vigil-model.h"
#include "tests/support/vigil-test-data.h"
#include "tests/support/vigil-test-image.h"
#include "tests/support/vigil-test-reference.h"

#define SSD_V1 "models/ssd_mobilenet_v1_coco_quant_300.tflite"
#define CAPACITY 100

/* Sanitizers make inference many times slower: fewer pictures will do then. */
#if defined(__SANITIZE_ADDRESS__)
#define FEWER_PICTURES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FEWER_PICTURES 1
#endif
#endif
#ifdef FEWER_PICTURES
#define PICTURES(n) MIN(n, 1)
#else
#define PICTURES(n) (n)
#endif

/* NULL, after a message, when the test data is missing. */
static VigilDetector *
open_detector(const gchar *model, const gchar *labels, gfloat threshold, gfloat iou_threshold)
{
    g_autofree gchar *model_path = vigil_test_data_path(model);
    g_autofree gchar *labels_path = labels ? vigil_test_data_path(labels) : NULL;
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(GError) error = NULL;
    VigilDetector *detector;

    if (!model_path || (labels && !labels_path))
        return NULL;
    options.model = model_path;
    options.labels = labels_path;
    options.threshold = threshold;
    options.iou_threshold = iou_threshold;
    detector = vigil_detector_open(&options, &error);
    g_assert_no_error(error);
    return detector;
}

static guint
detect_file(VigilDetector *detector, const gchar *file, VigilDetection *found, VigilImage *image)
{
    g_autofree gchar *path = vigil_test_data_path(file);
    guint n;

    ck_assert_ptr_nonnull(path);
    ck_assert(vigil_test_image_load(path, image));
    n = vigil_detector_run(detector, image, -1, found, CAPACITY);
    for (guint i = 1; i < n; i++)
        ck_assert(found[i].score <= found[i - 1].score);
    return n;
}

/* What Google's own test of this model expects (reference/published_expectations.json). */
START_TEST(test_published)
{
    static const struct {
        const gchar *label;
        gfloat score, box[4];
    } wanted[] = {{"cat", 0.77734375f, {69, 58, 227, 171}},
                  {"couch", 0.5859375f, {13, 6, 283, 215}},
                  {"chair", 0.55078125f, {45, 27, 257, 184}}};
    g_autoptr(VigilDetector) detector =
        open_detector(SSD_V1, "labels/coco_labels_90_coral.txt", 0.5f, -1);
    VigilDetection found[CAPACITY];
    VigilImage image;

    if (!detector)
        return;
    ck_assert_uint_eq(detect_file(detector, "images/tfex_cat1.png", found, &image), 3);
    for (guint i = 0; i < 3; i++) {
        const gfloat box[] = {found[i].box.x0 * image.width, found[i].box.y0 * image.height,
                              found[i].box.x1 * image.width, found[i].box.y1 * image.height};

        ck_assert_str_eq(found[i].label, wanted[i].label);
        ck_assert_float_eq_tol(found[i].score, wanted[i].score, 0.03);
        for (guint k = 0; k < 4; k++)
            ck_assert_msg(fabsf(box[k] - wanted[i].box[k]) <= 3, "%s edge %u: %.1f, not %.1f",
                          found[i].label, k, box[k], wanted[i].box[k]);
    }
    vigil_test_image_clear(&image);
}
END_TEST

/* The model on images, as another runtime computed it with another resampling: what is clear there is found here. */
START_TEST(test_reference_images)
{
    g_autofree gchar *path = vigil_test_data_path("reference/ssd_v1_images.jsonl");
    g_autoptr(VigilDetector) detector =
        open_detector(SSD_V1, "labels/coco_labels_90_coral.txt", 0.3f, 1);
    g_autoptr(GPtrArray) references = NULL;
    guint n_files = 0, n_clear = 0, n_seen = 0;

    if (!path || !detector)
        return;
    references = vigil_test_reference_load(path);
    for (guint r = 0; r < PICTURES(references->len); r++) {
        const VigilTestReference *reference = references->pdata[r];
        VigilDetection found[CAPACITY];
        VigilImage image;
        guint n;

        if (g_str_has_suffix(reference->file, ".bmp"))
            continue;
        n_files++;
        n = detect_file(detector, reference->file, found, &image);
        for (guint i = 0; i < reference->detections->len; i++) {
            const VigilDetection *wanted = &g_array_index(reference->detections, VigilDetection, i);
            gboolean seen = FALSE;

            for (guint k = 0; k < n; k++)
                seen = seen || (found[k].label == wanted->label &&
                                vigil_box_iou(&found[k].box, &wanted->box) > 0.8f &&
                                fabsf(found[k].score - wanted->score) < 0.1f);
            n_clear += wanted->score >= 0.55f;
            n_seen += seen && wanted->score >= 0.55f;
        }
        ck_assert_uint_gt(n, 0);
        vigil_test_image_clear(&image);
    }
    ck_assert_uint_ge(n_files, PICTURES(6));
    ck_assert_msg(PICTURES(2) < 2 || n_seen * 10 >= n_clear * 9, "%u of %u clear objects", n_seen,
                  n_clear);
}
END_TEST

static const struct {
    const gchar *model, *labels;
    guint recall, precision; /* percent: of the large objects found; of the boxes that are right */
} models[] = {
    {SSD_V1, "labels/coco_labels_90_coral.txt", 60, 55},
    {"models/yolov8n_full_integer_quant_416.tflite", NULL, 60, 85},
    {"models/yolov8n_integer_quant_416.tflite", NULL, 60, 85},
    {"models/yolov5n-int8.tflite", "labels/coco_80.txt", 35, 85},
    {"models/st_ssd_mobilenet_v2_fpnlite_100_256_int8.tflite", "labels/coco_80_st.txt", 55, 85},
};

static gboolean
overlaps(const VigilDetection *found, const VigilDetection *wanted)
{
    return found->label == wanted->label && vigil_box_iou(&found->box, &wanted->box) >= 0.45f;
}

/* Every decoder finds the right classes at the right places on pictures that people annotated. */
START_TEST(test_coco)
{
    g_autofree gchar *path = vigil_test_data_path("reference/coco_subset_annotations.json");
    g_autoptr(VigilDetector) detector =
        open_detector(models[_i].model, models[_i].labels, 0.5f, -1);
    g_autoptr(GPtrArray) references = NULL;
    guint n_large = 0, n_large_found = 0, n_found = 0, n_right = 0;

    if (!path || !detector)
        return;
    references = vigil_test_reference_load_coco(path);
    for (guint r = 0; r < PICTURES(references->len); r++) {
        const VigilTestReference *reference = references->pdata[r];
        VigilDetection found[CAPACITY];
        VigilImage image;
        const guint n = detect_file(detector, reference->file, found, &image);

        vigil_test_image_clear(&image);
        n_found += n;
        for (guint k = 0; k < n; k++) {
            gboolean right = FALSE;

            for (guint i = 0; i < reference->detections->len; i++)
                right = right || overlaps(&found[k],
                                          &g_array_index(reference->detections, VigilDetection, i));
            n_right += right;
        }
        for (guint i = 0; i < reference->detections->len; i++) {
            const VigilDetection *wanted = &g_array_index(reference->detections, VigilDetection, i);
            gboolean seen = FALSE;

            for (guint k = 0; k < n; k++)
                seen = seen || overlaps(&found[k], wanted);
            n_large += vigil_box_area(&wanted->box) > 0.05f;
            n_large_found += seen && vigil_box_area(&wanted->box) > 0.05f;
        }
    }
    if (PICTURES(2) < 2)
        return;
    ck_assert_msg(n_large_found * 100 >= n_large * models[_i].recall, "%s: %u of %u large objects",
                  models[_i].model, n_large_found, n_large);
    ck_assert_msg(n_right * 100 >= n_found * models[_i].precision, "%s: %u of %u boxes right",
                  models[_i].model, n_right, n_found);
}
END_TEST

/* The same picture in every pixel format gives the same objects. */
START_TEST(test_formats_agree)
{
    static const VigilPixelFormat formats[] = {VIGIL_PIXELS_BGR, VIGIL_PIXELS_RGBX,
                                               VIGIL_PIXELS_BGRX};
    g_autoptr(VigilDetector) detector =
        open_detector(SSD_V1, "labels/coco_labels_90_coral.txt", 0.5f, -1);
    VigilDetection wanted[CAPACITY], found[CAPACITY];
    VigilImage rgb;
    guint n;

    if (!detector)
        return;
    n = detect_file(detector, "images/tfex_cat1.png", wanted, &rgb);
    for (guint f = 0; f < G_N_ELEMENTS(formats); f++) {
        const guint step = formats[f] == VIGIL_PIXELS_BGR ? 3 : 4;
        const gboolean blue_first = formats[f] != VIGIL_PIXELS_RGBX;
        g_autofree guint8 *pixels = g_malloc0((gsize)rgb.width * rgb.height * step);
        const VigilImage image = {.format = formats[f],
                                  .width = rgb.width,
                                  .height = rgb.height,
                                  .planes = {pixels},
                                  .strides = {rgb.width * step}};

        for (gsize i = 0; i < (gsize)rgb.width * rgb.height; i++) {
            for (guint c = 0; c < 3; c++)
                pixels[i * step + (blue_first ? 2 - c : c)] = rgb.planes[0][i * 3 + c];
        }
        ck_assert_uint_eq(vigil_detector_run(detector, &image, -1, found, CAPACITY), n);
        for (guint i = 0; i < n; i++) {
            ck_assert_ptr_eq(found[i].label, wanted[i].label);
            ck_assert_float_eq(found[i].score, wanted[i].score);
        }
    }
    vigil_test_image_clear(&rgb);
}
END_TEST

START_TEST(test_thresholds_and_room)
{
    g_autoptr(VigilDetector) detector =
        open_detector(SSD_V1, "labels/coco_labels_90_coral.txt", 0.5f, 1);
    VigilDetection found[CAPACITY];
    VigilImage image;

    if (!detector)
        return;
    ck_assert_uint_eq(detect_file(detector, "images/tfex_cat1.png", found, &image), 3);
    ck_assert_uint_eq(vigil_detector_run(detector, &image, 0.7f, found, CAPACITY), 1);
    ck_assert_uint_eq(vigil_detector_run(detector, &image, 0.1f, found, CAPACITY), 3);
    ck_assert_uint_eq(vigil_detector_run(detector, &image, -1, found, 2), 2);
    ck_assert_uint_eq(vigil_detector_run(detector, &image, -1, found, 0), 0);
    ck_assert_uint_eq(vigil_detector_get_n_labels(detector), 90);
    ck_assert_uint_eq(vigil_detector_get_max_detections(detector), 100);
    ck_assert_str_eq(vigil_detector_get_label(detector, 0), "person");
    ck_assert_str_eq(vigil_detector_get_label(detector, 90), "class 90");
    ck_assert_str_eq(vigil_detector_get_label(detector, -1), "class -1");
    ck_assert_str_eq(vigil_detector_get_name(detector), "ssd_mobilenet_v1_coco_quant_300.tflite");
    ck_assert_str_eq(vigil_detector_get_sha256(detector),
                     "e4b118e5e4531945de2e659742c7c590f7536f8d0ed26d135abcfe83b4779d13");
    image.strides[0] = 1;
    ck_assert_int_eq(vigil_detector_run(detector, &image, -1, found, CAPACITY), -1);
    vigil_test_image_clear(&image);
}
END_TEST

/* Opening must fail and say @says. */
static void
refuse(const gchar *model, const gchar *labels, const gchar *says)
{
    g_autofree gchar *labels_path = labels ? vigil_test_data_path(labels) : NULL;
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(GError) error = NULL;

    options.model = model;
    options.labels = labels_path;
    ck_assert_ptr_null(vigil_detector_open(&options, &error));
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(error->domain == VIGIL_MODEL_ERROR && strstr(error->message, says) != NULL, "%s",
                  error->message);
}

START_TEST(test_refused)
{
    g_autofree gchar *ssd = vigil_test_data_path(SSD_V1);
    g_autofree gchar *classifier = vigil_test_data_path("models/mobilenet_v1_0.5_128_quant.tflite");
    g_autofree gchar *text = vigil_test_data_path("labels/coco_80.txt");

    refuse(NULL, NULL, "no model given");
    refuse("/nowhere/model.tflite", NULL, "/nowhere/model.tflite");
    refuse("/", NULL, "manifest.ini");
    if (!ssd || !classifier || !text)
        return;
    refuse(text, NULL, "");
    refuse(classifier, NULL, "1 output: uint8 [1, 1001]: no box decoder fits");
    refuse(ssd, "labels/coco_80.txt", "has 80 labels, but the model tells 90 classes apart");
    refuse(ssd, "labels/imagenet_labels_1001.txt", "1001 labels");
}
END_TEST

START_TEST(test_shared)
{
    g_autofree gchar *path = vigil_test_data_path(SSD_V1);
    VigilDetectorOptions options = vigil_detector_options_defaults();
    VigilDetector *a, *b, *c;
    GError *error = NULL;

    if (!path)
        return;
    options.model = path;
    a = vigil_detector_open_shared("one", &options, &error);
    g_assert_no_error(error);
    b = vigil_detector_open_shared("one", &options, &error);
    ck_assert_ptr_eq(a, b);
    c = vigil_detector_open_shared("two", &options, &error);
    ck_assert_ptr_ne(a, c);
    options.threshold = 0.9f;
    ck_assert_ptr_null(vigil_detector_open_shared("one", &options, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "\"one\" is in use with other options"));
    g_clear_error(&error);
    vigil_detector_unref(a);
    ck_assert_ptr_null(vigil_detector_open_shared("one", &options, &error));
    g_clear_error(&error);
    vigil_detector_unref(b);
    /* the last one went: the id is free again */
    a = vigil_detector_open_shared("one", &options, &error);
    g_assert_no_error(error);
    ck_assert_str_eq(vigil_detector_get_label(a, 3), "class 3");
    vigil_detector_unref(a);
    vigil_detector_unref(c);
    options.model = "/nowhere";
    ck_assert_ptr_null(vigil_detector_open_shared("one", &options, &error));
    g_clear_error(&error);
}
END_TEST

static gpointer
run_often(gpointer data)
{
    VigilDetector *detector = data;
    VigilImage image = vigil_test_image_noise(VIGIL_PIXELS_NV12, 64, 48, 1);
    VigilDetection found[CAPACITY];
    guint n = 0;

    for (guint i = 0; i < 5; i++)
        n += vigil_detector_run(detector, &image, -1, found, CAPACITY);
    vigil_test_image_clear(&image);
    vigil_detector_unref(detector);
    return GUINT_TO_POINTER(n);
}

START_TEST(test_threads)
{
    VigilDetector *detector = open_detector(SSD_V1, "labels/coco_labels_90_coral.txt", 0.05f, 1);
    GThread *threads[4];
    gpointer first = NULL;

    if (!detector)
        return;
    for (guint i = 0; i < 4; i++)
        threads[i] = g_thread_new(NULL, run_often, vigil_detector_ref(detector));
    for (guint i = 0; i < 4; i++) {
        const gpointer n = g_thread_join(threads[i]);

        first = i == 0 ? n : first;
        ck_assert_ptr_eq(n, first);
    }
    vigil_detector_unref(detector);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("detector");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, test_published);
    tcase_add_test(tests, test_reference_images);
    tcase_add_loop_test(tests, test_coco, 0, G_N_ELEMENTS(models));
    tcase_add_test(tests, test_formats_agree);
    tcase_add_test(tests, test_thresholds_and_room);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_shared);
    tcase_add_test(tests, test_threads);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
