/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions, pooling, fully connected layers and means against naive loops written here, over random shapes, strides,
 * paddings, dilations, scales and zero points. The loops think in real coordinates and 64-bit sums.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"

#define ROUNDS 150
#define MAX_BYTES 40000

typedef struct {
    gint32 h, w, c, out_h, out_w, out_c;
    gint32 k_h, k_w, stride_y, stride_x, dilation_y, dilation_x, padding, multiplier;
} Shape;

static GRand *rand_source;
static VigilTensorType type;
static gint32 type_lo, type_hi;
static guint8 in_data[MAX_BYTES], weight_data[MAX_BYTES];

static gint32
pick(gint32 lo, gint32 hi)
{
    return g_rand_int_range(rand_source, lo, hi + 1);
}

static gfloat
pick_scale(gdouble lo, gdouble hi)
{
    return (gfloat)g_rand_double_range(rand_source, lo, hi);
}

static gint32
pick_zero_point(void)
{
    return pick(type_lo, type_hi);
}

static gint32
value(const guint8 *data, gsize i)
{
    return type == VIGIL_TENSOR_INT8 ? (gint8)data[i] : data[i];
}

static void
fill(guint8 *data, gsize n)
{
    ck_assert_uint_le(n, MAX_BYTES);
    for (gsize i = 0; i < n; i++)
        data[i] = (guint8)g_rand_int(rand_source);
}

static gint32
clamp_to(gint64 q, gint32 lo, gint32 hi)
{
    return (gint32)MIN(MAX(q, lo), hi);
}

/* The fp32 rule, in the rounding mode of the machine (nearest, ties to even). */
static gint32
requantize(gint64 sum, gfloat scale, gint32 zero_point, gint32 lo, gint32 hi)
{
    const gfloat x = (gfloat)(gint32)sum * scale;

    return clamp_to((gint64)nearbyint((gdouble)x) + zero_point, lo, hi);
}

static void
set_type(gint i)
{
    type = i == 0 ? VIGIL_TENSOR_INT8 : VIGIL_TENSOR_UINT8;
    type_lo = i == 0 ? -128 : 0;
    type_hi = i == 0 ? 127 : 255;
    g_clear_pointer(&rand_source, g_rand_free);
    rand_source = g_rand_new_with_seed(4711 + (guint32)i);
}

static Shape
pick_shape(gboolean dilated)
{
    Shape s = {.h = pick(1, 9),
               .w = pick(1, 9),
               .c = pick(0, 2) == 0 ? pick(1, 5) : pick(1, 40),
               .out_c = pick(1, 11),
               .padding = pick(0, 1)};
    gint32 reach_y, reach_x;

    s.k_h = pick(1, 5);
    s.k_w = pick(1, 5);
    s.stride_y = pick(1, 3);
    s.stride_x = pick(1, 3);
    s.dilation_y = dilated && pick(0, 2) == 0 ? pick(1, 3) : 1;
    s.dilation_x = dilated && pick(0, 2) == 0 ? pick(1, 3) : 1;
    s.multiplier = pick(0, 3) == 0 ? pick(2, 3) : 1;
    reach_y = (s.k_h - 1) * s.dilation_y + 1;
    reach_x = (s.k_w - 1) * s.dilation_x + 1;
    if (reach_y > s.h || reach_x > s.w)
        s.padding = 0;
    s.out_h = s.padding == 0 ? (gint32)ceil((gdouble)s.h / s.stride_y)
                             : (gint32)floor((gdouble)(s.h - reach_y) / s.stride_y) + 1;
    s.out_w = s.padding == 0 ? (gint32)ceil((gdouble)s.w / s.stride_x)
                             : (gint32)floor((gdouble)(s.w - reach_x) / s.stride_x) + 1;
    return s;
}

/* Input coordinate of a tap along one dimension; outside 0..size-1 is padding. */
static gint32
tap(const Shape *s, gboolean vertical, gint32 out, gint32 k)
{
    const gint32 size = vertical ? s->h : s->w, n = vertical ? s->out_h : s->out_w;
    const gint32 stride = vertical ? s->stride_y : s->stride_x;
    const gint32 dilation = vertical ? s->dilation_y : s->dilation_x;
    const gint32 taps = vertical ? s->k_h : s->k_w;
    const gint32 missing = (n - 1) * stride + (taps - 1) * dilation + 1 - size;
    const gint32 before = s->padding == 0 && missing > 0 ? missing / 2 : 0;

    return out * stride + k * dilation - before;
}

static gboolean
inside(const Shape *s, gint32 y, gint32 x)
{
    return y >= 0 && x >= 0 && y < s->h && x < s->w;
}

