/* SPDX-License-Identifier: Apache-2.0 */
/* Shape arithmetic is computed at load: its results are constants, and nothing of it is left to run time. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model-private.h"
#include "tests/support/vigil-test-data.h"
#include "tests/support/vigil-tflite-writer.h"
#include "tests/support/vigil-tiny-models.h"

static gint
computed(VigilTfliteWriter *w, VigilTensorType type)
{
    const gint32 unknown = 1;

    return vigil_tflite_writer_tensor(w, type, 1, &unknown, NULL, 0, 0, 0);
}

/* The model, with the whole numbers that output 0 must be. */
static void
check_ints(VigilTfliteWriter *writer, const gint32 *want, guint n)
{
    g_autoptr(GBytes) bytes = vigil_tflite_writer_finish(writer);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = vigil_model_load_bytes(bytes, "fold", &error);
    g_autoptr(VigilSession) session = NULL;

    ck_assert_msg(model != NULL, "%s", error ? error->message : "");
    const VigilGraph *graph = vigil_model_get_graph(model);

    for (guint i = 0; i < graph->n_nodes; i++)
        ck_assert_msg(graph->nodes[i].run == NULL, "node %u is left to run time", i);
    ck_assert_ptr_nonnull(graph->tensors[graph->outputs[0]].data);
    ck_assert_uint_eq(vigil_model_get_output_info(model, 0)->bytes, n * sizeof *want);
    session = vigil_session_new(model, 1, NULL);
    vigil_session_run(session);
    ck_assert_int_eq(memcmp(vigil_session_get_output(session, 0), want, n * sizeof *want), 0);
}

/* (SHAPE(in) * 2 + 1) / 3 - 1, all elements. */
START_TEST(test_arithmetic)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const gint32 dims[] = {1, 7, 9, 4}, two = 2, one = 1, three = 3, want[] = {0, 4, 5, 2};
    const gint in = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 4, dims, NULL, 0, 0.5f, 0);
    const gint shape = computed(w, VIGIL_TENSOR_INT32), doubled = computed(w, VIGIL_TENSOR_INT32);
    const gint more = computed(w, VIGIL_TENSOR_INT32), third = computed(w, VIGIL_TENSOR_INT32);
    const gint out = computed(w, VIGIL_TENSOR_INT32);

    vigil_tflite_writer_operator(w, 77, &in, 1, &shape, 1);
    vigil_tflite_writer_operator(w, 18, (gint32[]){shape, vigil_tflite_writer_ints(w, &two, 1)}, 2,
                                 &doubled, 1);
    vigil_tflite_writer_operator(w, 0, (gint32[]){doubled, vigil_tflite_writer_ints(w, &one, 1)}, 2,
                                 &more, 1);
    vigil_tflite_writer_operator(w, 42, (gint32[]){more, vigil_tflite_writer_ints(w, &three, 1)}, 2,
                                 &third, 1);
    vigil_tflite_writer_operator(w, 41, (gint32[]){third, vigil_tflite_writer_ints(w, &one, 1)}, 2,
                                 &out, 1);
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
    check_ints(w, want, 4);
}
END_TEST

/* CAST(SHAPE as INT64), GATHER its elements 3, 1, 1, CONCATENATION with a constant, STRIDED_SLICE backwards. */
START_TEST(test_picking)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const gint32 dims[] = {1, 7, 9, 4}, indices[] = {3, 1, 1}, tail[] = {-1, 5}, begin = -1,
                 end = 0, back = -1;
    const gint32 want[] = {5, -1, 7, 7, 4};
    const gint in = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 4, dims, NULL, 0, 0.5f, 0);
    const gint shape = computed(w, VIGIL_TENSOR_INT64), narrow = computed(w, VIGIL_TENSOR_INT32);
    const gint picked = computed(w, VIGIL_TENSOR_INT32), joined = computed(w, VIGIL_TENSOR_INT32);
    const gint out = computed(w, VIGIL_TENSOR_INT32);

    vigil_tflite_writer_operator(w, 77, &in, 1, &shape, 1);
    vigil_tflite_writer_operator(w, 53, &shape, 1, &narrow, 1);
    vigil_tflite_writer_operator(w, 36, (gint32[]){narrow, vigil_tflite_writer_ints(w, indices, 3)},
                                 2, &picked, 1);
    vigil_tflite_writer_operator(w, 2, (gint32[]){picked, vigil_tflite_writer_ints(w, tail, 2)}, 2,
                                 &joined, 1);
    vigil_tflite_writer_operator(w, 45,
                                 (gint32[]){joined, vigil_tflite_writer_ints(w, &begin, 1),
                                            vigil_tflite_writer_ints(w, &end, 1),
                                            vigil_tflite_writer_ints(w, &back, 1)},
                                 4, &out, 1);
    vigil_tflite_writer_option_i32(w, 1, 1);
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
    check_ints(w, want, 5);
}
END_TEST

