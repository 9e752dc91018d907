/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/backends/vigil-onnx-library-private.h"

G_BEGIN_DECLS

/** Most inputs, and most outputs, of a model. */
#define VIGIL_ONNX_MAX_TENSORS 64u
/** Most bytes of one of them. */
#define VIGIL_ONNX_MAX_TENSOR_BYTES ((gsize)256 << 20)

/** VigilOnnxTensors: the inputs or the outputs of a model, @n of each; @infos have the same names, borrowed. */
typedef struct {
    guint n;
    gchar *names[VIGIL_ONNX_MAX_TENSORS];
    VigilTensorInfo infos[VIGIL_ONNX_MAX_TENSORS];
} VigilOnnxTensors;

void vigil_onnx_tensors_clear(VigilOnnxTensors *self);

/** vigil_onnx_tensors_read_names: of the session's inputs or outputs; sets @n. */
gboolean vigil_onnx_tensors_read_names(VigilOnnxTensors *self, const VigilOnnxLibrary *library,
                                       const OrtSession *session, gboolean inputs, GError **error);

/**
 * vigil_onnx_tensors_read_inputs:
 *
 * Types and shapes. An open batch is 1; an open height or width is what @options say.
 *
 * Errors: %VIGIL_MODEL_ERROR_UNSUPPORTED, %VIGIL_MODEL_ERROR_TOO_LARGE
 */
gboolean vigil_onnx_tensors_read_inputs(VigilOnnxTensors *self, const VigilOnnxLibrary *library,
                                        const OrtSession *session, const VigilModelOptions *options,
                                        GError **error);

/** vigil_onnx_tensors_read_value: type and shape of tensor @index are those of @value. */
gboolean vigil_onnx_tensors_read_value(VigilOnnxTensors *self, guint index, const OrtApi *api,
                                       const OrtValue *value, GError **error);

/** vigil_onnx_type_of: the runtime's word for one of our types. */
ONNXTensorElementDataType vigil_onnx_type_of(VigilTensorType type);

G_END_DECLS
