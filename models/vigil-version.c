/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-version.h"

#define MAX_NUMBERS 4
#define MAX_DIGITS 9

static gboolean
parse(const gchar *text, guint numbers[MAX_NUMBERS])
{
    for (guint i = 0; i < MAX_NUMBERS; i++) {
        guint digits = 0;

        numbers[i] = 0;
        for (; g_ascii_isdigit(*text) && digits < MAX_DIGITS; text++, digits++)
            numbers[i] = numbers[i] * 10 + (guint)(*text - '0');
        if (digits == 0)
            return FALSE;
        if (*text != '.') {
            for (guint rest = i + 1; rest < MAX_NUMBERS; rest++)
                numbers[rest] = 0;
            return *text == '\0';
        }
        text++;
    }
    return FALSE;
}

gboolean
vigil_version_is(const gchar *text)
{
    guint numbers[MAX_NUMBERS];

    return parse(text, numbers);
}

gint
vigil_version_compare(const gchar *a, const gchar *b)
{
    guint left[MAX_NUMBERS], right[MAX_NUMBERS];

    if (!parse(a, left) || !parse(b, right))
        g_return_val_if_reached(0);
    for (guint i = 0; i < MAX_NUMBERS; i++) {
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    }
    return 0;
}
