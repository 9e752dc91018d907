/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-suggest.h"

#include <string.h>

#define MAX_LENGTH 48 /* longer words are not compared: nobody mistypes one into another */

/* Optimal string alignment: three rows of the classic table are enough for the swap of neighbours. */
static guint
edit_distance(const gchar *a, gsize na, const gchar *b, gsize nb)
{
    guint rows[3][MAX_LENGTH + 1];

    for (gsize j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (gsize i = 1; i <= na; i++) {
        guint *row = rows[i % 3];
        const guint *above = rows[(i - 1) % 3];
        const guint *above2 = rows[(i + 1) % 3]; /* i - 2; not read while i is 1 */

        row[0] = i;
        for (gsize j = 1; j <= nb; j++) {
            guint best = MIN(above[j], row[j - 1]) + 1;

            best = MIN(best, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = MIN(best, above2[j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[na % 3][nb];
}

const gchar *
vigil_suggest(const gchar *word, const gchar *const *known)
{
    const gsize length = strlen(word);
    const gchar *nearest = NULL;
    guint nearest_distance = G_MAXUINT;

    if (length > MAX_LENGTH)
        return NULL;
    for (guint i = 0; known[i]; i++) {
        const gsize known_length = strlen(known[i]);
        guint distance;

        if (known_length > MAX_LENGTH)
            continue;
        distance = edit_distance(word, length, known[i], known_length);
        if (distance <= MAX(1, MAX(length, known_length) / 3) && distance < nearest_distance) {
            nearest = known[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}
