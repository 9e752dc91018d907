/* SPDX-License-Identifier: Apache-2.0 */
/* Model files cut short at every length, and what refusals say. Mutations: test-hostile.c. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"
#include "tests/support/vigil-tiny-models.h"

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
    tcase_add_test(tcase, test_messages);
    tcase_add_test(tcase, test_files);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
