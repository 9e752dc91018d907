/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Most labels of a list, and most bytes of a label and of a labels file. */
#define VIGIL_LABELS_MAX 65536
#define VIGIL_LABELS_MAX_LENGTH 256
#define VIGIL_LABELS_MAX_BYTES (4u << 20)

/**
 * vigil_labels_parse:
 * @text: UTF-8, not terminated
 * @length: bytes
 * @name: of the file, for messages
 *
 * Two forms are known: one label a line, numbered from 0; or a number and a label a line ("17  cat"),
 * with any numbers. Empty lines at the end do not count. A list without any label is an error.
 *
 * Returns: (transfer full) (element-type utf8): interned names by class number; %NULL entries
 *   are classes without name. Errors: %VIGIL_MODEL_ERROR_INVALID.
 */
GPtrArray *vigil_labels_parse(const gchar *text, gsize length, const gchar *name, GError **error);

/** vigil_labels_load: reads a file; else as vigil_labels_parse(), and %VIGIL_MODEL_ERROR_IO. */
GPtrArray *vigil_labels_load(const gchar *path, GError **error);

/**
 * vigil_labels_from_metadata:
 * @model: content of a `.tflite` file
 *
 * Looks into the ZIP archive that metadata writers append: a labels file, or the "names" of Ultralytics' exporter.
 *
 * Returns: (transfer full) (nullable): as vigil_labels_parse(), or %NULL without an error when the
 *   model carries no labels
 */
GPtrArray *vigil_labels_from_metadata(GBytes *model, GError **error);

/**
 * vigil_labels_fit:
 * @labels: (inout): a first entry that stands for the background goes when it is one too many
 * @n_classes: of the model, without background; 0 when it does not tell
 * @name: of the file, for messages
 *
 * Errors: %VIGIL_MODEL_ERROR_INVALID when the list is of another length, with a hint which list would do.
 */
gboolean vigil_labels_fit(GPtrArray *labels, guint n_classes, const gchar *name, GError **error);

G_END_DECLS
