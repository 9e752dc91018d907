/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-pins.h"

#include "storage/vigil-clip-parts.h"
#include "storage/vigil-retention-private.h"

/* Written so that the index of pinned events is what is read, where there is one. */
#define PINNED "FROM events e WHERE e.pinned <> 0"
#define CLIPS_OF(events, id)                                                        \
    "SELECT c.id, c.bytes FROM events e " events "CROSS JOIN clips c ON c.id = " id \
    " WHERE e.pinned <> 0 AND c.state <> 'lost'"
#define FIRST_CLIPS CLIPS_OF("", "e.clip_id")
#define OTHER_CLIPS CLIPS_OF("CROSS JOIN event_parts p ON p.event_seq = e.seq ", "p.clip_id")

static gboolean
add_clips(VigilStore *self, VigilPins *pins, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self,
        self->schema < VIGIL_PARTS_SCHEMA ? FIRST_CLIPS : FIRST_CLIPS " UNION ALL " OTHER_CLIPS);

    while (vigil_statement_step(&list, &local)) {
        const gint64 id = sqlite3_column_int64(list.stmt, 0);

        /* a clip may show several */
        if (!g_hash_table_add(seen, g_memdup2(&id, sizeof id)))
            continue;
        pins->n_clips++;
        pins->clip_bytes += (guint64)sqlite3_column_int64(list.stmt, 1);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_pins_read(VigilStore *self, VigilPins *pins, GError **error)
{
    gint64 n_events;

    *pins = (VigilPins){.max_bytes = (guint64)self->max_bytes};
    if (!vigil_store_read_int(self, "SELECT count(*) " PINNED, &n_events, error) ||
        !add_clips(self, pins, error))
        return FALSE;
    pins->n_events = (guint64)n_events;
    pins->over = pins->max_bytes > 0 &&
                 pins->clip_bytes > pins->max_bytes - pins->max_bytes / VIGIL_PINS_REST;
    return TRUE;
}

gint64
vigil_pins_get_limit(const VigilPins *pins)
{
    return (gint64)MAX(pins->max_bytes, pins->clip_bytes + pins->max_bytes / VIGIL_PINS_REST);
}

gboolean
vigil_store_get_pins(VigilStore *self, VigilPins *pins, GError **error)
{
    gboolean ok = FALSE;

    g_mutex_lock(&self->mutex);
    if (self->db)
        ok = vigil_pins_read(self, pins, error);
    else
        vigil_store_check_writable(self, error); /* says why it is closed */
    g_mutex_unlock(&self->mutex);
    return ok;
}
