/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/vigil-decode-private.h"

/* No box is this many frames wide, and no model input so few pixels. */
#define NORMALISED_LIMIT 2.0f

static void
use_pixels(VigilDecoder *self, gboolean pixels)
{
    self->x_unit = pixels ? 1.0f / self->input_width : 1.0f;
    self->y_unit = pixels ? 1.0f / self->input_height : 1.0f;
}

gboolean
vigil_decode_yolo_setup(VigilDecoder *self, VigilCoordinates coordinates, GError **error)
{
    const VigilTensorInfo *head = &self->outputs[VIGIL_ROLE_HEAD];
    const gboolean v5 = self->kind == VIGIL_DECODER_YOLOV5;
    const gboolean is_8bit = vigil_info_is_8bit(head);
    const gint32 columns = head->dims[v5 ? 2 : 1], extra = v5 ? 5 : 4;

    if (self->n_outputs != 1 || head->n_dims != 3 || head->dims[0] != 1 || columns <= extra ||
        columns > G_MAXUINT16 || head->dims[v5 ? 1 : 2] < 1 || !vigil_info_is_readable(head)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "a %s head is one output %s, float32 or quantized to 8 bits",
                    v5 ? "YOLOv5" : "YOLOv8", v5 ? "[1, N, 5 + classes]" : "[1, 4 + classes, N]");
        return FALSE;
    }
    if (coordinates == VIGIL_COORDINATES_CELLS) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "a %s head has its boxes in pixels or normalised, not in cells",
                    v5 ? "YOLOv5" : "YOLOv8");
        return FALSE;
    }
    self->n_boxes = (guint)head->dims[v5 ? 1 : 2];
    self->n_classes = (guint)(columns - extra);
    if (is_8bit)
        self->levels = vigil_levels_of(head);
    if (!v5) {
        self->best_class = g_new0(guint16, self->n_boxes);
        self->best_score = g_malloc0_n(self->n_boxes, is_8bit ? 1 : sizeof(gfloat));
    }
    if (coordinates != VIGIL_COORDINATES_GUESS)
        use_pixels(self, coordinates == VIGIL_COORDINATES_PIXELS);
    else if (is_8bit)
        use_pixels(self, self->levels.scale * (255 - self->levels.zero_point) > NORMALISED_LIMIT);
    else
        self->needs_probe = TRUE;
    return TRUE;
}

static gfloat
coordinate(const VigilDecoder *self, gconstpointer data, guint box, guint which)
{
    const gsize at = self->kind == VIGIL_DECODER_YOLOV5 ? (gsize)box * (self->n_classes + 5) + which
                                                        : (gsize)which * self->n_boxes + box;

    return vigil_info_real(&self->outputs[VIGIL_ROLE_HEAD], data, at);
}

/* The centres cover the whole input even when there is nothing in it, as they follow the cells. */
void
vigil_decode_yolo_probe(VigilDecoder *self, const gconstpointer *data)
{
    gfloat highest = 0;

    for (guint i = 0; i < self->n_boxes; i++)
        highest = MAX(highest, coordinate(self, data[VIGIL_ROLE_HEAD], i, 0));
    use_pixels(self, highest > NORMALISED_LIMIT);
}

static guint
append_box(const VigilDecoder *self, gconstpointer data, guint i, gfloat score, guint class_id,
           VigilCandidate *candidates, guint n)
{
    const gfloat x = coordinate(self, data, i, 0) * self->x_unit;
    const gfloat y = coordinate(self, data, i, 1) * self->y_unit;
    const gfloat width = coordinate(self, data, i, 2) * self->x_unit;
    const gfloat height = coordinate(self, data, i, 3) * self->y_unit;
    const VigilBox box = {x - width / 2, y - height / 2, x + width / 2, y + height / 2};

    return vigil_decode_append(candidates, n, &box, score, (gint32)class_id, i);
}

/* The lowest product of two levels above their zero points that reaches the threshold. */
static gint32
lowest_product(gfloat unit, gfloat threshold)
{
    const gint32 limit = 255 * 255 + 1;
    gint32 product = threshold <= 0              ? 0
                     : threshold / unit >= limit ? limit
                                                 : (gint32)(threshold / unit);

    while (product > 0 && unit * (gfloat)(product - 1) >= threshold)
        product--;
    while (product < limit && unit * (gfloat)product < threshold)
        product++;
    return product;
}

