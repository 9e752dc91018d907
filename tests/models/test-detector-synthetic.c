/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The detector on models that do nothing: a RESHAPE turns the image itself into the head of a YOLO, so that
 * the pixels of a test image are the boxes to be found. Needs no test data.
 */
#include <check.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-detector.h"
#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"

/* 336 values: [1, 8, 14, 3] in, [1, 7, 48] out: 48 boxes, three classes; one level is 1/128. */
#define WIDTH 14
#define HEIGHT 8
#define N_BOXES 48
#define N_VALUES (WIDTH * HEIGHT * 3)

static gchar *folder;

static void
set_up(void)
{
    folder = g_dir_make_tmp("vigil-detector-XXXXXX", NULL);
}

static void
tear_down(void)
{
    GDir *dir = g_dir_open(folder, 0, NULL);

    for (const gchar *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
        g_autofree gchar *path = g_build_filename(folder, name, NULL);

        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(folder);
    g_free(folder);
}

static gchar *
write_file(const gchar *name, gconstpointer data, gsize n)
{
    gchar *path = g_build_filename(folder, name, NULL);

    ck_assert(g_file_set_contents(path, data, (gssize)n, NULL));
    return path;
}

/* A model of one RESHAPE, with whatever is to be appended to its file. */
static gchar *
write_model(const gint32 in_dims[4], const gint32 *out_dims, guint n_out_dims, VigilTensorType type,
            const GByteArray *tail)
{
    g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();
    const gfloat scale = type == VIGIL_TENSOR_FLOAT32 ? 0 : 1 / 128.0f;
    const gint32 zero_point = type == VIGIL_TENSOR_INT8 ? -128 : 0;
    const gint32 in =
        vigil_tflite_writer_tensor(writer, type, 4, in_dims, NULL, 0, scale, zero_point);
    const gint32 out =
        vigil_tflite_writer_tensor(writer, type, n_out_dims, out_dims, NULL, 0, scale, zero_point);
    const gint32 inputs[] = {in, vigil_tflite_writer_ints(writer, out_dims, n_out_dims)};
    g_autoptr(GBytes) bytes = NULL;
    GByteArray *file = g_byte_array_new();
    gchar *path;

    vigil_tflite_writer_operator(writer, 22, inputs, 2, &out, 1);
    vigil_tflite_writer_interface(writer, &in, 1, &out, 1);
    bytes = vigil_tflite_writer_finish(writer);
    g_byte_array_append(file, g_bytes_get_data(bytes, NULL), (guint)g_bytes_get_size(bytes));
    if (tail)
        g_byte_array_append(file, tail->data, tail->len);
    path = write_file("m.tflite", file->data, file->len);
    g_byte_array_unref(file);
    return path;
}

static const gint32 image_dims[] = {1, HEIGHT, WIDTH, 3}, head_dims[] = {1, 7, N_BOXES};

static guint8 pixels[N_VALUES];

/* Box @i around (x, y) with a score for one class, in levels of 1/128. */
static void
put_box(guint i, guint x, guint y, guint w, guint h, guint class_id, guint score)
{
    pixels[i] = (guint8)x;
    pixels[N_BOXES + i] = (guint8)y;
    pixels[2 * N_BOXES + i] = (guint8)w;
    pixels[3 * N_BOXES + i] = (guint8)h;
    pixels[(4 + class_id) * N_BOXES + i] = (guint8)score;
}

static VigilImage
scene(void)
{
    memset(pixels, 0, sizeof pixels);
    put_box(5, 64, 64, 32, 64, 2, 115);
    put_box(6, 66, 64, 32, 64, 2, 100); /* the same object again */
    put_box(7, 64, 64, 32, 64, 0, 90);  /* the same place, another class */
    put_box(20, 32, 96, 16, 16, 1, 60); /* below the threshold */
    return (VigilImage){.format = VIGIL_PIXELS_RGB,
                        .width = WIDTH,
                        .height = HEIGHT,
                        .planes = {pixels},
                        .strides = {WIDTH * 3}};
}

static VigilDetector *
open_model(const gchar *path, const gchar *labels, GError **error)
{
    VigilDetectorOptions options = vigil_detector_options_defaults();

    options.model = path;
    options.labels = labels;
    return vigil_detector_open(&options, error);
}

START_TEST(test_finds_what_is_there)
{
    static const VigilTensorType types[] = {VIGIL_TENSOR_INT8, VIGIL_TENSOR_UINT8};
    g_autofree gchar *path = write_model(image_dims, head_dims, 3, types[_i], NULL);
    g_autofree gchar *labels = write_file("l.txt", "cat\ndog\nperson\n", 15);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilDetector) detector = open_model(path, labels, &error);
    const VigilImage image = scene();
    VigilDetection found[10];

    g_assert_no_error(error);
    ck_assert_uint_eq(vigil_detector_run(detector, &image, -1, found, 10), 2);
    ck_assert_str_eq(found[0].label, "person");
    ck_assert_int_eq(found[0].label_id, 2);
    ck_assert_float_eq(found[0].score, 115 / 128.0f);
    ck_assert_float_eq_tol(found[0].box.x0, 0.375, 1e-6);
    ck_assert_float_eq_tol(found[0].box.y0, 0.25, 1e-6);
    ck_assert_float_eq_tol(found[0].box.x1, 0.625, 1e-6);
    ck_assert_float_eq_tol(found[0].box.y1, 0.75, 1e-6);
    ck_assert_str_eq(found[1].label, "cat");
    ck_assert_uint_eq(vigil_detector_run(detector, &image, 0.8f, found, 10), 1);
}
END_TEST

