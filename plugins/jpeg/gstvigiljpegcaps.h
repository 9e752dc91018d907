/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "plugins/jpeg/vigil-jpeg.h"

G_BEGIN_DECLS

/** GST_VIGIL_JPEG_FORMATS: what frames can be decoded to, the cheapest first. */
#define GST_VIGIL_JPEG_FORMATS "{ I420, NV12, GRAY8, RGB }"

/** GstVigilJpegChoice: what a frame is decoded to. */
typedef struct {
    GstVideoFormat format;
    guint scale;
    guint width, height;
} GstVigilJpegChoice;

/**
 * gst_vigil_jpeg_choose:
 * @header: of the frame
 * @downstream: caps that are taken there, what is liked best first
 *
 * Chooses among the four sizes that a frame can be decoded to those that @downstream takes. Where its first structure has a
 * fixed width or height, as behind `videoscale`, that is what is wanted: the smallest picture that is not smaller is chosen, else
 * the largest. A range is a limit and no wish, as encoders take "16 and more" without meaning it. Of the formats the first of
 * %GST_VIGIL_JPEG_FORMATS is chosen that @downstream's earliest structure takes.
 *
 * Returns: %FALSE: none is taken
 */
gboolean gst_vigil_jpeg_choose(const VigilJpegHeader *header, GstCaps *downstream,
                               GstVigilJpegChoice *choice);

/** gst_vigil_jpeg_target: how decoded pixels lie in @frame, which is mapped for writing; %FALSE: upside down. */
gboolean gst_vigil_jpeg_target(const GstVideoFrame *frame, VigilJpegTarget *target);

G_END_DECLS
