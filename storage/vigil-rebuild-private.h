/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-clip-note.h"
#include "storage/vigil-rebuild.h"
#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/** VigilRebuild: which clips have not been looked at yet. */
typedef struct VigilRebuild {
    GPtrArray *days;  /* of "YYYY/MM/DD", the newest last */
    GPtrArray *paths; /* of the day that is being looked at, the newest last */
    GHashTable *pins; /* (nullable) (element-type utf8): ids of events that were pinned */
    /* since it began or went on */
    guint n_unknown;    /* files that named no event */
    guint n_unreadable; /* files and folders of which nobody knows what they hold */
} VigilRebuild;

/** VigilFoundEvent: the latest that a clip says of an event. */
typedef struct {
    VigilEvent *last;
    gint64 written_wall_us;
    guint part; /* more than 0: it began in another one */
} VigilFoundEvent;

/** VigilFoundClip: a clip and its events, in the order in which they began. */
typedef struct {
    gchar *path;
    GArray *events; /* of VigilFoundEvent */
    gsize bytes, name_bytes;
    gboolean unreadable; /* and thus without any */
    VigilClipScan scan;
    VigilClipInfo info;
    const gchar *camera;  /* (nullable): a segment of its continuous recording */
    gint64 start_wall_us; /* of the segment */
    gint64 duration_us;   /* of a segment that was cut off; 0: it does not say */
} VigilFoundClip;

/* --- vigil-rebuild-scan.c ------------------------------------------------------------------------------------ */

VigilRebuild *vigil_rebuild_new(VigilStore *store);
void vigil_rebuild_free(VigilRebuild *self);
/** vigil_rebuild_next_path: (nullable) (transfer full): the newest one that was not looked at. */
gchar *vigil_rebuild_next_path(VigilStore *store, VigilRebuild *self);
/** vigil_found_clip_read: (transfer full): without the mutex, since a card may need its time. */
VigilFoundClip *vigil_found_clip_read(VigilStore *self, const gchar *path);
/** vigil_found_clip_free: @data: a VigilFoundClip */
void vigil_found_clip_free(gpointer data);
/**
 * vigil_rebuild_has_clips:
 * @has: (out): whether any file in the folder of clips is named as one of ours, or may be, where a folder cannot be read
 *
 * Returns: %FALSE when nothing at all could be read
 */
gboolean vigil_rebuild_has_clips(VigilStore *self, gboolean *has, GError **error);

/* --- vigil-rebuild-pins.c (mutex held) ----------------------------------------------------------------------- */

/** vigil_rebuild_read_pins: (transfer full) (element-type utf8): as many as the database that was set aside still tells. */
GHashTable *vigil_rebuild_read_pins(VigilStore *self);

/* --- vigil-rebuild.c (mutex held) ---------------------------------------------------------------------------- */

/**
 * vigil_rebuild_begin: within recovery's transaction, of a database without any run: notes that it has to be made again.
 * @set_aside: (nullable): name of the database that was set aside
 */
gboolean vigil_rebuild_begin(VigilStore *self, const gchar *set_aside, GError **error);
/** vigil_rebuild_prepare: after recovery: goes on with what was begun, now or by an earlier run. */
gboolean vigil_rebuild_prepare(VigilStore *self, GError **error);

/* --- vigil-store-damage.c (mutex held) ----------------------------------------------------------------------- */

/** vigil_store_check_pages: asks SQLite, for 3 s at most. %VIGIL_STORE_ERROR_CORRUPT when it is not content. */
gboolean vigil_store_check_pages(VigilStore *self, GError **error);
/** vigil_store_note_damage: SQLite found the database damaged while it was used: the next open sets it aside. */
void vigil_store_note_damage(VigilStore *self);
/** vigil_store_is_marked_damaged: what vigil_store_note_damage() left. */
gboolean vigil_store_is_marked_damaged(VigilStore *self);
/** vigil_store_is_ours: whether what is not a store of ours has been one: its reserve or its clips are there. */
gboolean vigil_store_is_ours(VigilStore *self);
/**
 * vigil_store_set_aside:
 * @name: (out) (transfer full): what it is called now
 *
 * Renames the database, which must be closed, and its log.
 */
gboolean vigil_store_set_aside(VigilStore *self, gchar **name, GError **error);

/* --- vigil-rebuild-event.c (mutex held) ---------------------------------------------------------------------- */

/** VigilRestore: an event that is put back. */
typedef struct {
    const VigilEvent *event; /* its latest message */
    gint64 clip_id, run_id, seq, committed_wall_us;
    gboolean goes_on; /* the clip is not its first one */
    gboolean pinned;
} VigilRestore;

typedef enum {
    VIGIL_RESTORED_NOT,  /* it is there already, and this clip is not one of its clips */
    VIGIL_RESTORED_PART, /* it is there already; it has one clip more */
    VIGIL_RESTORED_EVENT,
} VigilRestored;

/** vigil_store_restore_event: within a transaction. */
gboolean vigil_store_restore_event(VigilStore *self, const VigilRestore *restore,
                                   VigilRestored *restored, GError **error);

G_END_DECLS
