/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilPixelFormat: 8-bit layouts of a camera frame; names as in GStreamer and V4L2. */
typedef enum {
    VIGIL_PIXELS_I420, /* planes Y, U, V; chroma halved both ways */
    VIGIL_PIXELS_NV12, /* planes Y, UV interleaved */
    VIGIL_PIXELS_YUY2, /* packed Y0 U Y1 V */
    VIGIL_PIXELS_RGB,  /* packed, 3 bytes a pixel */
    VIGIL_PIXELS_BGR,
    VIGIL_PIXELS_RGBX, /* packed, 4 bytes a pixel; the fourth is ignored */
    VIGIL_PIXELS_BGRX,
    VIGIL_PIXELS_GRAY8, /* one plane */
} VigilPixelFormat;

/** VigilYuvMatrix: how Y'CbCr becomes R'G'B'. */
typedef enum {
    VIGIL_YUV_BT601,
    VIGIL_YUV_BT709,
} VigilYuvMatrix;

/**
 * VigilImage:
 * @format: pixel layout
 * @width: pixels
 * @height: pixels
 * @planes: first byte of each plane; borrowed
 * @strides: bytes from one row to the next, a plane
 * @matrix: for the Y'CbCr formats
 * @full_range: Y 0..255 instead of 16..235
 *
 * A borrowed view of one frame's pixels; owns nothing.
 */
typedef struct {
    VigilPixelFormat format;
    guint width, height;
    const guint8 *planes[3];
    guint strides[3];
    VigilYuvMatrix matrix;
    gboolean full_range;
} VigilImage;

/** VigilCrop: a part of a frame, in its pixels. */
typedef struct {
    guint x, y, width, height;
} VigilCrop;

G_END_DECLS