START_TEST(test_names_itself)
{
    g_autofree gchar *path = write_model(image_dims, head_dims, 3, VIGIL_TENSOR_INT8, NULL);
    g_autoptr(VigilDetector) detector = open_model(path, NULL, NULL);

    ck_assert_ptr_nonnull(detector);
    ck_assert_uint_eq(vigil_detector_get_n_labels(detector), 3);
    ck_assert_str_eq(vigil_detector_get_label(detector, 2), "class 2");
    ck_assert_str_eq(vigil_detector_get_name(detector), "m.tflite");
    ck_assert_uint_eq(strlen(vigil_detector_get_sha256(detector)), 64);
}
END_TEST

/* The frame lies in the middle of the model's input: boxes go back to it. */
START_TEST(test_letterboxed)
{
    const gint32 square[] = {1, 8, 8, 3}, head[] = {1, 6, 32};
    g_autofree gchar *path = write_model(square, head, 3, VIGIL_TENSOR_UINT8, NULL);
    g_autoptr(VigilDetector) detector = open_model(path, NULL, NULL);
    g_autofree guint8 *frame = g_malloc(8 * 4 * 3);
    const VigilImage image = {
        .format = VIGIL_PIXELS_RGB, .width = 8, .height = 4, .planes = {frame}, .strides = {24}};
    VigilDetection found[32];
    guint n;

    /* margins are 114: so is everything in the frame, and each value is 114/128 of the input */
    memset(frame, 114, 8 * 4 * 3);
    n = vigil_detector_run(detector, &image, -1, found, 32);
    ck_assert_uint_ge(n, 1);
    /* centre and size 0.890625 of the input; of its height the frame is the middle half */
    ck_assert_float_eq_tol(found[0].box.x0, 0.4453125, 1e-5);
    ck_assert_float_eq_tol(found[0].box.x1, 1.3359375, 1e-5);
    ck_assert_float_eq_tol(found[0].box.y0, (0.4453125 - 0.25) * 2, 1e-5);
    ck_assert_float_eq_tol(found[0].box.y1, (1.3359375 - 0.25) * 2, 1e-5);
}
END_TEST

static void
put(GByteArray *out, guint32 value, guint n)
{
    for (guint i = 0; i < n; i++) {
        const guint8 byte = i < 4 ? (guint8)(value >> (8 * i)) : 0;

        g_byte_array_append(out, &byte, 1);
    }
}

/* An archive with one entry, as exporters append it. */
static GByteArray *
metadata(const gchar *text)
{
    GByteArray *out = g_byte_array_new();
    const guint n = (guint)strlen(text);
    guint directory;

    put(out, 0x04034b50, 4);
    put(out, 0, 14);
    put(out, n, 4);
    put(out, n, 4);
    put(out, 8, 4);
    g_byte_array_append(out, (const guint8 *)"meta.txt", 8);
    g_byte_array_append(out, (const guint8 *)text, n);
    directory = out->len;
    put(out, 0x02014b50, 4);
    put(out, 0, 16);
    put(out, n, 4);
    put(out, n, 4);
    put(out, 8, 4);
    put(out, 0, 14);
    g_byte_array_append(out, (const guint8 *)"meta.txt", 8);
    put(out, 0x06054b50, 4);
    put(out, 0, 6);
    put(out, 1, 2);
    put(out, out->len - 12 - directory, 4);
    put(out, directory, 4);
    put(out, 0, 2);
    return out;
}

