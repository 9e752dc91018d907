/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/vigil-decode-private.h"

static gboolean
refuse(GError **error, const gchar *why)
{
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED, "%s", why);
    return FALSE;
}

/* The converters of TensorFlow 1 and 2 give PostProcess's outputs in different orders, and scores and
 * classes have one shape; what tells them is the place of the boxes. */
static gboolean
find_roles(VigilDecoder *self)
{
    static const guint8 orders[2][4] = {
        {VIGIL_ROLE_BOXES, VIGIL_ROLE_CLASSES, VIGIL_ROLE_SCORES, VIGIL_ROLE_COUNT},
        {VIGIL_ROLE_SCORES, VIGIL_ROLE_BOXES, VIGIL_ROLE_COUNT, VIGIL_ROLE_CLASSES},
    };

    for (guint o = 0; o < G_N_ELEMENTS(orders); o++) {
        gboolean fits = TRUE;

        for (guint i = 0; i < G_N_ELEMENTS(orders[o]); i++) {
            const VigilTensorInfo *info = &self->outputs[i];
            const guint n_dims = orders[o][i] == VIGIL_ROLE_BOXES   ? 3
                                 : orders[o][i] == VIGIL_ROLE_COUNT ? 1
                                                                    : 2;

            fits = fits && info->n_dims == n_dims;
            self->roles[orders[o][i]] = i;
        }
        if (fits)
            return TRUE;
    }
    return FALSE;
}

/* TensorFlow 2 numbers the outputs backwards, and that number outlives reordering. */
static void
swap_by_name(VigilDecoder *self)
{
    const gchar *classes = self->outputs[self->roles[VIGIL_ROLE_CLASSES]].name;
    const gchar *scores = self->outputs[self->roles[VIGIL_ROLE_SCORES]].name;

    if (classes && scores && g_str_has_prefix(classes, "StatefulPartitionedCall") &&
        g_str_has_suffix(classes, ":1") && g_str_has_suffix(scores, ":2")) {
        const guint kept = self->roles[VIGIL_ROLE_CLASSES];

        self->roles[VIGIL_ROLE_CLASSES] = self->roles[VIGIL_ROLE_SCORES];
        self->roles[VIGIL_ROLE_SCORES] = kept;
    }
}

gboolean
vigil_decode_ssd_setup(VigilDecoder *self, GError **error)
{
    const VigilTensorInfo *boxes, *classes, *scores;

    if (self->n_outputs != 4 || !find_roles(self))
        return refuse(error, "TFLite_Detection_PostProcess gives boxes [1, N, 4], classes [1, N], "
                             "scores [1, N] and a count [1]");
    swap_by_name(self);
    boxes = &self->outputs[self->roles[VIGIL_ROLE_BOXES]];
    classes = &self->outputs[self->roles[VIGIL_ROLE_CLASSES]];
    scores = &self->outputs[self->roles[VIGIL_ROLE_SCORES]];
    for (guint i = 0; i < 4; i++) {
        if (self->outputs[i].type != VIGIL_TENSOR_FLOAT32 || self->outputs[i].dims[0] != 1)
            return refuse(
                error,
                "the outputs of TFLite_Detection_PostProcess must be float32 and of one image");
    }
    if (boxes->dims[2] != 4 || boxes->dims[1] < 1 || classes->dims[1] != boxes->dims[1] ||
        scores->dims[1] != boxes->dims[1])
        return refuse(error,
                      "boxes, classes and scores of TFLite_Detection_PostProcess differ in number");
    self->n_boxes = (guint)boxes->dims[1];
    return TRUE;
}

guint
vigil_decode_ssd(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                 VigilCandidate *candidates)
{
    const gfloat *boxes = data[self->roles[VIGIL_ROLE_BOXES]];
    const gfloat *classes = data[self->roles[VIGIL_ROLE_CLASSES]];
    const gfloat *scores = data[self->roles[VIGIL_ROLE_SCORES]];
    const gfloat count = *(const gfloat *)data[self->roles[VIGIL_ROLE_COUNT]];
    const guint n_boxes = count >= self->n_boxes ? self->n_boxes : count > 0 ? (guint)count : 0;
    guint n = 0;

    for (guint i = 0; i < n_boxes; i++) {
        const gfloat *b = boxes + (gsize)i * 4;
        const VigilBox box = {b[1], b[0], b[3], b[2]};

        if (scores[i] >= threshold && classes[i] >= 0 && classes[i] < 65536)
            n = vigil_decode_append(candidates, n, &box, scores[i], (gint32)classes[i], i);
    }
    return n;
}

/* Offsets and anchors share a shape; the converters' order is the first guess, vigil_decode_anchors_probe()
 * knows better. */
