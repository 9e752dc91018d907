/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilOnnxHush: what was standard error, and where it goes meanwhile; -1: nothing was changed. */
typedef struct {
    gint stderr_fd, file_fd;
} VigilOnnxHush;

/**
 * vigil_onnx_hush_begin:
 *
 * Debian's ONNX Runtime, which shares libonnx with others, tells standard error of each of its hundreds of operators that libonnx
 * knows it already, when the first model of a process is read. Until vigil_onnx_hush_end(), what the process writes there is kept;
 * then all of it but those lines is written. One thread at a time: others wait.
 */
VigilOnnxHush vigil_onnx_hush_begin(void);
void vigil_onnx_hush_end(VigilOnnxHush *self);

G_END_DECLS
