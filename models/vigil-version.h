/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** vigil_version_is: whether @text is a version: 1 to 4 numbers of at most 9 digits with points between, as "1.10.2". */
gboolean vigil_version_is(const gchar *text);

/**
 * vigil_version_compare:
 *
 * Both are versions. "1.2" is "1.2.0" and lower than "1.10". Returns: below, at or above 0, as strcmp()
 */
gint vigil_version_compare(const gchar *a, const gchar *b);

G_END_DECLS
