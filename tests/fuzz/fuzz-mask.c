/* SPDX-License-Identifier: Apache-2.0 */
/* Privacy masks from outside: the text, which pixels they cover, and what is painted, into memory of just that size. */

#include "events/vigil-mask-spans.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
paint(const VigilMaskSpans *spans, guint step)
{
    const guint8 value[4] = {1, 2, 3, 4};
    const gsize stride = (gsize)spans->width * step;
    g_autofree guint8 *plane = g_malloc0(stride * spans->height);
    guint n_spans = 0;

    vigil_mask_spans_fill(spans, plane, (gssize)stride, step, value, step);
    for (guint y = 0; y < spans->height; y++) {
        guint end = 0;

        for (guint i = spans->rows[y]; i < spans->rows[y + 1]; i++, n_spans++) {
            /* in order, apart, not empty, within the row */
            g_assert(spans->spans[i].begin < spans->spans[i].end);
            g_assert(spans->spans[i].begin > end || (end == 0 && spans->spans[i].begin == 0));
            end = spans->spans[i].end;
            g_assert(end <= spans->width);
        }
    }
    g_assert(n_spans == spans->rows[spans->height]);
}

/* The first two bytes are the picture's size. */
int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree gchar *text = NULL, *again = NULL;
    g_autoptr(VigilPrivacyMask) mask = NULL, same = NULL;
    g_autoptr(VigilMaskSpans) spans = NULL, half = NULL;
    g_autoptr(GError) error = NULL;

    if (size < 2)
        return 0;
    text = g_strndup((const gchar *)data + 2, size - 2);
    mask = vigil_privacy_mask_parse(text, &error);
    g_assert(mask || (error && g_utf8_validate(error->message, -1, NULL)));
    if (!mask)
        return 0;
    again = vigil_privacy_mask_to_text(mask);
    same = vigil_privacy_mask_parse(again, NULL);
    g_assert(same && vigil_privacy_mask_get_n(same) == vigil_privacy_mask_get_n(mask));
    spans = vigil_mask_spans_new(mask, data[0] + 1u, data[1] + 1u);
    half = vigil_mask_spans_subsample(spans, 1, data[0] & 1, data[0] & 2);
    paint(spans, 1 + (data[1] & 3));
    paint(half, 1);
    return 0;
}
