/* SPDX-License-Identifier: Apache-2.0 */
/* What is over a limit of space. */
#include "storage/vigil-retention-private.h"
#include "storage/vigil-set-aside.h"

/* Deleting need not free anything: the files may have other links. */
#define VAIN_PAUSE_US (3600 * (gint64)G_USEC_PER_SEC)
#define WORTH_BYTES (16 * 1024 * 1024) /* freed late, as some file systems do */

gboolean
vigil_retention_read_used(VigilStore *self, gint64 *bytes, GError **error)
{
    gint64 clips, pages, unused, page_size;

    if (!vigil_store_read_int(self, "SELECT value FROM sums WHERE name = 'clip_bytes'", &clips,
                              error) ||
        !vigil_store_read_int(self, "PRAGMA page_count", &pages, error) ||
        !vigil_store_read_int(self, "PRAGMA freelist_count", &unused, error) ||
        !vigil_store_read_int(self, "PRAGMA page_size", &page_size, error))
        return FALSE;
    for (guint i = 0; i < self->live_clips->len; i++)
        clips += (gint64)vigil_clip_bytes(g_ptr_array_index(self->live_clips, i));
    *bytes = clips + (pages - unused) * page_size + vigil_set_aside_bytes(self);
    return TRUE;
}

gint64
vigil_retention_get_lack(VigilStore *self, gint64 free_bytes)
{
    VigilRetention *retention = self->retention;
    const gint64 now = vigil_store_clock_mono(&self->clock);
    const gint64 worth = retention->vain_until_us ? WORTH_BYTES : 0;

    if (free_bytes < 0 || free_bytes - worth > retention->free_before) {
        retention->free_before = -1;
        retention->vain_until_us = 0;
    } else if (!retention->vain_until_us) {
        g_message("%s: min_free: deleting the oldest clips freed no space: no more are deleted for "
                  "it for a while",
                  self->database);
        retention->vain_until_us = now + VAIN_PAUSE_US;
    } else if (now >= retention->vain_until_us) {
        retention->free_before = -1;
        retention->vain_until_us = 0;
    }
    return free_bytes < 0 || retention->vain_until_us ? 0
                                                      : MAX(self->min_free_bytes - free_bytes, 0);
}

gboolean
vigil_retention_read_excess(VigilStore *self, gint64 *excess, GError **error)
{
    gint64 used;
    VigilPins pins;

    *excess = 0;
    if (!self->max_bytes)
        return TRUE;
    if (!vigil_retention_read_used(self, &used, error))
        return FALSE;
    if (used <= self->max_bytes) {
        self->retention->pins_over = FALSE;
        return TRUE;
    }
    if (!vigil_pins_read(self, &pins, error))
        return FALSE;
    if (pins.over && !self->retention->pins_over)
        g_message("%s: clips of pinned events take %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                  " bytes: a tenth of these is left to all others; unpin some, or allow more "
                  "(max_bytes)",
                  self->database, pins.clip_bytes, pins.max_bytes);
    self->retention->pins_over = pins.over;
    *excess = used - vigil_pins_get_limit(&pins);
    return TRUE;
}
