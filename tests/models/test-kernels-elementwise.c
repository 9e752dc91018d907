/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic, 8-bit functions, quantization and data movement: against values computed in real numbers, against exact
 * integer rules written anew, and by hand.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"

#define ROUNDS 200
#define MAX_BYTES 4096

static GRand *rand_source;
static VigilTensorType type;
static gint32 type_lo, type_hi;
static guint8 a_data[MAX_BYTES], b_data[MAX_BYTES];

static gint32
pick(gint32 lo, gint32 hi)
{
    return g_rand_int_range(rand_source, lo, hi + 1);
}

static gfloat
pick_scale(void)
{
    return (gfloat)exp(g_rand_double_range(rand_source, -6.0, 0.0));
}

static gint32
value(gconstpointer data, gsize i)
{
    return type == VIGIL_TENSOR_INT8 ? ((const gint8 *)data)[i] : ((const guint8 *)data)[i];
}

static void
fill(guint8 *data)
{
    for (gsize i = 0; i < MAX_BYTES; i++)
        data[i] = (guint8)g_rand_int(rand_source);
}

static void
set_type(gint i)
{
    type = i == 0 ? VIGIL_TENSOR_INT8 : VIGIL_TENSOR_UINT8;
    type_lo = i == 0 ? -128 : 0;
    type_hi = i == 0 ? 127 : 255;
    g_clear_pointer(&rand_source, g_rand_free);
    rand_source = g_rand_new_with_seed(815 + (guint32)i);
}

/* Loads and runs the model on a_data and, with two inputs, b_data. The session and the model stay for the caller to look at. */
static VigilSession *
run_writer(VigilTfliteWriter *writer, const gint32 *inputs, guint n_inputs, const gint32 *outputs,
           guint n_outputs, VigilModel **model)
{
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GError) error = NULL;
    VigilSession *session;

    vigil_tflite_writer_interface(writer, inputs, n_inputs, outputs, n_outputs);
    bytes = vigil_tflite_writer_finish(writer);
    *model = vigil_model_load_bytes(bytes, "kernel", &error);
    ck_assert_msg(*model != NULL, "%s", error ? error->message : "");
    session = vigil_session_new(*model, 1, NULL);
    for (guint i = 0; i < n_inputs; i++)
        memcpy(vigil_session_get_input(session, i), i == 0 ? a_data : b_data,
               vigil_model_get_input_info(*model, i)->bytes);
    vigil_session_run(session);
    return session;
}

typedef struct {
    gint32 dims[4], b_dims[4];
    gfloat a_scale, b_scale, out_scale;
    gint32 a_zero, b_zero, out_zero;
} Pair;

static Pair
pick_pair(gint32 code)
{
    Pair p = {.a_scale = pick_scale(), .out_scale = pick_scale()};

    p.b_scale = p.a_scale * (gfloat)exp(g_rand_double_range(rand_source, -2.0, 2.0));
    p.out_scale = code == 18   ? p.a_scale * p.b_scale * (gfloat)pick(20, 200)
                  : code == 42 ? p.a_scale / p.b_scale * 0.3f
                               : MAX(p.a_scale, p.b_scale) * (gfloat)pick(1, 3);
    p.a_zero = pick(type_lo, type_hi);
    p.b_zero = pick(type_lo, type_hi);
    p.out_zero = pick(type_lo, type_hi);
    for (guint i = 0; i < 4; i++) {
        p.dims[i] = i == 0 ? 1 : pick(1, 7);
        p.b_dims[i] = pick(0, 2) == 0 ? 1 : p.dims[i];
    }
    return p;
}

static gdouble
real_result(gint32 code, gdouble a, gdouble b)
{
    switch (code) {
    case 0: return a + b;
    case 41: return a - b;
    case 18: return a * b;
    default: return a / b;
    }
}

