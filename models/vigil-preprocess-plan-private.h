/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-pixels-private.h"
#include "models/vigil-preprocess.h"

G_BEGIN_DECLS

/** VigilPixelChannel: where the samples of one channel lie: every @step bytes of a row of @plane. */
typedef struct {
    guint8 plane, offset, step;
    gboolean halved_x, halved_y;
} VigilPixelChannel;

/** VigilPixelLayout: Y, U, V or R, G, B or Y alone. */
typedef struct {
    guint n_planes, n_channels;
    gboolean yuv;
    VigilPixelChannel channels[3];
} VigilPixelLayout;

/** vigil_pixel_layout: (nullable): of a known format */
const VigilPixelLayout *vigil_pixel_layout(VigilPixelFormat format);

/** vigil_pixel_row_bytes: that @width pixels take in a row of @plane. */
guint vigil_pixel_row_bytes(const VigilPixelLayout *layout, guint plane, guint width);

/**
 * VigilPreprocessPlan: the tables for crops of one size of frames of one format.
 * @odd_x, @odd_y: where the crop begins within a block of pixels that share chroma
 * @left, @top, @out_width, @out_height: where the crop lies in the model's input
 * @row_bytes: of a row of each plane, from the block that the crop begins in to its end
 * @mapping: from parts of the input to parts of the crop
 */
typedef struct {
    VigilPixelFormat format;
    guint width, height, odd_x, odd_y;
    guint64 last_used;
    guint left, top, out_width, out_height;
    guint row_bytes[3];
    VigilResampleAxis x_full, x_half, y_full, y_half;
    VigilMapping mapping;
} VigilPreprocessPlan;

/** vigil_preprocess_plan_fits: whether it is for this crop of such a frame. */
gboolean vigil_preprocess_plan_fits(const VigilPreprocessPlan *self, const VigilImage *image,
                                    const VigilCrop *crop);

/** vigil_preprocess_plan_set: makes it for this crop, in the memory that it has where that is enough. */
void
vigil_preprocess_plan_set(VigilPreprocessPlan *self, const VigilImage *image, const VigilCrop *crop,
                          VigilResize resize, guint in_width, guint in_height);
void vigil_preprocess_plan_free(VigilPreprocessPlan *self);

G_END_DECLS
