/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-image.h"

G_BEGIN_DECLS

/**
 * VigilJpegLimits:
 * @max_side: pixels of width or height; default 8192, at most 65500 (libjpeg's own limit)
 * @max_pixels: of a frame; default 8192 * 6144, more than any camera has
 * @max_memory: bytes that libjpeg may hold for a frame, beside the picture itself; default 64 MiB, which is 20 megapixels of a
 *   progressive JPEG. A baseline one, which is what cameras send, needs well below 1 MiB.
 * @max_scans: of a progressive JPEG; default 32. Each costs as much time as a whole frame, whatever its bytes.
 *
 * What a frame may ask for. What asks for more is refused by its header, before anything is allocated for it.
 */
typedef struct {
    guint max_side;
    guint64 max_pixels;
    gsize max_memory;
    guint max_scans;
} VigilJpegLimits;

/**
 * VigilJpegHeader:
 * @width: pixels
 * @height: pixels
 * @gray: there is luma only
 */
typedef struct {
    guint width, height;
    gboolean gray;
} VigilJpegHeader;

/**
 * VigilJpegTarget:
 * @format: I420, NV12, GRAY8 or RGB
 * @width: pixels, as vigil_jpeg_scaled() says
 * @height: pixels, as vigil_jpeg_scaled() says
 * @planes: first byte of each plane, top row first; borrowed
 * @strides: bytes from one row to the next, a plane; at least those of a row. All strides * rows bytes of a plane may be
 *   written, also those right of the picture, which hold nothing of meaning then.
 *
 * Where a picture goes. Y'CbCr is BT.601 with full range, as JFIF has it.
 */
typedef struct {
    VigilPixelFormat format;
    guint width, height;
    guint8 *planes[3];
    guint strides[3];
} VigilJpegTarget;

/**
 * VigilJpegResult:
 * @VIGIL_JPEG_WHOLE: as the camera sent it. Garbage behind the picture, a missing end marker and the like do not count.
 * @VIGIL_JPEG_DAMAGED: a part of the picture is wrong or missing; from there on it is what libjpeg makes of it, mostly gray
 * @VIGIL_JPEG_FAILED: nothing of the picture is of use; parts of the target may have been written
 */
typedef enum {
    VIGIL_JPEG_WHOLE,
    VIGIL_JPEG_DAMAGED,
    VIGIL_JPEG_FAILED,
} VigilJpegResult;

/**
 * VigilJpeg:
 *
 * Decodes the frames of a camera one after the other, by libjpeg-turbo. Nothing of a frame is kept for the next one: each gives what it
 * would give alone, whatever came before. Memory is kept: the second frame of a size and kind allocates nothing.
 *
 * Frames may come from anywhere. Baseline, extended and progressive Huffman JPEGs of 8 bits with one component or three
 * (Y'CbCr, chroma 1, 2 or 4 times coarser than luma) are read; without Huffman tables, as Motion JPEG may be, the standard ones
 * are taken.
 *
 * Threads: one at a time an object.
 */
typedef struct VigilJpeg VigilJpeg;

VigilJpegLimits vigil_jpeg_limits_defaults(void);

/**
 * vigil_jpeg_new:
 * @limits: (nullable): %NULL for the defaults
 */
VigilJpeg *vigil_jpeg_new(const VigilJpegLimits *limits);

void vigil_jpeg_free(VigilJpeg *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilJpeg, vigil_jpeg_free)

/**
 * vigil_jpeg_open:
 * @data: (array length=size): borrowed until vigil_jpeg_decode() is through, or another frame is opened
 * @header: (out): what the frame says of itself
 *
 * Reads a frame's header and judges it: size, components, sampling, and whether @size bytes can hold so many pixels at all.
 *
 * Returns: %FALSE: the frame is refused, see vigil_jpeg_get_problem(); there is nothing to decode then
 */
gboolean vigil_jpeg_open(VigilJpeg *self, const guint8 *data, gsize size, VigilJpegHeader *header);

/**
 * vigil_jpeg_decode:
 * @scale: 1, 2, 4 or 8: the picture gets so many times smaller, by a smaller inverse DCT
 *
 * Decodes the frame that vigil_jpeg_open() has opened, once. For GRAY8 chroma is parsed but not computed.
 */
VigilJpegResult vigil_jpeg_decode(VigilJpeg *self, guint scale, const VigilJpegTarget *target);

/**
 * vigil_jpeg_get_problem:
 *
 * Returns: what was wrong with the frame, for a log; empty when nothing was. Valid until the next call.
 */
const gchar *vigil_jpeg_get_problem(const VigilJpeg *self);

/** vigil_jpeg_scaled: pixels that @pixels of width or height become at @scale. */
guint vigil_jpeg_scaled(guint pixels, guint scale);

/**
 * vigil_jpeg_choose_scale:
 * @width: pixels wanted at least; 0: any
 * @height: pixels wanted at least; 0: any
 *
 * Returns: the largest scale (1, 2, 4, 8) whose picture is not smaller than what is wanted; 1 when none is
 */
guint vigil_jpeg_choose_scale(const VigilJpegHeader *header, guint width, guint height);

G_END_DECLS
