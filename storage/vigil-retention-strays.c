/* SPDX-License-Identifier: Apache-2.0 */
/* Clips that nobody writes to any more are ended, one after another, beside the limits. */
#include "storage/vigil-retention-private.h"

/* So many parts of a stray are read before limits get their turn. */
#define STRAY_STEPS 16

void
vigil_retention_tell_strays(VigilStore *self, const VigilStrays *strays)
{
    const VigilRetention *retention = self->retention;

    for (guint i = 0; i < vigil_strays_get_n(strays); i++) {
        const gchar *path = vigil_strays_get_path(strays, i);
        const gchar *problem = vigil_strays_get_problem(strays, i);

        if (!problem)
            continue;
        if (g_strcmp0(g_hash_table_lookup(retention->strays_telling, path), problem) != 0 &&
            g_strcmp0(g_hash_table_lookup(retention->strays_told, path), problem) != 0)
            g_message("%s; it is left as it is until it can be read", problem);
        g_hash_table_replace(retention->strays_telling, g_strdup(path), g_strdup(problem));
    }
}

/* All were looked at: what is said of one that was not met any more would be new. */
static void
begin_telling_anew(VigilRetention *self)
{
    GHashTable *last = self->strays_told;

    self->strays_told = self->strays_telling;
    self->strays_telling = last;
    g_hash_table_remove_all(last);
}

static gboolean
find_stray(VigilStore *self, GError **error)
{
    VigilRetention *retention = self->retention;
    gboolean ok = TRUE;

    g_mutex_lock(&self->mutex);
    if (!retention->strays) {
        ok = vigil_store_check_writable(self, error) &&
             (retention->strays =
                  vigil_strays_list(self, TRUE, retention->stray_after, 1, error)) != NULL;
        retention->stray_examined = FALSE;
        if (ok && vigil_strays_get_n(retention->strays) == 0) {
            g_clear_pointer(&retention->strays, vigil_strays_free);
            retention->stray_after = 0;
            begin_telling_anew(retention);
        }
    }
    retention->had_stray = retention->strays != NULL;
    g_mutex_unlock(&self->mutex);
    return ok;
}

/*
 * Reading one takes as long as it is large: without the store's lock, too. One that cannot be opened is no reason to keep no
 * limits: it stays as it is until the next time.
 */
gboolean
vigil_retention_examine_stray(VigilStore *self, GError **error)
{
    VigilRetention *retention = self->retention;

    return find_stray(self, error) &&
           (!retention->strays || retention->stray_examined ||
            vigil_strays_examine_some(retention->strays, self, &retention->stray_examined, error));
}

static gboolean
end_strays(VigilStore *self, gpointer strays, GError **error)
{
    return vigil_strays_end(strays, self, error);
}

/*
 * A round has one stray at most, and not all of a long one: limits get their turn in between. They get it on a full disk, too: what they
 * delete makes the space for this row, which ends the next time.
 */
gboolean
vigil_retention_end_stray(VigilStore *self, gboolean *done, GError **error)
{
    VigilRetention *retention = self->retention;
    g_autoptr(GError) local = NULL;

    if (!retention->strays)
        return TRUE;
    *done = retention->stray_examined || ++retention->n_stray_steps % STRAY_STEPS == 0;
    if (!retention->stray_examined)
        return TRUE;
    vigil_retention_tell_strays(self, retention->strays);
    if (!vigil_store_transact(self, end_strays, retention->strays, &local)) {
        if (!g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_FULL)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        g_message("%s", local->message);
    }
    retention->stray_after = vigil_strays_get_last(retention->strays);
    g_clear_pointer(&retention->strays, vigil_strays_free);
    return TRUE;
}

gboolean
vigil_store_end_strays(VigilStore *self, GPtrArray *unread, GError **error)
{
    g_autoptr(VigilStrays) strays = NULL;
    gboolean ok, examined = FALSE;

    g_mutex_lock(&self->mutex);
    ok = vigil_store_check_writable(self, error) &&
         (strays = vigil_strays_list(self, TRUE, 0, G_MAXUINT, error)) != NULL;
    g_mutex_unlock(&self->mutex);
    while (ok && !examined)
        ok = vigil_strays_examine_some(strays, self, &examined, error);
    if (!ok)
        return FALSE;
    for (guint i = 0; unread && i < vigil_strays_get_n(strays); i++)
        if (vigil_strays_get_problem(strays, i))
            g_ptr_array_add(unread, g_strdup(vigil_strays_get_problem(strays, i)));
    g_mutex_lock(&self->mutex);
    if (!unread)
        vigil_retention_tell_strays(self, strays);
    ok = vigil_store_write_for(self, VIGIL_SPACE_FOR_FOOTAGE_ROWS, end_strays, strays, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}
