/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-kernel-private.h"

G_BEGIN_DECLS

/**
 * VigilWindow: how a window of @k_h by @k_w taps slides over an NHWC image.
 * @batch: images
 * @pad_y: rows of padding above; @pad_x: columns to the left. What lies below and right follows from
 *   the output's size.
 *
 * Tap (ky, kx) of output (y, x) reads input (y * stride_y + ky * dilation_y - pad_y,
 * x * stride_x + kx * dilation_x - pad_x), or padding where that lies outside the image.
 */
typedef struct {
    gint32 batch;
    gint32 in_h, in_w, in_c;
    gint32 out_h, out_w;
    gint32 k_h, k_w;
    gint32 stride_y, stride_x;
    gint32 dilation_y, dilation_x;
    gint32 pad_y, pad_x;
} VigilWindow;

/**
 * vigil_window_init:
 * @self: (inout): the kernel, strides and dilations are set by the caller; the rest is set here
 * @in: 4 dimensions, NHWC
 * @padding: 0 SAME, 1 VALID, as in the schema
 *
 * Source: TensorFlow's definition of SAME and VALID
 */
gboolean vigil_window_init(VigilWindow *self, const VigilGraph *graph, const VigilNode *node,
                           const VigilTensor *in, gint8 padding, GError **error);

/**
 * vigil_window_absorb_pad: where a PAD of rows and columns alone makes the input of @node, reads the PAD's input instead
 * and counts its pixels as the window's padding, which holds the same zero points.
 */
void vigil_window_absorb_pad(VigilWindow *self, const VigilGraph *graph, VigilNode *node);

/**
 * vigil_window_taps: the taps along one dimension that lie in the image.
 * @origin: input coordinate of tap 0, may be negative
 * @first: (out): first tap inside; @end: (out): one after the last; equal when there is none
 */
static inline void
vigil_window_taps(gint32 origin, gint32 dilation, gint32 taps, gint32 size, gint32 *first,
                  gint32 *end)
{
    *first = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
    *end = origin < size ? (size - origin + dilation - 1) / dilation : 0;
    *first = MIN(*first, taps);
    *end = CLAMP(*end, *first, taps);
}

G_END_DECLS
