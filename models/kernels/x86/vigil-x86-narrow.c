/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/x86/vigil-x86-narrow-private.h"

#include <string.h>

/* Groups after a group that are looked at for one to pair it with. */
#define WINDOW 24u
#define WIDTH (2 * VIGIL_NARROW_LANES)
/* Words that a group's products make: two a channel. */
#define WORDS (2 * WIDTH)
#define NO_GROUP G_MAXUINT

/* What is left to be packed of a group's weights, and what its positive and negative ones come to in each word. */
typedef struct {
    gint16 weight[WIDTH][VIGIL_NARROW_GROUP];
    gint16 sums[2 * WORDS];
} Group;

/*
 * @groups, @active, @next: [n_groups]: of one piece; indices of those with something left, in this round and the next
 * @counts, @places, @weights: where to write; @places is NULL where steps are only counted
 */
typedef struct {
    guint n_groups, n_active, n_next, vectors;
    Group *groups;
    guint *active, *next;
    guint16 *places;
    gint8 *weights;
    guint steps, limit;
} Packer;

static void
sum_up(Group *group)
{
    memset(group->sums, 0, sizeof group->sums);
    for (guint c = 0; c < WIDTH; c++)
        for (guint i = 0; i < VIGIL_NARROW_GROUP; i++) {
            const gint16 w = group->weight[c][i];

            group->sums[(w < 0 ? WORDS : 0) + 2 * c + i / 2] += (gint16)ABS(w);
        }
}

static gboolean
is_empty(const Group *group)
{
    static const gint16 none[2 * WORDS];

    return memcmp(group->sums, none, sizeof none) == 0;
}

/* Sums of two groups that are too much for one step. */
static guint
count_overflows(const Group *a, const Group *b)
{
    guint n = 0;

    for (guint i = 0; i < 2 * WORDS; i++)
        n += a->sums[i] + b->sums[i] > VIGIL_NARROW_SUM;
    return n;
}

/* As much of the weights of one word as there is room for. */
static void
take_word(gint16 *weights, gint8 *out, gint32 *room_above, gint32 *room_below)
{
    for (guint i = 0; i < 2; i++) {
        const gint32 most = MIN(*room_above, G_MAXINT8), least = -MIN(*room_below, -G_MININT8);
        const gint32 part = CLAMP(weights[i], least, most);

        if (part > 0)
            *room_above -= part;
        else
            *room_below += part;
        weights[i] = (gint16)(weights[i] - part);
        out[i] = (gint8)part;
    }
}

/* One step: groups @a and @b, which may be NO_GROUP. */
static void
make_step(Packer *self, guint a, guint b)
{
    const guint pair[2] = {a, b};
    gint8 taken[2][WIDTH][VIGIL_NARROW_GROUP] = {0};
    const gsize width = (gsize)self->vectors * VIGIL_NARROW_LANES * VIGIL_NARROW_GROUP;

    for (guint word = 0; word < WORDS; word++) {
        const guint c = word / 2, half = word % 2 * 2;
        gint32 above = VIGIL_NARROW_SUM, below = VIGIL_NARROW_SUM;

        for (guint i = 0; i < 2 && pair[i] != NO_GROUP; i++)
            take_word(self->groups[pair[i]].weight[c] + half, taken[i][c] + half, &above, &below);
    }
    for (guint i = 0; i < 2; i++) {
        const guint group = pair[i] == NO_GROUP ? a : pair[i];

        if (pair[i] != NO_GROUP) {
            sum_up(&self->groups[group]);
            if (!is_empty(&self->groups[group]))
                self->next[self->n_next++] = group;
        }
        if (self->places != NULL) {
            self->places[2 * (gsize)self->steps + i] = (guint16)(group * VIGIL_NARROW_GROUP);
            memcpy(self->weights + (2 * (gsize)self->steps + i) * width, taken[i], width);
        }
    }
    self->steps++;
}

