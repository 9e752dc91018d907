/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Softmax, resizing and transposed convolution: outputs by checksum against what TensorFlow Lite 2.9 computed on the
 * same models and inputs. Rearranging, extremes and arg-max: against plain loops.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"

#define MAX_DIMS 4

typedef enum {
    SOFTMAX,
    BILINEAR,
    NEAREST,
    TRANSPOSE_CONV,
} Kind;

typedef struct {
    Kind kind;
    VigilTensorType type;
    gint32 h, w, c; /* of the input */
    gint32 a, b, d,
        mode; /* size to resize to, and mode; kernel, stride and channels of a convolution, and padding */
    guint32 checksum;
} Case;

#define U8 VIGIL_TENSOR_UINT8
#define S8 VIGIL_TENSOR_INT8

static const Case cases[] = {
    /* lines, values a line */
    {SOFTMAX, U8, 1, 7, 91, 0, 0, 0, 0, 0x76702354u},
    {SOFTMAX, U8, 1, 3, 1001, 0, 0, 0, 1, 0xbbe4e1d1u},
    {SOFTMAX, S8, 1, 7, 91, 0, 0, 0, 0, 0x5aa3592cu},
    {SOFTMAX, S8, 1, 3, 1001, 0, 0, 0, 1, 0x16b42771u},
    {SOFTMAX, S8, 1, 50, 2, 0, 0, 0, 0, 0x18718be8u},
    /* mode: 0 plain, 1 align_corners, 2 half_pixel_centers, 3 both */
    {BILINEAR, U8, 16, 16, 5, 32, 32, 0, 0, 0x5afefb70u},
    {BILINEAR, U8, 8, 10, 3, 17, 23, 0, 1, 0xf7cefe6eu},
    {BILINEAR, U8, 13, 7, 8, 5, 9, 0, 2, 0x539e7ee3u},
    {BILINEAR, S8, 16, 16, 5, 32, 32, 0, 0, 0x003fc2f6u},
    {BILINEAR, S8, 8, 10, 3, 17, 23, 0, 1, 0xdd5b7d14u},
    {BILINEAR, S8, 13, 7, 8, 5, 9, 0, 2, 0x2dcbf439u},
    {BILINEAR, S8, 20, 20, 4, 10, 10, 0, 2, 0x50ceccc2u},
    {BILINEAR, S8, 1, 1, 3, 4, 4, 0, 2, 0xb5930745u},
    {NEAREST, S8, 13, 13, 7, 26, 26, 0, 0, 0x033f1f45u},
    {NEAREST, S8, 8, 10, 3, 17, 23, 0, 1, 0x655477e6u},
    {NEAREST, S8, 8, 10, 3, 17, 23, 0, 2, 0x2c4db65eu},
    {NEAREST, U8, 13, 7, 8, 5, 9, 0, 3, 0xb4b4a7bfu},
    {NEAREST, U8, 20, 31, 2, 7, 64, 0, 0, 0x2635bcdbu},
    /* kernel, stride, channels; mode: 0 SAME, 1 VALID */
    {TRANSPOSE_CONV, S8, 8, 8, 16, 2, 2, 8, 0, 0xb49d6ce1u},
    {TRANSPOSE_CONV, S8, 5, 6, 3, 3, 2, 4, 1, 0x2f43fc68u},
    {TRANSPOSE_CONV, S8, 7, 7, 8, 4, 2, 16, 0, 0xdad4c6b0u},
    {TRANSPOSE_CONV, S8, 3, 3, 40, 1, 2, 12, 0, 0xc23b14f6u},
    {TRANSPOSE_CONV, U8, 8, 8, 16, 2, 2, 8, 1, 0x371b64e9u},
    {TRANSPOSE_CONV, U8, 10, 4, 5, 5, 3, 7, 0, 0x056b41f7u},
};

static guint32 state;

static guint8
next(void)
{
    state = state * 1664525u + 1013904223u;
    return (guint8)(state >> 24);
}

static guint8 *
bytes(gsize n, guint32 seed)
{
    guint8 *data = g_malloc(n);

    state = seed;
    for (gsize i = 0; i < n; i++)
        data[i] = next();
    return data;
}

static gint
tensor(VigilTfliteWriter *writer, VigilTensorType type, gint32 n, gint32 h, gint32 w, gint32 c,
       gfloat scale, gint32 zero_point)
{
    const gint32 dims[] = {n, h, w, c};

    return vigil_tflite_writer_tensor(writer, type, 4, dims, NULL, 0, scale, zero_point);
}

static GBytes *
finish(VigilTfliteWriter *writer, gint32 input, gint32 output)
{
    vigil_tflite_writer_interface(writer, &input, 1, &output, 1);
    return vigil_tflite_writer_finish(writer);
}

