/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/vigil-detector.h"
#include "models/vigil-labels.h"
#include "models/vigil-package.h"
#include "tests/support/vigil-test-data.h"

#define MINIMAL "[model]\nname = m\nfile = m.tflite\n"

static VigilPackage *
parse(const gchar *manifest, GError **error)
{
    return vigil_package_parse("/pkg", manifest, strlen(manifest), error);
}

START_TEST(test_minimal)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilPackage) package = parse(MINIMAL, &error);

    g_assert_no_error(error);
    ck_assert_str_eq(package->name, "m");
    ck_assert_str_eq(package->model_path, "/pkg/m.tflite");
    ck_assert_ptr_null(package->labels_path);
    ck_assert_int_eq(package->decoder, VIGIL_DECODER_GUESS);
    ck_assert(!package->has_resize && !package->preprocess.normalise);
    ck_assert_uint_eq(package->preprocess.pad, 114);
    ck_assert_float_lt(package->threshold, 0);
    ck_assert_float_lt(package->iou_threshold, 0);
    ck_assert_uint_eq(package->max_detections, 0);
}
END_TEST

START_TEST(test_everything)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilPackage) package = parse(
        MINIMAL
        "version = 1.2\nlabels = sub/labels.txt\nlicence = Apache-2.0\nprovenance = trained here\n"
        "sha256 = 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
        "decoder = yolov8\ncoordinates = pixels\n"
        "[input]\nresize = letterbox\ncolour = bgr\nmean = 1, 2.5, 3\nstd = 128\npad = 0\n"
        "[detect]\nthreshold = 0.4\niou_threshold = 0.6\nmax_detections = 20\n"
        "[golden]\ninput = in.raw\nboxes = boxes.tsv\n",
        &error);

    g_assert_no_error(error);
    ck_assert_str_eq(package->labels_path, "/pkg/sub/labels.txt");
    ck_assert_str_eq(package->provenance, "trained here");
    ck_assert_int_eq(package->decoder, VIGIL_DECODER_YOLOV8);
    ck_assert_int_eq(package->coordinates, VIGIL_COORDINATES_PIXELS);
    ck_assert(package->has_resize && package->preprocess.normalise);
    ck_assert_int_eq(package->preprocess.resize, VIGIL_RESIZE_LETTERBOX);
    ck_assert_int_eq(package->preprocess.colour, VIGIL_COLOUR_BGR);
    ck_assert_float_eq(package->preprocess.mean[1], 2.5f);
    ck_assert_float_eq(package->preprocess.std[2], 128);
    ck_assert_uint_eq(package->preprocess.pad, 0);
    ck_assert_float_eq(package->threshold, 0.4f);
    ck_assert_uint_eq(package->max_detections, 20);
    ck_assert_str_eq(package->golden_boxes, "/pkg/boxes.tsv");
}
END_TEST

