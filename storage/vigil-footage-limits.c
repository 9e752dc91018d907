/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which segments of continuous recordings are to go. A camera that has no limits any more, as it has another name or is not recorded now,
 * keeps those that it was recorded with.
 */
#include "storage/vigil-footage-private.h"

#include "storage/vigil-retention-private.h"

/* No clock of ours was ever set before this: 2020-01-01. */
#define FIRST_SANE_WALL_US G_GINT64_CONSTANT(1577836800000000)

void
vigil_footage_set_limits(VigilStore *self, const VigilStoreFootage *limits, guint n_limits)
{
    g_free(self->footage);
    self->footage = g_new0(VigilStoreFootage, n_limits);
    self->n_footage = n_limits;
    for (guint i = 0; i < n_limits; i++) {
        self->footage[i] = limits[i];
        self->footage[i].camera = g_intern_string(limits[i].camera);
    }
}

void
vigil_store_set_footage(VigilStore *self, const VigilStoreFootage *limits, guint n_limits)
{
    g_mutex_lock(&self->mutex);
    vigil_footage_set_limits(self, limits, n_limits);
    g_mutex_unlock(&self->mutex);
}

typedef struct {
    gint64 camera_id;
    const gchar *name;            /* interned */
    gint64 max_age_us, max_bytes; /* 0: none */
} Camera;

static const VigilStoreFootage *
find_limits(const VigilStore *self, const gchar *camera)
{
    for (guint i = 0; i < self->n_footage; i++)
        if (g_str_equal(self->footage[i].camera, camera))
            return &self->footage[i];
    return NULL;
}

gboolean
vigil_footage_note_limits(VigilStore *self, const gchar *camera, gint64 camera_id, GError **error)
{
    const VigilStoreFootage *limits = find_limits(self, camera);
    g_auto(VigilStatement) update = {0};

    if (!limits)
        return TRUE;
    update = vigil_statement(self, "UPDATE footage_sums SET max_age_us = :age, max_bytes = :bytes "
                                   "WHERE camera_id = :camera");
    vigil_statement_int(&update, ":age", limits->max_age_us);
    vigil_statement_int(&update, ":bytes", limits->max_bytes);
    vigil_statement_int(&update, ":camera", camera_id);
    return vigil_statement_run(&update, error);
}

static Camera
read_camera(const VigilStore *self, VigilStatement *row)
{
    const gchar *name = g_intern_string(vigil_statement_need_text(row, 1));
    const VigilStoreFootage *limits = find_limits(self, name);
    const gboolean noted = sqlite3_column_type(row->stmt, 2) != SQLITE_NULL;

    return (Camera){.camera_id = sqlite3_column_int64(row->stmt, 0),
                    .name = name,
                    .max_age_us = limits  ? limits->max_age_us
                                  : noted ? sqlite3_column_int64(row->stmt, 2)
                                          : self->max_age_us,
                    .max_bytes = limits ? limits->max_bytes : sqlite3_column_int64(row->stmt, 3)};
}

static GArray *
list_cameras(VigilStore *self, GError **error)
{
    g_autoptr(GArray) cameras = g_array_new(FALSE, FALSE, sizeof(Camera));
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self, "SELECT k.id, k.name, s.max_age_us, s.max_bytes FROM footage_sums s CROSS JOIN "
              "cameras k ON k.id = s.camera_id WHERE EXISTS (SELECT 1 FROM clips c WHERE "
              "c.continuous = 1 AND c.camera_id = k.id)");

    while (vigil_statement_step(&list, &local)) {
        const Camera camera = read_camera(self, &list);

        g_array_append_val(cameras, camera);
    }
    if (!local)
        return g_steal_pointer(&cameras);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

/*
 * Ages are those of clips: by the monotonic clock within a boot, by the wall clock of their run else. Run by run, so that nothing is
 * looked at but what is due.
 */