/* A RESHAPE to a computed shape is a view: the bytes of the input, in the inferred shape. */
START_TEST(test_reshape)
{
    const guint shapes = 4;
    g_autoptr(GBytes) bytes = vigil_tiny_model(shapes);
    g_autoptr(VigilModel) model = vigil_model_load_bytes(bytes, "shapes", NULL);
    g_autoptr(VigilSession) session = NULL;
    const VigilTensorInfo *info;

    ck_assert_str_eq(vigil_tiny_model_name(shapes), "shapes");
    ck_assert_ptr_nonnull(model);
    info = vigil_model_get_output_info(model, 0);
    ck_assert_uint_eq(info->n_dims, 3);
    ck_assert_int_eq(info->dims[0], 1);
    ck_assert_int_eq(info->dims[1], 12);
    ck_assert_int_eq(info->dims[2], 2);
    session = vigil_session_new(model, 1, NULL);
    memset(vigil_session_get_input(session, 0), 42, 24);
    vigil_session_run(session);
    ck_assert_int_eq(((const guint8 *)vigil_session_get_output(session, 0))[23], 42);
}
END_TEST

/* A shape that depends on the data is refused, by name. */
START_TEST(test_data_dependent)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const gint32 dims[] = {6}, two = 2;
    const gint in = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 1, dims, NULL, 0, 0.5f, 0);
    const gint shape = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 1, &two, NULL, 0, 0, 0);
    const gint out = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 1, dims, NULL, 0, 0.5f, 0);
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GError) error = NULL;

    vigil_tflite_writer_operator(w, 22, (gint32[]){in, shape}, 2, &out, 1);
    vigil_tflite_writer_interface(w, (gint32[]){in, shape}, 2, &out, 1);
    bytes = vigil_tflite_writer_finish(w);
    ck_assert_ptr_null(vigil_model_load_bytes(bytes, "fold", &error));
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED));
    ck_assert_ptr_nonnull(strstr(
        error->message, "operator 0 RESHAPE (INT8, INT32 -> INT8): input 1 must be constant"));
}
END_TEST

/* A real graph: every SHAPE, STRIDED_SLICE and PACK is gone, and the anchors are a constant. */
START_TEST(test_real)
{
    g_autofree gchar *path =
        vigil_test_data_path("models/st_ssd_mobilenet_v2_fpnlite_100_256_int8.tflite");
    g_autoptr(VigilModel) model = NULL;
    guint folded = 0;

    if (path == NULL)
        return;
    model = vigil_model_load(path, NULL);
    ck_assert_ptr_nonnull(model);
    const VigilGraph *graph = vigil_model_get_graph(model);

    for (guint i = 0; i < graph->n_nodes; i++) {
        const gint32 code = graph->nodes[i].code;

        folded += graph->nodes[i].folded ? 1 : 0;
        if (code == 77 || code == 45 || code == 83)
            ck_assert(graph->nodes[i].folded);
    }
    ck_assert_uint_ge(folded, 40);
    ck_assert_ptr_nonnull(graph->tensors[graph->outputs[2]].data);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fold");
    TCase *tcase = tcase_create("fold");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, test_arithmetic);
    tcase_add_test(tcase, test_picking);
    tcase_add_test(tcase, test_reshape);
    tcase_add_test(tcase, test_data_dependent);
    tcase_add_test(tcase, test_real);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
