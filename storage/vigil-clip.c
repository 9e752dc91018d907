/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clip that is being written. Its path stands in the table of garbage before the file is made and leaves it in the
 * transaction that makes the clip's row, so a file never is without a row that says what it is.
 */
#include "storage/vigil-seal-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_NAMES 1000
#define MAX_FULL_TRIES 8

static void
clip_free(VigilClip *self)
{
    if (self->fd >= 0)
        close(self->fd);
    if (self->dir_fd >= 0)
        close(self->dir_fd);
    g_free(self->camera);
    g_free(self->path);
    vigil_store_unref(self->store);
    vigil_seal_hash_free(self->hash);
    g_free(self);
}

static gboolean
is_name(const gchar *name)
{
    gsize n = 0;

    for (; name && name[n]; n++)
        if (!g_ascii_isalnum(name[n]) && name[n] != '-' && name[n] != '_')
            return FALSE;
    return n > 0 && n <= 64;
}

static gboolean
note_pending(VigilStore *self, gpointer path, GError **error)
{
    g_auto(VigilStatement) statement =
        vigil_statement(self, "INSERT OR REPLACE INTO garbage (path, reason, since_wall_us) "
                              "VALUES (:path, 'pending', :now)");

    vigil_statement_text(&statement, ":path", path);
    vigil_statement_int(&statement, ":now", vigil_store_clock_wall(&self->clock));
    return vigil_statement_run(&statement, error);
}

static gboolean
forget_pending(VigilStore *self, gpointer path, GError **error)
{
    g_auto(VigilStatement) statement =
        vigil_statement(self, "DELETE FROM garbage WHERE path = :path");

    vigil_statement_text(&statement, ":path", path);
    return vigil_statement_run(&statement, error);
}

/* By somebody who has yet to make the file. */
static gboolean
is_chosen(VigilStore *self, const gchar *path)
{
    for (guint i = 0; i < self->live_clips->len; i++) {
        const VigilClip *clip = g_ptr_array_index(self->live_clips, i);

        if (g_str_equal(clip->path, path))
            return TRUE;
    }
    return FALSE;
}

/* Neither a file nor a row of a file that was lost. */
static gboolean
is_free_path(VigilStore *self, const gchar *path)
{
    g_auto(VigilStatement) statement =
        vigil_statement(self, "SELECT 1 FROM clips WHERE path = :path");

    if (is_chosen(self, path) || vigil_retention_is_doomed(self, path) ||
        vigil_clip_folder_size(self, path) != -ENOENT)
        return FALSE;
    vigil_statement_text(&statement, ":path", path);
    return !vigil_statement_step(&statement, NULL);
}

static gchar *
choose_path(VigilStore *self, const gchar *dir, const gchar *name)
{
    for (guint i = 1; i <= MAX_NAMES; i++) {
        g_autofree gchar *path = i == 1 ? g_strdup_printf("%s/%s.mp4", dir, name)
                                        : g_strdup_printf("%s/%s-%u.mp4", dir, name, i);

        if (is_free_path(self, path))
            return g_steal_pointer(&path);
    }
    return NULL;
}

static VigilSpaceUse
get_use(const VigilClip *self)
{
    return self->continuous ? VIGIL_SPACE_FOR_FOOTAGE : VIGIL_SPACE_FOR_CLIP;
}

static VigilSpaceUse
get_use_of_rows(const VigilClip *self)
{
    return self->continuous ? VIGIL_SPACE_FOR_FOOTAGE_ROWS : VIGIL_SPACE_FOR_ROWS;
}

/* Makes directories and file; on a full disk old events go first. */
static gboolean
make_file(VigilStore *self, VigilClip *clip, const gchar *dir, GError **error)
{
    const gchar *name = clip->path + strlen(dir) + 1;
    gint code;

    for (guint i = 0;; i++) {
        code = clip->dir_fd = vigil_clip_folder_open_dir(self, dir, TRUE);
        if (code >= 0)
            code = clip->fd = self->ops->open_at(
                clip->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (code >= 0)
            return TRUE;
        if (code != -ENOSPC || i == MAX_FULL_TRIES || !vigil_store_make_space(self, get_use(clip)))
            break;
        if (clip->dir_fd >= 0)
            close(clip->dir_fd);
    }
    if (code == -EIO)
        vigil_store_fail(self);
    return vigil_store_set_errno(error, code, "cannot make the clip", clip->path);
}

static gboolean
take_path(VigilStore *self, VigilClip *clip, const gchar *dir, const gchar *name, GError **error)
{
    if (!vigil_store_check_writable(self, error))
        return FALSE;
    clip->path = choose_path(self, dir, name);
    if (clip->path) {
        g_ptr_array_add(self->live_clips, clip);
        return TRUE;
    }
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                "%s/%s.mp4: no free name for the clip", dir, name);
    return FALSE;
}

