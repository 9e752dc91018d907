/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-decode.h"

#include <string.h>

#include "models/vigil-decode-private.h"

/* Forty times those of the largest detector in use. */
#define MAX_BOXES (1 << 20)

static const struct {
    const gchar *name;
    VigilDecoderKind kind;
} kinds[] = {
    {"ssd-postprocess", VIGIL_DECODER_SSD_POSTPROCESS},
    {"ssd-anchors", VIGIL_DECODER_SSD_ANCHORS},
    {"yolov5", VIGIL_DECODER_YOLOV5},
    {"yolov8", VIGIL_DECODER_YOLOV8},
    {"anchor-free", VIGIL_DECODER_ANCHOR_FREE},
    {"yolox", VIGIL_DECODER_YOLOX},
    {"nanodet", VIGIL_DECODER_NANODET},
};

VigilDecoderKind
vigil_decoder_kind_from_name(const gchar *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(name, kinds[i].name))
            return kinds[i].kind;
    }
    return VIGIL_DECODER_GUESS;
}

/* "3 outputs: int8 [1, 84, 3549], ..." for messages */
static gchar *
describe_outputs(const VigilTensorInfo *const *outputs, guint n_outputs)
{
    static const gchar *const types[] = {"float32", "int32", "uint8", "int64",
                                         "bool",    "int16", "int8"};
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%u output%s:", n_outputs, n_outputs == 1 ? "" : "s");
    for (guint i = 0; i < MIN(n_outputs, 6); i++) {
        const guint type = (guint)outputs[i]->type;

        g_string_append_printf(text, "%s %s [", i ? "," : "",
                               type < G_N_ELEMENTS(types) ? types[type] : "?");
        for (guint d = 0; d < outputs[i]->n_dims; d++)
            g_string_append_printf(text, "%s%d", d ? ", " : "", outputs[i]->dims[d]);
        g_string_append_c(text, ']');
    }
    if (n_outputs > 6)
        g_string_append(text, ", ...");
    return g_string_free(text, FALSE);
}

static gboolean
has_four_columns(const VigilTensorInfo *info)
{
    return info->n_dims == 3 && info->dims[2] == 4;
}

static VigilDecoderKind
guess(const VigilDecoder *self, const VigilTensorInfo *const *outputs, guint n_outputs)
{
    const VigilTensorInfo *head = outputs[0];
    const guint rows = vigil_decode_yolox_rows(self->input_width, self->input_height);
    guint n_four = 0;

    if (vigil_decode_is_anchor_free(outputs, n_outputs))
        return VIGIL_DECODER_ANCHOR_FREE;
    if (vigil_decode_is_nanodet(self))
        return VIGIL_DECODER_NANODET;
    for (guint i = 0; i < n_outputs; i++)
        n_four += has_four_columns(outputs[i]);
    if (n_outputs == 4 && n_four == 1)
        return VIGIL_DECODER_SSD_POSTPROCESS;
    if (n_outputs == 3 && n_four >= 2)
        return VIGIL_DECODER_SSD_ANCHORS;
    if (n_outputs != 1 || head->n_dims != 3 || head->dims[0] != 1)
        return VIGIL_DECODER_GUESS;
    if (head->dims[1] > 4 && head->dims[1] < head->dims[2])
        return VIGIL_DECODER_YOLOV8;
    /* three boxes a cell, or one; other numbers of rows are other families (YOLO26 and its kind have corners after
     * suppression), though the shape looks like YOLOv5's */
    if (head->dims[2] > 5 && (guint)head->dims[1] == 3 * rows)
        return VIGIL_DECODER_YOLOV5;
    if (head->dims[2] > 5 && (guint)head->dims[1] == rows)
        return VIGIL_DECODER_YOLOX;
    return VIGIL_DECODER_GUESS;
}

static gboolean
set_up(VigilDecoder *self, VigilCoordinates coordinates, GError **error)
{
    switch (self->kind) {
    case VIGIL_DECODER_SSD_POSTPROCESS: return vigil_decode_ssd_setup(self, error);
    case VIGIL_DECODER_SSD_ANCHORS: return vigil_decode_anchors_setup(self, error);
    case VIGIL_DECODER_YOLOV5:
    case VIGIL_DECODER_YOLOV8: return vigil_decode_yolo_setup(self, coordinates, error);
    case VIGIL_DECODER_ANCHOR_FREE: return vigil_decode_anchor_free_setup(self, error);
    case VIGIL_DECODER_YOLOX: return vigil_decode_yolox_setup(self, coordinates, error);
    case VIGIL_DECODER_NANODET: return vigil_decode_nanodet_setup(self, error);
    case VIGIL_DECODER_GUESS: break;
    }
    g_set_error_literal(
        error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
        "no box decoder fits; known are the 4 outputs of TFLite_Detection_PostProcess, "
        "3 outputs with scores, box offsets and anchors [1, N, 4], "
        "YOLOv5's [1, N, 5 + classes] with three boxes a cell and "
        "YOLOv8's [1, 4 + classes, N], YOLOX's [1, N, 5 + classes] with one box a cell, NanoDet's "
        "scores [1, cells, classes] and distances [1, cells, 32], and pairs of scores [1, h, w, "
        "classes] and distances [1, h, w, 4]");
    return FALSE;
}

