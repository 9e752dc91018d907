/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-labels-private.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* Labels as a file, as an exporter's metadata, and in an archive behind a model. With libFuzzer: -detect_leaks=0, since
 * GLib keeps the tables of interned strings that it has outgrown. */
int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    GBytes *bytes = g_bytes_new_static(data, size);
    GPtrArray *list = vigil_labels_parse((const gchar *)data, size, "labels", NULL);
    GPtrArray *names = vigil_labels_parse_names((const gchar *)data, size);
    GPtrArray *carried = vigil_labels_from_metadata(bytes, NULL);

    if (list)
        vigil_labels_fit(list, 80, "labels", NULL);
    g_clear_pointer(&list, g_ptr_array_unref);
    g_clear_pointer(&names, g_ptr_array_unref);
    g_clear_pointer(&carried, g_ptr_array_unref);
    g_bytes_unref(bytes);
    return 0;
}
