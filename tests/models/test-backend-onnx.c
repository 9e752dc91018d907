/* SPDX-License-Identifier: Apache-2.0 */
/* Models that ONNX Runtime runs. Where this build has none, what it says then; where it is not installed, tests are skipped. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"
#include "tests/support/vigil-onnx-writer.h"
#include "tests/support/vigil-test-data.h"
#include "tests/support/vigil-tiny-models.h"
#include "vigil-config.h"

#define NANODET_INT8 "models/object_detection_nanodet_2022nov_int8.onnx"
#define ST_SSD "models/st_ssd_mobilenet_v2_fpnlite_100_256_int8.onnx"
#define ST_SSD_GOLDEN "golden/st_ssd_mobilenet_v2_fpnlite_100_256_int8__dls_car_1"

static const gint64 image_dims[] = {1, 3, 8, 12};

/* y = x + 1 of an image. */
static GBytes *
write_increment(const gint64 *dims)
{
    static const gfloat one = 1;
    VigilOnnxWriter *writer = vigil_onnx_writer_new();

    vigil_onnx_writer_input(writer, "x", VIGIL_ONNX_FLOAT, 4, dims);
    vigil_onnx_writer_constant(writer, "one", VIGIL_ONNX_FLOAT, &one, 1);
    vigil_onnx_writer_node(writer, "Add", "x", "one", "y", NULL, 0);
    vigil_onnx_writer_output(writer, "y", VIGIL_ONNX_FLOAT, 4, dims);
    return vigil_onnx_writer_finish(writer);
}

static VigilModel *
load(GBytes *bytes, const VigilModelOptions *options, GError **error)
{
    return vigil_model_load_bytes_with(bytes, "written.onnx", options, error);
}

/* Holds the runtime, which would begin anew for each model. */
static VigilModel *held;

/* %FALSE, after a message, where ONNX models cannot be run. */
static gboolean
is_runnable(void)
{
    const VigilModelOptions options = {0};
    g_autoptr(GBytes) bytes = write_increment(image_dims);
    g_autoptr(GError) error = NULL;

    if (!held)
        held = load(bytes, &options, &error);
    if (held)
        return TRUE;
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED));
    fprintf(stderr, "SKIP: %s\n", error->message);
    return FALSE;
}

START_TEST(test_not_built)
{
    const VigilModelOptions options = {0};
    g_autoptr(GBytes) bytes = write_increment(image_dims);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = load(bytes, &options, &error);

#ifdef HAVE_ONNXRUNTIME
    /* installed or not, it is known what an .onnx file is */
    ck_assert(model || strstr(error->message, ONNXRUNTIME_LIBRARY) ||
              strstr(error->message, "older"));
#else
    ck_assert_ptr_null(model);
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED));
    ck_assert_ptr_nonnull(strstr(error->message, "written.onnx: this build of Vigil has no ONNX"));
    ck_assert_ptr_nonnull(strstr(error->message, "libonnxruntime-dev"));
#endif
}
END_TEST

START_TEST(test_runs)
{
    const VigilModelOptions options = {.threads = 2};
    g_autoptr(GBytes) bytes = write_increment(image_dims);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = is_runnable() ? load(bytes, &options, &error) : NULL;
    g_autoptr(VigilSession) first = NULL, second = NULL;
    g_autofree gchar *text = NULL;

    if (!model)
        return;
    ck_assert_str_eq(vigil_model_get_backend(model), "onnxruntime");
    ck_assert_str_eq(vigil_model_get_device(model), "cpu");
    ck_assert_uint_eq(vigil_model_get_n_operators(model), 0);
    ck_assert_ptr_null(vigil_model_get_file_bytes(model));
    ck_assert_uint_eq(vigil_model_get_input_info(model, 0)->bytes, 3 * 8 * 12 * 4);
    ck_assert_int_eq(vigil_model_get_output_info(model, 0)->dims[3], 12);
    ck_assert_int_eq(vigil_model_get_output_info(model, 0)->type, VIGIL_TENSOR_FLOAT32);
    text = vigil_model_describe(model);
    ck_assert_ptr_nonnull(strstr(text, "input 0: x FLOAT32[1,3,8,12]"));
    first = vigil_session_new(model, 1, NULL);
    second = vigil_session_new(model, 1, NULL);
    for (guint i = 0; i < 3 * 8 * 12; i++) {
        ((gfloat *)vigil_session_get_input(first, 0))[i] = (gfloat)i;
        ((gfloat *)vigil_session_get_input(second, 0))[i] = -1;
    }
    ck_assert(vigil_session_run(first) && vigil_session_run(second));
    for (guint i = 0; i < 3 * 8 * 12; i++) {
        ck_assert_float_eq(((const gfloat *)vigil_session_get_output(first, 0))[i], (gfloat)i + 1);
        ck_assert_float_eq(((const gfloat *)vigil_session_get_output(second, 0))[i], 0);
    }
}
END_TEST

