/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-test-size.h"

#include <stdio.h>

guint
vigil_test_size(guint ordinary, guint nightly)
{
    const gchar *text = g_getenv("VIGIL_NIGHTLY");
    const gdouble part = text ? CLAMP(g_ascii_strtod(text, NULL), 0, 1) : 0;

    return part > 0 ? MAX(ordinary, (guint)(part * nightly)) : ordinary;
}

void
vigil_test_figure(const gchar *format, ...)
{
    g_autofree gchar *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    printf("FIGURE: %s\n", text);
    fflush(stdout);
}
