/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <check.h>

#include "plugins/jpeg/vigil-jpeg.h"
#include "tests/plugins/jpeg-test.h"

/* Where a test decodes to, and what libjpeg would have put there. */

#define GUARD 0xa5

static const VigilPixelFormat formats[] = {VIGIL_PIXELS_I420, VIGIL_PIXELS_NV12, VIGIL_PIXELS_GRAY8,
                                           VIGIL_PIXELS_RGB};
static const guint scales[] = {1, 2, 4, 8};

/* A picture's memory: each plane of exactly its size, so that a sanitizer sees every step past its end. */
typedef struct {
    VigilJpegTarget target;
    guint rows[3];
} Picture;

static inline void
picture_init(Picture *picture, VigilPixelFormat format, guint width, guint height, guint padding)
{
    const guint half = (width + 1) / 2, half_rows = (height + 1) / 2;
    const guint widths[4][3] = {[0] = {width, half, half},
                                [1] = {width, 2 * half, 0},
                                [2] = {width, 0, 0},
                                [3] = {3 * width, 0, 0}};
    guint kind = 0;

    while (formats[kind] != format)
        kind++;
    *picture = (Picture){.target = {.format = format, .width = width, .height = height}};
    for (guint i = 0; i < 3 && widths[kind][i]; i++) {
        picture->rows[i] = i ? half_rows : height;
        picture->target.strides[i] = widths[kind][i] + padding;
        picture->target.planes[i] = malloc((gsize)picture->target.strides[i] * picture->rows[i]);
        memset(picture->target.planes[i], GUARD,
               (gsize)picture->target.strides[i] * picture->rows[i]);
    }
}

static inline void
picture_finish(Picture *picture)
{
    for (guint i = 0; i < 3; i++)
        free(picture->target.planes[i]);
}

static inline VigilJpegResult
decode(VigilJpeg *jpeg, const guint8 *data, gsize size, guint scale, VigilPixelFormat format,
       guint padding, Picture *picture)
{
    VigilJpegHeader header;

    ck_assert_msg(vigil_jpeg_open(jpeg, data, size, &header), "%s", vigil_jpeg_get_problem(jpeg));
    picture_init(picture, format, vigil_jpeg_scaled(header.width, scale),
                 vigil_jpeg_scaled(header.height, scale), padding);
    return vigil_jpeg_decode(jpeg, scale, &picture->target);
}

/* libjpeg's Y'CbCr in full resolution, its chroma halved by the mean of four */
static inline guint
mean_of_four(const guint8 *pixels, guint width, guint height, guint x, guint y, guint channel)
{
    const guint x1 = MIN(2 * x + 1, width - 1), y1 = MIN(2 * y + 1, height - 1);
    const guint8 *a = pixels + ((gsize)2 * y * width + 2 * x) * 3 + channel;
    const guint8 *b = pixels + ((gsize)2 * y * width + x1) * 3 + channel;
    const guint8 *c = pixels + ((gsize)y1 * width + 2 * x) * 3 + channel;
    const guint8 *d = pixels + ((gsize)y1 * width + x1) * 3 + channel;

    return (*a + *b + *c + *d + 2u) / 4;
}

/* Not an assertion a pixel: check writes each one down. */
static inline void
assert_yuv(const Picture *picture, const guint8 *data, gsize size, guint scale, gboolean gray)
{
    const VigilJpegTarget *target = &picture->target;
    const gboolean nv12 = target->format == VIGIL_PIXELS_NV12;
    const guint channels = gray ? 1 : 3;
    guint width, height, n_wrong = 0;
    g_autofree guint8 *pixels =
        jpeg_test_decode(data, size, scale, gray ? JCS_GRAYSCALE : JCS_YCbCr, &width, &height);

    ck_assert_uint_eq(target->width, width);
    ck_assert_uint_eq(target->height, height);
    for (guint y = 0; y < height; y++)
        for (guint x = 0; x < width; x++)
            n_wrong += target->planes[0][(gsize)y * target->strides[0] + x] !=
                       pixels[((gsize)y * width + x) * channels];
    ck_assert_uint_eq(n_wrong, 0);
    for (guint channel = 1; channel < 3; channel++)
        for (guint y = 0; y < (height + 1) / 2; y++)
            for (guint x = 0; x < (width + 1) / 2; x++) {
                const guint plane = nv12 ? 1 : channel;
                const guint8 *row = target->planes[plane] + (gsize)y * target->strides[plane];

                n_wrong += (nv12 ? row[2 * x + channel - 1] : row[x]) !=
                           (gray ? 128 : mean_of_four(pixels, width, height, x, y, channel));
            }
    ck_assert_uint_eq(n_wrong, 0);
}

static inline void
assert_packed(const Picture *picture, const guint8 *data, gsize size, guint scale)
{
    const VigilJpegTarget *target = &picture->target;
    const gboolean rgb = target->format == VIGIL_PIXELS_RGB;
    const gsize bytes = (gsize)target->width * (rgb ? 3 : 1);
    guint width, height, n_wrong = 0;
    g_autofree guint8 *pixels =
        jpeg_test_decode(data, size, scale, rgb ? JCS_RGB : JCS_GRAYSCALE, &width, &height);

    ck_assert_uint_eq(target->width, width);
    ck_assert_uint_eq(target->height, height);
    for (guint y = 0; y < height; y++)
        n_wrong += memcmp(target->planes[0] + (gsize)y * target->strides[0], pixels + y * bytes,
                          bytes) != 0;
    ck_assert_uint_eq(n_wrong, 0);
}

static inline void
assert_picture(const Picture *picture, const guint8 *data, gsize size, guint scale, gboolean gray)
{
    if (picture->target.format == VIGIL_PIXELS_I420 || picture->target.format == VIGIL_PIXELS_NV12)
        assert_yuv(picture, data, size, scale, gray);
    else
        assert_packed(picture, data, size, scale);
}

static inline void
assert_all_ways(VigilJpeg *jpeg, const guint8 *data, gsize size, gboolean gray)
{
    /* rows without a gap, with one, and with one that holds libjpeg's last blocks */
    static const guint paddings[] = {0, 5, 64};

    for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
        for (guint j = 0; j < G_N_ELEMENTS(scales); j++)
            for (guint k = 0; k < G_N_ELEMENTS(paddings); k++) {
                Picture picture;

                ck_assert_int_eq(
                    decode(jpeg, data, size, scales[j], formats[i], paddings[k], &picture),
                    VIGIL_JPEG_WHOLE);
                ck_assert_str_eq(vigil_jpeg_get_problem(jpeg), "");
                assert_picture(&picture, data, size, scales[j], gray);
                picture_finish(&picture);
            }
}