static const struct {
    const gchar *manifest, *says;
} mistakes[] = {
    {"", "[model] name: a package needs a name"},
    {"[model]\nname = m\n", "[model] file: a package needs the name of its .tflite or .onnx file"},
    {"[model]\nfile = m.tflite\n", "[model] name"},
    {"name = m\n", "manifest.ini: "},
    {"[model\n", "manifest.ini: "},
    {"\xff\xfe", "not UTF-8"},
    {MINIMAL "lables = x\n", "[model] lables: unknown key; did you mean \"labels\"?"},
    {MINIMAL "[detcet]\nthreshold = 1\n", "unknown group [detcet]; did you mean [detect]?"},
    {MINIMAL "[detect]\ntreshold = 0.5\n",
     "[detect] treshold: unknown key; did you mean \"threshold\"?"},
    {MINIMAL "a_key_that_is_longer_than_every_known_one_by_far = x\n", "unknown key"},
    {"[model]\nname = m\nfile = /etc/passwd\n",
     "[model] file: \"/etc/passwd\" must be the name of a file inside"},
    {"[model]\nname = m\nfile = a/../../b\n", "must be the name of a file inside the package"},
    {"[model]\nname = m\nfile =\n", "must be the name of a file inside the package"},
    {MINIMAL "labels = ..\n", "[model] labels"},
    {MINIMAL "decoder = yolov9\n",
     "\"yolov9\" is none of: ssd-postprocess, ssd-anchors, yolov5, yolov8, anchor-free"},
    {MINIMAL "coordinates = px\n", "[model] coordinates: \"px\" is none of: normalised, pixels"},
    {MINIMAL "sha256 = 12\n", "[model] sha256: must be 64"},
    {MINIMAL "[input]\nresize = crop\n", "[input] resize: \"crop\" is none of: stretch, letterbox"},
    {MINIMAL "[input]\ncolour = cmyk\n", "[input] colour"},
    {MINIMAL "[input]\nmean = 1, 2\n", "[input] mean: \"1, 2\" must be one number, or three"},
    {MINIMAL "[input]\nmean = a\n", "[input] mean"},
    {MINIMAL "[input]\nmean = nan\n", "[input] mean"},
    {MINIMAL "[input]\nstd = 0\n", "[input] std: must be above 0"},
    {MINIMAL "[input]\nstd = 1,-1,1\n", "[input] std: must be above 0"},
    {MINIMAL "[input]\npad = 300\n", "[input] pad: \"300\" must be a number from 0 to 255"},
    {MINIMAL "[detect]\nthreshold = 1.5\n",
     "[detect] threshold: \"1.5\" must be a number from 0 to 1"},
    {MINIMAL "[detect]\nthreshold = 0,5\n", "[detect] threshold"},
    {MINIMAL "[detect]\niou_threshold = high\n", "[detect] iou_threshold: \"high\""},
    {MINIMAL "[detect]\nmax_detections = 0\n", "[detect] max_detections"},
    {MINIMAL "[detect]\nmax_detections = 2.5\n", "[detect] max_detections: must be a whole number"},
    {MINIMAL "[golden]\ninput = in.raw\n", "[golden] boxes: missing"},
    {MINIMAL "[golden]\nboxes = b.tsv\n", "[golden] input: missing"},
};

START_TEST(test_mistakes)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(!parse(mistakes[_i].manifest, &error), "accepted: %s", mistakes[_i].manifest);
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID);
    ck_assert_msg(g_str_has_prefix(error->message, "/pkg/manifest.ini: "), "%s", error->message);
    ck_assert_msg(strstr(error->message, mistakes[_i].says) != NULL, "%s", error->message);
}
END_TEST

/* A package in a folder of its own, thrown away at the end. */
typedef struct {
    gchar *folder;
} Fixture;

static Fixture fixture;

static void
set_up(void)
{
    fixture.folder = g_dir_make_tmp("vigil-package-XXXXXX", NULL);
}

