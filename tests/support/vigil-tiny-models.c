/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-tiny-models.h"

#include <stdlib.h>
#include <string.h>

#include "models/vigil-model-private.h"
#include "tests/support/vigil-tflite-writer.h"

/* A run beyond these would make a test slow, not better. */
#define MAX_MACS 20000000u
#define MAX_ARENA ((gsize)4 << 20)

static gint
tensor(VigilTfliteWriter *w, VigilTensorType type, gint32 h, gint32 width, gint32 c, gfloat scale,
       gint32 zero_point)
{
    const gint32 dims[] = {1, h, width, c};

    return vigil_tflite_writer_tensor(w, type, 4, dims, NULL, 0, scale, zero_point);
}

/* Constant weights that are not all alike. */
static gint
weights(VigilTfliteWriter *w, VigilTensorType type, guint n_dims, const gint32 *dims, gfloat scale)
{
    guint8 data[1024];
    gsize n = 1;

    for (guint i = 0; i < n_dims; i++)
        n *= (gsize)dims[i];
    for (gsize i = 0; i < n; i++)
        data[i] = (guint8)(i * 37 + 11);
    return vigil_tflite_writer_tensor(w, type, n_dims, dims, data, n, scale, 0);
}

static void
interface(VigilTfliteWriter *w, gint32 in, gint32 out)
{
    vigil_tflite_writer_interface(w, &in, 1, &out, 1);
}

/* CONV_2D per channel with RELU6, then DEPTHWISE_CONV_2D, then MAX_POOL_2D. */
static void
make_conv(VigilTfliteWriter *w)
{
    const gint32 w_dims[] = {4, 3, 3, 3}, dw_dims[] = {1, 3, 3, 4}, n = 4, bias[] = {5, -6, 700, 8};
    const gfloat scales[] = {0.01f, 0.02f, 0.005f, 0.03f};
    const gint in = tensor(w, VIGIL_TENSOR_INT8, 7, 6, 3, 0.1f, -5);
    const gint conv_w = weights(w, VIGIL_TENSOR_INT8, 4, w_dims, 0.01f);
    const gint dw_w = weights(w, VIGIL_TENSOR_INT8, 4, dw_dims, 0.02f);
    const gint b =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 1, &n, bias, sizeof bias, 0, 0);
    const gint conv = tensor(w, VIGIL_TENSOR_INT8, 4, 3, 4, 0.5f, 3);
    const gint dw = tensor(w, VIGIL_TENSOR_INT8, 2, 1, 4, 0.7f, -3);
    const gint pool = tensor(w, VIGIL_TENSOR_INT8, 1, 1, 4, 0.7f, -3);

    vigil_tflite_writer_set_channels(w, conv_w, scales, 4, 0);
    vigil_tflite_writer_operator(w, 3, (gint32[]){in, conv_w, b}, 3, &conv, 1);
    vigil_tflite_writer_option_i8(w, 0, 0);
    vigil_tflite_writer_option_i32(w, 1, 2);
    vigil_tflite_writer_option_i32(w, 2, 2);
    vigil_tflite_writer_option_i8(w, 3, 3);
    vigil_tflite_writer_operator(w, 4, (gint32[]){conv, dw_w, b}, 3, &dw, 1);
    vigil_tflite_writer_option_i8(w, 0, 1);
    vigil_tflite_writer_option_i32(w, 1, 1);
    vigil_tflite_writer_option_i32(w, 2, 1);
    vigil_tflite_writer_option_i32(w, 3, 1);
    vigil_tflite_writer_operator(w, 17, &dw, 1, &pool, 1);
    vigil_tflite_writer_option_i8(w, 0, 1);
    vigil_tflite_writer_option_i32(w, 1, 1);
    vigil_tflite_writer_option_i32(w, 2, 1);
    vigil_tflite_writer_option_i32(w, 3, 1);
    vigil_tflite_writer_option_i32(w, 4, 2);
    interface(w, in, pool);
}

