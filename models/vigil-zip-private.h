/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilZipEntry:
 * @name: not terminated; borrowed from the archive
 * @name_length: bytes
 * @data: borrowed from the archive; %NULL when it is compressed, which this reader does not undo
 * @size: bytes
 */
typedef struct {
    const gchar *name;
    gsize name_length;
    const guint8 *data;
    gsize size;
} VigilZipEntry;

/**
 * VigilZipFunc:
 *
 * Returns: whether to go on
 */
typedef gboolean (*VigilZipFunc)(const VigilZipEntry *entry, gpointer user_data);

/**
 * vigil_zip_foreach:
 * @data: bytes that may end in a ZIP archive, as TensorFlow Lite appends one to models for their metadata
 *
 * Walks the archive's directory; entries that do not lie within @data are left out.
 * Source: APPNOTE 6.3.3, sections 4.3.7, 4.3.12, 4.3.16; fuzzed by tests/fuzz/fuzz-labels.c.
 */
void vigil_zip_foreach(const guint8 *data, gsize size, VigilZipFunc func, gpointer user_data);

G_END_DECLS
