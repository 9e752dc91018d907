/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-strays.h"

#include "storage/vigil-clip-span.h"
#include "storage/vigil-clip-tail.h"
#include "storage/vigil-seal-private.h"

#include <errno.h>
#include <unistd.h>

/* Whoever is told to stop in the midst of a segment of an hour does not wait for the rest of it. */
#define PART_BYTES (8 * 1024 * 1024)

typedef struct {
    gint64 id, bytes;                  /* bytes: first as recorded, then as found */
    gint64 start_wall_us, end_wall_us; /* of a segment of a continuous recording; 0: not known */
    gchar *path;
    gchar *problem;      /* (nullable): why it stays open */
    VigilSealHash *hash; /* (nullable): of the first @n_read bytes; NULL: it is not sealed */
    guint64 n_read;
    gint fd; /* -1: not begun, or done with */
    gboolean lost;
} OpenClip;

struct VigilStrays {
    GArray *clips; /* (element-type OpenClip) */
    guint n_examined;
};

static void
open_clip_clear(gpointer data)
{
    OpenClip *self = data;

    if (self->fd >= 0)
        close(self->fd);
    vigil_seal_hash_free(self->hash);
    g_free(self->path);
    g_free(self->problem);
}

/* --- which --------------------------------------------------------------------------------------------------- */

VigilStrays *
vigil_strays_list(VigilStore *store, gboolean segments, gint64 after, guint n_max, GError **error)
{
    g_autoptr(VigilStrays) self = g_new0(VigilStrays, 1);
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        store, "SELECT id, path, bytes, iif(continuous, start_wall_us, 0) FROM clips "
               "WHERE state = 'open' AND id > :after AND (:segments OR continuous = 0) "
               "ORDER BY id");

    self->clips = g_array_new(FALSE, FALSE, sizeof(OpenClip));
    g_array_set_clear_func(self->clips, open_clip_clear);
    vigil_statement_int(&list, ":after", after ? after : G_MININT64);
    vigil_statement_int(&list, ":segments", segments);
    while (self->clips->len < n_max && vigil_statement_step(&list, &local)) {
        OpenClip clip = {.id = sqlite3_column_int64(list.stmt, 0), .fd = -1};

        if (vigil_clip_is_live(store, clip.id))
            continue;
        clip.path = g_strdup(vigil_statement_need_text(&list, 1));
        clip.bytes = sqlite3_column_int64(list.stmt, 2);
        clip.start_wall_us = sqlite3_column_int64(list.stmt, 3);
        g_array_append_val(self->clips, clip);
    }
    if (!local)
        return g_steal_pointer(&self);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

void
vigil_strays_free(VigilStrays *self)
{
    if (!self)
        return;
    g_array_unref(self->clips);
    g_free(self);
}

guint
vigil_strays_get_n(const VigilStrays *self)
{
    return self->clips->len;
}

const gchar *
vigil_strays_get_path(const VigilStrays *self, guint i)
{
    return g_array_index(self->clips, OpenClip, i).path;
}

const gchar *
vigil_strays_get_problem(const VigilStrays *self, guint i)
{
    return g_array_index(self->clips, OpenClip, i).problem;
}

gint64
vigil_strays_get_last(const VigilStrays *self)
{
    return self->clips->len ? g_array_index(self->clips, OpenClip, self->clips->len - 1).id : 0;
}

/* --- examined ------------------------------------------------------------------------------------------------ */

/* That it cannot be done, as on a full disk, is no reason not to go on. Returns: 0, or -EIO after a sync that failed */
static gint
close_tail(VigilStore *store, const gchar *path)
{
    const gint fd = vigil_clip_folder_open_to_mend(store, path);
    gint sync_code = 0;
    const gint code = fd < 0 ? fd : vigil_clip_tail_close(fd, store->ops, &sync_code);

    if (fd >= 0)
        close(fd);
    if (sync_code < 0) {
        g_message("%s: sync failed: %s", path, g_strerror(-sync_code));
        vigil_store_fail(store);
        return -EIO;
    }
    if (code > 0)
        g_message("%s: was cut off; it ends with its last whole picture now", path);
    else if (code < 0 && fd >= 0)
        g_message("%s: was cut off, and stays so: %s", path, g_strerror(-code));
    return 0;
}

static void
find_end(OpenClip *self)
{
    gint64 duration_us;

    if (self->start_wall_us && vigil_clip_span_read(self->fd, &duration_us) == 0)
        self->end_wall_us = self->start_wall_us + duration_us;
}