/* ADD and SUB may differ by the rounding of their multipliers (less than a step), MUL and DIV by float rounding at a tie. */
static void
check_pair(gint32 code, guint round)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const Pair p = pick_pair(code);
    const gint a = vigil_tflite_writer_tensor(w, type, 4, p.dims, NULL, 0, p.a_scale, p.a_zero);
    const gint b = vigil_tflite_writer_tensor(w, type, 4, p.b_dims, NULL, 0, p.b_scale, p.b_zero);
    const gint out =
        vigil_tflite_writer_tensor(w, type, 4, p.dims, NULL, 0, p.out_scale, p.out_zero);
    const gint8 relu = (gint8)pick(0, 1);
    VigilModel *model;
    VigilSession *session;
    gsize i = 0;

    vigil_tflite_writer_operator(w, code, (gint32[]){a, b}, 2, &out, 1);
    vigil_tflite_writer_option_i8(w, 0, relu);
    fill(a_data);
    fill(b_data);
    session = run_writer(w, (gint32[]){a, b}, 2, &out, 1, &model);
    for (gint32 y = 0; y < p.dims[1]; y++)
        for (gint32 x = 0; x < p.dims[2]; x++)
            for (gint32 c = 0; c < p.dims[3]; c++, i++) {
                const gint32 by = p.b_dims[1] == 1 ? 0 : y, bx = p.b_dims[2] == 1 ? 0 : x,
                             bc = p.b_dims[3] == 1 ? 0 : c;
                const gsize j = (gsize)((by * p.b_dims[2] + bx) * p.b_dims[3] + bc);
                const gdouble ra = (value(a_data, i) - p.a_zero) * (gdouble)p.a_scale;
                const gdouble rb = (value(b_data, j) - p.b_zero) * (gdouble)p.b_scale;
                const gdouble real = real_result(code, ra, rb) / (gdouble)p.out_scale + p.out_zero;
                const gint32 lo = relu != 0 ? MAX(type_lo, p.out_zero) : type_lo;
                const gdouble want = MIN(MAX(real, lo), type_hi);
                const gint32 got = value(vigil_session_get_output(session, 0), i);

                if (rb == 0.0 && code == 42)
                    continue;
                ck_assert_msg(fabs(got - want) <= 0.5 + 1e-3, "operator %d, round %u: %d, not %g",
                              code, round, got, want);
            }
    vigil_session_free(session);
    vigil_model_unref(model);
}

START_TEST(test_arithmetic)
{
    static const gint32 codes[] = {0, 41, 18, 42};

    set_type(_i);
    for (guint round = 0; round < ROUNDS; round++)
        for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
            check_pair(codes[i], round);
}
END_TEST

static gdouble
real_function(gint32 code, gdouble x)
{
    switch (code) {
    case 14: return 1.0 / (1.0 + exp(-x));
    case 28: return tanh(x);
    case 19: return MAX(x, 0.0);
    case 20: return CLAMP(x, -1.0, 1.0);
    case 21: return CLAMP(x, 0.0, 6.0);
    case 98: return x >= 0.0 ? x : 0.25 * x;
    case 117: return x * CLAMP(x + 3.0, 0.0, 6.0) / 6.0;
    default: return x; /* 114, QUANTIZE */
    }
}

/* All 256 inputs of a function against its real value: within half a step and what fixed point costs. */
static void
check_function(gint32 code, gdouble tolerance)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const gint32 dims[] = {1, 256};
    const gfloat in_scale = pick_scale() * 0.2f;
    const gint32 in_zero = pick(type_lo, type_hi);
    gfloat out_scale = in_scale * (gfloat)g_rand_double_range(rand_source, 1.0, 2.0);
    gint32 out_zero = pick(type_lo, type_hi);
    VigilModel *model;
    VigilSession *session;

    if (code == 14 || code == 28) {
        out_scale = code == 14 ? 1.0f / 256 : 1.0f / 128;
        out_zero = code == 14 ? type_lo : (type_lo + type_hi + 1) / 2;
    }
    const gint in = vigil_tflite_writer_tensor(w, type, 2, dims, NULL, 0, in_scale, in_zero);
    const gint out = vigil_tflite_writer_tensor(w, type, 2, dims, NULL, 0, out_scale, out_zero);

    vigil_tflite_writer_operator(w, code, &in, 1, &out, 1);
    if (code == 98)
        vigil_tflite_writer_option_float(w, 0, 0.25f);
    for (guint i = 0; i < 256; i++)
        a_data[i] = (guint8)i;
    session = run_writer(w, &in, 1, &out, 1, &model);
    for (guint i = 0; i < 256; i++) {
        const gdouble x = (value(a_data, i) - in_zero) * (gdouble)in_scale;
        const gdouble want = real_function(code, x) / (gdouble)out_scale + out_zero;
        const gint32 got = value(vigil_session_get_output(session, 0), i);

        ck_assert_msg(fabs(got - CLAMP(want, type_lo, type_hi)) <= 0.5 + tolerance,
                      "operator %d of %g: %d, not %g", code, x, got, want);
    }
    vigil_session_free(session);
    vigil_model_unref(model);
}

