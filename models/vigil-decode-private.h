/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>
#include <math.h>

#include "models/vigil-decode.h"

G_BEGIN_DECLS

#define VIGIL_DECODER_MAX_OUTPUTS 16
#define VIGIL_DECODER_MAX_GRIDS (VIGIL_DECODER_MAX_OUTPUTS / 2)

/* Which output is what. */
enum {
    VIGIL_ROLE_HEAD = 0, /* YOLO: the only one */
    VIGIL_ROLE_BOXES = 0,
    VIGIL_ROLE_CLASSES,
    VIGIL_ROLE_SCORES,
    VIGIL_ROLE_COUNT,
    VIGIL_ROLE_ANCHORS = VIGIL_ROLE_CLASSES,
};

/* An 8-bit tensor seen as unsigned: level = byte ^ flip, real = scale * (level - zero_point). */
typedef struct {
    gfloat scale;
    gint32 zero_point;
    guint8 flip;
} VigilLevels;

/* One level of an anchor-free head. */
typedef struct {
    guint scores, distances; /* outputs */
    guint width, height;     /* cells */
    guint stride;            /* YOLOX, NanoDet: pixels of a cell */
    guint first_row;         /* NanoDet: of this level, in an output that holds all of them */
    VigilLevels levels;      /* of the scores, when they are 8-bit */
    gfloat score_of[256];    /* then: by level */
} VigilGridLevel;

struct VigilDecoder {
    VigilDecoderKind kind;
    VigilTensorInfo outputs[VIGIL_DECODER_MAX_OUTPUTS];
    guint roles[VIGIL_DECODER_MAX_OUTPUTS];
    guint n_outputs, n_boxes, n_classes;
    gboolean needs_probe;
    gboolean in_cells;     /* YOLOX: offsets and logarithms, else centre and size */
    gboolean joined;       /* NanoDet: all in one output */
    gfloat x_unit, y_unit; /* a coordinate of the head times this is a part of the input */
    guint input_width, input_height;
    VigilLevels levels;                            /* of the scores, when they are 8-bit */
    guint16 *best_class;                           /* YOLOv8: a box */
    gpointer best_score;                           /* YOLOv8: a box, level or float */
    VigilBox *anchors;                             /* SSD with anchors: a box, once probed */
    VigilGridLevel grids[VIGIL_DECODER_MAX_GRIDS]; /* anchor-free, YOLOX, NanoDet */
    guint n_grids;
};

static inline gboolean
vigil_info_is_8bit(const VigilTensorInfo *info)
{
    return info->type == VIGIL_TENSOR_UINT8 || info->type == VIGIL_TENSOR_INT8;
}

/* Whether vigil_info_real() can read it: float, or 8-bit with a quantization that makes sense. */
static inline gboolean
vigil_info_is_readable(const VigilTensorInfo *info)
{
    const gint32 lowest = info->type == VIGIL_TENSOR_INT8 ? -128 : 0;

    if (info->type == VIGIL_TENSOR_FLOAT32)
        return TRUE;
    return vigil_info_is_8bit(info) && info->scale > 0 && isfinite(info->scale) &&
           info->zero_point >= lowest && info->zero_point <= lowest + 255;
}

static inline VigilLevels
vigil_levels_of(const VigilTensorInfo *info)
{
    if (info->type == VIGIL_TENSOR_INT8)
        return (VigilLevels){info->scale, info->zero_point + 128, 0x80};
    return (VigilLevels){info->scale, info->zero_point, 0};
}

/* One element as a real number, whatever the type. */
static inline gfloat
vigil_info_real(const VigilTensorInfo *info, gconstpointer data, gsize at)
{
    switch (info->type) {
    case VIGIL_TENSOR_UINT8: return info->scale * (((const guint8 *)data)[at] - info->zero_point);
    case VIGIL_TENSOR_INT8: return info->scale * (((const gint8 *)data)[at] - info->zero_point);
    default: return ((const gfloat *)data)[at];
    }
}

/* The lowest level that reaches the threshold; 256 when none does. */
static inline gint32
vigil_levels_reaching(const VigilLevels *self, gfloat threshold)
{
    gint32 level = 0;

    while (level < 256 && self->scale * (gfloat)(level - self->zero_point) < threshold)
        level++;
    return level;
}

/* Appends a candidate unless its box is no box. */
static inline guint
vigil_decode_append(VigilCandidate *candidates, guint n, const VigilBox *box, gfloat score,
                    gint32 class_id, guint index)
{
    if (!isfinite(box->x0) || !isfinite(box->y0) || !isfinite(box->x1) || !isfinite(box->y1) ||
        box->x1 < box->x0 || box->y1 < box->y0)
        return n;
    candidates[n] = (VigilCandidate){*box, MIN(score, 1.0f), class_id, index};
    return n + 1;
}

guint vigil_decode_best_level(const guint8 *row, guint n, guint8 flip, guint8 *best);
guint vigil_decode_best_float(const gfloat *row, guint n, gfloat *best);

gboolean vigil_decode_ssd_setup(VigilDecoder *self, GError **error);
gboolean vigil_decode_anchors_setup(VigilDecoder *self, GError **error);
gboolean vigil_decode_anchors_probe(VigilDecoder *self, const gconstpointer *data, GError **error);
guint vigil_decode_ssd(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                       VigilCandidate *candidates);
guint vigil_decode_anchors(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                           VigilCandidate *candidates);

gboolean vigil_decode_yolo_setup(VigilDecoder *self, VigilCoordinates coordinates, GError **error);
void vigil_decode_yolo_probe(VigilDecoder *self, const gconstpointer *data);
guint vigil_decode_yolov5(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                          VigilCandidate *candidates);
guint vigil_decode_yolov8(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                          VigilCandidate *candidates);

/* Whether the outputs look like an anchor-free head; the setup tells why they are none all the same. */
gboolean vigil_decode_is_anchor_free(const VigilTensorInfo *const *outputs, guint n_outputs);
gboolean vigil_decode_anchor_free_setup(VigilDecoder *self, GError **error);
guint vigil_decode_anchor_free(const VigilDecoder *self, const gconstpointer *data,
                               gfloat threshold, VigilCandidate *candidates);

/** vigil_decode_yolox_rows: of the head for an input of this size. */
guint vigil_decode_yolox_rows(guint input_width, guint input_height);
gboolean vigil_decode_yolox_setup(VigilDecoder *self, VigilCoordinates coordinates, GError **error);
void vigil_decode_yolox_probe(VigilDecoder *self, const gconstpointer *data);
guint vigil_decode_yolox(const VigilDecoder *self, const gconstpointer *outputs, gfloat threshold,
                         VigilCandidate *candidates);

/** vigil_decode_is_nanodet: whether the outputs are those of its strides, exactly. */
gboolean vigil_decode_is_nanodet(const VigilDecoder *self);
gboolean vigil_decode_nanodet_setup(VigilDecoder *self, GError **error);
gboolean
vigil_decode_nanodet_probe(const VigilDecoder *self, const gconstpointer *data, GError **error);
guint vigil_decode_nanodet(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                           VigilCandidate *candidates);

G_END_DECLS