/* FULLY_CONNECTED, SOFTMAX, DEQUANTIZE. */
static void
make_classifier(VigilTfliteWriter *w)
{
    const gint32 in_dims[] = {2, 9}, w_dims[] = {5, 9}, out_dims[] = {2, 5};
    const gint in =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 2, in_dims, NULL, 0, 0.02f, 128);
    const gint fc_w = weights(w, VIGIL_TENSOR_UINT8, 2, w_dims, 0.01f);
    const gint fc =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 2, out_dims, NULL, 0, 0.3f, 100);
    const gint soft =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 2, out_dims, NULL, 0, 1.0f / 256, 0);
    const gint out =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_FLOAT32, 2, out_dims, NULL, 0, 0, 0);

    vigil_tflite_writer_operator(w, 9, (gint32[]){in, fc_w, -1}, 3, &fc, 1);
    vigil_tflite_writer_option_i8(w, 0, 1);
    vigil_tflite_writer_operator(w, 25, &fc, 1, &soft, 1);
    vigil_tflite_writer_option_float(w, 0, 1.0f);
    vigil_tflite_writer_operator(w, 6, &soft, 1, &out, 1);
    interface(w, in, out);
}

/* ADD with a broadcast constant, MUL of two computed ones, SUB. */
static void
make_arithmetic(VigilTfliteWriter *w)
{
    const gint32 row[] = {1, 1, 1, 5};
    const gint in = tensor(w, VIGIL_TENSOR_INT8, 3, 4, 5, 0.1f, 7);
    const gint constant = weights(w, VIGIL_TENSOR_INT8, 4, row, 0.05f);
    const gint sum = tensor(w, VIGIL_TENSOR_INT8, 3, 4, 5, 0.2f, -9);
    const gint product = tensor(w, VIGIL_TENSOR_INT8, 3, 4, 5, 0.9f, 0);
    const gint out = tensor(w, VIGIL_TENSOR_INT8, 3, 4, 5, 1.1f, 4);

    vigil_tflite_writer_operator(w, 0, (gint32[]){in, constant}, 2, &sum, 1);
    vigil_tflite_writer_option_i8(w, 0, 1);
    vigil_tflite_writer_operator(w, 18, (gint32[]){in, sum}, 2, &product, 1);
    vigil_tflite_writer_option_i8(w, 0, 0);
    vigil_tflite_writer_operator(w, 41, (gint32[]){product, sum}, 2, &out, 1);
    vigil_tflite_writer_option_i8(w, 0, 3);
    interface(w, in, out);
}

/* SPLIT, LOGISTIC, CONCATENATION, PAD, MEAN. */
static void
make_shuffle(VigilTfliteWriter *w)
{
    const gint32 axis = 3, amounts[] = {0, 0, 1, 2, 0, 1, 0, 0}, axes[] = {1, 2}, pairs[] = {4, 2};
    const gint in = tensor(w, VIGIL_TENSOR_INT8, 4, 3, 6, 1.0f / 256, -128);
    const gint32 parts[] = {tensor(w, VIGIL_TENSOR_INT8, 4, 3, 3, 1.0f / 256, -128),
                            tensor(w, VIGIL_TENSOR_INT8, 4, 3, 3, 1.0f / 256, -128)};
    const gint lut = tensor(w, VIGIL_TENSOR_INT8, 4, 3, 3, 1.0f / 256, -128);
    const gint joined = tensor(w, VIGIL_TENSOR_INT8, 4, 3, 6, 1.0f / 256, -128);
    const gint padded = tensor(w, VIGIL_TENSOR_INT8, 7, 4, 6, 1.0f / 256, -128);
    const gint32 flat[] = {1, 6};
    const gint out = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 2, flat, NULL, 0, 0.01f, -20);
    const gint pad =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 2, pairs, amounts, sizeof amounts, 0, 0);

    vigil_tflite_writer_operator(w, 49, (gint32[]){vigil_tflite_writer_ints(w, &axis, 1), in}, 2,
                                 parts, 2);
    vigil_tflite_writer_option_i32(w, 0, 2);
    vigil_tflite_writer_operator(w, 14, &parts[1], 1, &lut, 1);
    vigil_tflite_writer_operator(w, 2, (gint32[]){parts[0], lut}, 2, &joined, 1);
    vigil_tflite_writer_option_i32(w, 0, -1);
    vigil_tflite_writer_option_i8(w, 1, 0);
    vigil_tflite_writer_operator(w, 34, (gint32[]){joined, pad}, 2, &padded, 1);
    vigil_tflite_writer_operator(w, 40, (gint32[]){padded, vigil_tflite_writer_ints(w, axes, 2)}, 2,
                                 &out, 1);
    vigil_tflite_writer_option_i8(w, 0, 0);
    interface(w, in, out);
}