/* Dimensions that the file leaves open: the batch is one, height and width are asked for. */
START_TEST(test_open_shapes)
{
    static const gint64 batch[] = {-1, 3, 8, 12}, sides[] = {1, 3, -1, -1};
    static const gint64 last[] = {-1, -1, -1, 3}, channels[] = {1, -1, 8, 12};
    static const struct {
        const gint64 *dims;
        VigilModelOptions options;
        gint32 wanted[4];
    } cases[] = {
        {batch, {0}, {1, 3, 8, 12}},
        {sides, {0}, {0}},
        {sides, {.input_width = 20, .input_height = 10}, {1, 3, 10, 20}},
        {last, {.input_width = 20, .input_height = 10}, {1, 10, 20, 3}},
        {channels, {.input_width = 12, .input_height = 8}, {0}},
        {sides, {.input_width = 16384, .input_height = 16384}, {0}},
    };
    gboolean runnable = is_runnable();

    for (guint i = 0; runnable && i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) bytes = write_increment(cases[i].dims);
        g_autoptr(GError) error = NULL;
        g_autoptr(VigilModel) model = load(bytes, &cases[i].options, &error);

        ck_assert_msg((model != NULL) == (cases[i].wanted[0] > 0), "case %u", i);
        if (!model)
            ck_assert_msg(strstr(error->message, i == 5 ? "larger than" : "no fixed shape") != NULL,
                          "%s", error->message);
        for (guint k = 0; model && k < 4; k++) {
            ck_assert_int_eq(vigil_model_get_input_info(model, 0)->dims[k], cases[i].wanted[k]);
            ck_assert_int_eq(vigil_model_get_output_info(model, 0)->dims[k], cases[i].wanted[k]);
        }
    }
}
END_TEST

/* A shape that depends on the input: another one than at load is a failed inference, and the next may be good. */
START_TEST(test_failed_run)
{
    const VigilModelOptions options = {0};
    static const gfloat one = 1;
    static const gint64 dims[] = {8};
    VigilOnnxWriter *writer = vigil_onnx_writer_new();
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(VigilModel) model = NULL;
    g_autoptr(VigilSession) session = NULL;

    vigil_onnx_writer_input(writer, "x", VIGIL_ONNX_FLOAT, 1, dims);
    vigil_onnx_writer_constant(writer, "one", VIGIL_ONNX_FLOAT, &one, 1);
    vigil_onnx_writer_node(writer, "Add", "x", "one", "z", NULL, 0);
    vigil_onnx_writer_node(writer, "NonZero", "z", NULL, "y", NULL, 0);
    vigil_onnx_writer_output(writer, "y", VIGIL_ONNX_INT64, 0, NULL);
    bytes = vigil_onnx_writer_finish(writer);
    if (!is_runnable())
        return;
    model = load(bytes, &options, NULL);
    ck_assert_ptr_nonnull(model);
    ck_assert_int_eq(vigil_model_get_output_info(model, 0)->dims[1], 8);
    session = vigil_session_new(model, 1, NULL);
    ck_assert(vigil_session_run(session));
    ((gfloat *)vigil_session_get_input(session, 0))[3] = -1;
    ck_assert(!vigil_session_run(session));
    ((gfloat *)vigil_session_get_input(session, 0))[3] = 0;
    ck_assert(vigil_session_run(session));
    ck_assert_int_eq(((const gint64 *)vigil_session_get_output(session, 0))[7], 7);
}
END_TEST

