/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NanoDet and NanoDet-Plus (github.com/RangiLyu/nanodet). For each cell the class scores, probabilities, and for each edge of
 * the box a distribution over 8 distances, 0 to 7 strides, as logits (Generalized Focal Loss, arXiv 2006.04388); the distance
 * is its mean. NanoDet gives scores and distances of each level as outputs of their own and measures from the middle of
 * the cell, NanoDet-Plus gives all in one and measures from its corner.
 */
#include "models/vigil-decode-private.h"

#define BINS 8
#define EDGES 4
#define DISTANCES (EDGES * BINS)
#define FIRST_STRIDE 8u
/* Of NanoDet's own levels; outputs of their own may go on to the next. */
#define LAST_STRIDE_JOINED 64u
#define LAST_STRIDE 128u

static VigilGridLevel
grid_of(guint input_width, guint input_height, guint stride)
{
    return (VigilGridLevel){.width = (input_width + stride - 1) / stride,
                            .height = (input_height + stride - 1) / stride,
                            .stride = stride};
}

static gboolean
is_list(const VigilTensorInfo *info)
{
    return info->n_dims == 3 && info->dims[0] == 1 && info->dims[1] > 0 && info->dims[2] > 0 &&
           info->dims[2] <= G_MAXUINT16 && vigil_info_is_readable(info);
}

/* Both scores and distances of every cell of all levels. */
static gboolean
find_joined(VigilDecoder *self)
{
    const VigilTensorInfo *head = &self->outputs[VIGIL_ROLE_HEAD];
    guint rows = 0;

    if (self->n_outputs != 1 || !is_list(head) || head->dims[2] <= DISTANCES)
        return FALSE;
    self->n_grids = 0;
    for (guint stride = FIRST_STRIDE; stride <= LAST_STRIDE_JOINED; stride *= 2) {
        VigilGridLevel grid = grid_of(self->input_width, self->input_height, stride);

        grid.first_row = rows;
        rows += grid.width * grid.height;
        self->grids[self->n_grids++] = grid;
    }
    self->n_classes = (guint)head->dims[2] - DISTANCES;
    return rows == (guint)head->dims[1];
}

/* The two outputs of as many rows as the grid has cells. Where both could be the distances they are the later one. */
static gboolean
find_pair(const VigilDecoder *self, VigilGridLevel *grid)
{
    guint found[2], n = 0;

    for (guint i = 0; i < self->n_outputs; i++) {
        if ((guint)self->outputs[i].dims[1] != grid->width * grid->height)
            continue;
        if (n == 2)
            return FALSE;
        found[n++] = i;
    }
    if (n < 2)
        return FALSE;
    grid->distances = found[self->outputs[found[1]].dims[2] == DISTANCES];
    grid->scores = found[self->outputs[found[1]].dims[2] != DISTANCES];
    return self->outputs[grid->distances].dims[2] == DISTANCES;
}

static gboolean
find_pairs(VigilDecoder *self)
{
    if (self->n_outputs < 2 || self->n_outputs % 2 != 0 ||
        self->n_outputs > VIGIL_DECODER_MAX_OUTPUTS)
        return FALSE;
    for (guint i = 0; i < self->n_outputs; i++) {
        if (!is_list(&self->outputs[i]))
            return FALSE;
    }
    self->n_grids = 0;
    for (guint stride = FIRST_STRIDE; stride <= LAST_STRIDE && self->n_grids < self->n_outputs / 2;
         stride *= 2) {
        VigilGridLevel grid = grid_of(self->input_width, self->input_height, stride);

        if (!find_pair(self, &grid))
            continue;
        if (self->n_grids > 0 && self->n_classes != (guint)self->outputs[grid.scores].dims[2])
            return FALSE;
        self->n_classes = (guint)self->outputs[grid.scores].dims[2];
        self->grids[self->n_grids++] = grid;
    }
    return self->n_grids == self->n_outputs / 2;
}

gboolean
vigil_decode_is_nanodet(const VigilDecoder *self)
{
    VigilDecoder attempt = *self;

    return find_joined(&attempt) || find_pairs(&attempt);
}

gboolean
vigil_decode_nanodet_setup(VigilDecoder *self, GError **error)
{
    self->joined = find_joined(self);
    if (!self->joined && !find_pairs(self)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "a NanoDet head is, for each of the strides 8, 16, ... of the input's %u x %u "
                    "(height x width), scores [1, cells, classes] and distances [1, cells, 32], or "
                    "one output [1, cells of the strides 8 to 64, classes + 32], float32 or "
                    "quantized to 8 bits",
                    self->input_height, self->input_width);
        return FALSE;
    }
    for (guint g = 0; g < self->n_grids; g++)
        self->n_boxes += self->grids[g].width * self->grids[g].height;
    self->needs_probe = TRUE;
    return TRUE;
}

