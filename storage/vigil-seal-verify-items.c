/* SPDX-License-Identifier: Apache-2.0 */
/* What stands sealed, from one record to the next. */
#include <string.h>

#include "storage/vigil-seal-verify-private.h"

static void
take_event_part(VigilVerify *self, const VigilSealItem *item, const gchar *name, const gchar *clip)
{
    const guint part = item->type - VIGIL_SEAL_EVENT;
    VigilVerifyEvent *event = g_hash_table_lookup(self->events, name);

    if (part == 0) {
        event = g_new0(VigilVerifyEvent, 1);
        event->clip = g_strdup(clip);
        g_hash_table_replace(self->events, g_strdup(name), event);
    }
    if (!event)
        return;
    memcpy(event->digests[part], item->digest, VIGIL_SEAL_DIGEST_BYTES);
    event->has[part] = TRUE;
}

static void
take_part(VigilVerify *self, const gchar *id, const gchar *clip)
{
    GHashTable *paths = g_hash_table_lookup(self->parts, id);

    if (!clip)
        return;
    if (!paths) {
        paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_hash_table_insert(self->parts, g_strdup(id), paths);
    }
    g_hash_table_add(paths, g_strdup(clip));
}

/* Nothing is written to a clip that is sealed: who marks it as open again, and alters it, gets no seal that counts. */
static void
take_clip(VigilVerify *self, const VigilSealRecord *record, const VigilSealItem *item,
          const gchar *name)
{
    VigilVerifyClip *sealed;

    if (g_hash_table_contains(self->clips, name)) {
        vigil_verify_report(self,
                            "clip %s: record %" G_GUINT64_FORMAT " seals it a second time; what "
                            "counts is the first",
                            name, record->seq);
        return;
    }
    sealed = g_new0(VigilVerifyClip, 1);
    sealed->bytes = item->number;
    memcpy(sealed->digest, item->digest, VIGIL_SEAL_DIGEST_BYTES);
    g_hash_table_insert(self->clips, g_strdup(name), sealed);
}

static void
take_sealed(VigilVerify *self, const VigilSealRecord *record, const VigilSealItem *item,
            const gchar *name, gchar **clip)
{
    VigilVerifyClip *sealed;

    switch (item->type) {
    case VIGIL_SEAL_CLIP: take_clip(self, record, item, name); G_GNUC_FALLTHROUGH;
    case VIGIL_SEAL_LINK:
        g_free(*clip);
        *clip = g_strdup(name);
        break;
    case VIGIL_SEAL_CLIP_ROW:
        sealed = *clip ? g_hash_table_lookup(self->clips, *clip) : NULL;
        if (sealed && !sealed->row_seq)
            sealed->row_seq = record->seq;
        break;
    case VIGIL_SEAL_EVENT:
    case VIGIL_SEAL_TRACK:
    case VIGIL_SEAL_SNAPSHOT: take_event_part(self, item, name, *clip); break;
    case VIGIL_SEAL_PART: take_part(self, name, *clip); break;
    default: break;
    }
}

static void
take_deleted(VigilVerify *self, const VigilSealItem *item, const gchar *name)
{
    VigilVerifyEvent *event;

    switch (item->type) {
    case VIGIL_SEAL_CLIP: g_hash_table_remove(self->clips, name); break;
    case VIGIL_SEAL_EVENT:
        g_hash_table_remove(self->events, name);
        g_hash_table_remove(self->parts, name);
        break;
    case VIGIL_SEAL_TRACK:
    case VIGIL_SEAL_SNAPSHOT:
        event = g_hash_table_lookup(self->events, name);
        if (event)
            event->has[item->type - VIGIL_SEAL_EVENT] = FALSE;
        break;
    default: break;
    }
}

void
vigil_verify_take_items(VigilVerify *self, const VigilSealRecord *record, const gchar *mask)
{
    g_autofree gchar *clip = NULL;
    VigilSealItem item;
    gsize offset = 0;

    for (guint i = 0; vigil_seal_record_next(record, &offset, &item); i++) {
        g_autofree gchar *name = NULL;

        if (mask && mask[i] == '0') {
            /* what is behind a clip that is gone still belongs to it */
            if (item.type != VIGIL_SEAL_CLIP)
                continue;
            item.type = VIGIL_SEAL_LINK;
        }
        name = g_strndup(item.name, item.name_length);

        if (record->kind == VIGIL_SEAL_KIND_DELETION)
            take_deleted(self, &item, name);
        else if (record->kind == VIGIL_SEAL_KIND_SEAL)
            take_sealed(self, record, &item, name, &clip);
        else if (record->seq == 1 && item.type == VIGIL_SEAL_OLDER_CLIPS)
            self->older_clip_id = item.number;
        else if (record->seq == 1 && item.type == VIGIL_SEAL_OLDER_EVENTS)
            self->older_event_seq = item.number;
    }
}
