/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YOLOX (Ge et al., 2021, arXiv 2107.08430): one row a cell of the strides 8, 16 and 32, one level after the other, row by
 * row. The centre is an offset from the cell's corner and the size a logarithm, both in cells; scores are probabilities.
 * Some exports have decoded that already, to pixels.
 */
#include "models/vigil-decode-private.h"

#define FIRST_STRIDE 8u
#define LAST_STRIDE 32u

guint
vigil_decode_yolox_rows(guint input_width, guint input_height)
{
    guint n = 0;

    for (guint stride = FIRST_STRIDE; stride <= LAST_STRIDE; stride *= 2)
        n += (input_width / stride) * (input_height / stride);
    return n;
}

static void
use_coordinates(VigilDecoder *self, VigilCoordinates coordinates)
{
    const gboolean pixels = coordinates == VIGIL_COORDINATES_PIXELS;

    self->in_cells = coordinates == VIGIL_COORDINATES_CELLS;
    self->x_unit = pixels ? 1.0f / self->input_width : 1.0f;
    self->y_unit = pixels ? 1.0f / self->input_height : 1.0f;
}

gboolean
vigil_decode_yolox_setup(VigilDecoder *self, VigilCoordinates coordinates, GError **error)
{
    const VigilTensorInfo *head = &self->outputs[VIGIL_ROLE_HEAD];
    const guint rows = vigil_decode_yolox_rows(self->input_width, self->input_height);

    if (self->n_outputs != 1 || head->n_dims != 3 || head->dims[0] != 1 || head->dims[2] <= 5 ||
        head->dims[2] > G_MAXUINT16 || (guint)head->dims[1] != rows || rows == 0 ||
        !vigil_info_is_readable(head)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "a YOLOX head of an input of %u x %u (height x width) is one output [1, %u, "
                    "5 + classes], float32 or quantized to 8 bits",
                    self->input_height, self->input_width, rows);
        return FALSE;
    }
    self->n_boxes = rows;
    self->n_classes = (guint)(head->dims[2] - 5);
    for (guint stride = FIRST_STRIDE; stride <= LAST_STRIDE; stride *= 2)
        self->grids[self->n_grids++] = (VigilGridLevel){
            .width = self->input_width / stride,
            .height = self->input_height / stride,
            .stride = stride,
        };
    use_coordinates(self, coordinates);
    self->needs_probe = coordinates == VIGIL_COORDINATES_GUESS;
    return TRUE;
}

/* Centres in pixels reach across the input whatever is in it; offsets in cells stay near their cell. */
void
vigil_decode_yolox_probe(VigilDecoder *self, const gconstpointer *data)
{
    const VigilTensorInfo *head = &self->outputs[VIGIL_ROLE_HEAD];
    const gsize n_columns = self->n_classes + 5;
    gfloat highest = 0;

    for (guint i = 0; i < self->n_boxes; i++)
        highest = MAX(highest, vigil_info_real(head, data[VIGIL_ROLE_HEAD], i * n_columns));
    use_coordinates(self, highest > (gfloat)self->input_width / 2 ? VIGIL_COORDINATES_PIXELS
                                                                  : VIGIL_COORDINATES_CELLS);
}

static VigilBox
read_box(const VigilDecoder *self, const VigilGridLevel *grid, gconstpointer data, gsize at,
         guint column, guint row)
{
    const VigilTensorInfo *head = &self->outputs[VIGIL_ROLE_HEAD];
    const gfloat x_cell = (gfloat)grid->stride / (gfloat)self->input_width;
    const gfloat y_cell = (gfloat)grid->stride / (gfloat)self->input_height;
    gfloat x = vigil_info_real(head, data, at), y = vigil_info_real(head, data, at + 1);
    gfloat width = vigil_info_real(head, data, at + 2);
    gfloat height = vigil_info_real(head, data, at + 3);

    if (self->in_cells) {
        x = (x + (gfloat)column) * x_cell;
        y = (y + (gfloat)row) * y_cell;
        width = expf(width) * x_cell;
        height = expf(height) * y_cell;
    } else {
        x *= self->x_unit;
        y *= self->y_unit;
        width *= self->x_unit;
        height *= self->y_unit;
    }
    return (VigilBox){x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

static gfloat
best_class(const VigilDecoder *self, gconstpointer data, gsize at, guint *class_id)
{
    const VigilTensorInfo *head = &self->outputs[VIGIL_ROLE_HEAD];
    gfloat best;

    if (head->type == VIGIL_TENSOR_FLOAT32) {
        *class_id = vigil_decode_best_float((const gfloat *)data + at, self->n_classes, &best);
    } else {
        guint8 level;

        *class_id = vigil_decode_best_level((const guint8 *)data + at, self->n_classes,
                                            vigil_levels_of(head).flip, &level);
        best = vigil_info_real(head, data, at + *class_id);
    }
    return best;
}

guint
vigil_decode_yolox(const VigilDecoder *self, const gconstpointer *outputs, gfloat threshold,
                   VigilCandidate *candidates)
{
    const VigilTensorInfo *head = &self->outputs[VIGIL_ROLE_HEAD];
    gconstpointer data = outputs[VIGIL_ROLE_HEAD];
    const gsize n_columns = self->n_classes + 5;
    guint n = 0, box = 0;

    for (guint g = 0; g < self->n_grids; g++) {
        const VigilGridLevel *grid = &self->grids[g];

        for (guint cell = 0; cell < grid->width * grid->height; cell++, box++) {
            const gsize at = box * n_columns;
            const gfloat objectness = vigil_info_real(head, data, at + 4);
            VigilBox place;
            gfloat score;
            guint class_id;

            /* a class score is a probability: the product is no more than this. Not so for NaN, either */
            if (!(objectness >= threshold && objectness >= 0))
                continue;
            score = objectness * best_class(self, data, at + 5, &class_id);
            if (!(score >= threshold))
                continue;
            place = read_box(self, grid, data, at, cell % grid->width, cell / grid->width);
            n = vigil_decode_append(candidates, n, &place, score, (gint32)class_id, box);
        }
    }
    return n;
}
