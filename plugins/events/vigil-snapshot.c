/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/events/vigil-snapshot.h"

#include <turbojpeg.h>

#include "plugins/common/vigil-samples.h"

/* Good enough to recognize a face; about 60 kB at 640 pixels of width. */
#define QUALITY 80

struct VigilSnapshot {
    guint max_width;
    tjhandle encoder;
};

VigilSnapshot *
vigil_snapshot_new(guint max_width)
{
    VigilSnapshot *self = g_new0(VigilSnapshot, 1);

    self->max_width = MAX(max_width, 1);
    self->encoder = tjInitCompress();
    return self;
}

void
vigil_snapshot_free(VigilSnapshot *self)
{
    if (!self)
        return;
    if (self->encoder)
        tjDestroy(self->encoder);
    g_free(self);
}

static guint
mean(const VigilSamples *samples, guint x0, guint y0, guint x1, guint y1)
{
    const guint first_x = x0 >> samples->shift_x, last_x = (x1 - 1) >> samples->shift_x;
    const guint first_y = y0 >> samples->shift_y, last_y = (y1 - 1) >> samples->shift_y;
    const guint count = (last_x - first_x + 1) * (last_y - first_y + 1);
    guint64 sum = 0;

    for (guint y = first_y; y <= last_y; y++) {
        const guint8 *row = samples->data + (gsize)y * samples->stride;

        for (guint x = first_x; x <= last_x; x++)
            sum += row[(gsize)x * samples->step];
    }
    return (sum + count / 2) / count;
}

static guint8
clamp_fixed(gint value)
{
    return CLAMP((value + (1 << 15)) >> 16, 0, 255);
}

/* ITU-R BT.601 and BT.709, in 16-bit fixed point. */
static void
yuv_to_rgb(const VigilImage *image, guint8 pixel[3])
{
    static const gint full[2][4] = {{91881, -22554, -46802, 116130},
                                    {103206, -12276, -30679, 121609}};
    static const gint limited[2][4] = {{104597, -25675, -53279, 132201},
                                       {117489, -13975, -34925, 138438}};
    const gint *k = image->full_range ? full[image->matrix] : limited[image->matrix];
    const gint y = image->full_range ? pixel[0] * 65536 : (pixel[0] - 16) * 76309;
    const gint cb = pixel[1] - 128, cr = pixel[2] - 128;

    pixel[0] = clamp_fixed(y + k[0] * cr);
    pixel[1] = clamp_fixed(y + k[1] * cb + k[2] * cr);
    pixel[2] = clamp_fixed(y + k[3] * cb);
}

static void
scale(const VigilImage *image, guint width, guint height, guint8 *rgb)
{
    VigilSamples samples[3];
    const gboolean yuv = vigil_samples_locate(image, samples) == VIGIL_SAMPLES_YUV;

    for (guint y = 0; y < height; y++) {
        const guint y0 = (guint64)y * image->height / height;
        const guint y1 = (guint64)(y + 1) * image->height / height;

        for (guint x = 0; x < width; x++, rgb += 3) {
            const guint x0 = (guint64)x * image->width / width;
            const guint x1 = (guint64)(x + 1) * image->width / width;

            for (guint i = 0; i < 3; i++)
                rgb[i] = mean(&samples[i], x0, y0, x1, y1);
            if (yuv)
                yuv_to_rgb(image, rgb);
        }
    }
}

GBytes *
vigil_snapshot_encode(VigilSnapshot *self, const VigilImage *image)
{
    const guint width = MIN(image->width, self->max_width);
    const guint height = MAX((guint64)image->height * width / image->width, 1);
    /* some milliseconds a picture; kept by each camera it would be a megabyte for what is done now and then */
    g_autofree guint8 *rgb = g_malloc((gsize)width * height * 3);
    gulong length = tjBufSize((gint)width, (gint)height, TJSAMP_420);
    g_autofree guint8 *jpeg = g_malloc(length);
    guint8 *to = jpeg;

    scale(image, width, height, rgb);
    if (!self->encoder || tjCompress2(self->encoder, rgb, (gint)width, 0, (gint)height, TJPF_RGB,
                                      &to, &length, TJSAMP_420, QUALITY, TJFLAG_NOREALLOC) != 0)
        return NULL;
    return g_bytes_new(jpeg, length);
}
