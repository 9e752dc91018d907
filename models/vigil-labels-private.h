/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-labels.h"

G_BEGIN_DECLS

/**
 * vigil_labels_parse_names:
 * @text: Python or JSON text that holds {…, "names": {0: "person", …}, …} or "names": ["person", …]
 *
 * Returns: (transfer full) (nullable): as vigil_labels_parse(), %NULL when there are no names
 */
GPtrArray *vigil_labels_parse_names(const gchar *text, gsize length);

/** vigil_labels_set: names class @id; %FALSE when it has a name already or @id is too large. */
gboolean vigil_labels_set(GPtrArray *labels, guint64 id, const gchar *name, gsize length);

G_END_DECLS