static gsize
columns_of(const VigilDecoder *self, guint output)
{
    return (gsize)self->outputs[output].dims[2];
}

gboolean
vigil_decode_nanodet_probe(const VigilDecoder *self, const gconstpointer *data, GError **error)
{
    const gfloat slack = 1e-3f;

    for (guint g = 0; g < self->n_grids; g++) {
        const VigilGridLevel *grid = &self->grids[g];
        const VigilTensorInfo *scores = &self->outputs[grid->scores];

        const gsize n = (gsize)grid->width * grid->height * self->n_classes;

        for (gsize i = 0; i < n; i++) {
            const gsize row = grid->first_row + i / self->n_classes;
            const gfloat score =
                vigil_info_real(scores, data[grid->scores],
                                row * columns_of(self, grid->scores) + i % self->n_classes);

            if (score >= -slack && score <= 1 + slack)
                continue;
            g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                        "NanoDet's scores must be probabilities, but one is %g: export the model "
                        "with its sigmoid",
                        (gdouble)score);
            return FALSE;
        }
    }
    return TRUE;
}

/* The mean of the distribution whose logits begin at @at, in strides. */
static gfloat
mean_distance(const VigilTensorInfo *info, gconstpointer data, gsize at)
{
    gfloat logits[BINS], highest = -G_MAXFLOAT, sum = 0, weighted = 0;

    for (guint i = 0; i < BINS; i++) {
        logits[i] = vigil_info_real(info, data, at + i);
        highest = MAX(highest, logits[i]);
    }
    for (guint i = 0; i < BINS; i++) {
        const gfloat part = expf(logits[i] - highest);

        sum += part;
        weighted += part * (gfloat)i;
    }
    return weighted / sum;
}

static VigilBox
read_box(const VigilDecoder *self, const VigilGridLevel *grid, gconstpointer data, gsize at,
         guint cell)
{
    const VigilTensorInfo *info = &self->outputs[grid->distances];
    const gfloat middle = self->joined ? 0.0f : 0.5f;
    const guint column = cell % grid->width, row = cell / grid->width;
    const gfloat x = (gfloat)column + middle, y = (gfloat)row + middle;
    const gfloat x_unit = (gfloat)grid->stride / (gfloat)self->input_width;
    const gfloat y_unit = (gfloat)grid->stride / (gfloat)self->input_height;
    gfloat edges[EDGES];

    for (guint i = 0; i < EDGES; i++)
        edges[i] = mean_distance(info, data, at + i * BINS);
    return (VigilBox){(x - edges[0]) * x_unit, (y - edges[1]) * y_unit, (x + edges[2]) * x_unit,
                      (y + edges[3]) * y_unit};
}

static guint
best_class(const VigilDecoder *self, const VigilTensorInfo *info, gconstpointer data, gsize at,
           gfloat *best)
{
    guint class_id;
    guint8 level;

    if (info->type == VIGIL_TENSOR_FLOAT32)
        return vigil_decode_best_float((const gfloat *)data + at, self->n_classes, best);
    class_id = vigil_decode_best_level((const guint8 *)data + at, self->n_classes,
                                       vigil_levels_of(info).flip, &level);
    *best = vigil_info_real(info, data, at + class_id);
    return class_id;
}

guint
vigil_decode_nanodet(const VigilDecoder *self, const gconstpointer *data, gfloat threshold,
                     VigilCandidate *candidates)
{
    guint n = 0, box = 0;

    for (guint g = 0; g < self->n_grids; g++) {
        const VigilGridLevel *grid = &self->grids[g];
        const VigilTensorInfo *scores = &self->outputs[grid->scores];

        for (guint cell = 0; cell < grid->width * grid->height; cell++, box++) {
            const gsize row = grid->first_row + cell;
            const gsize distances =
                row * columns_of(self, grid->distances) + (self->joined ? self->n_classes : 0);
            VigilBox place;
            gfloat best;
            const guint class_id = best_class(self, scores, data[grid->scores],
                                              row * columns_of(self, grid->scores), &best);

            if (!(best >= threshold))
                continue;
            place = read_box(self, grid, data[grid->distances], distances, cell);
            n = vigil_decode_append(candidates, n, &place, best, (gint32)class_id, box);
        }
    }
    return n;
}