/* SHAPE, STRIDED_SLICE, PACK: a RESHAPE to a shape that is computed. */
static void
make_shapes(VigilTfliteWriter *w)
{
    const gint32 zero = 0, one = 1, four = 4, rest = -1, wanted[] = {1, 12, 2};
    const gint in = tensor(w, VIGIL_TENSOR_UINT8, 3, 4, 2, 0.5f, 10);
    const gint shape = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 1, &four, NULL, 0, 0, 0);
    const gint batch = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 0, NULL, NULL, 0, 0, 0);
    const gint channels =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 0, NULL, &(gint32){2}, 4, 0, 0);
    const gint wild = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 0, NULL, &rest, 4, 0, 0);
    const gint packed =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 1, &(gint32){3}, NULL, 0, 0, 0);
    const gint out =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_UINT8, 3, wanted, NULL, 0, 0.5f, 10);

    vigil_tflite_writer_operator(w, 77, &in, 1, &shape, 1);
    vigil_tflite_writer_option_i8(w, 0, 2);
    vigil_tflite_writer_operator(w, 45,
                                 (gint32[]){shape, vigil_tflite_writer_ints(w, &zero, 1),
                                            vigil_tflite_writer_ints(w, &one, 1),
                                            vigil_tflite_writer_ints(w, &one, 1)},
                                 4, &batch, 1);
    vigil_tflite_writer_option_i32(w, 4, 1);
    vigil_tflite_writer_operator(w, 83, (gint32[]){batch, wild, channels}, 3, &packed, 1);
    vigil_tflite_writer_option_i32(w, 0, 3);
    vigil_tflite_writer_operator(w, 22, (gint32[]){in, packed}, 2, &out, 1);
    interface(w, in, out);
}

/* RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR, AVERAGE_POOL_2D, QUANTIZE from and to other types. */
static void
make_resize(VigilTfliteWriter *w)
{
    const gint32 size[] = {6, 8};
    const gint in = tensor(w, VIGIL_TENSOR_FLOAT32, 3, 4, 2, 0, 0);
    const gint quantized = tensor(w, VIGIL_TENSOR_UINT8, 3, 4, 2, 0.02f, 120);
    const gint large = tensor(w, VIGIL_TENSOR_UINT8, 6, 8, 2, 0.02f, 120);
    const gint pooled = tensor(w, VIGIL_TENSOR_UINT8, 3, 4, 2, 0.02f, 120);
    const gint larger = tensor(w, VIGIL_TENSOR_UINT8, 6, 8, 2, 0.02f, 120);
    const gint out = tensor(w, VIGIL_TENSOR_INT8, 6, 8, 2, 0.03f, -7);

    vigil_tflite_writer_operator(w, 114, &in, 1, &quantized, 1);
    vigil_tflite_writer_operator(w, 23, (gint32[]){quantized, vigil_tflite_writer_ints(w, size, 2)},
                                 2, &large, 1);
    vigil_tflite_writer_option_i8(w, 3, 1);
    vigil_tflite_writer_operator(w, 1, &large, 1, &pooled, 1);
    vigil_tflite_writer_option_i8(w, 0, 0);
    vigil_tflite_writer_option_i32(w, 1, 2);
    vigil_tflite_writer_option_i32(w, 2, 2);
    vigil_tflite_writer_option_i32(w, 3, 3);
    vigil_tflite_writer_option_i32(w, 4, 3);
    vigil_tflite_writer_operator(w, 97, (gint32[]){pooled, vigil_tflite_writer_ints(w, size, 2)}, 2,
                                 &larger, 1);
    vigil_tflite_writer_option_i8(w, 0, 1);
    vigil_tflite_writer_operator(w, 114, &larger, 1, &out, 1);
    interface(w, in, out);
}