static gint
image(VigilTfliteWriter *w, gint32 h, gint32 width, gint32 c, gfloat scale, gint32 zero_point)
{
    return vigil_tflite_writer_tensor(w, type, 4, (gint32[]){1, h, width, c}, NULL, 0, scale,
                                      zero_point);
}

/* Loads and runs the model on in_data; Returns: (transfer full): its output. */
static guint8 *
run_writer(VigilTfliteWriter *writer, gint32 in, gint32 out, gsize in_bytes, gsize out_bytes)
{
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = NULL;
    g_autoptr(VigilSession) session = NULL;

    vigil_tflite_writer_interface(writer, &in, 1, &out, 1);
    bytes = vigil_tflite_writer_finish(writer);
    model = vigil_model_load_bytes(bytes, "kernel", &error);
    ck_assert_msg(model != NULL, "%s", error ? error->message : "");
    ck_assert_uint_eq(vigil_model_get_input_info(model, 0)->bytes, in_bytes);
    ck_assert_uint_eq(vigil_model_get_output_info(model, 0)->bytes, out_bytes);
    session = vigil_session_new(model, 1, NULL);
    memcpy(vigil_session_get_input(session, 0), in_data, in_bytes);
    vigil_session_run(session);
    return g_memdup2(vigil_session_get_output(session, 0), out_bytes);
}

static void
check_at(const guint8 *got, gsize i, gint32 want, const Shape *s, guint round)
{
    ck_assert_msg(value(got, i) == want,
                  "round %u: element %zu is %d, not %d (in %dx%dx%d, kernel %dx%d, stride %dx%d, "
                  "dilation %dx%d, padding %d)",
                  round, i, value(got, i), want, s->h, s->w, s->c, s->k_h, s->k_w, s->stride_y,
                  s->stride_x, s->dilation_y, s->dilation_x, s->padding);
}

typedef struct {
    gfloat in_scale, out_scale, scales[128];
    gint32 in_zero, weight_zero, out_zero, bias[128], activation, lo, hi;
} Quant;

/* RELU6 of the output, by its definition. */
static void
pick_quant(Quant *q, gint32 channels, gsize terms)
{
    q->in_scale = pick_scale(0.001, 0.1);
    q->in_zero = pick_zero_point();
    q->weight_zero = type == VIGIL_TENSOR_INT8 ? 0 : pick_zero_point();
    q->out_zero = pick_zero_point();
    q->scales[0] = pick_scale(0.001, 0.1);
    for (gint32 c = 0; c < channels; c++) {
        q->scales[c] = type == VIGIL_TENSOR_INT8 ? pick_scale(0.001, 0.1) : q->scales[0];
        q->bias[c] = pick(-5000, 5000);
    }
    q->out_scale = q->in_scale * 0.05f * (gfloat)sqrt((gdouble)terms) * 60.0f;
    q->activation = pick(0, 1) * 3;
    q->lo = q->activation != 0 ? MAX(type_lo, q->out_zero) : type_lo;
    q->hi = q->activation != 0
                ? clamp_to((gint64)nearbyintf(6.0f / q->out_scale) + q->out_zero, type_lo, type_hi)
                : type_hi;
}

static gint
put_weights(VigilTfliteWriter *w, const Quant *q, const gint32 *dims, guint n_dims, gint32 channels,
            gint32 channel_dim)
{
    gsize n = 1;
    gint index;

    for (guint i = 0; i < n_dims; i++)
        n *= (gsize)dims[i];
    fill(weight_data, n);
    index = vigil_tflite_writer_tensor(w, type, n_dims, dims, weight_data, n, q->scales[0],
                                       q->weight_zero);
    if (type == VIGIL_TENSOR_INT8 && channels > 1)
        vigil_tflite_writer_set_channels(w, index, q->scales, (guint)channels, channel_dim);
    return index;
}

static gint
put_bias(VigilTfliteWriter *w, const Quant *q, gint32 channels)
{
    return vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 1, &channels, q->bias,
                                      (gsize)channels * sizeof *q->bias, 0, 0);
}

static gint64
naive_sum(const Shape *s, const Quant *q, gint32 y, gint32 x, gint32 c, gboolean depthwise)
{
    gint64 sum = q->bias[c];

    for (gint32 ky = 0; ky < s->k_h; ky++)
        for (gint32 kx = 0; kx < s->k_w; kx++) {
            const gint32 in_y = tap(s, TRUE, y, ky), in_x = tap(s, FALSE, x, kx);

            if (!inside(s, in_y, in_x))
                continue;
            for (gint32 i = 0; i < s->c; i++) {
                const gsize at = ((gsize)in_y * s->w + in_x) * s->c + i;
                const gsize plain = (((gsize)c * s->k_h + ky) * s->k_w + kx) * s->c + i;
                const gsize deep = ((gsize)ky * s->k_w + kx) * s->out_c + c;

                if (depthwise && c / s->multiplier != i)
                    continue;
                sum += (gint64)(value(in_data, at) - q->in_zero) *
                       (value(weight_data, depthwise ? deep : plain) - q->weight_zero);
            }
        }
    return sum;
}

