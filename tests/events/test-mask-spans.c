/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "events/vigil-mask-spans.h"

#define GRID 256
#define CANARY 0xa5

static VigilPrivacyMask *
mask_new(const gchar *text)
{
    g_autoptr(GError) error = NULL;
    VigilPrivacyMask *mask = vigil_privacy_mask_parse(text, &error);

    ck_assert_msg(mask != NULL, "%s", error ? error->message : "");
    return mask;
}

/* A row a line, '#' for covered. */
static gchar *
draw(const VigilMaskSpans *spans)
{
    GString *text = g_string_new(NULL);

    for (guint y = 0; y < spans->height; y++) {
        const gsize row = text->len;

        for (guint x = 0; x < spans->width; x++)
            g_string_append_c(text, '.');
        for (guint i = spans->rows[y]; i < spans->rows[y + 1]; i++)
            for (guint x = spans->spans[i].begin; x < spans->spans[i].end; x++)
                text->str[row + x] = '#';
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

static void
check_drawing(const gchar *text, guint width, guint height, const gchar *expected)
{
    g_autoptr(VigilPrivacyMask) mask = mask_new(text);
    g_autoptr(VigilMaskSpans) spans = vigil_mask_spans_new(mask, width, height);
    g_autofree gchar *drawing = draw(spans);

    ck_assert_str_eq(drawing, expected);
}

START_TEST(exact_pixels)
{
    check_drawing("[]", 3, 2, "...\n...\n");
    /* borders of pixels: nothing beside them, although 0.2 is no float */
    check_drawing("[[[0.2, 0.2], [0.6, 0.2], [0.6, 0.8], [0.2, 0.8]]]", 5, 5,
                  ".....\n.##..\n.##..\n.##..\n.....\n");
    check_drawing("[[[0, 0], [1, 0], [1, 1], [0, 1]]]", 3, 3, "###\n###\n###\n");
    /* a part of a pixel is enough */
    check_drawing("[[[0.25, 0.25], [0.3, 0.25], [0.3, 0.75], [0.25, 0.75]]]", 5, 3,
                  ".#...\n.#...\n.#...\n");
    check_drawing("[[[0, 0], [1, 1], [0, 1]]]", 4, 4, "#...\n##..\n###.\n####\n");
    /* two that overlap, and one apart */
    check_drawing("[[[0, 0], [0.5, 0], [0.5, 1], [0, 1]], [[0.25, 0], [0.75, 0], [0.75, 1], [0.25, "
                  "1]], [[0.875, 0.5], [1, 0.5], [1, 1], [0.875, 1]]]",
                  8, 2, "######..\n######.#\n");
}
END_TEST

/* Also what the outline goes around twice, or the other way round. */
START_TEST(crosses_itself)
{
    /* a bow tie */
    check_drawing("[[[0, 0], [1, 1], [1, 0], [0, 1]]]", 4, 4, "#..#\n####\n####\n#..#\n");
    /* a square in a square, one outline: a hole by the even-odd rule, which would show what is in it */
    check_drawing("[[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0], [0.25, 0.25], [0.75, 0.25], [0.75, "
                  "0.75], [0.25, 0.75], [0.25, 0.25]]]",
                  4, 4, "####\n####\n####\n####\n");
}
END_TEST

START_TEST(chroma_of_what_is_covered_in_part)
{
    g_autoptr(VigilPrivacyMask) mask =
        mask_new("[[[0.4, 0.6], [0.6, 0.6], [0.6, 0.8], [0.4, 0.8]]]");
    g_autoptr(VigilMaskSpans) spans = vigil_mask_spans_new(mask, 5, 5);
    g_autoptr(VigilMaskSpans) half = vigil_mask_spans_subsample(spans, 1, 1, FALSE);
    g_autoptr(VigilMaskSpans) wide = vigil_mask_spans_subsample(spans, 1, 0, FALSE);
    g_autofree gchar *drawing = draw(spans), *small = draw(half), *flat = draw(wide);

    ck_assert_str_eq(drawing, ".....\n.....\n.....\n..#..\n.....\n");
    ck_assert_str_eq(small, "...\n.#.\n...\n");
    ck_assert_str_eq(flat, "...\n...\n...\n.#.\n...\n");
}
END_TEST

/* Of two fields: the first row of chroma has the rows 0 and 2, the second 1 and 3. */
START_TEST(chroma_of_fields)
{
    g_autoptr(VigilPrivacyMask) mask = mask_new("[[[0, 0.2], [1, 0.2], [1, 0.3], [0, 0.3]]]");
    g_autoptr(VigilMaskSpans) spans = vigil_mask_spans_new(mask, 2, 10);
    g_autoptr(VigilMaskSpans) half = vigil_mask_spans_subsample(spans, 1, 1, TRUE);
    g_autofree gchar *drawing = draw(spans), *small = draw(half);

    ck_assert_str_eq(drawing, "..\n..\n##\n..\n..\n..\n..\n..\n..\n..\n");
    ck_assert_str_eq(small, "#\n#\n.\n.\n.\n");
}
END_TEST

/* --- against the definition ------------------------------------------------------------------ */

typedef struct {
    gint64 x, y;
} Corner;

static gint64
side(Corner a, Corner b, gint64 x, gint64 y)
{
    return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
}

/* Whether the edge goes through the inside of the square: no axis separates them. */
static gboolean
touches(Corner a, Corner b, gint64 x0, gint64 y0)
{
    const gint64 x1 = x0 + GRID, y1 = y0 + GRID;
    const gint64 sides[] = {side(a, b, x0, y0), side(a, b, x1, y0), side(a, b, x0, y1),
                            side(a, b, x1, y1)};
    gboolean left = FALSE, right = FALSE;

    if (MAX(a.x, b.x) <= x0 || MIN(a.x, b.x) >= x1 || MAX(a.y, b.y) <= y0 || MIN(a.y, b.y) >= y1)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
        left |= sides[i] < 0;
        right |= sides[i] > 0;
    }
    return (left && right) || (a.x == b.x && a.y == b.y);
}

static gboolean
covers(const Corner *corners, guint n, guint x, guint y)
{
    const gint64 px = (gint64)x * GRID + GRID / 2, py = (gint64)y * GRID + GRID / 2;
    gint winding = 0;

    for (guint i = 0; i < n; i++) {
        const Corner a = corners[i], b = corners[(i + 1) % n];

        if (touches(a, b, (gint64)x * GRID, (gint64)y * GRID))
            return TRUE;
        if (a.y <= py && b.y > py && side(a, b, px, py) > 0)
            winding++;
        else if (a.y > py && b.y <= py && side(a, b, px, py) < 0)
            winding--;
    }
    return winding != 0;
}

static gboolean
is_covered(const VigilPrivacyMask *mask, guint width, guint height, guint x, guint y)
{
    for (guint i = 0; i < vigil_privacy_mask_get_n(mask); i++) {
        Corner corners[VIGIL_ZONE_MAX_POINTS];
        guint n;
        const VigilPoint *points = vigil_privacy_mask_get(mask, i, &n);

        for (guint k = 0; k < n; k++)
            corners[k] = (Corner){llrint((gdouble)points[k].x * width * GRID),
                                  llrint((gdouble)points[k].y * height * GRID)};
        if (covers(corners, n, x, y))
            return TRUE;
    }
    return FALSE;
}

static gchar *
draw_slowly(const VigilPrivacyMask *mask, guint width, guint height)
{
    GString *text = g_string_new(NULL);

    for (guint y = 0; y < height; y++) {
        for (guint x = 0; x < width; x++)
            g_string_append_c(text, is_covered(mask, width, height, x, y) ? '#' : '.');
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

static gdouble
random_place(GRand *rand, guint size)
{
    switch (g_rand_int_range(rand, 0, 6)) {
    case 0: return 0.0;
    case 1: return 1.0;
    case 2: return (gdouble)g_rand_int_range(rand, 0, (gint)size + 1) / size; /* a border */
    case 3: return (g_rand_int_range(rand, 0, (gint)size) + 0.5) / size;      /* a centre */
    default: return g_rand_double(rand);
    }
}

static gchar *
random_masks(GRand *rand, guint width, guint height)
{
    GString *text = g_string_new("[");
    const gint n = g_rand_int_range(rand, 1, 4);

    for (gint i = 0; i < n; i++) {
        const gint n_points = g_rand_int_range(rand, 3, 9);

        g_string_append(text, i > 0 ? ", [" : "[");
        for (gint k = 0; k < n_points; k++) {
            gchar x[G_ASCII_DTOSTR_BUF_SIZE], y[G_ASCII_DTOSTR_BUF_SIZE];

            g_string_append_printf(
                text, "%s[%s, %s]", k > 0 ? ", " : "",
                g_ascii_formatd(x, sizeof x, "%.9f", random_place(rand, width)),
                g_ascii_formatd(y, sizeof y, "%.9f", random_place(rand, height)));
        }
        g_string_append_c(text, ']');
    }
    g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

START_TEST(random_polygons_equal_the_definition)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20261121);
    guint done = 0;

    while (done < 3000) {
        const guint width = (guint)g_rand_int_range(rand, 1, 40);
        const guint height = (guint)g_rand_int_range(rand, 1, 40);
        g_autofree gchar *text = random_masks(rand, width, height);
        g_autoptr(VigilPrivacyMask) mask = vigil_privacy_mask_parse(text, NULL);
        g_autoptr(VigilMaskSpans) spans = NULL;
        g_autofree gchar *fast = NULL, *slow = NULL;

        if (!mask) /* on one line */
            continue;
        done++;
        spans = vigil_mask_spans_new(mask, width, height);
        fast = draw(spans);
        slow = draw_slowly(mask, width, height);
        ck_assert_msg(g_str_equal(fast, slow), "%ux%u %s\n%s\n%s", width, height, text, fast, slow);
    }
}
END_TEST

/* --- filling --------------------------------------------------------------------------------- */

static void
check_fill(const VigilMaskSpans *spans, guint step, guint offset, guint size, gboolean bottom_up)
{
    static const guint8 value[] = {1, 2, 3, 4};
    g_autofree gchar *drawing = draw(spans);
    const gsize stride = (gsize)spans->width * step + 7;
    /* what is written outside of it, ASan finds; what is written between, the comparison */
    const gsize length =
        stride * (spans->height - 1) + (gsize)(spans->width - 1) * step + offset + size;
    g_autofree guint8 *plane = g_malloc(length);
    guint8 *first = plane + offset + (bottom_up ? stride * (spans->height - 1) : 0);
    gsize n_wrong = 0;

    memset(plane, CANARY, length);
    vigil_mask_spans_fill(spans, first, bottom_up ? -(gssize)stride : (gssize)stride, step, value,
                          size);
    for (gsize i = 0; i < length; i++) {
        const gsize line = i / stride, x = (i % stride) / step, byte = (i % stride) % step;
        const gsize y = bottom_up ? spans->height - 1 - line : line;
        const gboolean ours = x < spans->width && byte >= offset && byte < offset + size &&
                              drawing[y * (spans->width + 1) + x] == '#';

        n_wrong += plane[i] != (ours ? value[byte - offset] : CANARY);
    }
    ck_assert_uint_eq(n_wrong, 0);
}

START_TEST(fills_what_is_covered_and_nothing_else)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);

    for (guint i = 0; i < 300; i++) {
        const guint width = (guint)g_rand_int_range(rand, 1, 50);
        const guint height = (guint)g_rand_int_range(rand, 1, 20);
        g_autofree gchar *text = random_masks(rand, width, height);
        g_autoptr(VigilPrivacyMask) mask = vigil_privacy_mask_parse(text, NULL);
        g_autoptr(VigilMaskSpans) spans = mask ? vigil_mask_spans_new(mask, width, height) : NULL;

        for (guint step = 1; spans && step <= 4; step++)
            for (guint size = 1; size <= step; size++)
                check_fill(spans, step, step - size, size, i % 2 == 1);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("mask-spans");
    TCase *tcase = tcase_create("mask-spans");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, exact_pixels);
    tcase_add_test(tcase, crosses_itself);
    tcase_add_test(tcase, chroma_of_what_is_covered_in_part);
    tcase_add_test(tcase, chroma_of_fields);
    tcase_add_test(tcase, random_polygons_equal_the_definition);
    tcase_add_test(tcase, fills_what_is_covered_and_nothing_else);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