/* SLICE, GATHER, UNPACK, SQUEEZE, EXPAND_DIMS. */
static void
make_pick(VigilTfliteWriter *w)
{
    const gint32 begin[] = {0, 1, 0, 1}, size[] = {1, 2, -1, 3}, indices[] = {2, 0, 2},
                 dims3[] = {2, 3, 3}, axis = 0;
    const gint in = tensor(w, VIGIL_TENSOR_INT8, 4, 3, 5, 0.1f, 0);
    const gint part = tensor(w, VIGIL_TENSOR_INT8, 2, 3, 3, 0.1f, 0);
    const gint gathered = tensor(w, VIGIL_TENSOR_INT8, 2, 3, 3, 0.1f, 0);
    const gint squeezed =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 3, dims3, NULL, 0, 0.1f, 0);
    const gint32 halves[] = {
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 2, dims3 + 1, NULL, 0, 0.1f, 0),
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 2, dims3 + 1, NULL, 0, 0.1f, 0)};
    const gint out = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 3, dims3, NULL, 0, 0.1f, 0);

    vigil_tflite_writer_operator(
        w, 65,
        (gint32[]){in, vigil_tflite_writer_ints(w, begin, 4), vigil_tflite_writer_ints(w, size, 4)},
        3, &part, 1);
    vigil_tflite_writer_operator(w, 36, (gint32[]){part, vigil_tflite_writer_ints(w, indices, 3)},
                                 2, &gathered, 1);
    vigil_tflite_writer_option_i32(w, 0, 2);
    vigil_tflite_writer_operator(w, 43, &gathered, 1, &squeezed, 1);
    vigil_tflite_writer_option_ints(w, 0, &axis, 1);
    vigil_tflite_writer_operator(w, 88, &squeezed, 1, halves, 2);
    vigil_tflite_writer_option_i32(w, 0, 2);
    vigil_tflite_writer_option_i32(w, 1, 0);
    vigil_tflite_writer_operator(
        w, 70, (gint32[]){halves[1], vigil_tflite_writer_ints(w, &axis, 1)}, 2, &out, 1);
    interface(w, in, out);
}

/* TRANSPOSE, TILE, MIRROR_PAD, MAXIMUM. */
static void
make_layout(VigilTfliteWriter *w)
{
    const gint32 order[] = {0, 2, 3, 1}, times[] = {1, 2, 1, 1},
                 amounts[] = {0, 0, 1, 1, 0, 1, 0, 0}, pairs[] = {4, 2};
    const gint in = tensor(w, VIGIL_TENSOR_INT8, 3, 4, 2, 0.1f, 1);
    const gint turned = tensor(w, VIGIL_TENSOR_INT8, 4, 2, 3, 0.1f, 1);
    const gint tiled = tensor(w, VIGIL_TENSOR_INT8, 8, 2, 3, 0.1f, 1);
    const gint mirrored = tensor(w, VIGIL_TENSOR_INT8, 10, 3, 3, 0.1f, 1);
    const gint out = tensor(w, VIGIL_TENSOR_INT8, 10, 3, 3, 0.1f, 1);
    const gint pad =
        vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT32, 2, pairs, amounts, sizeof amounts, 0, 0);
    const gint one = vigil_tflite_writer_tensor(w, VIGIL_TENSOR_INT8, 0, NULL, "\x05", 1, 0.1f, 1);

    vigil_tflite_writer_operator(w, 39, (gint32[]){in, vigil_tflite_writer_ints(w, order, 4)}, 2,
                                 &turned, 1);
    vigil_tflite_writer_operator(w, 69, (gint32[]){turned, vigil_tflite_writer_ints(w, times, 4)},
                                 2, &tiled, 1);
    vigil_tflite_writer_operator(w, 100, (gint32[]){tiled, pad}, 2, &mirrored, 1);
    vigil_tflite_writer_option_i8(w, 0, 0);
    vigil_tflite_writer_operator(w, 55, (gint32[]){mirrored, one}, 2, &out, 1);
    interface(w, in, out);
}

