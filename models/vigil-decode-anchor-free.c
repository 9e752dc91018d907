/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-decode-private.h"

static gboolean
is_grid(const VigilTensorInfo *info)
{
    return info->n_dims == 4 && info->dims[0] == 1 && info->dims[1] > 0 && info->dims[2] > 0 &&
           info->dims[3] > 0;
}

/* Whether no level of it stands for a number below zero, as after a ReLU. */
static gboolean
is_never_negative(const VigilTensorInfo *info)
{
    return vigil_info_is_8bit(info) &&
           info->zero_point == (info->type == VIGIL_TENSOR_INT8 ? -128 : 0);
}

/* Which of two outputs of one grid holds the distances: 0, 1, or -1 for neither. Four classes look like four
 * distances; logits then tell themselves by the numbers below zero that they can hold. */
static gint
find_distances(const VigilTensorInfo *a, const VigilTensorInfo *b)
{
    if (a->dims[3] != 4 && b->dims[3] != 4)
        return -1;
    if (a->dims[3] != b->dims[3])
        return b->dims[3] == 4;
    if (is_never_negative(a) != is_never_negative(b))
        return is_never_negative(b);
    return 1;
}

/* Finds the other output of the grid of output @i; -1 unless there is just one. */
static gint
find_partner(const VigilDecoder *self, guint i)
{
    const VigilTensorInfo *grid = &self->outputs[i];
    gint partner = -1;

    for (guint j = 0; j < self->n_outputs; j++) {
        const VigilTensorInfo *other = &self->outputs[j];

        if (j == i || other->dims[1] != grid->dims[1] || other->dims[2] != grid->dims[2])
            continue;
        if (partner >= 0)
            return -1;
        partner = (gint)j;
    }
    return partner;
}

/* Cells must be square and cover the input exactly, or a cell's place is not known. */
static gboolean
covers_input(const VigilDecoder *self, const VigilTensorInfo *grid)
{
    const guint height = (guint)grid->dims[1], width = (guint)grid->dims[2];

    return self->input_width % width == 0 && self->input_height % height == 0 &&
           self->input_width / width == self->input_height / height;
}

static gboolean
add_level(VigilDecoder *self, guint i, guint partner)
{
    const guint pair[] = {i, partner};
    const gint distances = find_distances(&self->outputs[i], &self->outputs[partner]);
    VigilGridLevel *level = &self->grids[self->n_grids];
    const VigilTensorInfo *scores;

    if (distances < 0)
        return FALSE;
    level->distances = pair[distances];
    level->scores = pair[!distances];
    scores = &self->outputs[level->scores];
    if (!covers_input(self, scores) || !vigil_info_is_readable(scores) ||
        !vigil_info_is_readable(&self->outputs[level->distances]) ||
        (self->n_grids > 0 && self->n_classes != (guint)scores->dims[3]))
        return FALSE;
    level->height = (guint)scores->dims[1];
    level->width = (guint)scores->dims[2];
    self->n_classes = (guint)scores->dims[3];
    self->n_grids++;
    return TRUE;
}

/* The same pairs whatever the order of the outputs: converters sort them as they like. */
static gboolean
pair_outputs(VigilDecoder *self)
{
    if (self->n_outputs < 2 || self->n_outputs % 2 != 0 ||
        self->n_outputs > VIGIL_DECODER_MAX_OUTPUTS)
        return FALSE;
    for (guint i = 0; i < self->n_outputs; i++) {
        if (!is_grid(&self->outputs[i]))
            return FALSE;
    }
    for (guint i = 0; i < self->n_outputs; i++) {
        const gint partner = find_partner(self, i);

        if (partner < 0 || (partner > (gint)i && !add_level(self, i, (guint)partner)))
            return FALSE;
    }
    return TRUE;
}

gboolean
vigil_decode_is_anchor_free(const VigilTensorInfo *const *outputs, guint n_outputs)
{
    for (guint i = 0; i < n_outputs; i++) {
        if (!is_grid(outputs[i]))
            return FALSE;
    }
    return n_outputs >= 2 && n_outputs % 2 == 0;
}

static gfloat
sigmoid(gfloat x)
{
    return 1.0f / (1.0f + expf(-x));
}

