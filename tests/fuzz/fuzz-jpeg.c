/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a camera: each in every format, at scales that its bytes choose, one after the other in one decoder. */
#include <stdlib.h>

#include "plugins/jpeg/vigil-jpeg.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
decode(VigilJpeg *jpeg, const guint8 *data, gsize size, VigilPixelFormat format, guint scale)
{
    const gboolean rgb = format == VIGIL_PIXELS_RGB;
    VigilJpegTarget target = {.format = format};
    VigilJpegHeader header;

    if (!vigil_jpeg_open(jpeg, data, size, &header)) {
        g_assert(*vigil_jpeg_get_problem(jpeg) != 0);
        return;
    }
    target.width = vigil_jpeg_scaled(header.width, scale);
    target.height = vigil_jpeg_scaled(header.height, scale);
    target.strides[0] = target.width * (rgb ? 3 : 1) + (data[size / 2] & 1) * 16;
    target.strides[1] = target.strides[2] = (target.width + 1) / 2 * 2;
    for (guint i = 0; i < 3; i++)
        target.planes[i] = malloc((gsize)target.strides[i] * target.height);
    if (vigil_jpeg_decode(jpeg, scale, &target) != VIGIL_JPEG_WHOLE)
        g_assert(*vigil_jpeg_get_problem(jpeg) != 0);
    for (guint i = 0; i < 3; i++)
        free(target.planes[i]);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const VigilPixelFormat formats[] = {VIGIL_PIXELS_I420, VIGIL_PIXELS_NV12,
                                               VIGIL_PIXELS_GRAY8, VIGIL_PIXELS_RGB};
    VigilJpegLimits limits = vigil_jpeg_limits_defaults();
    g_autoptr(VigilJpeg) jpeg = NULL;
    guint seed = (guint)size;

    /* larger ones take their time and show nothing more */
    limits.max_pixels = 512 * 512;
    limits.max_memory = 4 * 1024 * 1024;
    jpeg = vigil_jpeg_new(&limits);
    for (gsize i = 0; i < size; i += 7)
        seed = seed * 31 + data[i];
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
        decode(jpeg, data, size, formats[i], 1u << (seed >> (2 * i + 8) & 3));
    return 0;
}
