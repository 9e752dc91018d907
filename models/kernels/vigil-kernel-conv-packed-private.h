/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-kernel-packed-private.h"
#include "models/kernels/vigil-kernel-window-private.h"

G_BEGIN_DECLS

/*
 * CONV_2D and FULLY_CONNECTED by a table's matrix product. Nothing is copied for 1x1: a row of activations is a pixel.
 * Otherwise a row is the lines of the window where they lie in the image: a line of k_w pixels is one piece. Lines that
 * reach over the image's left or right end are put together in scratch; those above and below it read a line of zero
 * points. With horizontal dilation each tap is a piece.
 */

/**
 * vigil_conv_packed_prepare:
 * @window: of the convolution; NULL for a fully connected layer
 * @gemm: n and k are set
 * @activation: fused, as in the schema
 * @done: (out): whether the table has a kernel for it and @node->run is set; nothing was changed otherwise
 */
gboolean
vigil_conv_packed_prepare(VigilGraph *graph, VigilNode *node, const VigilWindow *window,
                          const VigilGemm *gemm, gint8 activation, gboolean *done, GError **error);

G_END_DECLS
