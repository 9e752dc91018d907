/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile files: truncations and seeded mutations of the real models and of tiny generated ones give an error or a model
 * that runs, and nothing else (the sanitizer builds see what is worse). VIGIL_MUTATIONS multiplies the number of mutations.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"
#include "tests/support/vigil-test-data.h"
#include "tests/support/vigil-tflite-writer.h"
#include "tests/support/vigil-tiny-models.h"

#define TINY_MUTATIONS 250
#define REAL_MUTATIONS 40

static const gchar *const real_models[] = {
    "blazeface_128_int8.tflite",
    "coral_mobilenet_v1_0.25_128_quant.tflite",
    "mlperf_vww_96_int8.tflite",
    "mobilenet_v1_0.5_128_quant.tflite",
    "mobilenet_v2_1.0_224_int8_per_tensor.tflite",
    "person_detect.tflite",
    "ssd_mobilenet_v1_coco_quant_300.tflite",
    "st_ssd_mobilenet_v2_fpnlite_100_256_int8.tflite",
    "synthetic_ssd_mobilenet_v2_300_int8.tflite",
    "yolov5n-int8.tflite",
    "yolov8n_full_integer_quant_416.tflite",
    "yolov8n_int8_224.tflite",
    "yolov8n_integer_quant_416.tflite",
};

static guint
multiplied(guint n)
{
    const gchar *factor = g_getenv("VIGIL_MUTATIONS");

    return n * (factor != NULL ? (guint)MAX(atoi(factor), 1) : 1);
}

/* One wrong thing: a flipped bit, an extreme byte, or an extreme 32-bit number where one may stand. */
static void
mutate(GRand *rand, guint8 *data, gsize size, gsize from)
{
    static const guint32 extremes[] = {0,          1,          2,          3,          0x7f,
                                       0x80,       0xff,       0x100,      0x7fff,     0x8000,
                                       0xffff,     0x10000,    0x7fffffff, 0x80000000, 0xfffffff0,
                                       0xffffffff, 0x40000000, 0x3f800000, 0x7f800000, 0x7fc00000};
    const gsize at = from + (gsize)(g_rand_double(rand) * (gdouble)(size - from));
    guint32 value;

    switch (g_rand_int_range(rand, 0, 4)) {
    case 0: data[at] ^= (guint8)(1 << g_rand_int_range(rand, 0, 8)); break;
    case 1: data[at] = (guint8)g_rand_int(rand); break;
    case 2: data[at] = (guint8)(data[at] + g_rand_int_range(rand, -4, 5)); break;
    default:
        value = extremes[g_rand_int_range(rand, 0, G_N_ELEMENTS(extremes))];
        if (at / 4 * 4 + 4 <= size)
            memcpy(data + at / 4 * 4, &value, sizeof value);
        break;
    }
}

/* Mutations from byte @from on; Returns: how many of the files still loaded. */
static guint
mutate_often(const guint8 *data, gsize size, gsize from, guint rounds, guint32 seed)
{
    GRand *rand = g_rand_new_with_seed(seed);
    guint loaded = 0;

    for (guint i = 0; i < rounds; i++) {
        g_autofree guint8 *copy = g_memdup2(data, size);
        gint n = 1 << g_rand_int_range(rand, 0, 5);

        while (n-- > 0)
            mutate(rand, copy, size, from);
        loaded += vigil_exercise_model(copy, size) ? 1 : 0;
    }
    g_rand_free(rand);
    return loaded;
}

START_TEST(test_tiny_loads)
{
    g_autoptr(GBytes) bytes = vigil_tiny_model((guint)_i);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model =
        vigil_model_load_bytes(bytes, vigil_tiny_model_name((guint)_i), &error);

    ck_assert_msg(model != NULL, "%s", error ? error->message : "");
}
END_TEST

START_TEST(test_tiny_truncated)
{
    g_autoptr(GBytes) bytes = vigil_tiny_model((guint)_i);
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    guint loaded = 0;

    for (gsize n = 0; n < size; n++)
        loaded += vigil_exercise_model(data, n) ? 1 : 0;
    /* The end of the file is padding and what belongs to the last constants. */
    ck_assert_uint_le(loaded, 64);
    ck_assert(vigil_exercise_model(data, size));
}
END_TEST

START_TEST(test_tiny_mutated)
{
    g_autoptr(GBytes) bytes = vigil_tiny_model((guint)_i);
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    const guint rounds = multiplied(TINY_MUTATIONS);
    const guint loaded = mutate_often(data, size, 0, rounds, 1000 + (guint32)_i);

    g_print("%s: %u mutations, %u loaded\n", vigil_tiny_model_name((guint)_i), rounds, loaded);
    ck_assert_uint_gt(loaded, 0);
    ck_assert_uint_lt(loaded, rounds);
}
END_TEST

