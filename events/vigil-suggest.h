/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_suggest:
 * @word: what somebody wrote
 * @known: (array zero-terminated=1): what there is
 *
 * The known word that @word was probably meant to be: the nearest by edit distance (insert, delete, change, swap of
 * neighbours), when it is near: at most a third of the longer word's letters, and always one. Of equals, the first.
 *
 * Returns: (nullable) (transfer none): one of @known
 * Threads: re-entrant.
 */
const gchar *vigil_suggest(const gchar *word, const gchar *const *known);

G_END_DECLS