START_TEST(test_functions)
{
    /* Fixed point rounds twice, a quarter of a step at worst; HARD_SWISH calculates in 16 bits; the ends of RELU6 and
     * RELU_N1_TO_1 are rounded to a step of the output. */
    static const struct {
        gint32 code;
        gdouble tolerance;
    } functions[] = {{14, 1e-3}, {28, 1e-3}, {19, 0.25}, {20, 0.5},
                     {21, 0.5},  {98, 0.25}, {117, 0.6}, {114, 0.25}};

    set_type(_i);
    for (guint round = 0; round < ROUNDS; round++)
        for (guint i = 0; i < G_N_ELEMENTS(functions); i++)
            check_function(functions[i].code, functions[i].tolerance);
}
END_TEST

/* QUANTIZE of floats, ties and what lies outside, and back by DEQUANTIZE. */
START_TEST(test_quantize)
{
    static const gfloat in_values[] = {0.0f,   0.25f, 0.75f, 1.25f, -0.25f,
                                       -0.75f, 1e9f,  -1e9f, 63.5f, NAN};
    static const gint8 want[] = {10, 10, 12, 12, 10, 8, 127, -128, 127, -128};
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const gint32 n = G_N_ELEMENTS(in_values);
    const gint in = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_FLOAT32, 1, &n, NULL, 0, 0, 0);
    const gint32 outs[] = {
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 1, &n, NULL, 0, 0.5f, 10),
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_FLOAT32, 1, &n, NULL, 0, 0, 0)};
    VigilModel *model;
    VigilSession *session;

    memcpy(a_data, in_values, sizeof in_values);
    vigil_tflite_writer_operator(w, 114, &in, 1, &outs[0], 1);
    vigil_tflite_writer_operator(w, 6, &outs[0], 1, &outs[1], 1);
    session = run_writer(w, &in, 1, outs, 2, &model);
    for (gint32 i = 0; i < n; i++) {
        ck_assert_int_eq(((const gint8 *)vigil_session_get_output(session, 0))[i], want[i]);
        ck_assert_float_eq(((const gfloat *)vigil_session_get_output(session, 1))[i],
                           (gfloat)(want[i] - 10) * 0.5f);
    }
    vigil_session_free(session);
    vigil_model_unref(model);
}
END_TEST

/* UINT8 to INT8 with the same scale is a shift of 128; to another scale it is rounded, twice. */
START_TEST(test_requantize)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const gint32 n = 256;
    const gint in = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 1, &n, NULL, 0, 0.5f, 127);
    const gint32 outs[] = {
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 1, &n, NULL, 0, 0.5f, -1),
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 1, &n, NULL, 0, 2.0f, -1)};
    VigilModel *model;
    VigilSession *session;

    for (guint i = 0; i < 256; i++)
        a_data[i] = (guint8)i;
    vigil_tflite_writer_operator(w, 114, &in, 1, &outs[0], 1);
    vigil_tflite_writer_operator(w, 114, &in, 1, &outs[1], 1);
    session = run_writer(w, &in, 1, outs, 2, &model);
    for (gint32 i = 0; i < n; i++) {
        ck_assert_int_eq(((const gint8 *)vigil_session_get_output(session, 0))[i], i - 128);
        ck_assert_double_le(
            fabs(((const gint8 *)vigil_session_get_output(session, 1))[i] - ((i - 127) / 4.0 - 1)),
            0.75);
    }
    vigil_session_free(session);
    vigil_model_unref(model);
}
END_TEST