static gboolean
find_old(VigilStore *self, gint64 camera_id, gint64 max_age_us, guint n_max, GArray *clips,
         GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self,
        "WITH RECURSIVE used (run) AS (SELECT min(run_id) FROM clips WHERE continuous = 1 AND "
        "camera_id = :camera UNION ALL SELECT (SELECT min(c.run_id) FROM clips c WHERE "
        "c.continuous = 1 AND c.camera_id = :camera AND c.run_id > used.run) FROM used WHERE "
        "used.run IS NOT NULL) SELECT c.id FROM used CROSS JOIN runs r ON r.id = used.run "
        "CROSS JOIN clips c ON c.continuous = 1 AND c.camera_id = :camera AND c.run_id = r.id AND "
        "c.done_mono_us > iif(r.boot_id = :boot, :ever, :sane - 1 - r.wall_offset_us) AND "
        "c.done_mono_us < iif(r.boot_id = :boot, :mono, :wall + 1 - r.wall_offset_us) "
        "WHERE c.state <> 'open' LIMIT :n");

    vigil_statement_int(&list, ":ever", G_MININT64);
    vigil_statement_int(&list, ":camera", camera_id);
    vigil_statement_text(&list, ":boot", self->boot_id);
    vigil_statement_int(&list, ":mono", vigil_store_clock_mono(&self->clock) - max_age_us);
    vigil_statement_int(&list, ":sane", FIRST_SANE_WALL_US);
    vigil_statement_int(&list, ":wall", vigil_store_clock_trusted(&self->clock) - max_age_us);
    vigil_statement_int(&list, ":n", n_max);
    while (vigil_statement_step(&list, &local)) {
        const gint64 id = sqlite3_column_int64(list.stmt, 0);

        g_array_append_val(clips, id);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gint64
get_live_bytes(const VigilStore *self, const gchar *camera)
{
    gint64 bytes = 0;

    for (guint i = 0; i < self->live_clips->len; i++) {
        const VigilClip *clip = g_ptr_array_index(self->live_clips, i);

        if (clip->continuous && g_strcmp0(clip->camera, camera) == 0)
            bytes += (gint64)vigil_clip_bytes(clip);
    }
    return bytes;
}

/* The oldest, until the others are not too much. What is being written counts, and stays. */
static gboolean
find_excess(VigilStore *self, const Camera *camera, guint n_max, GArray *clips, GError **error)
{
    g_autoptr(GError) local = NULL;
    gint64 excess = get_live_bytes(self, camera->name) - camera->max_bytes;
    g_auto(VigilStatement) sum =
        vigil_statement(self, "SELECT bytes FROM footage_sums WHERE camera_id = :camera");
    g_auto(VigilStatement) list =
        vigil_statement(self, "SELECT id, bytes FROM clips WHERE continuous = 1 AND "
                              "camera_id = :camera AND state <> 'open' ORDER BY id LIMIT :n");

    vigil_statement_int(&sum, ":camera", camera->camera_id);
    if (vigil_statement_step(&sum, &local))
        excess += sqlite3_column_int64(sum.stmt, 0);
    vigil_statement_int(&list, ":camera", camera->camera_id);
    vigil_statement_int(&list, ":n", n_max);
    while (!local && excess > 0 && vigil_statement_step(&list, &local)) {
        const gint64 id = sqlite3_column_int64(list.stmt, 0);

        excess -= sqlite3_column_int64(list.stmt, 1);
        g_array_append_val(clips, id);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_footage_find_due(VigilStore *self, guint n_max, GArray *clips, GError **error)
{
    g_autoptr(GArray) cameras = list_cameras(self, error);

    if (!cameras)
        return FALSE;
    for (guint i = 0; i < cameras->len && clips->len == 0; i++) {
        const Camera *camera = &g_array_index(cameras, Camera, i);

        if (camera->max_age_us > 0 &&
            !find_old(self, camera->camera_id, camera->max_age_us, n_max, clips, error))
            return FALSE;
        if (camera->max_bytes > 0 && clips->len == 0 &&
            !find_excess(self, camera, n_max, clips, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vigil_footage_pick_oldest(VigilStore *self, gint64 *clip_id, GError **error)
{
    return vigil_store_read_int(self,
                                "SELECT id FROM clips WHERE continuous = 1 AND "
                                "state IN ('complete', 'cut') ORDER BY id LIMIT 1",
                                clip_id, error);
}
