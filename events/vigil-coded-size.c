/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-coded-size.h"

#include <string.h>

#define N_KEPT 128
#define N_LEAST 48 /* to know anything: fewer do not tell how far sizes spread */
#define N_WAITING 1024
/*
 * Where behind its keyframe a picture is: encoders catch up there what the keyframe left, in the first two at once, in those behind
 * them as their budget allows, now a little and then a lot.
 */
#define N_PLACES 3
#define N_CLASSES (N_PLACES * VIGIL_CODED_SIZE_KINDS)

#define SPREADS 4.0
#define LEAST_PART (1.0 / 8)
#define LEAST_BYTES 24.0
#define IN_A_ROW 3
#define FACTOR_STEP 1.5
#define FACTOR_MAX 8.0
#define HALF_LIFE 20000.0
#define FACTOR_DEAF 2.5 /* three false alarms, one soon after the other */

typedef struct {
    guint32 recent[N_KEPT]; /* a ring, in order of time */
    guint32 sorted[N_KEPT];
    guint n, next, high_in_a_row;
} SizeClass;

static const guint places[N_PLACES - 1] = {2, 16}; /* each ends before so many pictures */

struct VigilCodedSize {
    SizeClass classes[N_CLASSES];
    guint since_key;
    gdouble factor;
    guint32 waiting[N_WAITING];
    guint8 waiting_class[N_WAITING];
    guint n_waiting;
};

VigilCodedSize *
vigil_coded_size_new(void)
{
    VigilCodedSize *self = g_new0(VigilCodedSize, 1);

    vigil_coded_size_reset(self);
    return self;
}

void
vigil_coded_size_free(VigilCodedSize *self)
{
    g_free(self);
}

void
vigil_coded_size_reset(VigilCodedSize *self)
{
    *self = (VigilCodedSize){.factor = 1.0};
}

void
vigil_coded_size_begin_group(VigilCodedSize *self)
{
    self->since_key = 0;
}

/* The first place whose value is not below @size. */
static guint
find_place(const SizeClass *class, guint32 size)
{
    guint low = 0, high = class->n;

    while (low < high) {
        const guint middle = (low + high) / 2;

        if (class->sorted[middle] < size)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
learn(SizeClass *class, guint32 size)
{
    guint place;

    if (class->n == N_KEPT) {
        place = find_place(class, class->recent[class->next]);
        class->n--;
        memmove(class->sorted + place, class->sorted + place + 1,
                (class->n - place) * sizeof class->sorted[0]);
    }
    place = find_place(class, size);
    memmove(class->sorted + place + 1, class->sorted + place,
            (class->n - place) * sizeof class->sorted[0]);
    class->sorted[place] = size;
    class->n++;
    class->recent[class->next] = size;
    class->next = (class->next + 1) % N_KEPT;
}

static gboolean
is_alarm(SizeClass *class, guint32 size, gdouble factor)
{
    const guint middle = class->n / 2, ninth_decile = class->n * 9 / 10;
    gdouble median, spread, above;

    if (class->n < N_LEAST)
        return FALSE;
    median = class->sorted[middle];
    spread = class->sorted[ninth_decile] - median;
    spread = MAX(spread, MAX(median * LEAST_PART, LEAST_BYTES));
    above = (size - median) / (factor * SPREADS * spread);
    class->high_in_a_row = above > 0.5 ? class->high_in_a_row + 1 : 0;
    return (above > 1 && size > class->sorted[class->n - 1]) || class->high_in_a_row >= IN_A_ROW;
}

gboolean
vigil_coded_size_add(VigilCodedSize *self, guint kind, gsize size)
{
    const guint32 size32 = (guint32)MIN(size, G_MAXINT32);
    guint index = kind;

    g_return_val_if_fail(kind < VIGIL_CODED_SIZE_KINDS, FALSE);
    for (guint i = 0; i < N_PLACES - 1 && self->since_key >= places[i]; i++)
        index += VIGIL_CODED_SIZE_KINDS;
    self->since_key++;
    self->factor -= (self->factor - 1) * (0.693 / HALF_LIFE);
    if (self->n_waiting < N_WAITING) {
        self->waiting[self->n_waiting] = size32;
        self->waiting_class[self->n_waiting++] = (guint8)index;
    }
    return is_alarm(&self->classes[index], size32, self->factor);
}

void
vigil_coded_size_settle(VigilCodedSize *self, gboolean quiet)
{
    for (guint i = 0; quiet && i < self->n_waiting; i++)
        learn(&self->classes[self->waiting_class[i]], self->waiting[i]);
    self->n_waiting = 0;
    for (guint i = 0; i < N_CLASSES; i++)
        self->classes[i].high_in_a_row = 0;
}

void
vigil_coded_size_judge(VigilCodedSize *self, gboolean moved)
{
    if (!moved)
        self->factor = MIN(self->factor * FACTOR_STEP, FACTOR_MAX);
}

gdouble
vigil_coded_size_get_factor(const VigilCodedSize *self)
{
    return self->factor;
}

gboolean
vigil_coded_size_can_tell(const VigilCodedSize *self)
{
    for (guint i = 0; i < VIGIL_CODED_SIZE_KINDS && self->factor < FACTOR_DEAF; i++)
        if (self->classes[N_CLASSES - VIGIL_CODED_SIZE_KINDS + i].n >= N_LEAST)
            return TRUE;
    return FALSE;
}