static gboolean
make_noted_file(VigilStore *self, VigilClip *clip, const gchar *dir, GError **error)
{
    if (!vigil_store_check_writable(self, error))
        return FALSE;
    if (make_file(self, clip, dir, error))
        return TRUE;
    if (!g_atomic_int_get(&self->failed))
        vigil_store_transact(self, forget_pending, clip->path, NULL);
    return FALSE;
}

static gboolean
create(VigilStore *self, VigilClip *clip, const gchar *dir, const gchar *name, GError **error)
{
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = take_path(self, clip, dir, name, error);
    g_mutex_unlock(&self->mutex);
    ok = ok && vigil_store_write_shared(self, get_use_of_rows(clip), note_pending, NULL, clip->path,
                                        error);
    g_mutex_lock(&self->mutex);
    ok = ok && make_noted_file(self, clip, dir, error);
    if (!ok)
        g_ptr_array_remove_fast(self->live_clips, clip);
    g_mutex_unlock(&self->mutex);
    return ok;
}

VigilClip *
vigil_store_create_clip(VigilStore *self, const gchar *camera, const gchar *name,
                        gint64 start_wall_us, GError **error)
{
    return vigil_clip_create(self, camera, name, start_wall_us, FALSE, error);
}

VigilClip *
vigil_clip_create(VigilStore *self, const gchar *camera, const gchar *name, gint64 start_wall_us,
                  gboolean continuous, GError **error)
{
    g_autofree gchar *dir = vigil_clip_folder_for(camera, start_wall_us);
    VigilClip *clip;

    if (!dir || !is_name(name)) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                    "camera '%s', clip '%s': these names cannot be a folder and a file",
                    camera ? camera : "", name ? name : "");
        return NULL;
    }
    /* references are taken and dropped without the lock: an open waits for it with the registry's lock held */
    clip = g_new0(VigilClip, 1);
    clip->store = vigil_store_ref(self);
    clip->camera = g_strdup(camera);
    clip->fd = clip->dir_fd = -1;
    clip->hash = vigil_seal_hash_new();
    clip->continuous = continuous;
    clip->start_wall_us = start_wall_us;
    if (!create(self, clip, dir, name, error))
        g_clear_pointer(&clip, clip_free);
    return clip;
}

/* Writes on from @done. Returns 0 or -errno. */
static gint
write_rest(VigilClip *self, const guint8 *data, gsize length, gsize *done)
{
    while (*done < length) {
        const gssize n = self->store->ops->write_at(self->fd, data + *done, length - *done,
                                                    (gint64)(self->bytes + *done));

        if (n < 0)
            return (gint)n;
        if (n == 0)
            return -EIO;
        *done += n;
    }
    return 0;
}

static gboolean
make_space_locked(const VigilClip *self)
{
    gboolean made;

    g_mutex_lock(&self->store->mutex);
    made = vigil_store_make_space(self->store, get_use(self));
    g_mutex_unlock(&self->store->mutex);
    return made;
}

gboolean
vigil_clip_write(VigilClip *self, gconstpointer data, gsize length, GError **error)
{
    gsize done = 0;
    gint code;

    if (!vigil_store_check_writable(self->store, error))
        return FALSE;
    for (guint i = 0;; i++) {
        code = write_rest(self, data, length, &done);
        if ((code != -ENOSPC && code != -EDQUOT) || i == MAX_FULL_TRIES || !make_space_locked(self))
            break;
    }
    if (code == 0) {
        vigil_seal_hash_add(self->hash, data, length);
        __atomic_store_n(&self->bytes, self->bytes + length, __ATOMIC_RELAXED);
        return TRUE;
    }
    /* all or nothing, so that the caller may try the same bytes again */
    if (done > 0 && self->store->ops->truncate(self->fd, (gint64)self->bytes) < 0)
        vigil_store_fail(self->store);
    if (code == -EIO)
        vigil_store_fail(self->store);
    return vigil_store_set_errno(error, code, "cannot write the clip", self->path);
}