static void
check_convolution(guint round, gboolean depthwise)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    g_autofree guint8 *got = NULL;
    Shape s = pick_shape(TRUE);
    Quant q;

    if (depthwise)
        s.out_c = s.c * s.multiplier;
    pick_quant(&q, s.out_c, (gsize)(s.k_h * s.k_w * (depthwise ? 1 : s.c)));
    const gint32 dims[] = {depthwise ? 1 : s.out_c, s.k_h, s.k_w, depthwise ? s.out_c : s.c};
    const gint in = image(w, s.h, s.w, s.c, q.in_scale, q.in_zero);
    const gint weights = put_weights(w, &q, dims, 4, s.out_c, depthwise ? 3 : 0);
    const gint bias = put_bias(w, &q, s.out_c);
    const gint out = image(w, s.out_h, s.out_w, s.out_c, q.out_scale, q.out_zero);

    vigil_tflite_writer_operator(w, depthwise ? 4 : 3, (gint32[]){in, weights, bias}, 3, &out, 1);
    vigil_tflite_writer_option_i8(w, 0, (gint8)s.padding);
    vigil_tflite_writer_option_i32(w, 1, s.stride_x);
    vigil_tflite_writer_option_i32(w, 2, s.stride_y);
    vigil_tflite_writer_option_i8(w, depthwise ? 4 : 3, (gint8)q.activation);
    vigil_tflite_writer_option_i32(w, depthwise ? 5 : 4, s.dilation_x);
    vigil_tflite_writer_option_i32(w, depthwise ? 6 : 5, s.dilation_y);
    fill(in_data, (gsize)(s.h * s.w * s.c));
    got = run_writer(w, in, out, (gsize)(s.h * s.w * s.c), (gsize)(s.out_h * s.out_w * s.out_c));
    for (gint32 i = 0; i < s.out_h * s.out_w * s.out_c; i++) {
        const gint32 c = i % s.out_c, x = i / s.out_c % s.out_w, y = i / s.out_c / s.out_w;
        const gfloat scale = q.in_scale * q.scales[c] / q.out_scale;

        check_at(got, (gsize)i,
                 requantize(naive_sum(&s, &q, y, x, c, depthwise), scale, q.out_zero, q.lo, q.hi),
                 &s, round);
    }
}

START_TEST(test_conv)
{
    set_type(_i);
    for (guint round = 0; round < ROUNDS; round++)
        check_convolution(round, FALSE);
}
END_TEST

START_TEST(test_depthwise)
{
    set_type(_i);
    for (guint round = 0; round < ROUNDS; round++)
        check_convolution(round, TRUE);
}
END_TEST

START_TEST(test_fully_connected)
{
    set_type(_i);
    for (guint round = 0; round < ROUNDS; round++) {
        g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
        g_autofree guint8 *got = NULL;
        const Shape s = {
            .h = 1, .w = pick(1, 9), .c = pick(1, 100), .out_c = pick(1, 30), .k_h = 1, .k_w = 1};
        const gint32 in_dims[] = {s.w, s.c}, w_dims[] = {s.out_c, s.c}, out_dims[] = {s.w, s.out_c};
        Quant q;

        pick_quant(&q, s.out_c, (gsize)s.c);
        const gint in =
            vigil_tflite_writer_tensor(w, type, 2, in_dims, NULL, 0, q.in_scale, q.in_zero);
        const gint weights = put_weights(w, &q, w_dims, 2, 1, 0);
        const gint bias = pick(0, 3) == 0 ? -1 : put_bias(w, &q, s.out_c);
        const gint out =
            vigil_tflite_writer_tensor(w, type, 2, out_dims, NULL, 0, q.out_scale, q.out_zero);

        vigil_tflite_writer_operator(w, 9, (gint32[]){in, weights, bias}, 3, &out, 1);
        vigil_tflite_writer_option_i8(w, 0, (gint8)q.activation);
        fill(in_data, (gsize)(s.w * s.c));
        got = run_writer(w, in, out, (gsize)(s.w * s.c), (gsize)(s.w * s.out_c));
        for (gint32 i = 0; i < s.w * s.out_c; i++) {
            gint64 sum = bias < 0 ? 0 : q.bias[i % s.out_c];

            for (gint32 j = 0; j < s.c; j++)
                sum += (gint64)(value(in_data, (gsize)(i / s.out_c * s.c + j)) - q.in_zero) *
                       (value(weight_data, (gsize)(i % s.out_c * s.c + j)) - q.weight_zero);
            check_at(
                got, (gsize)i,
                requantize(sum, q.in_scale * q.scales[0] / q.out_scale, q.out_zero, q.lo, q.hi), &s,
                round);
        }
    }
}
END_TEST

