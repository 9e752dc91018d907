/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-seal-private.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

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
    }
    g_byte_array_unref(keys);
    g_free(text);
    return 0;
}