/* TANH, HARD_SWISH, LEAKY_RELU, RELU6. */
static void
make_functions(VigilTfliteWriter *w)
{
    const gint in = tensor(w, VIGIL_TENSOR_INT8, 4, 4, 16, 0.05f, 3);
    const gint a = tensor(w, VIGIL_TENSOR_INT8, 4, 4, 16, 1.0f / 128, 0);
    const gint b = tensor(w, VIGIL_TENSOR_INT8, 4, 4, 16, 0.02f, -1);
    const gint c = tensor(w, VIGIL_TENSOR_INT8, 4, 4, 16, 0.02f, 9);
    const gint out = tensor(w, VIGIL_TENSOR_INT8, 4, 4, 16, 0.01f, -128);

    vigil_tflite_writer_operator(w, 28, &in, 1, &a, 1);
    vigil_tflite_writer_operator(w, 117, &a, 1, &b, 1);
    vigil_tflite_writer_operator(w, 98, &b, 1, &c, 1);
    vigil_tflite_writer_option_float(w, 0, 0.1f);
    vigil_tflite_writer_operator(w, 21, &c, 1, &out, 1);
    interface(w, in, out);
}

static const struct {
    const gchar *name;
    void (*make)(VigilTfliteWriter *w);
} makers[VIGIL_N_TINY_MODELS] = {
    {"conv", make_conv},       {"classifier", make_classifier}, {"arithmetic", make_arithmetic},
    {"shuffle", make_shuffle}, {"shapes", make_shapes},         {"resize", make_resize},
    {"pick", make_pick},       {"layout", make_layout},         {"functions", make_functions},
};

const gchar *
vigil_tiny_model_name(guint index)
{
    return makers[index].name;
}

GBytes *
vigil_tiny_model(guint index)
{
    g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();

    makers[index].make(writer);
    return vigil_tflite_writer_finish(writer);
}

static guint64
count_macs(const VigilGraph *graph)
{
    guint64 macs = 0;

    for (guint i = 0; i < graph->n_nodes; i++)
        macs += graph->nodes[i].macs;
    return macs;
}

static void
run_model(VigilModel *model)
{
    g_autoptr(VigilSession) session = vigil_session_new(model, 1, NULL);

    g_assert_nonnull(session);
    for (guint round = 0; round < 2; round++) {
        for (guint i = 0; i < vigil_model_get_n_inputs(model); i++) {
            const gsize bytes = vigil_model_get_input_info(model, i)->bytes;
            guint8 *input = vigil_session_get_input(session, i);

            for (gsize j = 0; j < bytes; j++)
                input[j] = (guint8)(j * 91 + round * 17);
        }
        vigil_session_run(session);
    }
    for (guint i = 0; i < vigil_model_get_n_outputs(model); i++) {
        const gsize bytes = vigil_model_get_output_info(model, i)->bytes;
        g_autofree guint8 *copy = g_malloc(bytes + 1);

        memcpy(copy, vigil_session_get_output(session, i), bytes);
    }
}

gboolean
vigil_exercise_model(const guint8 *data, gsize size)
{
    g_autoptr(VigilModel) model = NULL;
    g_autoptr(GBytes) bytes = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree gchar *text = NULL;
    guint8 *copy = malloc(MAX(size, 1u));

    g_assert_nonnull(copy);
    memcpy(copy, data, size);
    bytes = g_bytes_new_with_free_func(copy, size, free, copy);
    model = vigil_model_load_bytes(bytes, "hostile", &error);
    if (model == NULL) {
        g_assert_nonnull(error);
        g_assert_cmpint(error->domain, ==, VIGIL_MODEL_ERROR);
        g_assert_cmpuint(strlen(error->message), >, 10);
        return FALSE;
    }
    text = vigil_model_describe(model);
    g_assert_nonnull(text);
    if (count_macs(vigil_model_get_graph(model)) <= MAX_MACS &&
        vigil_model_get_graph(model)->arena_bytes[VIGIL_PLAN_ALONE] <= MAX_ARENA)
        run_model(model);
    return TRUE;
}
