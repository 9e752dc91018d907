/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <onnxruntime_c_api.h>

#include "models/vigil-model.h"

G_BEGIN_DECLS

/** Most memory that all ONNX models of the process may take for weights and tensors, so that no file takes the machine's. */
#define VIGIL_ONNX_MAX_ARENA_BYTES ((gsize)1 << 30)

/** VigilOnnxLibrary: @api: its functions; @env: shared by all sessions, with one bounded arena. */
typedef struct {
    const OrtApi *api;
    OrtEnv *env;
} VigilOnnxLibrary;

/**
 * vigil_onnx_library_acquire:
 *
 * ONNX Runtime is opened when the first ONNX model is: it is large, and nobody else needs it. It stays open; its
 * environment goes with the last who holds it. Thread-safe.
 *
 * Errors: %VIGIL_MODEL_ERROR_UNSUPPORTED: it is not installed, or older than the header that this was built with
 */
gboolean vigil_onnx_library_acquire(VigilOnnxLibrary *self, GError **error);
void vigil_onnx_library_release(void);

/**
 * vigil_onnx_ok:
 * @status: (transfer full) (nullable): what a function of the API answered
 *
 * Returns: whether it went well; else @error is %VIGIL_MODEL_ERROR @code with the message, cut short
 */
gboolean vigil_onnx_ok(const OrtApi *api, OrtStatus *status, VigilModelError code, GError **error);

/**
 * vigil_onnx_add_device:
 * @options: gets the execution provider of @device in front of the CPU's
 *
 * Returns: whether that is there; else a warning says that it is not
 */
gboolean vigil_onnx_add_device(const OrtApi *api, OrtSessionOptions *options, VigilDevice device);

G_END_DECLS
