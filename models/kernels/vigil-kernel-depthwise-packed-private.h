/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-kernel-packed-private.h"
#include "models/kernels/vigil-kernel-window-private.h"

G_BEGIN_DECLS

/**
 * vigil_depthwise_packed_prepare: DEPTHWISE_CONV_2D by a table's depthwise kernel: a few lines of output at a time, panel
 * by panel of channels.
 * @window: one input channel for each output channel
 * @gemm: n and k (taps) are set
 * @done: (out): whether the table has a kernel for it and @node->run is set; nothing was changed otherwise
 */
gboolean vigil_depthwise_packed_prepare(VigilGraph *graph, VigilNode *node,
                                        const VigilWindow *window, const VigilGemm *gemm,
                                        gint8 activation, gboolean *done, GError **error);

G_END_DECLS
