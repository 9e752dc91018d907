/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-image.h"

G_BEGIN_DECLS

/** VigilSampleKind: what the components of a picture are. */
typedef enum {
    VIGIL_SAMPLES_YUV,
    VIGIL_SAMPLES_RGB,
    VIGIL_SAMPLES_GRAY, /* one component, the same thrice */
} VigilSampleKind;

/**
 * VigilSamples:
 * @data: first sample; borrowed from the image
 * @stride: bytes to the next row of samples
 * @step: bytes to the next sample of a row
 * @shift_x: pixel column >> this is the column of its sample
 * @shift_y: same for rows
 *
 * Where one component of a picture lies, whatever the format.
 */
typedef struct {
    const guint8 *data;
    guint stride, step;
    guint shift_x, shift_y;
} VigilSamples;

/**
 * vigil_samples_locate:
 * @samples: (out): Y, Cb, Cr or R, G, B
 */
VigilSampleKind vigil_samples_locate(const VigilImage *image, VigilSamples samples[3]);

G_END_DECLS