gboolean
vigil_clip_sync(VigilClip *self, GError **error)
{
    gint code;

    if (!vigil_store_check_writable(self->store, error))
        return FALSE;
    code = vigil_store_sync(self->store, self->fd);
    if (code == 0 && !self->row_id)
        code = vigil_store_sync(self->store, self->dir_fd);
    return code == 0 || vigil_store_set_errno(error, code, "cannot sync the clip", self->path);
}

const gchar *
vigil_clip_get_path(const VigilClip *self)
{
    return self->path;
}

guint64
vigil_clip_get_bytes(const VigilClip *self)
{
    return vigil_clip_bytes(self);
}

gboolean
vigil_clip_is_live(VigilStore *self, gint64 clip_id)
{
    for (guint i = 0; i < self->live_clips->len; i++) {
        const VigilClip *clip = g_ptr_array_index(self->live_clips, i);

        if (clip->row_id == clip_id)
            return TRUE;
    }
    return FALSE;
}

typedef struct {
    const VigilClip *clip;
    const VigilClipInfo *info;
} Finish;

static gboolean
complete_row(VigilStore *self, const Finish *finish, GError **error)
{
    const VigilClipInfo *info = finish->info;
    g_auto(VigilStatement) statement = vigil_statement(
        self,
        "UPDATE clips SET state = 'complete', bytes = :bytes, codec = :codec, width = :width, "
        "height = :height, start_ns = :start_ns, end_ns = :end_ns, "
        "start_wall_us = :start_wall_us, end_wall_us = :end_wall_us, done_mono_us = :mono "
        "WHERE id = :id");

    vigil_statement_int(&statement, ":id", finish->clip->row_id);
    vigil_statement_int(&statement, ":bytes", (gint64)finish->clip->bytes);
    vigil_statement_text(&statement, ":codec", info->codec);
    vigil_statement_int(&statement, ":width", info->width);
    vigil_statement_int(&statement, ":height", info->height);
    vigil_statement_int(&statement, ":start_ns", info->start_ns);
    vigil_statement_int(&statement, ":end_ns", info->end_ns);
    vigil_statement_int(&statement, ":start_wall_us", info->start_wall_us);
    vigil_statement_int(&statement, ":end_wall_us", info->end_wall_us);
    vigil_statement_int(&statement, ":mono", vigil_store_clock_mono(&self->clock));
    return vigil_statement_run(&statement, error);
}

static gboolean
complete_clip(VigilStore *self, gpointer data, GError **error)
{
    const Finish *finish = data;
    guint8 hash[VIGIL_SEAL_DIGEST_BYTES];

    vigil_seal_hash_get(finish->clip->hash, hash);
    return complete_row(self, finish, error) &&
           vigil_seal_clip(self, finish->clip->row_id, hash, error);
}

/* From here on its bytes are those of its row. */
static void
forget_clip(VigilStore *self, gpointer data)
{
    const Finish *finish = data;

    g_ptr_array_remove_fast(self->live_clips, (gpointer)finish->clip);
}

gboolean
vigil_store_finish_clip(VigilStore *self, VigilClip *clip, const VigilClipInfo *info,
                        GError **error)
{
    Finish finish = {clip, info};
    gboolean ok;

    if (!clip->row_id) {
        vigil_store_abandon_clip(self, clip);
        return TRUE;
    }
    ok = vigil_clip_sync(clip, error) &&
         vigil_store_write_shared(self, get_use_of_rows(clip), complete_clip, forget_clip, &finish,
                                  error);
    if (!ok) {
        g_mutex_lock(&self->mutex);
        forget_clip(self, &finish);
        g_mutex_unlock(&self->mutex);
    }
    clip_free(clip);
    return ok;
}

void
vigil_store_abandon_clip(VigilStore *self, VigilClip *clip)
{
    g_autoptr(GPtrArray) garbage = g_ptr_array_new();
    g_autoptr(GError) error = NULL;

    g_mutex_lock(&self->mutex);
    g_ptr_array_remove_fast(self->live_clips, clip);
    g_ptr_array_add(garbage, clip->path);
    /* a clip with a row belongs to its events and is ended by enforcing limits or at the next start, as is all of a
     * failed store */
    if (!clip->row_id && vigil_store_check_writable(self, NULL) &&
        !vigil_store_collect(self, garbage, &error))
        g_message("%s: not removed yet: %s", clip->path, error->message);
    g_mutex_unlock(&self->mutex);
    clip_free(clip);
}