gboolean
vigil_decode_anchors_setup(VigilDecoder *self, GError **error)
{
    guint scores = 0;
    const VigilTensorInfo *info;

    if (self->n_outputs != 3)
        return refuse(error, "scores, box offsets and anchors are three outputs");
    for (guint i = 0; i < 3; i++) {
        info = &self->outputs[i];
        if (info->n_dims != 3 || info->dims[0] != 1 || info->dims[1] != self->outputs[0].dims[1] ||
            !vigil_info_is_readable(info))
            return refuse(error, "scores, box offsets and anchors must be [1, N, ...], float32 or "
                                 "quantized to 8 bits");
        if (info->dims[2] != 4)
            scores = i;
    }
    self->roles[VIGIL_ROLE_SCORES] = scores;
    self->roles[VIGIL_ROLE_BOXES] = scores == 0 ? 1 : 0;
    self->roles[VIGIL_ROLE_ANCHORS] = scores == 2 ? 1 : 2;
    info = &self->outputs[scores];
    if (self->outputs[self->roles[VIGIL_ROLE_BOXES]].dims[2] != 4 ||
        self->outputs[self->roles[VIGIL_ROLE_ANCHORS]].dims[2] != 4 || info->dims[1] < 1 ||
        info->dims[2] < 2)
        return refuse(error, "of three outputs two must be [1, N, 4] and one [1, N, classes + 1]");
    self->n_boxes = (guint)info->dims[1];
    self->n_classes = (guint)info->dims[2] - 1;
    if (vigil_info_is_8bit(info))
        self->levels = vigil_levels_of(info);
    self->anchors = g_new0(VigilBox, self->n_boxes);
    self->needs_probe = TRUE;
    return TRUE;
}

static gboolean
load_anchors(VigilDecoder *self, const gconstpointer *data)
{
    const guint output = self->roles[VIGIL_ROLE_ANCHORS];
    const VigilTensorInfo *info = &self->outputs[output];

    for (guint i = 0; i < self->n_boxes; i++) {
        VigilBox *anchor = &self->anchors[i];

        anchor->x0 = vigil_info_real(info, data[output], (gsize)i * 4);
        anchor->y0 = vigil_info_real(info, data[output], (gsize)i * 4 + 1);
        anchor->x1 = vigil_info_real(info, data[output], (gsize)i * 4 + 2);
        anchor->y1 = vigil_info_real(info, data[output], (gsize)i * 4 + 3);
        if (!(anchor->x1 > anchor->x0 && anchor->y1 > anchor->y0))
            return FALSE;
    }
    return TRUE;
}

/* Anchors are boxes, every one of them; thousands of offsets never are. */
gboolean
vigil_decode_anchors_probe(VigilDecoder *self, const gconstpointer *data, GError **error)
{
    const guint kept = self->roles[VIGIL_ROLE_ANCHORS];

    if (load_anchors(self, data))
        return TRUE;
    self->roles[VIGIL_ROLE_ANCHORS] = self->roles[VIGIL_ROLE_BOXES];
    self->roles[VIGIL_ROLE_BOXES] = kept;
    if (load_anchors(self, data))
        return TRUE;
    return refuse(error,
                  "neither of the outputs [1, N, 4] holds anchors (x0, y0, x1, y1 of a box each)");
}

static void
append_anchor_box(const VigilDecoder *self, const gconstpointer *data, guint i, gfloat score,
                  gint32 class_id, VigilCandidate *candidates, guint *n)
{
    const guint output = self->roles[VIGIL_ROLE_BOXES];
    const VigilBox *anchor = &self->anchors[i];
    const gfloat width = anchor->x1 - anchor->x0, height = anchor->y1 - anchor->y0;
    gfloat offset[4];
    VigilBox box;

    for (guint k = 0; k < 4; k++)
        offset[k] = vigil_info_real(&self->outputs[output], data[output], (gsize)i * 4 + k);
    box = (VigilBox){anchor->x0 + offset[0] * width, anchor->y0 + offset[1] * height,
                     anchor->x1 + offset[2] * width, anchor->y1 + offset[3] * height};
    *n = vigil_decode_append(candidates, *n, &box, score, class_id, i);
}

guint
vigil_decode_anchors(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                     VigilCandidate *candidates)
{
    const guint output = self->roles[VIGIL_ROLE_SCORES];
    const gboolean is_8bit = vigil_info_is_8bit(&self->outputs[output]);
    const gint32 lowest = is_8bit ? vigil_levels_reaching(&self->levels, threshold) : 0;
    const guint n_columns = self->n_classes + 1;
    guint n = 0;

    for (guint i = 0; i < self->n_boxes; i++) {
        const gsize at = (gsize)i * n_columns + 1; /* behind the background */
        gfloat score;
        guint class_id;

        if (is_8bit) {
            guint8 level;

            class_id = vigil_decode_best_level((const guint8 *)data[output] + at, self->n_classes,
                                               self->levels.flip, &level);
            if (level < lowest)
                continue;
            score = self->levels.scale * (gfloat)(level - self->levels.zero_point);
        } else {
            class_id =
                vigil_decode_best_float((const gfloat *)data[output] + at, self->n_classes, &score);
            if (!(score >= threshold))
                continue;
        }
        append_anchor_box(self, data, i, score, (gint32)class_id, candidates, &n);
    }
    return n;
}
