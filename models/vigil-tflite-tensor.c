/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdint.h>

#include "models/kernels/vigil-kernel-private.h"
#include "models/vigil-tflite-reader-private.h"

/* Field numbers of schema.fbs. */
enum {
    TENSOR_SHAPE = 0,
    TENSOR_TYPE = 1,
    TENSOR_BUFFER = 2,
    TENSOR_NAME = 3,
    TENSOR_QUANTIZATION = 4,
    TENSOR_IS_VARIABLE = 5,
    TENSOR_SPARSITY = 6,
    QUANT_SCALE = 2,
    QUANT_ZERO_POINT = 3,
    QUANT_DETAILS_TYPE = 4,
    QUANT_DIMENSION = 6,
    BUFFER_DATA = 0,
    BUFFER_OFFSET = 1,
};

gboolean vigil_tflite_fail(const VigilTfliteReader *self, VigilModelError code, const gchar *format,
                           ...) G_GNUC_PRINTF(3, 4);

gboolean
vigil_tflite_fail(const VigilTfliteReader *self, VigilModelError code, const gchar *format, ...)
{
    g_autofree gchar *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(self->error, VIGIL_MODEL_ERROR, code, "%s: %s", self->graph->name, text);
    return FALSE;
}

/* Whether everything read so far lay in the file. */
gboolean
vigil_tflite_check_intact(const VigilTfliteReader *self)
{
    if (self->graph->fb.broken == NULL)
        return TRUE;
    return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_INVALID, "damaged model file: %s",
                             self->graph->fb.broken);
}

static void
set_type(VigilTensor *tensor, gint raw_type)
{
    static const struct {
        gint raw;
        VigilTensorType type;
    } known[] = {{0, VIGIL_TENSOR_FLOAT32}, {2, VIGIL_TENSOR_INT32}, {3, VIGIL_TENSOR_UINT8},
                 {4, VIGIL_TENSOR_INT64},   {6, VIGIL_TENSOR_BOOL},  {7, VIGIL_TENSOR_INT16},
                 {9, VIGIL_TENSOR_INT8}};

    tensor->raw_type = raw_type;
    for (guint i = 0; i < G_N_ELEMENTS(known); i++)
        if (known[i].raw == raw_type) {
            tensor->type = known[i].type;
            tensor->element_bytes = vigil_tensor_type_bytes(known[i].type);
        }
}

static gboolean
read_shape(const VigilTfliteReader *self, VigilTensor *tensor, const VigilFbTable *table)
{
    const VigilFbVector shape = vigil_fb_vector(table, TENSOR_SHAPE, 4);
    gint32 dims[VIGIL_MAX_DIMS];

    if (shape.length > VIGIL_MAX_DIMS)
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                                 "tensor \"%s\" has %u dimensions, at most %d are supported",
                                 tensor->name, shape.length, VIGIL_MAX_DIMS);
    for (guint i = 0; i < shape.length; i++) {
        dims[i] = vigil_fb_vector_i32(&shape, i);
        /* "Not known": what is computed gets its shape by inference, an input runs with one. */
        if (dims[i] == -1)
            dims[i] = 1;
    }
    if (!vigil_tensor_set_shape(tensor, shape.length, dims))
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_TOO_LARGE,
                                 "tensor \"%s\" has a negative size or more than %" G_GSIZE_FORMAT
                                 " bytes",
                                 tensor->name, VIGIL_MAX_TENSOR_BYTES);
    return TRUE;
}

/*
 * A channel of weights that are all zero may have any tiny scale; the one scale of a whole 8-bit tensor must leave room for
 * quotients and products of two.
 */
static gboolean
check_scale(const VigilTfliteReader *self, const VigilTensor *tensor, gfloat scale, gboolean whole)
{
    const gboolean narrow = whole && vigil_tensor_is_8bit(tensor);

    if (isfinite(scale) && scale > 0.0f && (!narrow || (scale > 0x1p-50f && scale < 0x1p+50f)))
        return TRUE;
    return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_INVALID,
                             "tensor \"%s\" has invalid quantization parameters: a scale of %g",
                             tensor->name, scale);
}

static gboolean
check_zero_point(const VigilTfliteReader *self, const VigilTensor *tensor, gint64 zero_point)
{
    gint32 lo, hi;

    if (!vigil_tensor_is_8bit(tensor)) {
        lo = hi = 0;
        if (zero_point == 0 || tensor->type == VIGIL_TENSOR_FLOAT32)
            return TRUE;
    } else {
        vigil_kernel_type_range(tensor->type, &lo, &hi);
    }
    if (zero_point >= lo && zero_point <= hi)
        return TRUE;
    return vigil_tflite_fail(
        self, VIGIL_MODEL_ERROR_INVALID,
        "tensor \"%s\" has invalid quantization parameters: a zero point of %" G_GINT64_FORMAT
        " for the type %s",
        tensor->name, zero_point, vigil_tensor_raw_type_name(tensor->raw_type));
}

static gboolean
claim(const VigilTfliteReader *self, const VigilTensor *tensor, gsize bytes)
{
    if (vigil_graph_claim(self->graph, bytes))
        return TRUE;
    return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_TOO_LARGE,
                             "tensor \"%s\" and those before it need more than %" G_GSIZE_FORMAT
                             " bytes of copies",
                             tensor->name, VIGIL_MAX_WEIGHT_BYTES);
}

