/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-model.h"

G_BEGIN_DECLS

/** VigilBackendTensors: what goes into a model and comes out of it; owned by the backend's model. */
typedef struct {
    guint n_inputs, n_outputs;
    const VigilTensorInfo *inputs, *outputs;
} VigilBackendTensors;

/**
 * VigilBackend:
 * @name: static
 * @load: a model from the content of a file; it is used by any number of sessions, on any threads.
 *   Errors: %VIGIL_MODEL_ERROR, without the file's name
 * @unload: when its last session is closed
 * @tensors: borrowed, as long as the model
 * @device: where it runs after all: "cpu", "cuda", "tensorrt"; static
 * @names: (transfer full) (nullable): classes, as exporters write them into the file: {0: 'person', …}
 * @open: what one run needs; used by one thread at a time
 * @close: may be called with %NULL
 * @input: where the caller writes
 * @output: valid until the next run
 * @run: one inference. %FALSE: it failed, the outputs mean nothing; why is logged
 *
 * Who runs a model that is not run by the kernels of this core.
 */
typedef struct {
    const gchar *name;
    gpointer (*load)(GBytes *bytes, const VigilModelOptions *options, GError **error);
    void (*unload)(gpointer model);
    VigilBackendTensors (*tensors)(gconstpointer model);
    const gchar *(*device)(gconstpointer model);
    gchar *(*names)(gconstpointer model);
    gpointer (*open)(gpointer model, GError **error);
    void (*close)(gpointer session);
    gpointer (*input)(gpointer session, guint index);
    gconstpointer (*output)(gpointer session, guint index);
    gboolean (*run)(gpointer session);
} VigilBackend;

/** The largest ONNX file that is handed on; the runtime needs a multiple of it while it reads it. */
#define VIGIL_ONNX_MAX_FILE_BYTES ((gsize)256 << 20)

/**
 * vigil_backend_choose:
 * @name: of the model file
 * @bytes: its content
 * @backend: (out) (nullable): %NULL: the kernels of this core
 *
 * Errors: %VIGIL_MODEL_ERROR_UNSUPPORTED when this build has not what the file needs, %VIGIL_MODEL_ERROR_TOO_LARGE
 */
gboolean vigil_backend_choose(const gchar *name, GBytes *bytes, const VigilBackend **backend,
                              GError **error);

/** vigil_backend_onnxruntime: ONNX files by ONNX Runtime; only in builds with its header. */
const VigilBackend *vigil_backend_onnxruntime(void);

G_END_DECLS
