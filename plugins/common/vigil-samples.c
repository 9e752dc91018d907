/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/vigil-samples.h"

static VigilSamples
packed(const VigilImage *image, guint offset, guint step, guint shift_x)
{
    return (VigilSamples){image->planes[0] + offset, image->strides[0], step, shift_x, 0};
}

static VigilSamples
chroma_plane(const VigilImage *image, guint plane, guint offset, guint step)
{
    return (VigilSamples){image->planes[plane] + offset, image->strides[plane], step, 1, 1};
}

VigilSampleKind
vigil_samples_locate(const VigilImage *image, VigilSamples samples[3])
{
    const gboolean bgr = image->format == VIGIL_PIXELS_BGR || image->format == VIGIL_PIXELS_BGRX;
    guint step = 3;

    samples[0] = samples[1] = samples[2] = packed(image, 0, 1, 0);
    switch (image->format) {
    case VIGIL_PIXELS_GRAY8: return VIGIL_SAMPLES_GRAY;
    case VIGIL_PIXELS_I420:
        samples[1] = chroma_plane(image, 1, 0, 1);
        samples[2] = chroma_plane(image, 2, 0, 1);
        return VIGIL_SAMPLES_YUV;
    case VIGIL_PIXELS_NV12:
        samples[1] = chroma_plane(image, 1, 0, 2);
        samples[2] = chroma_plane(image, 1, 1, 2);
        return VIGIL_SAMPLES_YUV;
    case VIGIL_PIXELS_YUY2:
        samples[0] = packed(image, 0, 2, 0);
        samples[1] = packed(image, 1, 4, 1);
        samples[2] = packed(image, 3, 4, 1);
        return VIGIL_SAMPLES_YUV;
    case VIGIL_PIXELS_RGBX:
    case VIGIL_PIXELS_BGRX: step = 4; break;
    case VIGIL_PIXELS_RGB:
    case VIGIL_PIXELS_BGR: break;
    }
    for (guint i = 0; i < 3; i++)
        samples[i] = packed(image, bgr ? 2 - i : i, step, 0);
    return VIGIL_SAMPLES_RGB;
}
