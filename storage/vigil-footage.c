/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-footage-private.h"

#include <errno.h>

#define NAME_SUFFIX "-continuous"
#define TIME_DIGITS 10

/* The first digits of the ids of events that begin at that time: so that clips and segments sort together. */
static gchar *
make_name(gint64 wall_us)
{
    static const gchar digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    gchar name[TIME_DIGITS + sizeof NAME_SUFFIX];
    guint64 ms = (guint64)MAX(wall_us, 0) / 1000;

    for (guint i = TIME_DIGITS; i > 0; i--, ms >>= 5)
        name[i - 1] = digits[ms & 31];
    g_strlcpy(name + TIME_DIGITS, NAME_SUFFIX, sizeof NAME_SUFFIX);
    return g_strdup(name);
}

VigilClip *
vigil_store_create_footage(VigilStore *self, const gchar *camera, gint64 start_wall_us,
                           GError **error)
{
    g_autofree gchar *name = make_name(start_wall_us);

    return vigil_clip_create(self, camera, name, start_wall_us, TRUE, error);
}

typedef struct {
    VigilClip *clip;
    gint64 row_id;
} Begin;

/* Its age counts from here until it is complete, for one that never will be. */
static gboolean
insert_row(VigilStore *self, gpointer data, GError **error)
{
    Begin *begin = data;
    const VigilClip *clip = begin->clip;
    gint64 camera_id;
    g_auto(VigilStatement) claim = {0};
    g_auto(VigilStatement) insert = {0};

    if (!vigil_store_camera_id(self, clip->camera, &camera_id, error))
        return FALSE;
    insert = vigil_statement(self, "INSERT INTO clips (camera_id, run_id, path, state, bytes, "
                                   "start_wall_us, done_mono_us, continuous) VALUES (:camera, "
                                   ":run, :path, 'open', :bytes, :start, :mono, 1)");
    vigil_statement_int(&insert, ":camera", camera_id);
    vigil_statement_int(&insert, ":run", self->run_id);
    vigil_statement_text(&insert, ":path", clip->path);
    vigil_statement_int(&insert, ":bytes", (gint64)clip->bytes);
    vigil_statement_int(&insert, ":start", clip->start_wall_us);
    vigil_statement_int(&insert, ":mono", vigil_store_clock_mono(&self->clock));
    claim = vigil_statement(self, "DELETE FROM garbage WHERE path = :path");
    vigil_statement_text(&claim, ":path", clip->path);
    if (!vigil_statement_run(&insert, error))
        return FALSE;
    begin->row_id = sqlite3_last_insert_rowid(self->db);
    return vigil_statement_run(&claim, error) &&
           vigil_footage_note_limits(self, clip->camera, camera_id, error);
}

static void
note_row(VigilStore *self, gpointer data)
{
    const Begin *begin = data;

    begin->clip->row_id = begin->row_id;
}

