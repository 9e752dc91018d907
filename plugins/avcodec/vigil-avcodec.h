/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/** VIGIL_AVCODEC_FORMATS: of the pictures, as in caps. */
#define VIGIL_AVCODEC_FORMATS "{ I420, Y42B, Y444, GRAY8, I420_10LE, I422_10LE, Y444_10LE }"

/**
 * VigilAvcodec:
 *
 * Decodes H.264 and H.265 with FFmpeg's libavcodec on the caller's thread, into memory that is given on as it is: no picture is copied. The
 * library reads a picture again for those that refer to it, so that nobody may write to it. Not thread-safe.
 *
 * Source of the format of the calls: "send/receive encoding and decoding API" of libavcodec/avcodec.h.
 */
typedef struct VigilAvcodec VigilAvcodec;

/**
 * VigilAvcodecPicture:
 * @buffer: (transfer full): with a #GstVideoMeta, without times; its memory is read-only
 * @format: of it
 * @width, @height: pixels that are shown
 * @number: of the coded frame that it is of
 * @damaged: a part of it was not decoded
 * @full_range: luma is 0 to 255
 */
typedef struct {
    GstBuffer *buffer;
    GstVideoFormat format;
    guint width, height;
    gint64 number;
    gboolean damaged;
    gboolean full_range;
} VigilAvcodecPicture;

/** vigil_avcodec_is_there: whether the library can be opened here. */
gboolean vigil_avcodec_is_there(void);

/**
 * vigil_avcodec_new:
 * @caps: of the coded frames: video/x-h264 or video/x-h265, one whole picture a buffer
 *
 * Returns: (nullable): %NULL: the library is not there or does not decode that
 */
VigilAvcodec *vigil_avcodec_new(const GstCaps *caps, GError **error);
void vigil_avcodec_free(VigilAvcodec *self);

/**
 * vigil_avcodec_push:
 * @data, @size: one coded frame; copied
 * @number: not negative
 *
 * All pictures must have been pulled before.
 *
 * Returns: %FALSE: it is damaged; the next may be whole
 */
gboolean vigil_avcodec_push(VigilAvcodec *self, const guint8 *data, gsize size, gint64 number);

/**
 * vigil_avcodec_pull:
 * @n_damaged: (inout): counts what was found to give no picture
 *
 * Returns: %FALSE: there is none until the next push
 */
gboolean vigil_avcodec_pull(VigilAvcodec *self, VigilAvcodecPicture *picture, guint *n_damaged);

/** vigil_avcodec_drain: the pictures that are kept for their turn can be pulled now; the next frame must be a keyframe. */
void vigil_avcodec_drain(VigilAvcodec *self);

/** vigil_avcodec_flush: forgets all frames; the next must be a keyframe. */
void vigil_avcodec_flush(VigilAvcodec *self);

/** vigil_avcodec_is_strange: for long all pictures were of a format that %VIGIL_AVCODEC_FORMATS has not, such as 12 bits: there will be none. */
gboolean vigil_avcodec_is_strange(const VigilAvcodec *self);

/** vigil_avcodec_get_delay: frames that it keeps for their turn. */
guint vigil_avcodec_get_delay(const VigilAvcodec *self);

G_END_DECLS