/* Highest or mean (ties away from zero) of the taps inside the image. */
static gint32
naive_pool(const Shape *s, gint32 y, gint32 x, gint32 c, gboolean average)
{
    gint32 highest = G_MININT32, n = 0;
    gint64 sum = 0;

    for (gint32 ky = 0; ky < s->k_h; ky++)
        for (gint32 kx = 0; kx < s->k_w; kx++) {
            const gint32 in_y = tap(s, TRUE, y, ky), in_x = tap(s, FALSE, x, kx);
            gint32 v;

            if (!inside(s, in_y, in_x))
                continue;
            v = value(in_data, ((gsize)in_y * s->w + in_x) * s->c + c);
            highest = MAX(highest, v);
            sum += v;
            n++;
        }
    return average ? (gint32)round((gdouble)sum / n) : highest;
}

static void
check_pool(guint round, gboolean average)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    g_autofree guint8 *got = NULL;
    const Shape s = pick_shape(FALSE);
    const gint32 zero = pick_zero_point();
    const gint in = image(w, s.h, s.w, s.c, 0.1f, zero),
               out = image(w, s.out_h, s.out_w, s.c, 0.1f, zero);

    vigil_tflite_writer_operator(w, average ? 1 : 17, &in, 1, &out, 1);
    vigil_tflite_writer_option_i8(w, 0, (gint8)s.padding);
    vigil_tflite_writer_option_i32(w, 1, s.stride_x);
    vigil_tflite_writer_option_i32(w, 2, s.stride_y);
    vigil_tflite_writer_option_i32(w, 3, s.k_w);
    vigil_tflite_writer_option_i32(w, 4, s.k_h);
    vigil_tflite_writer_option_i8(w, 5, 1);
    fill(in_data, (gsize)(s.h * s.w * s.c));
    got = run_writer(w, in, out, (gsize)(s.h * s.w * s.c), (gsize)(s.out_h * s.out_w * s.c));
    for (gint32 i = 0; i < s.out_h * s.out_w * s.c; i++)
        check_at(got, (gsize)i,
                 MAX(naive_pool(&s, i / s.c / s.out_w, i / s.c % s.out_w, i % s.c, average), zero),
                 &s, round);
}

START_TEST(test_pool)
{
    set_type(_i);
    for (guint round = 0; round < ROUNDS; round++) {
        check_pool(round, FALSE);
        check_pool(round, TRUE);
    }
}
END_TEST

START_TEST(test_mean)
{
    set_type(_i);
    for (guint round = 0; round < ROUNDS; round++) {
        g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
        g_autofree guint8 *got = NULL;
        const Shape s = {.h = pick(1, 9), .w = pick(1, 9), .c = pick(1, 30)};
        const gfloat in_scale = pick_scale(0.01, 0.1), out_scale = pick_scale(0.01, 0.05);
        const gint32 in_zero = pick_zero_point(), out_zero = pick_zero_point(), axes[] = {2, 1};
        const gint in = image(w, s.h, s.w, s.c, in_scale, in_zero),
                   out = image(w, 1, 1, s.c, out_scale, out_zero);

        vigil_tflite_writer_operator(w, 40, (gint32[]){in, vigil_tflite_writer_ints(w, axes, 2)}, 2,
                                     &out, 1);
        vigil_tflite_writer_option_i8(w, 0, (gint8)pick(0, 1));
        fill(in_data, (gsize)(s.h * s.w * s.c));
        got = run_writer(w, in, out, (gsize)(s.h * s.w * s.c), (gsize)s.c);
        for (gint32 c = 0; c < s.c; c++) {
            const gint32 n = s.h * s.w;
            gint64 sum = 0;

            for (gint32 i = 0; i < n; i++)
                sum += value(in_data, (gsize)(i * s.c + c)) - in_zero;
            check_at(
                got, (gsize)c,
                requantize(sum, in_scale / (out_scale * (gfloat)n), out_zero, type_lo, type_hi), &s,
                round);
        }
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("kernels");
    TCase *tcase = tcase_create("kernels");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_conv, 0, 2);
    tcase_add_loop_test(tcase, test_depthwise, 0, 2);
    tcase_add_loop_test(tcase, test_fully_connected, 0, 2);
    tcase_add_loop_test(tcase, test_pool, 0, 2);
    tcase_add_loop_test(tcase, test_mean, 0, 2);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_clear_pointer(&rand_source, g_rand_free);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