static guint
decode_v5_levels(const VigilDecoder *self, const guint8 *data, gfloat threshold,
                 VigilCandidate *candidates)
{
    const VigilLevels *levels = &self->levels;
    const gfloat unit = levels->scale * levels->scale;
    const gint32 lowest = lowest_product(unit, threshold);
    const gint32 highest_class = 255 - levels->zero_point;
    const gsize n_columns = self->n_classes + 5;
    guint n = 0;

    for (guint i = 0; i < self->n_boxes; i++) {
        const guint8 *row = data + i * n_columns;
        const gint32 objectness = (row[4] ^ levels->flip) - levels->zero_point;
        gint32 product;
        guint8 best;
        guint class_id;

        if (objectness < 0 || objectness * highest_class < lowest)
            continue;
        class_id = vigil_decode_best_level(row + 5, self->n_classes, levels->flip, &best);
        product = objectness * (best - levels->zero_point);
        if (best >= levels->zero_point && product >= lowest)
            n = append_box(self, data, i, unit * (gfloat)product, class_id, candidates, n);
    }
    return n;
}

guint
vigil_decode_yolov5(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                    VigilCandidate *candidates)
{
    const gfloat *head = data[VIGIL_ROLE_HEAD];
    const gsize n_columns = self->n_classes + 5;
    guint n = 0;

    if (self->outputs[VIGIL_ROLE_HEAD].type != VIGIL_TENSOR_FLOAT32)
        return decode_v5_levels(self, data[VIGIL_ROLE_HEAD], threshold, candidates);
    for (guint i = 0; i < self->n_boxes; i++) {
        const gfloat *row = head + i * n_columns;
        gfloat best;
        guint class_id;

        if (!(row[4] >= 0))
            continue;
        class_id = vigil_decode_best_float(row + 5, self->n_classes, &best);
        if (row[4] * best >= threshold)
            n = append_box(self, head, i, row[4] * best, class_id, candidates, n);
    }
    return n;
}

static guint
decode_v8_levels(const VigilDecoder *self, const guint8 *data, gfloat threshold,
                 VigilCandidate *candidates)
{
    const guint8 flip = self->levels.flip;
    const guint n_boxes = self->n_boxes;
    const gint32 lowest = vigil_levels_reaching(&self->levels, threshold);
    const guint8 *row = data + (gsize)4 * n_boxes;
    guint8 *restrict best = self->best_score;
    guint16 *restrict best_class = self->best_class;
    guint n = 0;

    memset(best_class, 0, n_boxes * sizeof *best_class);
    for (guint i = 0; i < n_boxes; i++)
        best[i] = row[i] ^ flip;
    for (guint c = 1; c < self->n_classes; c++) {
        row += n_boxes;
        for (guint i = 0; i < n_boxes; i++) {
            const guint8 level = row[i] ^ flip;

            best_class[i] = level > best[i] ? (guint16)c : best_class[i];
            best[i] = MAX(best[i], level);
        }
    }
    for (guint i = 0; i < n_boxes; i++) {
        if (best[i] >= lowest)
            n = append_box(self, data, i,
                           self->levels.scale * (gfloat)(best[i] - self->levels.zero_point),
                           best_class[i], candidates, n);
    }
    return n;
}

guint
vigil_decode_yolov8(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                    VigilCandidate *candidates)
{
    const guint n_boxes = self->n_boxes;
    const gfloat *head = data[VIGIL_ROLE_HEAD];
    gfloat *restrict best = self->best_score;
    guint n = 0;

    if (self->outputs[VIGIL_ROLE_HEAD].type != VIGIL_TENSOR_FLOAT32)
        return decode_v8_levels(self, data[VIGIL_ROLE_HEAD], threshold, candidates);
    for (guint i = 0; i < n_boxes; i++)
        best[i] = -G_MAXFLOAT;
    for (guint c = 0; c < self->n_classes; c++) {
        const gfloat *row = head + (gsize)(4 + c) * n_boxes;

        for (guint i = 0; i < n_boxes; i++) {
            if (row[i] > best[i]) {
                best[i] = row[i];
                self->best_class[i] = (guint16)c;
            }
        }
    }
    for (guint i = 0; i < n_boxes; i++) {
        if (best[i] >= threshold)
            n = append_box(self, head, i, best[i], self->best_class[i], candidates, n);
    }
    return n;
}