/* Structure lies behind and before the weights; the mutations go to both ends. */
START_TEST(test_real_mutated)
{
    g_autofree gchar *relative = g_build_filename("models", real_models[_i], NULL);
    g_autofree gchar *path = vigil_test_data_path(relative);
    g_autofree gchar *content = NULL;
    const guint rounds = multiplied(REAL_MUTATIONS);
    guint loaded = 0;
    gsize size;

    if (path == NULL)
        return;
    ck_assert(g_file_get_contents(path, &content, &size, NULL));
    const guint8 *data = (const guint8 *)content;

    loaded += mutate_often(data, size, size - MIN(size, 40000), rounds * 3 / 4, 77 + (guint32)_i);
    loaded += mutate_often(data, size, 0, rounds / 4, 99 + (guint32)_i);
    for (guint i = 0; i < 24; i++)
        ck_assert(!vigil_exercise_model(data, size * i / 24));
    g_print("%s: %u mutations, %u loaded\n", real_models[_i], rounds, loaded);
}
END_TEST

static void
assert_refused(VigilTfliteWriter *writer, VigilModelError code, const gchar *part)
{
    g_autoptr(GBytes) bytes = vigil_tflite_writer_finish(writer);
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(vigil_model_load_bytes(bytes, "m.tflite", &error));
    ck_assert_msg(g_error_matches(error, VIGIL_MODEL_ERROR, (gint)code), "%s", error->message);
    ck_assert_msg(strstr(error->message, part) != NULL, "%s", error->message);
    ck_assert(g_str_has_prefix(error->message, "m.tflite: "));
}

/* A refusal names the operator, its index, its types and why. */
START_TEST(test_messages)
{
    const gint32 dims[] = {1, 4}, huge[] = {60000, 60000};
    g_autoptr(VigilTfliteWriter) unknown = vigil_tflite_writer_new();
    g_autoptr(VigilTfliteWriter) floats = vigil_tflite_writer_new();
    g_autoptr(VigilTfliteWriter) large = vigil_tflite_writer_new();
    g_autoptr(VigilTfliteWriter) late = vigil_tflite_writer_new();
    gint32 in, out;

    in = vigil_tflite_writer_tensor(unknown, VIGIL_TENSOR_INT8, 2, dims, NULL, 0, 0.1f, 0);
    out = vigil_tflite_writer_tensor(unknown, VIGIL_TENSOR_INT8, 2, dims, NULL, 0, 0.1f, 0);
    vigil_tflite_writer_operator(unknown, 47, &in, 1, &out, 1);
    vigil_tflite_writer_interface(unknown, &in, 1, &out, 1);
    assert_refused(unknown, VIGIL_MODEL_ERROR_UNSUPPORTED, "operator 0 EXP (INT8 -> INT8): ");

    in = vigil_tflite_writer_tensor(floats, VIGIL_TENSOR_FLOAT32, 2, dims, NULL, 0, 0, 0);
    out = vigil_tflite_writer_tensor(floats, VIGIL_TENSOR_FLOAT32, 2, dims, NULL, 0, 0, 0);
    vigil_tflite_writer_operator(floats, 14, &in, 1, &out, 1);
    vigil_tflite_writer_interface(floats, &in, 1, &out, 1);
    assert_refused(floats, VIGIL_MODEL_ERROR_UNSUPPORTED,
                   "operator 0 LOGISTIC (FLOAT32 -> FLOAT32): the input is FLOAT32");

    in = vigil_tflite_writer_tensor(large, VIGIL_TENSOR_INT8, 2, huge, NULL, 0, 0.1f, 0);
    vigil_tflite_writer_interface(large, &in, 1, &in, 1);
    assert_refused(large, VIGIL_MODEL_ERROR_TOO_LARGE, "t0");

    in = vigil_tflite_writer_tensor(late, VIGIL_TENSOR_INT8, 2, dims, NULL, 0, 0.1f, 0);
    out = vigil_tflite_writer_tensor(late, VIGIL_TENSOR_INT8, 2, dims, NULL, 0, 0.1f, 0);
    vigil_tflite_writer_operator(late, 14, &out, 1, &out, 1);
    vigil_tflite_writer_interface(late, &in, 1, &out, 1);
    assert_refused(late, VIGIL_MODEL_ERROR_INVALID, "not computed before it is used");
}
END_TEST

START_TEST(test_files)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(vigil_model_load("/nonexistent/x.tflite", &error));
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO));
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_model_load("/dev/zero", &error));
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO));
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_model_load("/", &error));
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO));
    ck_assert(!vigil_exercise_model((const guint8 *)"", 0));
    ck_assert(!vigil_exercise_model((const guint8 *)"\x08\0\0\0TFL3", 8));
    ck_assert(!vigil_exercise_model((const guint8 *)"\x1c\0\0\0TFL4................", 24));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("tflite");
    TCase *tcase = tcase_create("tflite");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 280);
    tcase_add_loop_test(tcase, test_tiny_loads, 0, VIGIL_N_TINY_MODELS);
    tcase_add_loop_test(tcase, test_tiny_truncated, 0, VIGIL_N_TINY_MODELS);
    tcase_add_loop_test(tcase, test_tiny_mutated, 0, VIGIL_N_TINY_MODELS);
    tcase_add_loop_test(tcase, test_real_mutated, 0, G_N_ELEMENTS(real_models));
    tcase_add_test(tcase, test_messages);
    tcase_add_test(tcase, test_files);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