static GBytes *
build_softmax(VigilTfliteWriter *writer, const Case *t)
{
    const gint32 zero_point = t->type == S8 ? 3 : 120;
    const gint32 in =
        tensor(writer, t->type, 1, t->h, t->w, t->c, t->mode ? 0.02f : 0.1f, zero_point);
    const gint32 out =
        tensor(writer, t->type, 1, t->h, t->w, t->c, 1 / 256.0f, t->type == S8 ? -128 : 0);

    vigil_tflite_writer_operator(writer, 25, &in, 1, &out, 1);
    vigil_tflite_writer_option_float(writer, 0, 1.0f);
    return finish(writer, in, out);
}

static GBytes *
build_resize(VigilTfliteWriter *writer, const Case *t)
{
    const guint first = t->kind == BILINEAR ? 2 : 0;
    const gint32 size[] = {t->a, t->b};
    const gint32 in = tensor(writer, t->type, 1, t->h, t->w, t->c, 0.05f, t->type == S8 ? 3 : 120);
    const gint32 out = tensor(writer, t->type, 1, t->a, t->b, t->c, 0.05f, t->type == S8 ? 3 : 120);
    const gint32 inputs[] = {in, vigil_tflite_writer_ints(writer, size, 2)};

    vigil_tflite_writer_operator(writer, t->kind == BILINEAR ? 23 : 97, inputs, 2, &out, 1);
    vigil_tflite_writer_option_i8(writer, first, t->mode & 1);
    vigil_tflite_writer_option_i8(writer, first + 1, t->mode >> 1);
    return finish(writer, in, out);
}

static GBytes *
build_transpose_conv(VigilTfliteWriter *writer, const Case *t)
{
    const gint32 out_h = t->mode ? (t->h - 1) * t->b + t->a : t->h * t->b;
    const gint32 out_w = t->mode ? (t->w - 1) * t->b + t->a : t->w * t->b;
    const gint32 shape[] = {1, out_h, out_w, t->d}, weight_dims[] = {t->d, t->a, t->a, t->c};
    const gsize n = (gsize)(t->d * t->a * t->a * t->c);
    g_autofree guint8 *weights = bytes(n, 99);
    gint32 in, out, inputs[3];

    for (gsize i = 0; i < n && t->type == S8; i++)
        weights[i] = weights[i] == 0x80 ? 0x81 : weights[i];
    in = tensor(writer, t->type, 1, t->h, t->w, t->c, 0.02f, t->type == S8 ? -5 : 130);
    out = tensor(writer, t->type, 1, out_h, out_w, t->d, 0.35f, t->type == S8 ? 7 : 120);
    inputs[0] = vigil_tflite_writer_ints(writer, shape, 4);
    inputs[1] = vigil_tflite_writer_tensor(writer, t->type, 4, weight_dims, weights, n, 0.013f,
                                           t->type == S8 ? 0 : 117);
    inputs[2] = in;
    vigil_tflite_writer_operator(writer, 67, inputs, 3, &out, 1);
    vigil_tflite_writer_option_i8(writer, 0, (gint8)t->mode);
    vigil_tflite_writer_option_i32(writer, 1, t->b);
    vigil_tflite_writer_option_i32(writer, 2, t->b);
    return finish(writer, in, out);
}

static GBytes *
build(const Case *t)
{
    g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();

    switch (t->kind) {
    case SOFTMAX: return build_softmax(writer, t);
    case TRANSPOSE_CONV: return build_transpose_conv(writer, t);
    default: return build_resize(writer, t);
    }
}

/* Runs a model of one output; its bytes, and how many. */
static gpointer
run(GBytes *file, const guint8 *input, gsize *n)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = vigil_model_load_bytes(file, "operator", &error);
    g_autoptr(VigilSession) session = NULL;
    gsize at = 0;

    g_assert_no_error(error);
    session = vigil_session_new(model, 1, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < vigil_model_get_n_inputs(model); i++) {
        const gsize size = vigil_model_get_input_info(model, i)->bytes;

        memcpy(vigil_session_get_input(session, i), input + at, size);
        at += size;
    }
    vigil_session_run(session);
    *n = vigil_model_get_output_info(model, 0)->bytes;
    return g_memdup2(vigil_session_get_output(session, 0), *n);
}

static guint32
checksum(const guint8 *data, gsize n)
{
    guint32 sum = 2166136261u;

    for (gsize i = 0; i < n; i++)
        sum = (sum ^ data[i]) * 16777619u;
    return sum;
}

