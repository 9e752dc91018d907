/* SPDX-License-Identifier: Apache-2.0 */
#include "models/backends/vigil-onnx-tensors-private.h"

/* Longer names are nobody's; messages show them. */
#define LONGEST_NAME 1024

static const struct {
    ONNXTensorElementDataType onnx;
    VigilTensorType type;
    guint bytes;
} types[] = {
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, VIGIL_TENSOR_FLOAT32, 4},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, VIGIL_TENSOR_UINT8, 1},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, VIGIL_TENSOR_INT8, 1},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, VIGIL_TENSOR_INT32, 4},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, VIGIL_TENSOR_INT64, 8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, VIGIL_TENSOR_BOOL, 1},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, VIGIL_TENSOR_INT16, 2},
};

ONNXTensorElementDataType
vigil_onnx_type_of(VigilTensorType type)
{
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        if (types[i].type == type)
            return types[i].onnx;
    }
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

void
vigil_onnx_tensors_clear(VigilOnnxTensors *self)
{
    for (guint i = 0; i < self->n; i++)
        g_free(self->names[i]);
    *self = (VigilOnnxTensors){0};
}

static gboolean G_GNUC_PRINTF(4, 5)
    refuse(const VigilOnnxTensors *self, guint index, GError **error, const gchar *format, ...)
{
    g_autofree gchar *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED, "tensor \"%s\" %s",
                self->names[index], why);
    return FALSE;
}

static gboolean
take_name(VigilOnnxTensors *self, OrtAllocator *allocator, char *name, GError **error)
{
    const gboolean ok =
        name && strnlen(name, LONGEST_NAME + 1) <= LONGEST_NAME && g_utf8_validate(name, -1, NULL);

    if (ok)
        self->names[self->n++] = g_strdup(name);
    else
        g_set_error_literal(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                            "the name of an input or output is no text");
    if (name)
        allocator->Free(allocator, name);
    return ok;
}

