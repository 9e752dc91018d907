/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ages and the wall clock. Small computers often start without a clock and get the time later, or get a wrong one.
 * Events of this boot age by the monotonic clock, which never jumps. Events of earlier boots can only be aged by the
 * wall clock: when it leaps ahead by more than MAX_STEP_US against the monotonic clock within a run (or by
 * more than MAX_OFF_US between two runs), the leap is believed only after it has lasted BELIEVE_US, in one run or in
 * several; a clock that is behind is taken at once, as it deletes less.
 */
#include "storage/vigil-store-private.h"

#include <sys/timex.h>
#include <time.h>

#define HOUR_US (3600 * (gint64)G_USEC_PER_SEC)
#define MAX_STEP_US HOUR_US
#define MAX_OFF_US (7 * 24 * HOUR_US)
#define BELIEVE_US (24 * HOUR_US)

static gint64
real_wall(gpointer data)
{
    return g_get_real_time();
}

static gint64
boot_time(gpointer data)
{
    struct timespec now;

    /* goes on while the machine sleeps, which g_get_monotonic_time() does not */
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * (gint64)G_USEC_PER_SEC + now.tv_nsec / 1000;
}

void
vigil_store_clock_init(VigilStoreClock *self, gint64 (*now_func)(gpointer), gpointer data,
                       gint64 (*mono_func)(gpointer))
{
    self->now_func = now_func ? now_func : real_wall;
    self->data = data;
    /* a caller's clock drives both: time passes as it says */
    self->mono_func = mono_func ? mono_func : now_func ? now_func : boot_time;
    self->steady_offset_us = vigil_store_clock_wall(self) - vigil_store_clock_mono(self);
    self->has_candidate = FALSE;
}

gint64
vigil_store_clock_wall(const VigilStoreClock *self)
{
    return self->now_func(self->data);
}

gint64
vigil_store_clock_mono(const VigilStoreClock *self)
{
    return self->mono_func(self->data);
}

gint
vigil_store_clock_synced(const VigilStoreClock *self)
{
    struct timex state = {0};

    if (self->now_func != real_wall || adjtimex(&state) < 0)
        return -1;
    return state.status & STA_UNSYNC ? 0 : 1;
}

void
vigil_store_clock_set_last_seen(VigilStoreClock *self, gint64 wall_us)
{
    if (wall_us > 0 && vigil_store_clock_wall(self) - wall_us > MAX_OFF_US)
        self->steady_offset_us = wall_us - vigil_store_clock_mono(self);
}

VigilStoreDoubt
vigil_store_clock_get_doubt(const VigilStoreClock *self)
{
    const gint64 mono = vigil_store_clock_mono(self);

    if (!self->has_candidate || self->candidate_offset_us < self->steady_offset_us)
        return (VigilStoreDoubt){0, 0};
    return (VigilStoreDoubt){mono + self->candidate_offset_us, mono - self->candidate_since_us};
}

void
vigil_store_clock_set_doubt(VigilStoreClock *self, const VigilStoreDoubt *doubt)
{
    const gint64 wall = vigil_store_clock_wall(self), mono = vigil_store_clock_mono(self);

    if (doubt->wall_us <= 0 || wall < doubt->wall_us - MAX_STEP_US ||
        wall - doubt->wall_us > MAX_OFF_US || wall - mono <= self->steady_offset_us)
        return;
    self->has_candidate = TRUE;
    self->candidate_offset_us = wall - mono;
    self->candidate_since_us = mono - CLAMP(doubt->lasted_us, 0, BELIEVE_US);
}

gint64
vigil_store_clock_trusted(VigilStoreClock *self)
{
    const gint64 mono = vigil_store_clock_mono(self);
    const gint64 offset = vigil_store_clock_wall(self) - mono;

    if (ABS(offset - self->steady_offset_us) <= MAX_STEP_US) {
        self->steady_offset_us = offset; /* follows small corrections */
        self->has_candidate = FALSE;
    } else if (!self->has_candidate || ABS(offset - self->candidate_offset_us) > MAX_STEP_US) {
        self->candidate_offset_us = offset;
        self->candidate_since_us = mono;
        self->has_candidate = TRUE;
    } else if (mono - self->candidate_since_us >= BELIEVE_US) {
        self->steady_offset_us = offset;
        self->has_candidate = FALSE;
    }
    return mono + MIN(self->steady_offset_us, offset);
}

gchar *
vigil_store_read_boot_id(void)
{
    gchar *text = NULL;

    if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
        return g_strdup("unknown");
    return g_strstrip(text);
}
