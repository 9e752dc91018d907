/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-model.h"
#include "models/vigil-nms.h"

G_BEGIN_DECLS

/**
 * VigilDecoderKind:
 * @VIGIL_DECODER_GUESS: by the outputs' shapes
 * @VIGIL_DECODER_SSD_POSTPROCESS: the four float outputs of TFLite_Detection_PostProcess
 * @VIGIL_DECODER_SSD_ANCHORS: scores after softmax, class 0 the background [1, N, classes + 1]; box offsets
 *   [1, N, 4]; anchors [1, N, 4] that do not depend on the input; both x0, y0, x1, y1, an offset in
 *   parts of its anchor's width or height
 * @VIGIL_DECODER_YOLOV5: one row a box [1, N, 5 + classes]: centre x, y, width, height, objectness, class scores
 * @VIGIL_DECODER_YOLOV8: one column a box [1, 4 + classes, N]: centre x, y, width, height, class scores
 * @VIGIL_DECODER_ANCHOR_FREE: two outputs a level, in any order: scores [1, h, w, classes], logits; distances [1, h, w, 4]
 *   to the left, top, right and bottom edge from the middle of the cell, in cells. Levels are told by their size; where
 *   four classes look like distances, the distances are the output that holds no negative numbers, else the later one
 * @VIGIL_DECODER_YOLOX: one row a cell of the strides 8, 16 and 32 [1, N, 5 + classes]: centre x, y, width, height,
 *   objectness, class scores; the centre an offset from the cell's corner, the size a logarithm, both in cells
 * @VIGIL_DECODER_NANODET: scores [1, cells, classes] and distances [1, cells, 4 * 8] for each of the strides 8, 16, ..., in any
 *   order, or all in one output [1, N, classes + 4 * 8] for the strides 8 to 64 (NanoDet-Plus); a distance to the left, top, right
 *   and bottom edge is the mean of a distribution over 0 to 7 strides, given as logits
 */
typedef enum {
    VIGIL_DECODER_GUESS,
    VIGIL_DECODER_SSD_POSTPROCESS,
    VIGIL_DECODER_SSD_ANCHORS,
    VIGIL_DECODER_YOLOV5,
    VIGIL_DECODER_YOLOV8,
    VIGIL_DECODER_ANCHOR_FREE,
    VIGIL_DECODER_YOLOX,
    VIGIL_DECODER_NANODET,
} VigilDecoderKind;

/** VigilCoordinates: unit of the boxes of a YOLO head; all are exported, cells (undecoded) by YOLOX only. */
typedef enum {
    VIGIL_COORDINATES_GUESS,
    VIGIL_COORDINATES_NORMALISED,
    VIGIL_COORDINATES_PIXELS,
    VIGIL_COORDINATES_CELLS,
} VigilCoordinates;

/**
 * VigilDecoder:
 *
 * Turns one model's output tensors into candidates. Used by one thread at a time.
 */
typedef struct VigilDecoder VigilDecoder;

/**
 * vigil_decoder_new:
 * @outputs: (array length=n_outputs): the model's outputs; copied
 * @input_width: of the model, pixels
 * @input_height: of the model, pixels
 *
 * Errors: %VIGIL_MODEL_ERROR_UNSUPPORTED with a sentence that says which outputs there are and which would do.
 */
VigilDecoder *vigil_decoder_new(const VigilTensorInfo *const *outputs, guint n_outputs,
                                VigilDecoderKind kind, VigilCoordinates coordinates,
                                guint input_width, guint input_height, GError **error);
void vigil_decoder_free(VigilDecoder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilDecoder, vigil_decoder_free)

VigilDecoderKind vigil_decoder_get_kind(const VigilDecoder *self);
/** vigil_decoder_get_n_classes: without background; 0: the outputs do not tell. */
guint vigil_decoder_get_n_classes(const VigilDecoder *self);
/** vigil_decoder_get_capacity: most candidates of a run. */
guint vigil_decoder_get_capacity(const VigilDecoder *self);

/** vigil_decoder_needs_probe: whether vigil_decoder_probe() must come before the first vigil_decoder_run(). */
gboolean vigil_decoder_needs_probe(const VigilDecoder *self);

/**
 * vigil_decoder_probe:
 * @data: (array): data of each output after a run on any input
 *
 * Finds out what shapes do not tell: which of two equal outputs holds the anchors, whether boxes are in pixels or
 * cells, whether scores are probabilities.
 *
 * Errors: %VIGIL_MODEL_ERROR_UNSUPPORTED when the values are not those of the decoder.
 */
gboolean vigil_decoder_probe(VigilDecoder *self, const gconstpointer *data, GError **error);

/**
 * vigil_decoder_run:
 * @data: (array): data of each output
 * @threshold: lowest score, inclusive, 0..1
 * @candidates: (out): room for vigil_decoder_get_capacity()
 *
 * A box gives one candidate, of its best class; of an anchor-free head, one for each class that passes. Quantized scores are compared as they are with the lowest
 * level that reaches @threshold; only what passes is dequantized. Boxes that are not finite or
 * turned inside out are left out. Boxes are in parts of the model's input.
 *
 * Returns: number of candidates. Allocates nothing.
 */
guint vigil_decoder_run(VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                        VigilCandidate *candidates);

/** vigil_decoder_kind_from_name: "ssd-postprocess", "ssd-anchors", "yolov5", "yolov8", "anchor-free", "yolox" or "nanodet"; else guess. */
VigilDecoderKind vigil_decoder_kind_from_name(const gchar *name);

G_END_DECLS