gboolean
vigil_store_begin_footage(VigilStore *self, VigilClip *clip, GError **error)
{
    Begin begin = {clip, 0};

    return vigil_clip_sync(clip, error) &&
           vigil_store_write_shared(self, VIGIL_SPACE_FOR_FOOTAGE_ROWS, insert_row, note_row,
                                    &begin, error);
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static gboolean
check_open(VigilStore *self, GError **error)
{
    return self->db || vigil_store_check_writable(self, error); /* says why it is closed */
}

/* In their order. */
static gboolean
list_ids(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us, GArray *ids,
         GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self, "SELECT c.id FROM cameras k CROSS JOIN clips c ON c.camera_id = k.id AND "
              "c.continuous = 1 WHERE (:camera IS NULL OR k.name = :camera) AND (:until = 0 OR "
              "c.start_wall_us <= :until) AND coalesce(c.end_wall_us >= :since, 1) "
              "ORDER BY k.name, c.start_wall_us, c.id");

    vigil_statement_text(&list, ":camera", camera);
    vigil_statement_int(&list, ":since", since_us);
    vigil_statement_int(&list, ":until", until_us);
    while (vigil_statement_step(&list, &local)) {
        const gint64 id = sqlite3_column_int64(list.stmt, 0);

        g_array_append_val(ids, id);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* @found: (out): %FALSE: it was deleted meanwhile. @path: (out) */
static gboolean
read_row(VigilStore *self, gint64 id, VigilFootageRow *row, gchar **path, gboolean *found,
         GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT k.name, c.path, c.state, c.codec, c.start_wall_us, c.end_wall_us, c.bytes "
              "FROM clips c CROSS JOIN cameras k ON k.id = c.camera_id WHERE c.id = :id");

    vigil_statement_int(&find, ":id", id);
    *found = vigil_statement_step(&find, &local);
    if (*found)
        *row = (VigilFootageRow){.id = id,
                                 .camera = g_intern_string(vigil_statement_need_text(&find, 0)),
                                 .path = *path = g_strdup(vigil_statement_need_text(&find, 1)),
                                 .state = g_intern_string(vigil_statement_need_text(&find, 2)),
                                 .codec = g_intern_string(vigil_statement_get_text(&find, 3)),
                                 .start_us = sqlite3_column_int64(find.stmt, 4),
                                 .end_us = sqlite3_column_int64(find.stmt, 5),
                                 .bytes = sqlite3_column_int64(find.stmt, 6)};
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* Nothing is being read while somebody is told: who prints may wait for long, and the writer's log could not begin anew. */
static gboolean
list_rows(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us,
          VigilFootageRowFunc func, gpointer user_data, GError **error)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
    gboolean more = TRUE, found;

    if (!list_ids(self, camera, since_us, until_us, ids, error))
        return FALSE;
    for (guint i = 0; i < ids->len && more; i++) {
        g_autofree gchar *path = NULL;
        VigilFootageRow row;

        if (!read_row(self, g_array_index(ids, gint64, i), &row, &path, &found, error))
            return FALSE;
        if (found)
            more = func(&row, user_data);
    }
    return TRUE;
}

gboolean
vigil_store_list_footage(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us,
                         VigilFootageRowFunc func, gpointer user_data, GError **error)
{
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = check_open(self, error) &&
         (self->schema < VIGIL_FOOTAGE_SCHEMA ||
          list_rows(self, camera, since_us, until_us, func, user_data, error));
    g_mutex_unlock(&self->mutex);
    return ok;
}

/* (transfer full) (nullable) */
static gchar *
find_path(VigilStore *self, gint64 id, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT path FROM clips WHERE id = :id AND continuous = 1 AND state <> 'lost'");

    vigil_statement_int(&find, ":id", id);
    if (vigil_statement_step(&find, &local))
        return g_strdup(vigil_statement_need_text(&find, 0));
    if (local)
        g_propagate_error(error, g_steal_pointer(&local));
    else
        g_set_error_literal(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                            "this segment is gone");
    return NULL;
}

gint
vigil_store_open_footage(VigilStore *self, gint64 id, GError **error)
{
    g_autofree gchar *path = NULL;
    gint fd;

    g_mutex_lock(&self->mutex);
    if (check_open(self, error))
        path = find_path(self, id, error);
    g_mutex_unlock(&self->mutex);
    if (!path)
        return -1;
    fd = vigil_clip_folder_open(self, path);
    if (fd >= 0)
        return fd;
    if (fd == -ENOENT)
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND, "%s: is gone", path);
    else
        vigil_store_set_errno(error, fd, "cannot open the segment", path);
    return -1;
}

#define SUMS                                                                                     \
    "SELECT k.name, s.n_segments, s.bytes, (SELECT c.start_wall_us FROM clips c WHERE "          \
    "c.continuous = 1 AND c.camera_id = k.id AND c.state <> 'lost' ORDER BY c.id LIMIT 1) FROM " \
    "footage_sums s CROSS JOIN cameras k ON k.id = s.camera_id WHERE s.n_segments > 0 "

static VigilFootageSum
read_sum(VigilStatement *row)
{
    return (VigilFootageSum){(guint64)sqlite3_column_int64(row->stmt, 1),
                             (guint64)sqlite3_column_int64(row->stmt, 2),
                             sqlite3_column_int64(row->stmt, 3)};
}

static gboolean
sum_rows(VigilStore *self, const gchar *camera, VigilFootageSum *sum, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(self, SUMS "AND k.name = :camera");

    vigil_statement_text(&find, ":camera", camera);
    if (vigil_statement_step(&find, &local))
        *sum = read_sum(&find);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_sum_footage(VigilStore *self, const gchar *camera, VigilFootageSum *sum, GError **error)
{
    gboolean ok;

    *sum = (VigilFootageSum){0};
    g_mutex_lock(&self->mutex);
    ok = check_open(self, error) &&
         (self->schema < VIGIL_FOOTAGE_SCHEMA || sum_rows(self, camera, sum, error));
    for (guint i = 0; ok && i < self->live_clips->len; i++) {
        const VigilClip *clip = g_ptr_array_index(self->live_clips, i);

        if (clip->continuous && clip->row_id && g_strcmp0(clip->camera, camera) == 0)
            sum->bytes += vigil_clip_bytes(clip);
    }
    g_mutex_unlock(&self->mutex);
    return ok;
}

static gboolean
sum_all_rows(VigilStore *self, VigilFootageSumFunc func, gpointer user_data, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(self, SUMS "ORDER BY k.id");

    while (vigil_statement_step(&list, &local)) {
        const VigilFootageSum sum = read_sum(&list);

        func(vigil_statement_need_text(&list, 0), &sum, user_data);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_sum_all_footage(VigilStore *self, VigilFootageSumFunc func, gpointer user_data,
                            GError **error)
{
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = check_open(self, error) &&
         (self->schema < VIGIL_FOOTAGE_SCHEMA || sum_all_rows(self, func, user_data, error));
    g_mutex_unlock(&self->mutex);
    return ok;
}
