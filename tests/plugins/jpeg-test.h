/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/* JPEGs of every kind, made by libjpeg, and what it makes of them itself. */

/**
 * JpegKind:
 * @h: how many times finer luma is sampled than chroma, across
 * @v: the same, down
 * @components: 1 (gray), 3 (Y'CbCr), 4 (CMYK)
 * @restart: MCUs between restart markers; 0: none
 * @space: 0: as a camera has it; else how 3 components are stored
 */
typedef struct {
    guint width, height;
    gint h, v, components, quality;
    guint restart;
    gboolean progressive, optimal, arithmetic;
    J_COLOR_SPACE space;
} JpegKind;

static inline JpegKind
jpeg_kind(guint width, guint height, gint h, gint v)
{
    return (JpegKind){
        .width = width, .height = height, .h = h, .v = v, .components = 3, .quality = 85};
}

/* Something of everything: slopes, edges, texture, colours; @phase: another picture each. */
static inline guint8
jpeg_test_sample(guint x, guint y, guint channel, guint phase)
{
    const gdouble wave = sin((x + 3 * phase) * 0.11 + channel) * cos(y * 0.07 - channel);
    const guint noise = (x * 2654435761u ^ y * 40503u ^ (channel + phase) * 97u) >> 7 & 15;
    const guint edge = (x / 13 + y / 17 + channel) % 3 == 0 ? 60 : 0;

    return (guint8)CLAMP(100 + 70 * wave + noise + edge, 0, 255);
}

/** jpeg_test_make: (transfer full): free() it */
static inline guint8 *
jpeg_test_make(const JpegKind *kind, guint phase, gsize *size)
{
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr errors;
    g_autofree guint8 *row = g_malloc((gsize)kind->width * kind->components);
    JSAMPROW rows[1] = {row};
    guint8 *data = NULL;
    gulong length = 0;

    cinfo.err = jpeg_std_error(&errors);
    jpeg_create_compress(&cinfo);
    jpeg_mem_dest(&cinfo, &data, &length);
    cinfo.image_width = kind->width;
    cinfo.image_height = kind->height;
    cinfo.input_components = kind->components;
    cinfo.in_color_space = kind->components == 1   ? JCS_GRAYSCALE
                           : kind->components == 3 ? JCS_RGB
                                                   : JCS_CMYK;
    jpeg_set_defaults(&cinfo);
    if (kind->space)
        jpeg_set_colorspace(&cinfo, kind->space);
    jpeg_set_quality(&cinfo, kind->quality, TRUE);
    cinfo.comp_info[0].h_samp_factor = kind->h;
    cinfo.comp_info[0].v_samp_factor = kind->v;
    cinfo.restart_interval = kind->restart;
    cinfo.optimize_coding = kind->optimal;
    cinfo.arith_code = kind->arithmetic;
    if (kind->progressive)
        jpeg_simple_progression(&cinfo);
    jpeg_start_compress(&cinfo, TRUE);
    while (cinfo.next_scanline < cinfo.image_height) {
        for (guint i = 0; i < kind->width * kind->components; i++)
            row[i] = jpeg_test_sample(i / kind->components, cinfo.next_scanline,
                                      i % kind->components, phase);
        jpeg_write_scanlines(&cinfo, rows, 1);
    }
    jpeg_finish_compress(&cinfo);
    jpeg_destroy_compress(&cinfo);
    *size = length;
    return data;
}

/** jpeg_test_find: offset of a marker (0xc0: SOF0, 0xda: SOS …), or 0 */
static inline gsize
jpeg_test_find(const guint8 *data, gsize size, guint8 marker)
{
    for (gsize at = 2; at + 4 <= size && data[at] == 0xff;) {
        if (data[at + 1] == marker)
            return at;
        at += 2 + (gsize)(data[at + 2] << 8 | data[at + 3]);
    }
    return 0;
}

/** jpeg_test_strip: takes all segments of a marker out. Returns: the new size */
static inline gsize
jpeg_test_strip(guint8 *data, gsize size, guint8 marker)
{
    gsize at;

    while ((at = jpeg_test_find(data, size, marker)) != 0) {
        const gsize length = 2 + (gsize)(data[at + 2] << 8 | data[at + 3]);

        memmove(data + at, data + at + length, size - at - length);
        size -= length;
    }
    return size;
}

/**
 * jpeg_test_decode: what libjpeg itself makes of a JPEG.
 *
 * Returns: (transfer full): rows of @space without gaps
 */
static inline guint8 *
jpeg_test_decode(const guint8 *data, gsize size, guint scale, J_COLOR_SPACE space, guint *width,
                 guint *height)
{
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    guint8 *pixels;

    cinfo.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&cinfo);
    jpeg_mem_src(&cinfo, data, size);
    jpeg_read_header(&cinfo, TRUE);
    cinfo.scale_num = 1;
    cinfo.scale_denom = scale;
    cinfo.dct_method = JDCT_IFAST;
    cinfo.do_fancy_upsampling = FALSE;
    cinfo.do_block_smoothing = FALSE;
    cinfo.out_color_space = space;
    jpeg_start_decompress(&cinfo);
    *width = cinfo.output_width;
    *height = cinfo.output_height;
    pixels = g_malloc((gsize)*width * *height * cinfo.output_components);
    while (cinfo.output_scanline < cinfo.output_height) {
        JSAMPROW row =
            pixels + (gsize)cinfo.output_scanline * *width * (guint)cinfo.output_components;

        jpeg_read_scanlines(&cinfo, &row, 1);
    }
    jpeg_finish_decompress(&cinfo);
    jpeg_destroy_decompress(&cinfo);
    return pixels;
}