static void
tear_down(void)
{
    GDir *dir = g_dir_open(fixture.folder, 0, NULL);

    for (const gchar *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
        g_autofree gchar *path = g_build_filename(fixture.folder, name, NULL);

        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(fixture.folder);
    g_free(fixture.folder);
}

static void
write_file(const gchar *name, const gchar *content)
{
    g_autofree gchar *path = g_build_filename(fixture.folder, name, NULL);

    ck_assert(g_file_set_contents(path, content, -1, NULL));
}

static void
copy_file(const gchar *from, const gchar *name)
{
    g_autofree gchar *path = g_build_filename(fixture.folder, name, NULL);
    g_autofree gchar *data = NULL;
    gsize size;

    ck_assert(g_file_get_contents(from, &data, &size, NULL));
    ck_assert(g_file_set_contents(path, data, (gssize)size, NULL));
}

static const VigilDetection person = {{0.1f, 0.1f, 0.3f, 0.5f}, 0.8f, 0, "person"};

/* Whether the boxes in @tsv go with one person found; the message otherwise. */
static gchar *
check_boxes(const gchar *tsv, guint n)
{
    g_autofree gchar *path = g_build_filename(fixture.folder, "boxes.tsv", NULL);
    const VigilPackage package = {.golden_boxes = path};
    VigilDetection found[2] = {person, person};
    GError *error = NULL;
    gchar *message = NULL;

    found[0].label = found[1].label = g_intern_string("person");
    found[1].box = (VigilBox){0.6f, 0.1f, 0.8f, 0.5f};
    if (tsv)
        write_file("boxes.tsv", tsv);
    else
        g_unlink(path);
    if (!vigil_package_check_golden(&package, found, n, 0.5f, &error)) {
        message = g_strdup(error->message);
        g_clear_error(&error);
    }
    return message;
}

START_TEST(test_golden_boxes)
{
    static const struct {
        const gchar *tsv;
        guint n;
        const gchar *says;
    } cases[] = {
        {"# label score box\nperson\t0.8\t0.1\t0.1\t0.3\t0.5\n", 1, NULL},
        {"person\t0.82\t0.102\t0.1\t0.3\t0.5\n", 1, NULL},
        {"person\t0.8\t0.1\t0.1\t0.3\t0.5\nperson\t0.8\t0.6\t0.1\t0.8\t0.5", 2, NULL},
        {"person\t0.8\t0.1\t0.1\t0.3\t0.5\ncat\t0.51\t0.6\t0.1\t0.8\t0.5", 1, NULL},
        {"person\t0.84\t0.1\t0.1\t0.3\t0.5\n", 1, "do not come out: missing is \"person\" 0.840"},
        {"cat\t0.8\t0.1\t0.1\t0.3\t0.5\n", 1, "missing is \"cat\""},
        {"person\t0.8\t0.1\t0.1\t0.35\t0.5\n", 1, "missing is"},
        {"person\t0.8\t0.1\t0.1\t0.3\t0.5\nperson\t0.8\t0.1\t0.1\t0.3\t0.5\n", 1,
         "(2 boxes expected, 1 found)"},
        {"person\t0.8\t0.1\t0.1\t0.3\t0.5\n", 2, "not expected was \"person\""},
        {"person\t0.8\t0.1\t0.1\t0.3\t0.5\n", 0, "missing is"},
        {"person 0.8 0.1 0.1 0.3 0.5\n", 1, "boxes.tsv:1: a box is a line of label"},
        {"\nperson\t0.8\t0.1\t0.1\t0.3\tx\n", 1, "boxes.tsv:2: "},
        {"person\t0.8\t0.3\t0.1\t0.1\t0.5\n", 1, "boxes.tsv:1: "},
        {"# nothing\n", 1, "a golden input must show something"},
        {NULL, 1, "cannot read the golden boxes"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *message = check_boxes(cases[i].tsv, cases[i].n);

        if (cases[i].says)
            ck_assert_msg(message && strstr(message, cases[i].says), "%u: %s", i, message);
        else
            ck_assert_msg(!message, "%u: %s", i, message);
    }
}
END_TEST

/* A pipe that nobody writes to must not hold anyone up, whichever file of the package it stands for. */
START_TEST(test_pipes)
{
    g_autofree gchar *path = g_build_filename(fixture.folder, "manifest.ini", NULL);
    g_autofree gchar *boxes = g_build_filename(fixture.folder, "boxes.tsv", NULL);
    const VigilPackage package = {.golden_boxes = boxes};
    GError *error = NULL;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_ptr_null(vigil_package_load(fixture.folder, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO);
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_labels_load(path, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO);
    g_clear_error(&error);
    g_unlink(path);
    ck_assert_int_eq(symlink("/dev/zero", boxes), 0);
    ck_assert(!vigil_package_check_golden(&package, NULL, 0, 0.5f, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO);
    g_clear_error(&error);
    g_unlink(boxes);
}
END_TEST

/* The package of a real model, with what is to be golden; NULL or the refusal. */
static gchar *
open_package(const gchar *manifest, const gchar *golden, const VigilDetectorOptions *asked)
{
    VigilDetectorOptions options = asked ? *asked : vigil_detector_options_defaults();
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilDetector) detector = NULL;

    write_file("manifest.ini", manifest);
    write_file("boxes.tsv", golden);
    options.model = fixture.folder;
    detector = vigil_detector_open(&options, &error);
    if (detector)
        ck_assert_str_eq(vigil_detector_get_name(detector), "street");
    return detector ? NULL : g_strdup(error->message);
}

#define STREET "[model]\nname = street\nfile = m.tflite\nlabels = l.txt\n"
#define GOLDEN \
    "[detect]\nthreshold = 0.6\niou_threshold = 1\n[golden]\ninput = in.raw\nboxes = boxes.tsv\n"
#define CAR "car\t0.711\t0.031\t0.257\t0.948\t0.802\n"

START_TEST(test_real_package)
{
    g_autofree gchar *model = vigil_test_data_path("models/ssd_mobilenet_v1_coco_quant_300.tflite");
    g_autofree gchar *labels = vigil_test_data_path("labels/coco_labels_90_coral.txt");
    g_autofree gchar *input =
        vigil_test_data_path("golden/ssd_mobilenet_v1_coco_quant_300__dls_car_1.in.raw");
    VigilDetectorOptions asked = vigil_detector_options_defaults();
    static const struct {
        const gchar *manifest, *golden, *says;
    } cases[] = {
        {STREET GOLDEN, CAR, NULL},
        {STREET GOLDEN,
         "person"
         "\t0.7\t0\t0\t1\t1\n",
         "street: the golden boxes do not come out: missing is \"person\""},
        {STREET "[input]\nmean=127.5\nstd=127.5\n" GOLDEN, CAR, NULL},
        {STREET "decoder = ssd-postprocess\n" GOLDEN, CAR, NULL},
        {STREET "decoder = yolov8\n" GOLDEN, CAR, "YOLOv8 head is one output"},
        {STREET "sha256 = 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", CAR,
         "not the file that the manifest names"},
        {STREET "[golden]\ninput = l.txt\nboxes = boxes.tsv\n", CAR, "270000 bytes"},
        {STREET "[golden]\ninput = none.raw\nboxes = boxes.tsv\n", CAR, "none.raw"},
        {"[model]\nname = street\nfile = none.tflite\n", CAR, "none.tflite"},
        {STREET "[input]\ncolour = gray\n", CAR, "does not fit the colour"},
    };

    if (!model || !labels || !input)
        return;
    copy_file(model, "m.tflite");
    copy_file(labels, "l.txt");
    copy_file(input, "in.raw");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *message = open_package(cases[i].manifest, cases[i].golden, NULL);

        if (cases[i].says)
            ck_assert_msg(message && strstr(message, cases[i].says), "%u: %s", i, message);
        else
            ck_assert_msg(!message, "%u: %s", i, message);
    }
    /* what is asked for changes neither what is golden nor what it is compared with */
    asked.threshold = 0.99f;
    asked.labels = labels;
    {
        g_autofree gchar *message = open_package(STREET GOLDEN, CAR, &asked);

        ck_assert_msg(!message, "%s", message);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("package");
    TCase *manifests = tcase_create("manifests"), *folders = tcase_create("folders");
    SRunner *runner;
    int failed;

    tcase_add_test(manifests, test_minimal);
    tcase_add_test(manifests, test_everything);
    tcase_add_loop_test(manifests, test_mistakes, 0, G_N_ELEMENTS(mistakes));
    tcase_add_checked_fixture(folders, set_up, tear_down);
    tcase_set_timeout(folders, 120);
    tcase_add_test(folders, test_golden_boxes);
    tcase_add_test(folders, test_pipes);
    tcase_add_test(folders, test_real_package);
    suite_add_tcase(suite, manifests);
    suite_add_tcase(suite, folders);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