/* One scale a slice along a dimension; the zero points are all one number, 0 for INT8 weights. */
static gboolean
read_channel_scales(const VigilTfliteReader *self, VigilTensor *tensor, const VigilFbVector *scales,
                    const VigilFbVector *zero_points, gint32 dimension)
{
    if (dimension < 0 || dimension >= (gint32)tensor->n_dims ||
        scales->length != (guint32)tensor->dims[dimension])
        return vigil_tflite_fail(
            self, VIGIL_MODEL_ERROR_INVALID,
            "tensor \"%s\" has invalid quantization parameters: %u scales along dimension %d",
            tensor->name, scales->length, dimension);
    if (!claim(self, tensor, scales->length * sizeof *tensor->scales))
        return FALSE;
    tensor->scales = g_new(gfloat, scales->length);
    for (guint i = 0; i < scales->length; i++) {
        tensor->scales[i] = vigil_fb_vector_float(scales, i);
        if (!check_scale(self, tensor, tensor->scales[i], FALSE))
            return FALSE;
        if (vigil_fb_vector_i64(zero_points, i) != tensor->zero_point)
            return vigil_tflite_fail(
                self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                "tensor \"%s\" has a zero point a channel, which is not supported", tensor->name);
    }
    tensor->channel_dim = dimension;
    return TRUE;
}

static gboolean
read_quantization(const VigilTfliteReader *self, VigilTensor *tensor,
                  const VigilFbTable *tensor_table)
{
    const VigilFbTable table = vigil_fb_table(tensor_table, TENSOR_QUANTIZATION);
    const VigilFbVector scales = vigil_fb_vector(&table, QUANT_SCALE, 4);
    const VigilFbVector zero_points = vigil_fb_vector(&table, QUANT_ZERO_POINT, 8);

    if (vigil_fb_i8(&table, QUANT_DETAILS_TYPE, 0) != 0)
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                                 "tensor \"%s\" has custom quantization, which is not supported",
                                 tensor->name);
    if (scales.length == 0 || tensor->element_bytes == 0)
        return TRUE;
    if (scales.length != zero_points.length)
        return vigil_tflite_fail(
            self, VIGIL_MODEL_ERROR_INVALID,
            "tensor \"%s\" has invalid quantization parameters: %u scales but %u zero points",
            tensor->name, scales.length, zero_points.length);
    const gint64 zero_point = vigil_fb_vector_i64(&zero_points, 0);

    tensor->scale = vigil_fb_vector_float(&scales, 0);
    if (!check_scale(self, tensor, tensor->scale, scales.length == 1) ||
        !check_zero_point(self, tensor, zero_point))
        return FALSE;
    tensor->zero_point = (gint32)zero_point;
    tensor->n_scales = scales.length;
    if (scales.length == 1)
        return TRUE;
    return read_channel_scales(self, tensor, &scales, &zero_points,
                               vigil_fb_i32(&table, QUANT_DIMENSION, 0));
}

static gboolean
read_constant(const VigilTfliteReader *self, VigilTensor *tensor, guint32 buffer)
{
    VigilFbTable table;
    VigilFbVector data;

    if (buffer == 0 && self->buffers.length == 0)
        return TRUE;
    if (buffer >= self->buffers.length)
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_INVALID,
                                 "tensor \"%s\" refers to buffer %u of %u", tensor->name, buffer,
                                 self->buffers.length);
    table = vigil_fb_vector_table(&self->buffers, buffer);
    if (vigil_fb_u64(&table, BUFFER_OFFSET, 0) > 1)
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                                 "buffer %u lies outside the FlatBuffer, which is not supported",
                                 buffer);
    data = vigil_fb_vector(&table, BUFFER_DATA, 1);
    /* Buffer 0 is empty by definition: "computed at run time". */
    if (data.length == 0 || tensor->element_bytes == 0)
        return TRUE;
    if (data.length != tensor->bytes)
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_INVALID,
                                 "tensor \"%s\" needs %" G_GSIZE_FORMAT " bytes, its buffer has %u",
                                 tensor->name, tensor->bytes, data.length);
    tensor->data = vigil_fb_vector_bytes(&data);
    if ((uintptr_t)tensor->data % tensor->element_bytes != 0) {
        if (!claim(self, tensor, tensor->bytes))
            return FALSE;
        tensor->owned = g_memdup2(tensor->data, tensor->bytes);
        tensor->data = tensor->owned;
    }
    tensor->producer = -1;
    return TRUE;
}

gboolean
vigil_tflite_read_tensor(const VigilTfliteReader *self, VigilTensor *tensor,
                         const VigilFbTable *table)
{
    tensor->name = vigil_fb_string(table, TENSOR_NAME);
    tensor->view_of = -1;
    tensor->producer = -2;
    set_type(tensor, vigil_fb_i8(table, TENSOR_TYPE, 0));
    if (vigil_fb_i8(table, TENSOR_IS_VARIABLE, 0) != 0)
        return vigil_tflite_fail(
            self, VIGIL_MODEL_ERROR_UNSUPPORTED,
            "tensor \"%s\" is a variable (kept between runs), which is not supported",
            tensor->name);
    if (vigil_fb_has(table, TENSOR_SPARSITY))
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                                 "tensor \"%s\" is sparse, which is not supported", tensor->name);
    return read_shape(self, tensor, table) && read_quantization(self, tensor, table) &&
           read_constant(self, tensor, vigil_fb_u32(table, TENSOR_BUFFER, 0)) &&
           vigil_tflite_check_intact(self);
}
