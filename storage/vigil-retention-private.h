/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-pins.h"
#include "storage/vigil-store-private.h"
#include "storage/vigil-strays.h"

G_BEGIN_DECLS

/** VigilAgePlace: within the events of a run, in the order of their latest commits. */
typedef struct {
    gint64 run_id, mono_us, seq;
} VigilAgePlace;

/**
 * VigilAgeScan: who looks for events of more than an age. What it has passed is pinned or not its own, and needs not be
 * looked at again; so a limit costs nothing but what is due.
 */
typedef struct {
    GArray *places; /* (element-type VigilAgePlace): up to where a run was looked at for good */
    VigilAgePlace at;
    gboolean
        held; /* in this run there is one that may not go yet: the place of @at.run_id stays before it */
} VigilAgeScan;

/** VigilRetention: what vigil_store_enforce_some() goes on with. */
struct VigilRetention {
    GMutex enforcing; /* one at a time; taken before the store's */
    VigilAgeScan *
        scans; /* one for each of the store's @keep, the default, clips; guarded by the store's mutex */
    guint task;          /* index of what is done next */
    guint n_shortening;  /* steps of the chain of seals; wraps */
    VigilStrays *strays; /* (nullable): one that is being examined; under enforcing */
    gint64 stray_after; /* row of the stray before; 0: those are looked for from the first one on */
    guint n_stray_steps;                /* wraps */
    gboolean stray_examined, had_stray; /* had_stray: in this round of tasks */
    GHashTable *
        strays_told; /* (element-type utf8 utf8): path → problem, of the last time that all were looked at; store's mutex */
    GHashTable *strays_telling; /* the same, of this time */
    guint batch;                /* so many events go in one step */
    GPtrArray *doomed;          /* (element-type utf8): being unlinked without the lock */
    GPtrArray *collected; /* (element-type utf8): unlinked; their rows go with the next step */
    gboolean pins_over;   /* it was said that pinned clips take too much */
    gint64 free_before;   /* free bytes before the last step that deleted for them; -1: it helped */
    GArray *
        set_aside; /* (nullable) (element-type VigilSetAside): seen when this round began; store's mutex */
    gboolean set_aside_for_space; /* why some of these were chosen */
    gint64
        vain_until_us; /* monotonic: until then nothing is deleted for free bytes; 0: no matter */
};

/** VigilDue: what a step found. */
typedef struct {
    GArray *events;    /* (element-type gint64): seq, to be dropped */
    GArray *clips;     /* (element-type gint64): to expire */
    GArray *snapshots; /* (element-type gint64): seq, whose snapshots go */
} VigilDue;

/** vigil_age_scan_find: looks at some events, at most @n_max of which are due. Mutex held. @done: (out): all was looked at. */
gboolean vigil_age_scan_find(VigilStore *self, guint scan, guint n_max, VigilDue *due,
                             gboolean *done, GError **error);
/** vigil_age_scan_reset: forgets what was passed. */
void vigil_age_scan_reset(VigilAgeScan *self);

gboolean
vigil_store_has_clip_row(VigilStore *self, const gchar *path, gboolean *has, GError **error);
gboolean vigil_store_drop_snapshot(VigilStore *self, gint64 seq, GError **error);
/**
 * vigil_store_expire_clip: within a transaction: file and snapshots go, rows stay; of a segment of a continuous recording the row goes,
 * too. @garbage as of vigil_store_drop_event().
 */
gboolean
vigil_store_expire_clip(VigilStore *self, gint64 clip_id, GPtrArray *garbage, GError **error);
/* --- vigil-pins.c (mutex held) */
gboolean vigil_pins_read(VigilStore *self, VigilPins *pins, GError **error);
/* vigil_pins_get_limit: bytes that all may take together. */
gint64 vigil_pins_get_limit(const VigilPins *pins);

/* --- vigil-retention-space.c (mutex held) */

/** vigil_retention_read_used: bytes that count towards the store's limit. */
gboolean vigil_retention_read_used(VigilStore *self, gint64 *bytes, GError **error);
/** vigil_retention_get_lack: what the disk lacks, whatever fills it; 0 where deleting does not help. */
gint64 vigil_retention_get_lack(VigilStore *self, gint64 free_bytes);
/** vigil_retention_read_excess: what is over the limit in bytes, but never more than what is not pinned takes of it. */
gboolean vigil_retention_read_excess(VigilStore *self, gint64 *excess, GError **error);

/* --- vigil-retention-strays.c */

/** vigil_retention_examine_stray: finds one, or goes on with it. Without the mutex. %FALSE: the store failed. */
gboolean vigil_retention_examine_stray(VigilStore *self, GError **error);
/** vigil_retention_tell_strays: logs the problems of those that were examined, but not what it said before. Mutex held. */
void vigil_retention_tell_strays(VigilStore *self, const VigilStrays *strays);
/** vigil_retention_end_stray: if all of it was read; mutex held. @done: (inout): limits are to get their turn */
gboolean vigil_retention_end_stray(VigilStore *self, gboolean *done, GError **error);

/* --- vigil-retention.c (mutex held) */

/* The oldest that may go; 0: none. */
gboolean vigil_store_pick_oldest(VigilStore *self, gint64 *seq, GError **error);
gboolean vigil_store_pick_oldest_with_clip(VigilStore *self, gint64 *seq, GError **error);
gboolean vigil_store_pick_oldest_clip(VigilStore *self, gint64 *clip_id, GError **error);
/** vigil_store_pick_passed_clip: a clip that an event which lasts still has gone on from. */
gboolean vigil_store_pick_passed_clip(VigilStore *self, gint64 *clip_id, GError **error);
/** vigil_store_pick_passed_by_age: one that was complete longer ago than @max_age_us; 0: none. */
gboolean vigil_store_pick_passed_by_age(VigilStore *self, gint64 max_age_us, gint64 *clip_id,
                                        GError **error);
/** vigil_store_pick_passed_before: the same, if it is older than the clip of the event @seq; 0: no such event. */
gboolean
vigil_store_pick_passed_before(VigilStore *self, gint64 seq, gint64 *clip_id, GError **error);

G_END_DECLS