START_TEST(test_as_tensorflow_lite)
{
    const Case *t = &cases[_i];
    g_autoptr(GBytes) file = build(t);
    g_autofree guint8 *input = bytes((gsize)(t->h * t->w * t->c), 7);
    g_autofree guint8 *output = NULL;
    gsize n;

    output = run(file, input, &n);
    ck_assert_uint_eq(checksum(output, n), t->checksum);
}
END_TEST

static const gint32 dims[MAX_DIMS] = {2, 3, 5, 7};

static gsize
index_of(const gint32 at[MAX_DIMS], const gint32 sizes[MAX_DIMS])
{
    return (gsize)(((at[0] * sizes[1] + at[1]) * sizes[2] + at[2]) * sizes[3] + at[3]);
}

/* What input element an output element is: for TRANSPOSE (the order), TILE, MIRROR_PAD (reflecting, symmetric). */
typedef void (*Where)(const gint32 out[MAX_DIMS], const gint32 *argument, gint32 in[MAX_DIMS]);

static void
where_transposed(const gint32 out[MAX_DIMS], const gint32 *order, gint32 in[MAX_DIMS])
{
    for (guint d = 0; d < MAX_DIMS; d++)
        in[order[d]] = out[d];
}

static void
where_tiled(const gint32 out[MAX_DIMS], const gint32 *times, gint32 in[MAX_DIMS])
{
    for (guint d = 0; d < MAX_DIMS; d++)
        in[d] = out[d] % dims[d];
}

static void
where_reflected(const gint32 out[MAX_DIMS], const gint32 *amounts, gint32 in[MAX_DIMS])
{
    for (guint d = 0; d < MAX_DIMS; d++) {
        in[d] = ABS(out[d] - amounts[2 * d]);
        in[d] = in[d] < dims[d] ? in[d] : 2 * (dims[d] - 1) - in[d];
    }
}

static void
where_symmetric(const gint32 out[MAX_DIMS], const gint32 *amounts, gint32 in[MAX_DIMS])
{
    for (guint d = 0; d < MAX_DIMS; d++) {
        in[d] = out[d] - amounts[2 * d];
        in[d] = in[d] < 0 ? -1 - in[d] : in[d] < dims[d] ? in[d] : 2 * dims[d] - 1 - in[d];
    }
}

static const struct {
    gint32 code, mode;
    guint n_argument;
    gint32 argument[8], out[MAX_DIMS];
    Where where;
} rearrangements[] = {
    {39, 0, 4, {0, 2, 1, 3}, {2, 5, 3, 7}, where_transposed},
    {39, 0, 4, {3, 2, 1, 0}, {7, 5, 3, 2}, where_transposed},
    {39, 0, 4, {1, 3, 0, 2}, {3, 7, 2, 5}, where_transposed},
    {39, 0, 4, {0, 1, 2, 3}, {2, 3, 5, 7}, where_transposed},
    {69, 0, 4, {1, 2, 1, 3}, {2, 6, 5, 21}, where_tiled},
    {69, 0, 4, {3, 1, 2, 1}, {6, 3, 10, 7}, where_tiled},
    {100, 0, 8, {0, 0, 1, 2, 4, 0, 1, 6}, {2, 6, 9, 14}, where_reflected},
    {100, 1, 8, {1, 2, 0, 3, 5, 1, 0, 7}, {5, 6, 11, 14}, where_symmetric},
};

START_TEST(test_rearrange)
{
    static const VigilTensorType types[] = {S8, U8, VIGIL_TENSOR_INT32};
    const gint32 *out_dims = rearrangements[_i].out, *argument = rearrangements[_i].argument;
    const guint n_argument = rearrangements[_i].n_argument;
    const gint32 pairs[] = {4, 2};

    for (guint t = 0; t < G_N_ELEMENTS(types); t++) {
        const gsize element = types[t] == VIGIL_TENSOR_INT32 ? 4 : 1;
        g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();
        const gfloat scale = element == 1 ? 0.1f : 0;
        const gint32 in = vigil_tflite_writer_tensor(writer, types[t], 4, dims, NULL, 0, scale, 0);
        const gint32 out =
            vigil_tflite_writer_tensor(writer, types[t], 4, out_dims, NULL, 0, scale, 0);
        const gint32 constant = n_argument == 4
                                    ? vigil_tflite_writer_ints(writer, argument, 4)
                                    : vigil_tflite_writer_tensor(writer, VIGIL_TENSOR_INT32, 2,
                                                                 pairs, argument, 32, 0, 0);
        const gint32 inputs[] = {in, constant};
        g_autofree guint8 *input = bytes(210 * element, 3);
        g_autofree guint8 *output = NULL;
        g_autoptr(GBytes) file = NULL;
        gint32 at[MAX_DIMS], from[MAX_DIMS];
        gsize n;

        vigil_tflite_writer_operator(writer, rearrangements[_i].code, inputs, 2, &out, 1);
        vigil_tflite_writer_option_i8(writer, 0, (gint8)rearrangements[_i].mode);
        file = finish(writer, in, out);
        output = run(file, input, &n);
        ck_assert_uint_eq(n,
                          (gsize)(out_dims[0] * out_dims[1] * out_dims[2] * out_dims[3]) * element);
        for (gsize i = 0; i < n / element; i++) {
            gsize rest = i;

            for (guint d = MAX_DIMS; d-- > 0; rest /= (gsize)out_dims[d])
                at[d] = (gint32)(rest % (gsize)out_dims[d]);
            rearrangements[_i].where(at, argument, from);
            ck_assert_mem_eq(output + i * element, input + index_of(from, dims) * element, element);
        }
    }
}
END_TEST