/* What detectors allocate for each box, and names for each class, is bounded here. */
static gboolean
check_size(const VigilDecoder *self, GError **error)
{
    if (self->n_boxes <= MAX_BOXES && self->n_classes <= G_MAXUINT16)
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                "%u boxes of %u classes are too many, at most %d of %d are decoded", self->n_boxes,
                self->n_classes, MAX_BOXES, G_MAXUINT16);
    return FALSE;
}

VigilDecoder *
vigil_decoder_new(const VigilTensorInfo *const *outputs, guint n_outputs, VigilDecoderKind kind,
                  VigilCoordinates coordinates, guint input_width, guint input_height,
                  GError **error)
{
    g_autoptr(VigilDecoder) self = g_new0(VigilDecoder, 1);

    self->kind = kind;
    self->input_width = input_width;
    self->input_height = input_height;
    self->n_outputs = n_outputs;
    for (guint i = 0; i < MIN(n_outputs, VIGIL_DECODER_MAX_OUTPUTS); i++)
        self->outputs[i] = *outputs[i];
    if (kind == VIGIL_DECODER_GUESS && n_outputs > 0)
        self->kind = guess(self, outputs, n_outputs);
    if (!set_up(self, coordinates, error) || !check_size(self, error)) {
        g_autofree gchar *text = describe_outputs(outputs, n_outputs);

        g_prefix_error(error, "the model has %s: ", text);
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
vigil_decoder_free(VigilDecoder *self)
{
    if (!self)
        return;
    g_free(self->best_class);
    g_free(self->best_score);
    g_free(self->anchors);
    g_free(self);
}

VigilDecoderKind
vigil_decoder_get_kind(const VigilDecoder *self)
{
    return self->kind;
}

guint
vigil_decoder_get_n_classes(const VigilDecoder *self)
{
    return self->n_classes;
}

guint
vigil_decoder_get_capacity(const VigilDecoder *self)
{
    return self->n_boxes;
}

gboolean
vigil_decoder_needs_probe(const VigilDecoder *self)
{
    return self->needs_probe;
}

gboolean
vigil_decoder_probe(VigilDecoder *self, const gconstpointer *data, GError **error)
{
    if (self->kind == VIGIL_DECODER_SSD_ANCHORS) {
        if (!vigil_decode_anchors_probe(self, data, error))
            return FALSE;
    } else if (self->kind == VIGIL_DECODER_NANODET) {
        if (!vigil_decode_nanodet_probe(self, data, error))
            return FALSE;
    } else if (self->needs_probe && self->kind == VIGIL_DECODER_YOLOX) {
        vigil_decode_yolox_probe(self, data);
    } else if (self->needs_probe) {
        vigil_decode_yolo_probe(self, data);
    }
    self->needs_probe = FALSE;
    return TRUE;
}

guint
vigil_decoder_run(VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                  VigilCandidate *candidates)
{
    g_return_val_if_fail(!self->needs_probe, 0);
    switch (self->kind) {
    case VIGIL_DECODER_SSD_POSTPROCESS: return vigil_decode_ssd(self, data, threshold, candidates);
    case VIGIL_DECODER_SSD_ANCHORS: return vigil_decode_anchors(self, data, threshold, candidates);
    case VIGIL_DECODER_YOLOV5: return vigil_decode_yolov5(self, data, threshold, candidates);
    case VIGIL_DECODER_YOLOV8: return vigil_decode_yolov8(self, data, threshold, candidates);
    case VIGIL_DECODER_ANCHOR_FREE:
        return vigil_decode_anchor_free(self, data, threshold, candidates);
    case VIGIL_DECODER_YOLOX: return vigil_decode_yolox(self, data, threshold, candidates);
    case VIGIL_DECODER_NANODET: return vigil_decode_nanodet(self, data, threshold, candidates);
    case VIGIL_DECODER_GUESS: break;
    }
    return 0;
}

/* Position of the highest level; of equals, the first. */
guint
vigil_decode_best_level(const guint8 *row, guint n, guint8 flip, guint8 *best)
{
    guint at = 0;

    *best = row[0] ^ flip;
    for (guint i = 1; i < n; i++) {
        if ((row[i] ^ flip) > *best) {
            *best = row[i] ^ flip;
            at = i;
        }
    }
    return at;
}

/* Position of the highest number; of equals, the first. A NaN is never the highest. */
guint
vigil_decode_best_float(const gfloat *row, guint n, gfloat *best)
{
    guint at = 0;

    *best = -G_MAXFLOAT;
    for (guint i = 0; i < n; i++) {
        if (row[i] > *best) {
            *best = row[i];
            at = i;
        }
    }
    return at;
}
