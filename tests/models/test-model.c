/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of models and sessions: infos, description, sharing between threads, limits. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-graph-private.h"
#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"
#include "tests/support/vigil-tiny-models.h"

#define THREADS 4
#define RUNS 200

static VigilModel *
load_tiny(const gchar *name)
{
    for (guint i = 0; i < VIGIL_N_TINY_MODELS; i++) {
        g_autoptr(GBytes) bytes = vigil_tiny_model(i);
        VigilModel *model;

        if (!g_str_equal(vigil_tiny_model_name(i), name))
            continue;
        model = vigil_model_load_bytes(bytes, name, NULL);
        ck_assert_ptr_nonnull(model);
        return model;
    }
    ck_abort_msg("no model %s", name);
    return NULL;
}

START_TEST(test_infos)
{
    g_autoptr(VigilModel) model = load_tiny("conv");
    const VigilTensorInfo *in = vigil_model_get_input_info(model, 0),
                          *out = vigil_model_get_output_info(model, 0);
    g_autofree gchar *sha =
        g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, vigil_model_get_file_bytes(model));

    ck_assert_uint_eq(vigil_model_get_n_inputs(model), 1);
    ck_assert_uint_eq(vigil_model_get_n_outputs(model), 1);
    ck_assert_str_eq(in->name, "t0");
    ck_assert_int_eq(in->type, VIGIL_TENSOR_INT8);
    ck_assert_uint_eq(in->n_dims, 4);
    ck_assert_int_eq(in->dims[1], 7);
    ck_assert_int_eq(in->dims[2], 6);
    ck_assert_uint_eq(in->bytes, 126);
    ck_assert_float_eq(in->scale, 0.1f);
    ck_assert_int_eq(in->zero_point, -5);
    ck_assert_uint_eq(out->bytes, 4);
    ck_assert_str_eq(vigil_model_get_sha256(model), sha);
}
END_TEST

/* CONV_2D: 4 * 3 outputs of 4 channels, 3 * 3 * 3 each; DEPTHWISE_CONV_2D: 2 * 1 of 4, 3 * 3 each. */
START_TEST(test_description)
{
    static const gchar *const parts[] = {
        "input 0: t0 INT8[1,7,6,3] scale 0.100000001 zero point -5",
        "output 0: t6 INT8[1,1,1,4]",
        "CONV_2D",
        "const INT8[4,3,3,3], const INT32[4] -> INT8[1,4,3,4]  1296 MACs",
        "DEPTHWISE_CONV_2D",
        "72 MACs",
        "operators: 3 (3 at run time)",
        "multiply-accumulates: 1368\n",
        "arena: "};
    g_autoptr(VigilModel) model = load_tiny("conv");
    g_autofree gchar *text = vigil_model_describe(model);

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "\"%s\" is not in:\n%s", parts[i], text);
}
END_TEST

typedef struct {
    VigilModel *model;
    guint8 seed;
    guint8 want[4];
    guint wrong;
} Worker;

static void
run_once(VigilSession *session, const Worker *worker, guint8 *out)
{
    const gsize bytes = vigil_model_get_input_info(worker->model, 0)->bytes;
    guint8 *in = vigil_session_get_input(session, 0);

    for (gsize i = 0; i < bytes; i++)
        in[i] = (guint8)(i * 31 + worker->seed);
    vigil_session_run(session);
    memcpy(out, vigil_session_get_output(session, 0), 4);
}

static gpointer
work(gpointer data)
{
    Worker *self = data;
    g_autoptr(VigilSession) session = vigil_session_new(self->model, 1, NULL);
    guint8 out[4];

    for (guint i = 0; i < RUNS; i++) {
        run_once(session, self, out);
        self->wrong += memcmp(out, self->want, sizeof out) != 0;
    }
    return NULL;
}

/* Sessions of one model on several threads, each with its own input, never see each other. */
START_TEST(test_threads)
{
    g_autoptr(VigilModel) model = load_tiny("conv");
    Worker workers[THREADS];
    GThread *threads[THREADS];

    for (guint i = 0; i < THREADS; i++) {
        g_autoptr(VigilSession) session = vigil_session_new(model, 1, NULL);

        workers[i] = (Worker){.model = model, .seed = (guint8)(i * 63)};
        run_once(session, &workers[i], workers[i].want);
    }
    ck_assert(memcmp(workers[0].want, workers[1].want, 4) != 0);
    for (guint i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("session", work, &workers[i]);
    for (guint i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
        ck_assert_uint_eq(workers[i].wrong, 0);
    }
}
END_TEST

/* A session keeps its model alive. */
START_TEST(test_ownership)
{
    VigilModel *model = load_tiny("functions");
    g_autoptr(VigilSession) session = vigil_session_new(model, 1, NULL);

    vigil_model_unref(vigil_model_ref(model));
    vigil_model_unref(model);
    vigil_session_run(session);
    ck_assert_ptr_nonnull(vigil_session_get_output(session, 0));
}
END_TEST

/* A model of which one run would take a day, or whose arena would not fit, is refused before anything is allocated. */
START_TEST(test_limits)
{
    static const struct {
        gint32 pixels, kernel;
        const gchar *message;
    } cases[] = {{8192, 1, "bytes"}, {5000, 9000, "too much to compute"}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
        g_autoptr(GBytes) bytes = NULL;
        g_autoptr(GError) error = NULL;
        const gint32 dims[] = {1, cases[i].pixels, cases[i].pixels, i == 0 ? 4 : 1};
        const gint32 t[] = {
            vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 4, dims, NULL, 0, 1.0f, 0),
            vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 4, dims, NULL, 0, 1.0f, 0),
            vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 4, dims, NULL, 0, 1.0f, 0)};

        for (guint j = 0; j < 2; j++) {
            vigil_tflite_writer_operator(w, 17, &t[j], 1, &t[j + 1], 1);
            vigil_tflite_writer_option_i8(w, 0, 0);
            vigil_tflite_writer_option_i32(w, 1, 1);
            vigil_tflite_writer_option_i32(w, 2, 1);
            vigil_tflite_writer_option_i32(w, 3, cases[i].kernel);
            vigil_tflite_writer_option_i32(w, 4, cases[i].kernel);
        }
        vigil_tflite_writer_interface(w, &t[0], 1, &t[2], 1);
        bytes = vigil_tflite_writer_finish(w);
        ck_assert_ptr_null(vigil_model_load_bytes(bytes, "large", &error));
        ck_assert_msg(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE), "%s",
                      error->message);
        ck_assert_msg(strstr(error->message, cases[i].message) != NULL, "%s", error->message);
    }
}
END_TEST

