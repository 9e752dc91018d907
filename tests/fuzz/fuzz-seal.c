/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "storage/vigil-seal-private.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* Nothing that is kept is open, and what is written from it is the same. */
static void
check_checkpoint(const VigilSealRecord *record)
{
    VigilSealClosed closed;
    VigilSealItems *items;
    GArray *kept = NULL;

    if (!vigil_seal_closed_parse(record, &closed, &kept))
        return;
    g_assert(record->kind == VIGIL_SEAL_KIND_CHECKPOINT && closed.seq < record->seq);
    items = vigil_seal_closed_write(&closed);
    for (guint i = 0; i < kept->len; i++) {
        const VigilSealKept *one = &g_array_index(kept, VigilSealKept, i);

        g_assert(one->seq > 0 && one->seq <= closed.seq);
        g_assert(!one->mask || vigil_seal_mask_fits(one->mask, (guint32)strlen(one->mask)));
        vigil_seal_kept_write(items, one->seq, one->link, one->mask);
    }
    g_assert(items->n == record->n_items && items->bytes->len == record->items_length);
    vigil_seal_items_free(items);
    g_array_unref(kept);
}

/* A record of the chain out of a database, and public keys out of a file. */
int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    gchar *text = g_strndup((const gchar *)data, size);
    GByteArray *keys = vigil_seal_public_parse(text);
    VigilSealRecord record;
    VigilSealItem item;
    gsize offset = 0, names = 0;
    guint32 n = 0;

    g_assert(keys->len % VIGIL_SEAL_KEY_BYTES == 0);
    if (vigil_seal_record_parse(&record, data, size)) {
        for (; vigil_seal_record_next(&record, &offset, &item); n++)
            names += item.name_length;
        g_assert(n == record.n_items && names < size);
        check_checkpoint(&record);
    }
    g_byte_array_unref(keys);
    g_free(text);
    return 0;
}
