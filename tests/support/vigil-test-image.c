/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-test-image.h"

#include <cairo.h>
#include <turbojpeg.h>

static gboolean
load_png(const gchar *path, VigilImage *image)
{
    cairo_surface_t *surface = cairo_image_surface_create_from_png(path);
    const gboolean ok = cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS;

    if (ok) {
        const guint width = (guint)cairo_image_surface_get_width(surface);
        const guint height = (guint)cairo_image_surface_get_height(surface);
        const gsize stride = (gsize)cairo_image_surface_get_stride(surface);
        const guint8 *pixels = cairo_image_surface_get_data(surface);
        guint8 *rgb = g_malloc((gsize)width * height * 3), *out = rgb;

        for (guint y = 0; y < height; y++) {
            for (guint x = 0; x < width; x++, out += 3) {
                const guint32 pixel = ((const guint32 *)(pixels + y * stride))[x];

                out[0] = (guint8)(pixel >> 16);
                out[1] = (guint8)(pixel >> 8);
                out[2] = (guint8)pixel;
            }
        }
        *image = (VigilImage){.format = VIGIL_PIXELS_RGB,
                              .width = width,
                              .height = height,
                              .planes = {rgb},
                              .strides = {width * 3}};
    }
    cairo_surface_destroy(surface);
    return ok;
}

static gboolean
load_jpeg(const gchar *path, VigilImage *image)
{
    g_autofree gchar *data = NULL;
    tjhandle handle = tjInitDecompress();
    int width = 0, height = 0, subsampling = 0, colours = 0;
    gboolean ok = FALSE;
    gsize size;

    if (g_file_get_contents(path, &data, &size, NULL) &&
        tjDecompressHeader3(handle, (const guint8 *)data, size, &width, &height, &subsampling,
                            &colours) == 0 &&
        width > 0 && height > 0) {
        guint8 *rgb = g_malloc((gsize)width * (gsize)height * 3);

        *image = (VigilImage){.format = VIGIL_PIXELS_RGB,
                              .width = (guint)width,
                              .height = (guint)height,
                              .planes = {rgb},
                              .strides = {(guint)width * 3}};
        ok = tjDecompress2(handle, (const guint8 *)data, size, rgb, width, 0, height, TJPF_RGB,
                           TJFLAG_ACCURATEDCT) == 0;
        if (!ok)
            g_free(rgb);
    }
    tjDestroy(handle);
    return ok;
}

gboolean
vigil_test_image_load(const gchar *path, VigilImage *image)
{
    if (g_str_has_suffix(path, ".png") ? load_png(path, image) : load_jpeg(path, image))
        return TRUE;
    g_printerr("cannot read image %s\n", path);
    return FALSE;
}

VigilImage
vigil_test_image_noise(VigilPixelFormat format, guint width, guint height, guint32 seed)
{
    static const guint8 bytes_per_pixel[] = {1, 1, 2, 3, 3, 4, 4, 1};
    const guint half_width = (width + 1) / 2, half_height = (height + 1) / 2;
    const guint rows[3] = {height, half_height, half_height};
    const guint row =
        format == VIGIL_PIXELS_YUY2 ? half_width * 4 : width * bytes_per_pixel[format];
    VigilImage image = {.format = format, .width = width, .height = height};
    GRand *rand = g_rand_new_with_seed(seed);
    const guint n_planes = format == VIGIL_PIXELS_I420 ? 3 : format == VIGIL_PIXELS_NV12 ? 2 : 1;

    for (guint p = 0; p < n_planes; p++) {
        const guint bytes = p == 0                        ? row
                            : format == VIGIL_PIXELS_NV12 ? half_width * 2
                                                          : half_width;
        guint8 *plane;

        image.strides[p] = bytes + 5;
        plane = g_malloc((gsize)image.strides[p] * rows[p]);
        for (guint y = 0; y < rows[p]; y++) {
            for (guint x = 0; x < image.strides[p]; x++)
                plane[y * image.strides[p] + x] =
                    (guint8)(x * (p + 2) + y * 3 + ((x / 7 + y / 5) % 2) * 90 +
                             (guint)g_rand_int_range(rand, 0, 20));
        }
        image.planes[p] = plane;
    }
    g_rand_free(rand);
    return image;
}

void
vigil_test_image_clear(VigilImage *image)
{
    for (guint p = 0; p < 3; p++)
        g_free((gpointer)image->planes[p]);
    *image = (VigilImage){0};
}