START_TEST(test_labels_inside_the_model)
{
    GByteArray *three = metadata("{'names': {0: 'a', 1: 'b', 2: 'c'}}"),
               *one = metadata("{'names': {0: 'person'}}");
    g_autofree gchar *path = write_model(image_dims, head_dims, 3, VIGIL_TENSOR_INT8, three);
    g_autofree gchar *labels = write_file("l.txt", "cat\ndog\nperson\n", 15);
    g_autoptr(VigilDetector) own = open_model(path, NULL, NULL),
                             given = open_model(path, labels, NULL);
    g_autoptr(GError) error = NULL;

    ck_assert_str_eq(vigil_detector_get_label(own, 1), "b");
    ck_assert_str_eq(vigil_detector_get_label(given, 1), "dog");
    g_free(write_model(image_dims, head_dims, 3, VIGIL_TENSOR_INT8, one));
    ck_assert_ptr_null(open_model(path, NULL, &error));
    ck_assert_ptr_nonnull(strstr(
        error->message, "the list inside the model has 1 labels, but the model tells 3 classes"));
    g_byte_array_unref(three);
    g_byte_array_unref(one);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        gint32 in[4], out[3];
        guint n_out;
        const gchar *says;
    } bad[] = {
        {{1, 8, 14, 3},
         {336, 0, 0},
         1,
         "m.tflite: the model has 1 output: int8 [336]: no box decoder fits"},
        {{1, 8, 14, 3}, {1, 4, 84}, 3, "no box decoder fits"},
        {{2, 8, 7, 3}, {1, 7, 48}, 3, "is no image"},
        {{1, 8, 7, 6}, {1, 7, 48}, 3, "is no image"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree gchar *path =
            write_model(bad[i].in, bad[i].out, bad[i].n_out, VIGIL_TENSOR_INT8, NULL);
        g_autoptr(GError) error = NULL;

        ck_assert_ptr_null(open_model(path, NULL, &error));
        ck_assert_msg(error && strstr(error->message, bad[i].says), "%s",
                      error ? error->message : "opened");
    }
}
END_TEST

/* Golden boxes of a package, without any real model. */
START_TEST(test_package)
{
    static const gchar manifest[] =
        "[model]\nname = synthetic\nfile = m.tflite\nlabels = l.txt\ndecoder = yolov8\n"
        "[input]\nresize = stretch\n[detect]\nthreshold = 0.6\nmax_detections = 5\n"
        "[golden]\ninput = in.raw\nboxes = b.tsv\n";
    static const gchar right[] =
        "person\t0.898\t0.375\t0.25\t0.625\t0.75\ncat\t0.703\t0.375\t0.25\t0.625\t0.75\n";
    static const gchar wrong[] = "person\t0.898\t0.375\t0.25\t0.625\t0.75\n";
    g_autoptr(VigilDetector) detector = NULL;
    g_autoptr(GError) error = NULL;

    g_free(write_model(image_dims, head_dims, 3, VIGIL_TENSOR_UINT8, NULL));
    scene();
    g_free(write_file("in.raw", pixels, sizeof pixels));
    g_free(write_file("l.txt", "cat\ndog\nperson\n", 15));
    g_free(write_file("manifest.ini", manifest, strlen(manifest)));
    g_free(write_file("b.tsv", right, strlen(right)));
    detector = open_model(folder, NULL, &error);
    g_assert_no_error(error);
    ck_assert_str_eq(vigil_detector_get_name(detector), "synthetic");
    ck_assert_uint_eq(vigil_detector_get_max_detections(detector), 5);
    g_free(write_file("b.tsv", wrong, strlen(wrong)));
    ck_assert_ptr_null(open_model(folder, NULL, &error));
    ck_assert_ptr_nonnull(strstr(
        error->message, "synthetic: the golden boxes do not come out: not expected was \"cat\""));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("detector-synthetic");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, test_finds_what_is_there, 0, 2);
    tcase_add_test(tests, test_names_itself);
    tcase_add_test(tests, test_letterboxed);
    tcase_add_test(tests, test_labels_inside_the_model);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_package);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
