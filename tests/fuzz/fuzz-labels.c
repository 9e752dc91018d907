/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-labels-private.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* Labels as a file, as exporter's metadata, and in an archive behind a model. */
int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
    g_autoptr(GPtrArray) list = vigil_labels_parse((const gchar *)data, size, "labels", NULL);
    g_autoptr(GPtrArray) names = vigil_labels_parse_names((const gchar *)data, size);
    g_autoptr(GPtrArray) carried = vigil_labels_from_metadata(bytes, NULL);

    if (list)
        vigil_labels_fit(list, 80, "labels", NULL);
    return 0;
}