START_TEST(test_extremes)
{
    for (guint variant = 0; variant < 8; variant++) {
        const gboolean maximum = variant & 1, is_signed = variant & 2, broadcast = variant & 4;
        g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();
        const VigilTensorType type = is_signed ? S8 : U8;
        const gint32 a = vigil_tflite_writer_tensor(writer, type, 4, dims, NULL, 0, 0.1f, 0);
        const gint32 b = vigil_tflite_writer_tensor(writer, type, broadcast ? 1 : 4,
                                                    broadcast ? &dims[3] : dims, NULL, 0, 0.1f, 0);
        const gint32 out = vigil_tflite_writer_tensor(writer, type, 4, dims, NULL, 0, 0.1f, 0);
        const gint32 inputs[] = {a, b};
        g_autofree guint8 *input = bytes(420, variant);
        g_autofree guint8 *output = NULL;
        g_autoptr(GBytes) file = NULL;
        gsize n;

        vigil_tflite_writer_operator(writer, maximum ? 55 : 57, inputs, 2, &out, 1);
        vigil_tflite_writer_interface(writer, inputs, 2, &out, 1);
        file = vigil_tflite_writer_finish(writer);
        output = run(file, input, &n);
        ck_assert_uint_eq(n, 210);
        for (gsize i = 0; i < 210; i++) {
            const guint8 x = input[i], y = input[210 + (broadcast ? i % 7 : i)];
            const gboolean first = is_signed ? (gint8)x > (gint8)y : x > y;

            ck_assert_uint_eq(output[i], first == maximum ? x : y);
        }
    }
}
END_TEST

START_TEST(test_arg_max)
{
    for (gint32 axis = -1; axis < MAX_DIMS; axis++) {
        const guint along = axis < 0 ? MAX_DIMS - 1 : (guint)axis;
        g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();
        const gint32 in = vigil_tflite_writer_tensor(writer, S8, 4, dims, NULL, 0, 0.1f, 0);
        const gint32 out =
            vigil_tflite_writer_tensor(writer, VIGIL_TENSOR_INT32, 0, NULL, NULL, 0, 0, 0);
        const gint32 inputs[] = {in, vigil_tflite_writer_ints(writer, &axis, 1)};
        g_autofree guint8 *input = bytes(210, 5);
        g_autofree gint32 *output = NULL;
        g_autoptr(GBytes) file = NULL;
        gsize n, k = 0;

        for (guint i = 0; i < 210; i++)
            input[i] %= 4; /* many equal values */
        vigil_tflite_writer_operator(writer, 56, inputs, 2, &out, 1);
        file = finish(writer, in, out);
        output = run(file, input, &n);
        ck_assert_uint_eq(n, 210 / (gsize)dims[along] * 4);
        for (gsize i = 0; i < 210; i++) {
            gint32 at[MAX_DIMS], best = 0;
            gsize rest = i;

            for (guint d = MAX_DIMS; d-- > 0; rest /= (gsize)dims[d])
                at[d] = (gint32)(rest % (gsize)dims[d]);
            if (at[along] != 0)
                continue;
            for (gint32 j = 1; j < dims[along]; j++) {
                gint32 other[MAX_DIMS], highest[MAX_DIMS];

                memcpy(other, at, sizeof at);
                memcpy(highest, at, sizeof at);
                other[along] = j;
                highest[along] = best;
                if ((gint8)input[index_of(other, dims)] > (gint8)input[index_of(highest, dims)])
                    best = j;
            }
            ck_assert_int_eq(output[k++], best);
        }
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("operators");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, test_as_tensorflow_lite, 0, G_N_ELEMENTS(cases));
    tcase_add_loop_test(tests, test_rearrange, 0, G_N_ELEMENTS(rearrangements));
    tcase_add_test(tests, test_extremes);
    tcase_add_test(tests, test_arg_max);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