gboolean
vigil_decode_anchor_free_setup(VigilDecoder *self, GError **error)
{
    guint64 n_boxes = 0;

    if (!pair_outputs(self)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "an anchor-free head is two outputs a level, at most %d levels, scores [1, h, "
                    "w, classes] and distances [1, h, w, 4], float32 or quantized to 8 bits, of "
                    "as many classes in all levels, no two of one size, each h x w a whole "
                    "fraction of the input's %u x %u (height x width), the same both ways",
                    VIGIL_DECODER_MAX_GRIDS, self->input_height, self->input_width);
        return FALSE;
    }
    for (guint i = 0; i < self->n_grids; i++) {
        VigilGridLevel *grid = &self->grids[i];
        const VigilTensorInfo *scores = &self->outputs[grid->scores];

        /* a rider and the bike may share a cell: a box for each class that passes */
        n_boxes += (guint64)grid->width * grid->height * self->n_classes;
        if (!vigil_info_is_8bit(scores))
            continue;
        grid->levels = vigil_levels_of(scores);
        for (gint32 q = 0; q < 256; q++)
            grid->score_of[q] = sigmoid(grid->levels.scale * (gfloat)(q - grid->levels.zero_point));
    }
    self->n_boxes = (guint)MIN(n_boxes, G_MAXUINT);
    return TRUE;
}

/* Element @at of the scores: its cell's box, with its class. */
static guint
append_box(const VigilDecoder *self, const VigilGridLevel *grid, gconstpointer distances, gsize at,
           gfloat score, guint32 index, VigilCandidate *candidates, guint n)
{
    const VigilTensorInfo *info = &self->outputs[grid->distances];
    const gsize cell = at / self->n_classes, edge = cell * 4;
    const gsize column = cell % grid->width, row = cell / grid->width;
    const gfloat x = (gfloat)column + 0.5f, y = (gfloat)row + 0.5f;
    const gfloat x_unit = 1.0f / (gfloat)grid->width, y_unit = 1.0f / (gfloat)grid->height;
    const VigilBox box = {(x - vigil_info_real(info, distances, edge)) * x_unit,
                          (y - vigil_info_real(info, distances, edge + 1)) * y_unit,
                          (x + vigil_info_real(info, distances, edge + 2)) * x_unit,
                          (y + vigil_info_real(info, distances, edge + 3)) * y_unit};

    return vigil_decode_append(candidates, n, &box, score, (gint32)(at % self->n_classes),
                               index + (guint32)at);
}

/* Most rows of cells hold nothing: the highest level of a row tells, many bytes at a time. */
static guint8
highest_level(const guint8 *row, gsize n, guint8 flip)
{
    guint8 highest = 0;

    for (gsize i = 0; i < n; i++) {
        const guint8 level = row[i] ^ flip;

        highest = MAX(highest, level);
    }
    return highest;
}

/* By table, so that a level passes just when its score, as it is told, reaches the threshold. */
static gint32
lowest_level(const VigilGridLevel *grid, gfloat threshold)
{
    gint32 level = 0;

    while (level < 256 && grid->score_of[level] < threshold)
        level++;
    return level;
}

static guint
decode_levels(const VigilDecoder *self, const VigilGridLevel *grid, const gconstpointer *data,
              gfloat threshold, guint32 index, VigilCandidate *candidates, guint n)
{
    const gint32 lowest = lowest_level(grid, threshold);
    const guint8 flip = grid->levels.flip;
    const gsize columns = (gsize)grid->width * self->n_classes, count = columns * grid->height;
    const guint8 *scores = data[grid->scores];

    for (gsize row = 0; row < count; row += columns) {
        if (highest_level(scores + row, columns, flip) < lowest)
            continue;
        for (gsize at = row; at < row + columns; at++) {
            const guint8 level = scores[at] ^ flip;

            if (level >= lowest)
                n = append_box(self, grid, data[grid->distances], at, grid->score_of[level], index,
                               candidates, n);
        }
    }
    return n;
}

static guint
decode_floats(const VigilDecoder *self, const VigilGridLevel *grid, const gconstpointer *data,
              gfloat threshold, guint32 index, VigilCandidate *candidates, guint n)
{
    const gfloat *scores = data[grid->scores];
    const gsize count = (gsize)grid->width * grid->height * self->n_classes;

    for (gsize at = 0; at < count; at++) {
        const gfloat score = sigmoid(scores[at]);

        if (score >= threshold)
            n = append_box(self, grid, data[grid->distances], at, score, index, candidates, n);
    }
    return n;
}

guint
vigil_decode_anchor_free(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                         VigilCandidate *candidates)
{
    guint32 index = 0;
    guint n = 0;

    for (guint i = 0; i < self->n_grids; i++) {
        const VigilGridLevel *grid = &self->grids[i];

        if (vigil_info_is_8bit(&self->outputs[grid->scores]))
            n = decode_levels(self, grid, data, threshold, index, candidates, n);
        else
            n = decode_floats(self, grid, data, threshold, index, candidates, n);
        index += grid->width * grid->height * self->n_classes;
    }
    return n;
}
