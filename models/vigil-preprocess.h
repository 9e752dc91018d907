/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-image.h"
#include "models/vigil-model.h"
#include "models/vigil-types.h"

G_BEGIN_DECLS

/** VigilResize: how a frame of another shape gets into the model's input. */
typedef enum {
    VIGIL_RESIZE_STRETCH,   /* each axis on its own */
    VIGIL_RESIZE_LETTERBOX, /* shape kept, centred, the rest filled with gray */
} VigilResize;

/** VigilColour: the order of the input's channels; gray when it has one. */
typedef enum {
    VIGIL_COLOUR_RGB,
    VIGIL_COLOUR_BGR,
    VIGIL_COLOUR_GRAY,
} VigilColour;

/**
 * VigilPreprocessOptions:
 * @resize: default stretch
 * @colour: default RGB, of a one-channel input always gray
 * @normalise: whether @mean and @std say what the input means. Otherwise, the usual forms:
 *   uint8 = pixel, int8 = pixel - 128, float = pixel / 255
 * @mean: a channel, in pixel levels 0..255: real input = (pixel - mean) / std, then quantized as the
 *   input tensor says
 * @std: a channel, not 0
 * @pad: level that fills what a letterbox leaves over; default 114
 */
typedef struct {
    VigilResize resize;
    VigilColour colour;
    gboolean normalise;
    gfloat mean[3], std[3];
    guint8 pad;
} VigilPreprocessOptions;

VigilPreprocessOptions vigil_preprocess_options_defaults(void);

/**
 * VigilMapping:
 *
 * Where the frame lies in the model's input: source part = model part * scale + offset, both in
 * 0..1 of the whole.
 */
typedef struct {
    gfloat x_scale, x_offset, y_scale, y_offset;
} VigilMapping;

/** vigil_mapping_apply: a box in parts of the model's input to a box in parts of the frame. */
static inline VigilBox
vigil_mapping_apply(const VigilMapping *self, const VigilBox *box)
{
    return (VigilBox){
        box->x0 * self->x_scale + self->x_offset, box->y0 * self->y_scale + self->y_offset,
        box->x1 * self->x_scale + self->x_offset, box->y1 * self->y_scale + self->y_offset};
}

/**
 * VigilInputShape:
 * @planar: a plane a channel; %FALSE: pixel by pixel
 */
typedef struct {
    guint width, height, n_channels;
    gboolean planar;
} VigilInputShape;

/** vigil_input_shape: of an image in that tensor; what could be both is taken as pixels. %FALSE: it is none. */
gboolean vigil_input_shape(const VigilTensorInfo *input, VigilInputShape *shape);

/**
 * VigilPreprocess:
 *
 * Turns frames of any size and format into one model's input. The tables for a (size, format) are made
 * when its first frame comes and kept for the last few of them; apart from that a frame allocates nothing.
 * Used by one thread at a time.
 */
typedef struct VigilPreprocess VigilPreprocess;

/**
 * vigil_preprocess_new:
 * @input: shape [1, height, width, 1 or 3] or [1, 1 or 3, height, width], uint8, int8 or float32
 *
 * Errors: %VIGIL_MODEL_ERROR_UNSUPPORTED when @input is anything else or the options do not fit it.
 */
VigilPreprocess *vigil_preprocess_new(const VigilTensorInfo *input,
                                      const VigilPreprocessOptions *options, GError **error);
void vigil_preprocess_free(VigilPreprocess *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilPreprocess, vigil_preprocess_free)

/** vigil_preprocess_get_size: of the model's input, in pixels. It never changes: any thread may ask. */
void vigil_preprocess_get_size(const VigilPreprocess *self, guint *width, guint *height);

/** The largest frame that is taken, a side. */
#define VIGIL_PREPROCESS_MAX_SIDE 16384

/**
 * vigil_preprocess_run:
 * @image: sides 1..%VIGIL_PREPROCESS_MAX_SIDE; GRAY8 is full range
 * @input: (out caller-allocates): the model's input
 * @mapping: (out): how boxes go back
 *
 * Equals: resample every plane to the model's size (bilinear with half-pixel centres; the mean of the
 * covered area when shrinking by more than 2), convert to R'G'B' by matrix and range, round and clamp
 * to 0..255, then normalise; chroma is taken as centred in its block. Checked against that in double
 * precision by tests/models/test-preprocess.c.
 *
 * Returns: %FALSE when @image is not one (a side out of range, a plane missing, a stride too short)
 */
gboolean vigil_preprocess_run(VigilPreprocess *self, const VigilImage *image, gpointer input,
                              VigilMapping *mapping);

/**
 * vigil_preprocess_run_crop:
 * @crop: lies in the frame and is not empty
 * @mapping: (out): how boxes go back, into parts of the whole frame
 *
 * As vigil_preprocess_run(), with the crop for the frame: nothing outside it is looked at, but for the other pixels of a
 * block whose chroma its border shares. For several regions of one frame call it for each. Crops may have another size and
 * place each time: tables are made anew, in memory that only grows.
 *
 * Returns: %FALSE when @image is not one, or @crop no part of it
 */
gboolean vigil_preprocess_run_crop(VigilPreprocess *self, const VigilImage *image,
                                   const VigilCrop *crop, gpointer input, VigilMapping *mapping);

G_END_DECLS
