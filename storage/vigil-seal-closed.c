/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints as bytes: see vigil-seal.h. */
#include <string.h>

#include "storage/vigil-seal-private.h"

VigilSealItems *
vigil_seal_closed_write(const VigilSealClosed *closed)
{
    VigilSealItems *items = vigil_seal_items_new();

    vigil_seal_items_add(items, VIGIL_SEAL_CLOSED, "", closed->seq, closed->link);
    vigil_seal_items_add(items, VIGIL_SEAL_CLOSED_KEY, "", closed->n_items, closed->key);
    vigil_seal_items_add(items, VIGIL_SEAL_CLOSED_TIME, "", (guint64)closed->wall_us, NULL);
    return items;
}

void
vigil_seal_kept_write(VigilSealItems *items, guint64 seq, const guint8 *link, const gchar *mask)
{
    vigil_seal_items_add(items, VIGIL_SEAL_KEPT, mask ? mask : "", seq, link);
}

static void
kept_clear(gpointer data)
{
    g_free(((VigilSealKept *)data)->mask);
}

static gboolean
take_head(VigilSealClosed *closed, const VigilSealItem *item, guint n)
{
    if (item->name_length > 0 || item->type != VIGIL_SEAL_CLOSED + n)
        return FALSE;
    switch (item->type) {
    case VIGIL_SEAL_CLOSED:
        closed->seq = item->number;
        memcpy(closed->link, item->digest, sizeof closed->link);
        break;
    case VIGIL_SEAL_CLOSED_KEY:
        closed->n_items = item->number;
        memcpy(closed->key, item->digest, sizeof closed->key);
        break;
    default: closed->wall_us = (gint64)item->number; break;
    }
    return TRUE;
}

/* Kept is what is closed. */
static gboolean
take_kept(GArray *kept, const VigilSealClosed *closed, const VigilSealItem *item)
{
    VigilSealKept one = {.seq = item->number};

    if (item->type != VIGIL_SEAL_KEPT || one.seq == 0 || one.seq > closed->seq)
        return FALSE;
    for (gsize i = 0; i < item->name_length; i++)
        if (item->name[i] != '0' && item->name[i] != '1')
            return FALSE;
    one.mask = item->name_length ? g_strndup(item->name, item->name_length) : NULL;
    memcpy(one.link, item->digest, sizeof one.link);
    g_array_append_val(kept, one);
    return TRUE;
}

gboolean
vigil_seal_closed_parse(const VigilSealRecord *record, VigilSealClosed *closed, GArray **kept)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(VigilSealKept));
    VigilSealItem item;
    gsize offset = 0;
    guint n = 0;

    *closed = (VigilSealClosed){0};
    g_array_set_clear_func(found, kept_clear);
    if (record->kind != VIGIL_SEAL_KIND_CHECKPOINT)
        return FALSE;
    for (; vigil_seal_record_next(record, &offset, &item); n++)
        if (n < VIGIL_SEAL_N_HEAD_ITEMS ? !take_head(closed, &item, n)
                                        : !take_kept(found, closed, &item))
            return FALSE;
    if (n < VIGIL_SEAL_N_HEAD_ITEMS || closed->seq == 0 || closed->seq >= record->seq)
        return FALSE;
    *kept = g_steal_pointer(&found);
    return TRUE;
}

gboolean
vigil_seal_mask_fits(const gchar *mask, guint32 n_items)
{
    return !mask || strlen(mask) == n_items;
}