/* Takes the group out of the active ones from @from on that goes best with @a. */
static guint
find_partner(Packer *self, guint a, guint from)
{
    guint best = NO_GROUP, fewest = G_MAXUINT, looked = 0;

    for (guint i = from; i < self->n_active && looked < WINDOW && fewest > 0; i++) {
        if (self->active[i] == NO_GROUP)
            continue;
        const guint n = count_overflows(&self->groups[a], &self->groups[self->active[i]]);

        if (n < fewest) {
            fewest = n;
            best = i;
        }
        looked++;
    }
    if (best == NO_GROUP)
        return NO_GROUP;
    const guint partner = self->active[best];

    self->active[best] = NO_GROUP;
    return partner;
}

/* All steps of one piece, whose groups are filled; no more than the limit. */
static void
pack_piece(Packer *self)
{
    self->n_next = 0;
    for (guint g = 0; g < self->n_groups; g++)
        if (!is_empty(&self->groups[g]))
            self->next[self->n_next++] = g;
    while (self->n_next > 0) {
        guint *const swap = self->active;

        self->active = self->next;
        self->next = swap;
        self->n_active = self->n_next;
        self->n_next = 0;
        for (guint i = 0; i < self->n_active && self->steps < self->limit; i++) {
            const guint a = self->active[i];

            if (a != NO_GROUP)
                make_step(self, a, find_partner(self, a, i + 1));
        }
        if (self->steps >= self->limit)
            return;
    }
}

static void
fill_piece(Packer *self, const VigilPanel *panel, guint first, guint run, VigilIsaWeight weight,
           gconstpointer data)
{
    memset(self->groups, 0, self->n_groups * sizeof *self->groups);
    for (guint c = 0; c < panel->n; c++)
        for (guint i = 0; i < run; i++)
            self->groups[i / VIGIL_NARROW_GROUP].weight[c][i % VIGIL_NARROW_GROUP] =
                (gint16)weight(data, panel->first + c, first + i);
    for (guint g = 0; g < self->n_groups; g++)
        sum_up(&self->groups[g]);
}

/* Where @out is NULL, steps are counted; else they are known to be @steps. */
static guint
pack(const VigilPanel *panel, guint runs, guint run, VigilIsaWeight weight, gconstpointer data,
     guint limit, void *out, guint steps)
{
    const guint n_groups = (run + VIGIL_NARROW_GROUP - 1) / VIGIL_NARROW_GROUP;
    g_autofree Group *groups = g_new(Group, n_groups);
    g_autofree guint *lists = g_new(guint, 2 * (gsize)n_groups);
    Packer self = {.n_groups = n_groups, .vectors = panel->vectors, .groups = groups};
    guint16 *counts = out;

    self.active = lists;
    self.next = lists + n_groups;
    self.limit = limit;
    if (out != NULL) {
        self.places = counts + runs;
        self.weights =
            (gint8 *)out + vigil_isa_round_up((runs + 2 * (gsize)steps) * sizeof(guint16), 64);
    }
    for (guint t = 0; t < runs && self.steps < limit; t++) {
        const guint before = self.steps;

        fill_piece(&self, panel, t * run, run, weight, data);
        pack_piece(&self);
        if (out != NULL)
            counts[t] = (guint16)(self.steps - before);
    }
    return self.steps;
}

guint
vigil_narrow_pack(const VigilIsa *isa, const VigilPanel *panel, guint runs, guint run,
                  VigilIsaWeight weight, gconstpointer data, void *out)
{
    const gsize bytes = vigil_isa_gemm_bytes(isa, panel->vectors, runs, run);
    const gsize step =
        2 * sizeof(guint16) + (gsize)panel->vectors * VIGIL_NARROW_LANES * VIGIL_NARROW_GROUP * 2;
    const gsize header = runs * sizeof(guint16) + 64;
    guint steps;

    if (run > G_MAXUINT16 || bytes <= header || (bytes - header) / step >= G_MAXUINT16)
        return 0;
    steps = pack(panel, runs, run, weight, data, (guint)((bytes - header) / step) + 1, NULL, 0);
    if (steps > (bytes - header) / step)
        return 0;
    if (out != NULL)
        pack(panel, runs, run, weight, data, steps + 1, out, steps);
    return MAX(steps, 1);
}