/* Makes what is there safe, before its size is written down. */
static gboolean
open_clip_begin(OpenClip *self, VigilStore *store, GError **error)
{
    const gint tail = close_tail(store, self->path);
    struct stat info;
    gint code;

    self->fd = tail < 0 ? tail : vigil_clip_folder_open(store, self->path);
    if (self->fd == -ENOENT || self->fd == -EINVAL || self->fd == -ELOOP || self->fd == -ENOTDIR) {
        g_message("%s: the clip is gone", self->path);
        self->lost = TRUE;
        return TRUE;
    }
    code = self->fd < 0                 ? self->fd
           : fstat(self->fd, &info) < 0 ? -errno
                                        : vigil_store_sync(store, self->fd);
    if (code < 0)
        return vigil_store_set_errno(error, code, "cannot recover the clip", self->path);
    find_end(self);
    if (info.st_size < self->bytes)
        g_message("%s: shorter than recorded: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes",
                  self->path, (gint64)info.st_size, self->bytes);
    self->bytes = info.st_size;
    self->lost = info.st_size == 0;
    if (!self->lost)
        self->hash = vigil_seal_hash_new();
    return TRUE;
}

/* Footage that cannot be read all through is not sealed, but ends all the same. Returns: %TRUE: done with */
static gboolean
open_clip_read(OpenClip *self)
{
    const gssize n =
        self->hash ? vigil_seal_hash_read(self->hash, self->fd, self->n_read, PART_BYTES) : 0;

    self->n_read += n > 0 ? (guint64)n : 0;
    if (n == PART_BYTES)
        return FALSE;
    if (n < 0 || self->n_read != (guint64)self->bytes)
        g_clear_pointer(&self->hash, vigil_seal_hash_free);
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    return TRUE;
}

gboolean
vigil_strays_examine_some(VigilStrays *self, VigilStore *store, gboolean *done, GError **error)
{
    g_autoptr(GError) local = NULL;
    OpenClip *clip;

    *done = self->n_examined == self->clips->len;
    if (*done)
        return TRUE;
    clip = &g_array_index(self->clips, OpenClip, self->n_examined);
    if (clip->fd < 0 && !open_clip_begin(clip, store, &local)) {
        if (vigil_store_has_failed(store)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        clip->problem = g_strdup(local->message);
    }
    if (clip->problem || open_clip_read(clip))
        *done = ++self->n_examined == self->clips->len;
    return TRUE;
}

/* --- ended --------------------------------------------------------------------------------------------------- */

/* One may have gone, or been ended by somebody else. */
static gboolean
is_still_open(VigilStore *store, gint64 id, gboolean *is_open, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(store, "SELECT 1 FROM clips WHERE id = :id AND state = 'open'");

    vigil_statement_int(&find, ":id", id);
    *is_open = vigil_statement_step(&find, &local);
    return vigil_seal_take_error(&local, error);
}

static gboolean
open_clip_end(const OpenClip *self, VigilStore *store, GError **error)
{
    guint8 hash[VIGIL_SEAL_DIGEST_BYTES];
    g_auto(VigilStatement) update =
        vigil_statement(store, "UPDATE clips SET state = :state, bytes = :bytes, end_wall_us = "
                               "coalesce(:end, end_wall_us) WHERE id = :id");

    vigil_statement_text(&update, ":state", self->lost ? "lost" : "cut");
    if (self->end_wall_us)
        vigil_statement_int(&update, ":end", self->end_wall_us);
    vigil_statement_int(&update, ":bytes", self->lost ? 0 : self->bytes);
    vigil_statement_int(&update, ":id", self->id);
    if (self->hash)
        vigil_seal_hash_get(self->hash, hash);
    return vigil_statement_run(&update, error) &&
           vigil_seal_clip(store, self->id, self->hash ? hash : NULL, error);
}

gboolean
vigil_strays_end(VigilStrays *self, VigilStore *store, GError **error)
{
    for (guint i = 0; i < self->clips->len; i++) {
        const OpenClip *clip = &g_array_index(self->clips, OpenClip, i);
        gboolean is_open;

        if (clip->problem)
            continue;
        if (!is_still_open(store, clip->id, &is_open, error) ||
            (is_open && !open_clip_end(clip, store, error)))
            return FALSE;
    }
    return TRUE;
}
