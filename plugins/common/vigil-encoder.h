/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * vigil_encoder_make:
 * @before: (out) (nullable): the element that brings frames into the device's memory, in the place of videoconvert; static
 *
 * The best encoder of H.264 that is there and can be opened: `v4l2h264enc`, `nvv4l2h264enc`, `x264enc`, `openh264enc`, set to
 * 2 Mbit/s where that is its property's, and to give each frame at once.
 *
 * Returns: (transfer floating) (nullable): the element, named "encoder", in state NULL
 */
GstElement *vigil_encoder_make(const gchar **before);

/**
 * vigil_encoder_bound_keyframes:
 * @encoder: any
 * @interval: longest time from one keyframe to the next
 *
 * Encoders count keyframes in frames or not at all; here the time counts, however many frames there are.
 */
void vigil_encoder_bound_keyframes(GstElement *encoder, GstClockTime interval);

/** VIGIL_ENCODER_FORMATS: caps of raw frames whose H.264 every player knows. */
#define VIGIL_ENCODER_FORMATS                      \
    "video/x-raw, format=(string){ I420, NV12 }; " \
    "video/x-raw(memory:NVMM), format=(string){ I420, NV12 }"

G_END_DECLS