static GBytes *
write_refused(guint which)
{
    static const gint64 vector[] = {4}, seven[] = {1, 1, 1, 1, 1, 1, 4}, huge[] = {20000, 20000};
    static const gint64 large[] = {1, 40000, 40000, 3}, none[] = {0};
    VigilOnnxWriter *writer = vigil_onnx_writer_new();
    const guint n_dims = which == 1 ? 7 : which == 4 ? 4 : 1;

    vigil_onnx_writer_input(writer, "x", VIGIL_ONNX_FLOAT, n_dims,
                            which == 1   ? seven
                            : which == 4 ? large
                            : which == 5 ? none
                                         : vector);
    if (which == 0) {
        vigil_onnx_writer_node(writer, "Cast", "x", NULL, "y", "to", VIGIL_ONNX_DOUBLE);
    } else if (which == 2) {
        vigil_onnx_writer_external(writer, "w", "../../../../../../etc/os-release", 4);
        vigil_onnx_writer_node(writer, "Add", "x", "w", "y", NULL, 0);
    } else if (which == 3) {
        vigil_onnx_writer_constant(writer, "shape", VIGIL_ONNX_INT64, huge, 2);
        vigil_onnx_writer_node(writer, "ConstantOfShape", "shape", NULL, "a", NULL, 0);
        vigil_onnx_writer_node(writer, "ReduceSum", "a", NULL, "b", "keepdims", 0);
        vigil_onnx_writer_node(writer, "Add", "x", "b", "y", NULL, 0);
    } else {
        vigil_onnx_writer_node(writer, which == 6 ? "NoSuchOperator" : "Relu", "x", NULL, "y", NULL,
                               0);
    }
    vigil_onnx_writer_output(writer, "y", which == 0 ? VIGIL_ONNX_DOUBLE : VIGIL_ONNX_FLOAT, 0,
                             NULL);
    return vigil_onnx_writer_finish(writer);
}

/* Types and sizes that are not supported, weights in other files, 1.6 GB of memory, unknown operators. */
START_TEST(test_refused)
{
    /* the runtime's own words differ by its version */
    static const gchar *const says[] = {"not supported", "7 dimensions", "nonexistent",   NULL,
                                        "larger than",   "is empty",     "NoSuchOperator"};
    const VigilModelOptions options = {0};
    g_autoptr(GBytes) bytes = write_refused((guint)_i);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = is_runnable() ? load(bytes, &options, &error) : NULL;

    ck_assert_ptr_null(model);
    if (error && says[_i])
        ck_assert_msg(strstr(error->message, says[_i]) != NULL, "%s", error->message);
}
END_TEST

/* Returns: whether it loaded. */
static gboolean
exercise(const guint8 *data, gsize size)
{
    const VigilModelOptions options = {0};
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = load(bytes, &options, &error);
    g_autoptr(VigilSession) session = model ? vigil_session_new(model, 1, &error) : NULL;

    if (session) {
        vigil_session_run(session);
        return TRUE;
    }
    ck_assert_ptr_nonnull(error);
    ck_assert(error->message[0] != '\0');
    return FALSE;
}

/* Every shorter file and every flipped bit of a small one; then some of a real one. Refused, or a model: nothing else. */
START_TEST(test_damaged)
{
    g_autoptr(GBytes) bytes = write_increment(image_dims);
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    g_autofree guint8 *copy = g_memdup2(data, size);
    guint n_loaded = 0;

    if (!is_runnable())
        return;
    for (gsize n = 0; n < size; n++)
        n_loaded += exercise(data, n);
    ck_assert_uint_lt(n_loaded, size / 2);
    for (gsize bit = 0; bit < size * 8; bit++) {
        copy[bit / 8] ^= (guint8)(1 << (bit % 8));
        n_loaded += exercise(copy, size);
        copy[bit / 8] = data[bit / 8];
    }
    ck_assert_uint_lt(n_loaded, size * 8);
}
END_TEST

START_TEST(test_damaged_detector)
{
    g_autofree gchar *path = vigil_test_data_path(NANODET_INT8);
    g_autofree gchar *content = NULL;
    g_autofree guint8 *copy = NULL;
    GRand *random = g_rand_new_with_seed(17);
    gsize size;

    if (path && is_runnable()) {
        ck_assert(g_file_get_contents(path, &content, &size, NULL));
        copy = g_memdup2(content, size);
        for (guint i = 0; i < 8; i++)
            exercise(copy, size * i / 8);
        for (guint i = 0; i < 24; i++) {
            for (guint k = 0; k < 8; k++)
                copy[g_rand_int_range(random, 0, (gint32)size)] ^=
                    (guint8)(1 << g_rand_int_range(random, 0, 8));
            exercise(copy, size);
            memcpy(copy, content, size);
        }
    }
    g_rand_free(random);
}
END_TEST