gboolean
vigil_onnx_tensors_read_names(VigilOnnxTensors *self, const VigilOnnxLibrary *library,
                              const OrtSession *session, gboolean inputs, GError **error)
{
    const OrtApi *api = library->api;
    const VigilModelError code = VIGIL_MODEL_ERROR_INVALID;
    OrtAllocator *allocator = NULL;
    size_t n = 0;

    if (!vigil_onnx_ok(api, api->GetAllocatorWithDefaultOptions(&allocator), code, error) ||
        !vigil_onnx_ok(api,
                       inputs ? api->SessionGetInputCount(session, &n)
                              : api->SessionGetOutputCount(session, &n),
                       code, error))
        return FALSE;
    if (n < 1 || n > VIGIL_ONNX_MAX_TENSORS) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "it has %" G_GSIZE_FORMAT " %s, 1 to %u are supported", n,
                    inputs ? "inputs" : "outputs", VIGIL_ONNX_MAX_TENSORS);
        return FALSE;
    }
    for (size_t i = 0; i < n; i++) {
        char *name = NULL;

        if (!vigil_onnx_ok(api,
                           inputs ? api->SessionGetInputName(session, i, allocator, &name)
                                  : api->SessionGetOutputName(session, i, allocator, &name),
                           code, error) ||
            !take_name(self, allocator, name, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
set_type(VigilOnnxTensors *self, guint index, ONNXTensorElementDataType onnx, guint *bytes,
         GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        if (types[i].onnx != onnx)
            continue;
        self->infos[index].type = types[i].type;
        *bytes = types[i].bytes;
        return TRUE;
    }
    return refuse(self, index, error,
                  "has a type (number %d of ONNX) that is not supported: export the model with "
                  "float32 or 8-bit inputs and outputs",
                  (gint)onnx);
}

/* An image's open sides are the manifest's: NCHW, or NHWC when the channels come last. */
static gint64
fix_dim(const int64_t *dims, gsize n, gsize at, const VigilModelOptions *options)
{
    const gboolean last = n == 4 && (dims[3] == 3 || dims[3] == 1);
    const gsize height = last ? 1 : 2;

    if (dims[at] >= 0)
        return dims[at];
    if (at == 0)
        return 1;
    if (n != 4 || (at != height && at != height + 1))
        return 0;
    return at == height ? options->input_height : options->input_width;
}

static gboolean
set_shape(VigilOnnxTensors *self, guint index, const int64_t *dims, gsize n, guint element,
          const VigilModelOptions *options, GError **error)
{
    VigilTensorInfo *info = &self->infos[index];
    guint64 bytes = element;

    info->n_dims = (guint)n;
    for (gsize i = 0; i < n; i++) {
        const gint64 dim = fix_dim(dims, n, i, options);

        if (dims[i] < 0 && dim == 0)
            return refuse(
                self, index, error,
                "has no fixed shape (dimension %u is open): export the model with one, or "
                "give width and height of its input in [input] of a package's manifest",
                (guint)i);
        if (dim < 1 || dim > G_MAXINT32 || (bytes *= (guint64)dim) > VIGIL_ONNX_MAX_TENSOR_BYTES) {
            g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                        "tensor \"%s\" is empty, or larger than %" G_GSIZE_FORMAT " bytes",
                        self->names[index], VIGIL_ONNX_MAX_TENSOR_BYTES);
            return FALSE;
        }
        info->dims[i] = (gint32)dim;
    }
    info->name = self->names[index];
    info->bytes = (gsize)bytes;
    return TRUE;
}

static gboolean
read_shape(VigilOnnxTensors *self, guint index, const OrtApi *api,
           const OrtTensorTypeAndShapeInfo *shape, const VigilModelOptions *options, GError **error)
{
    const VigilModelError code = VIGIL_MODEL_ERROR_INVALID;
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    int64_t dims[VIGIL_MAX_DIMS];
    guint element = 0;
    size_t n = 0;

    if (!vigil_onnx_ok(api, api->GetTensorElementType(shape, &type), code, error) ||
        !vigil_onnx_ok(api, api->GetDimensionsCount(shape, &n), code, error))
        return FALSE;
    if (n > VIGIL_MAX_DIMS)
        return refuse(self, index, error, "has %u dimensions, at most %d are supported", (guint)n,
                      VIGIL_MAX_DIMS);
    return vigil_onnx_ok(api, api->GetDimensions(shape, dims, n), code, error) &&
           set_type(self, index, type, &element, error) &&
           set_shape(self, index, dims, n, element, options, error);
}

gboolean
vigil_onnx_tensors_read_inputs(VigilOnnxTensors *self, const VigilOnnxLibrary *library,
                               const OrtSession *session, const VigilModelOptions *options,
                               GError **error)
{
    const OrtApi *api = library->api;
    gboolean ok = TRUE;

    for (guint i = 0; i < self->n && ok; i++) {
        const OrtTensorTypeAndShapeInfo *shape = NULL;
        OrtTypeInfo *info = NULL;

        ok = vigil_onnx_ok(api, api->SessionGetInputTypeInfo(session, i, &info),
                           VIGIL_MODEL_ERROR_INVALID, error) &&
             vigil_onnx_ok(api, api->CastTypeInfoToTensorInfo(info, &shape),
                           VIGIL_MODEL_ERROR_INVALID, error);
        if (ok && !shape)
            ok = refuse(self, i, error, "is no tensor");
        ok = ok && read_shape(self, i, api, shape, options, error);
        if (info)
            api->ReleaseTypeInfo(info);
    }
    return ok;
}

gboolean
vigil_onnx_tensors_read_value(VigilOnnxTensors *self, guint index, const OrtApi *api,
                              const OrtValue *value, GError **error)
{
    const VigilModelOptions fixed = {0};
    OrtTensorTypeAndShapeInfo *shape = NULL;
    int is_tensor = 0;
    gboolean ok;

    if (!vigil_onnx_ok(api, api->IsTensor(value, &is_tensor), VIGIL_MODEL_ERROR_INVALID, error))
        return FALSE;
    if (!is_tensor)
        return refuse(self, index, error, "is no tensor");
    ok = vigil_onnx_ok(api, api->GetTensorTypeAndShape(value, &shape), VIGIL_MODEL_ERROR_INVALID,
                       error) &&
         read_shape(self, index, api, shape, &fixed, error);
    if (shape)
        api->ReleaseTensorTypeAndShapeInfo(shape);
    return ok;
}