/* A transposed convolution that spreads one pixel over an image of 8192 by 8192, by weights of 1024 by 1024. */
START_TEST(test_hidden_work)
{
    static const guint8 weights[1024 * 1024];
    static const gint32 one[] = {1, 1, 1, 1}, kernel[] = {1, 1024, 1024, 1};
    static const gint32 shape[] = {1, 8192, 8192, 1};
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GError) error = NULL;
    const gint32 in[] = {
        vigil_tflite_writer_ints(w, shape, 4),
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 4, kernel, weights, sizeof weights, 1.0f,
                                   0),
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 4, one, NULL, 0, 1.0f, 0)};
    const gint32 out =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 4, shape, NULL, 0, 1.0f, 0);

    vigil_tflite_writer_operator(w, 67, in, 3, &out, 1);
    vigil_tflite_writer_option_i8(w, 0, 0);
    vigil_tflite_writer_option_i32(w, 1, 8192);
    vigil_tflite_writer_option_i32(w, 2, 8192);
    vigil_tflite_writer_interface(w, &in[2], 1, &out, 1);
    bytes = vigil_tflite_writer_finish(w);
    ck_assert_ptr_null(vigil_model_load_bytes(bytes, "spread", &error));
    ck_assert_msg(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE), "%s",
                  error->message);
    ck_assert_msg(strstr(error->message, "multiply-accumulates") != NULL, "%s", error->message);
}
END_TEST

/* 256 times an empty tensor of 2^27 empty lines takes no time. */
START_TEST(test_empty_work)
{
    static const gint32 lines[] = {1 << 27, 0}, none[] = {0};
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = NULL;
    gint32 t[4], many[256];

    t[0] = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 0, NULL, NULL, 0, 1.0f, 0);
    t[1] = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 1, none, NULL, 0, 0.0f, 0);
    t[2] = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 2, lines, NULL, 0, 0.0f, 0);
    t[3] = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 2, lines, NULL, 0, 0.0f, 0);
    for (guint i = 0; i < G_N_ELEMENTS(many); i++)
        many[i] = t[2];
    vigil_tflite_writer_operator(w, 77, &t[0], 1, &t[1], 1);
    vigil_tflite_writer_operator(w, 22, &t[1], 1, &t[2], 1);
    vigil_tflite_writer_option_ints(w, 0, lines, 2);
    vigil_tflite_writer_operator(w, 2, many, G_N_ELEMENTS(many), &t[3], 1);
    vigil_tflite_writer_option_i32(w, 0, 1);
    vigil_tflite_writer_interface(w, &t[0], 1, &t[3], 1);
    bytes = vigil_tflite_writer_finish(w);
    model = vigil_model_load_bytes(bytes, "empty", &error);
    g_assert_no_error(error);
    ck_assert_uint_eq(vigil_model_get_output_info(model, 0)->bytes, 0);
}
END_TEST

/* A name of the file that would move a terminal's cursor is harmless in a message. */
START_TEST(test_control_characters)
{
    static const gint32 one[] = {1};
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GError) error = NULL;
    const gint32 in = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 1, one, NULL, 0, 1.0f, 0);
    const gint32 out = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 1, one, NULL, 0, 1.0f, 0);

    vigil_tflite_writer_operator(w, 32, &in, 1, &out, 1);
    vigil_tflite_writer_custom(w, "\x1b[2J\nx\x7f", "", 0);
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
    bytes = vigil_tflite_writer_finish(w);
    ck_assert_ptr_null(vigil_model_load_bytes(bytes, "named", &error));
    ck_assert_msg(strstr(error->message, "CUSTOM ?[2J?x?") != NULL, "%s", error->message);
}
END_TEST

/* However many tensors share a part of the file, the copies of it are bounded. */
START_TEST(test_claims)
{
    VigilGraph graph = {0};

    ck_assert(vigil_graph_claim(&graph, VIGIL_MAX_WEIGHT_BYTES - 1));
    ck_assert(!vigil_graph_claim(&graph, 2));
    ck_assert(!vigil_graph_claim(&graph, G_MAXSIZE));
    ck_assert(vigil_graph_claim(&graph, 1));
    ck_assert(!vigil_graph_claim(&graph, 1));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("model");
    TCase *tcase = tcase_create("model");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, test_infos);
    tcase_add_test(tcase, test_description);
    tcase_add_test(tcase, test_threads);
    tcase_add_test(tcase, test_ownership);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_hidden_work);
    tcase_add_test(tcase, test_empty_work);
    tcase_add_test(tcase, test_control_characters);
    tcase_add_test(tcase, test_claims);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