static gfloat
mean_difference(const VigilSession *session, guint output, const gchar *golden)
{
    g_autofree gchar *name = g_strdup_printf("%s.out%u.raw", golden, output);
    g_autofree gchar *path = vigil_test_data_path(name);
    g_autofree gchar *content = NULL;
    const gfloat *got = vigil_session_get_output((VigilSession *)session, output), *wanted;
    gdouble sum = 0;
    gsize size;

    ck_assert_ptr_nonnull(path);
    ck_assert(g_file_get_contents(path, &content, &size, NULL));
    wanted = (const gfloat *)(gconstpointer)content;
    for (gsize i = 0; i < size / 4; i++)
        sum += fabs((gdouble)got[i] - wanted[i]);
    return (gfloat)(sum / (gdouble)(size / 4));
}

/* The same detector as TensorFlow Lite ran it: its steps are 1/256 of a score, and rounding adds up. */
START_TEST(test_twin)
{
    const VigilModelOptions options = {0};
    g_autofree gchar *path = vigil_test_data_path(ST_SSD);
    g_autofree gchar *golden = vigil_test_data_path(ST_SSD_GOLDEN ".in.raw");
    g_autofree gchar *input = NULL;
    g_autoptr(VigilModel) model = NULL;
    g_autoptr(VigilSession) session = NULL;
    gsize size;

    if (!path || !golden || !is_runnable())
        return;
    model = vigil_model_load_with(path, &options, NULL);
    ck_assert_ptr_nonnull(model);
    ck_assert_int_eq(vigil_model_get_input_info(model, 0)->dims[0], 1); /* open in the file */
    ck_assert(g_file_get_contents(golden, &input, &size, NULL));
    ck_assert_uint_eq(size, vigil_model_get_input_info(model, 0)->bytes);
    session = vigil_session_new(model, 1, NULL);
    memcpy(vigil_session_get_input(session, 0), input, size);
    ck_assert(vigil_session_run(session));
    ck_assert_float_le(mean_difference(session, 0, ST_SSD_GOLDEN), 1 / 256.0f);
    ck_assert_float_le(mean_difference(session, 1, ST_SSD_GOLDEN), 0.02f);
    ck_assert_float_le(mean_difference(session, 2, ST_SSD_GOLDEN), 0.02f);
}
END_TEST

/* What is not there is warned of, and the CPU does the work. */
START_TEST(test_no_device)
{
    static const VigilDevice devices[] = {VIGIL_DEVICE_CUDA, VIGIL_DEVICE_TENSORRT};
    const VigilModelOptions options = {.device = devices[_i]};
    g_autoptr(GBytes) bytes = write_increment(image_dims);
    g_autoptr(VigilModel) model = NULL;

    if (!is_runnable())
        return;
    g_test_expect_message("vigil", G_LOG_LEVEL_WARNING, "*the model runs on the CPU*");
    model = load(bytes, &options, NULL);
    ck_assert_ptr_nonnull(model);
    if (g_str_equal(vigil_model_get_device(model), "cpu"))
        g_test_assert_expected_messages();
}
END_TEST

START_TEST(test_native_device)
{
    const VigilModelOptions options = {.device = VIGIL_DEVICE_CUDA};
    g_autoptr(GBytes) bytes = vigil_tiny_model(0);
    g_autoptr(VigilModel) model = NULL;

    g_test_expect_message("vigil", G_LOG_LEVEL_WARNING, "*runs on the CPU, not on \"cuda\"*");
    model = vigil_model_load_bytes_with(bytes, "tiny.tflite", &options, NULL);
    g_test_assert_expected_messages();
    ck_assert_ptr_nonnull(model);
    ck_assert_str_eq(vigil_model_get_backend(model), "native");
    ck_assert_str_eq(vigil_model_get_device(model), "cpu");
}
END_TEST

START_TEST(test_device_names)
{
    static const gchar *const names[] = {"cpu", "cuda", "tensorrt"};
    VigilDevice device;

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        ck_assert(vigil_device_from_string(names[i], &device));
        ck_assert_str_eq(vigil_device_to_string(device), names[i]);
    }
    ck_assert(!vigil_device_from_string("gpu", &device));
    ck_assert(!vigil_device_from_string(NULL, &device));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("backend-onnx");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_not_built);
    tcase_add_test(all, test_runs);
    tcase_add_test(all, test_open_shapes);
    tcase_add_test(all, test_failed_run);
    tcase_add_loop_test(all, test_refused, 0, 7);
    tcase_add_test(all, test_damaged);
    tcase_add_test(all, test_damaged_detector);
    tcase_add_test(all, test_twin);
    tcase_add_loop_test(all, test_no_device, 0, 2);
    tcase_add_test(all, test_native_device);
    tcase_add_test(all, test_device_names);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