/* [2][3][4] of 0..23: SPLIT_V 1, 2 along 1; of the second part [1:, ::-1, 0:4:3]; PAD; CONCATENATION with itself, or with what does not fit. */
static void
write_movement(VigilTfliteWriter *w, gint32 *in, gint32 *out, gboolean misfit)
{
    const gint32 dims[] = {2, 3, 4}, sizes[] = {1, -1}, axis = 1, begin[] = {1, 0, 0},
                 end[] = {2, 0, 4};
    const gint32 strides[] = {1, -1, 3}, amounts[] = {0, 0, 1, 0, 1, 0}, pairs[] = {3, 2};
    gint32 t[6];

    for (guint i = 0; i < 6; i++)
        t[i] = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 3, dims, NULL, 0, 0.5f, 9);
    vigil_tflite_writer_operator(w, 102,
                                 (gint32[]){t[0], vigil_tflite_writer_ints(w, sizes, 2),
                                            vigil_tflite_writer_ints(w, &axis, 1)},
                                 3, &t[1], 2);
    vigil_tflite_writer_operator(w, 45,
                                 (gint32[]){t[2], vigil_tflite_writer_ints(w, begin, 3),
                                            vigil_tflite_writer_ints(w, end, 3),
                                            vigil_tflite_writer_ints(w, strides, 3)},
                                 4, &t[3], 1);
    vigil_tflite_writer_option_i32(w, 0, 2);
    vigil_tflite_writer_option_i32(w, 1, 2);
    vigil_tflite_writer_operator(
        w, 34,
        (gint32[]){t[3], vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 2, pairs, amounts,
                                                    sizeof amounts, 0, 0)},
        2, &t[4], 1);
    vigil_tflite_writer_operator(w, 2, (gint32[]){t[4], misfit ? t[3] : t[4]}, 2, &t[5], 1);
    vigil_tflite_writer_option_i32(w, 0, -1);
    *in = t[0];
    *out = t[5];
}

START_TEST(test_movement)
{
    static const gint8 want[] = {9, 9, 9, 9, 9, 9, 9, 20, 23, 9, 20, 23, 9, 16, 19, 9, 16, 19};
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    gint32 in, out;
    VigilModel *model;
    VigilSession *session;

    for (guint i = 0; i < 24; i++)
        a_data[i] = (guint8)i;
    write_movement(w, &in, &out, FALSE);
    session = run_writer(w, &in, 1, &out, 1, &model);
    ck_assert_uint_eq(vigil_model_get_output_info(model, 0)->bytes, sizeof want);
    ck_assert_int_eq(memcmp(vigil_session_get_output(session, 0), want, sizeof want), 0);
    vigil_session_free(session);
    vigil_model_unref(model);
}
END_TEST

START_TEST(test_misfit)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GError) error = NULL;
    gint32 in, out;

    write_movement(w, &in, &out, TRUE);
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
    bytes = vigil_tflite_writer_finish(w);
    ck_assert_ptr_null(vigil_model_load_bytes(bytes, "misfit", &error));
    ck_assert_ptr_nonnull(strstr(error->message, "operator 3 CONCATENATION"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("kernels-elementwise");
    TCase *tcase = tcase_create("kernels-elementwise");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_arithmetic, 0, 2);
    tcase_add_loop_test(tcase, test_functions, 0, 2);
    tcase_add_test(tcase, test_quantize);
    tcase_add_test(tcase, test_requantize);
    tcase_add_test(tcase, test_movement);
    tcase_add_test(tcase, test_misfit);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_clear_pointer(&rand_source, g_rand_free);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
