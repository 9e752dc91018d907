/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <locale.h>
#include <string.h>

#include "events/vigil-privacy-mask.h"

START_TEST(reads_polygons)
{
    g_autoptr(VigilPrivacyMask) mask = vigil_privacy_mask_parse(
        "[[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2]], [[0, 0], [1, 0], [1, 1], [0, 1]]]", NULL);
    const VigilPoint *points;
    guint n;

    ck_assert_ptr_nonnull(mask);
    ck_assert_uint_eq(vigil_privacy_mask_get_n(mask), 2);
    points = vigil_privacy_mask_get(mask, 0, &n);
    ck_assert_uint_eq(n, 3);
    ck_assert_float_eq(points[1].x, 0.2f);
    ck_assert_float_eq(points[1].y, 0.0f);
    vigil_privacy_mask_get(mask, 1, &n);
    ck_assert_uint_eq(n, 4);
}
END_TEST

START_TEST(nothing_hides_nothing)
{
    static const gchar *const texts[] = {NULL, "", "[]"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(VigilPrivacyMask) mask = vigil_privacy_mask_parse(texts[i], NULL);
        g_autofree gchar *text = mask ? vigil_privacy_mask_to_text(mask) : NULL;

        ck_assert_ptr_nonnull(mask);
        ck_assert_uint_eq(vigil_privacy_mask_get_n(mask), 0);
        ck_assert_str_eq(text, "[]");
    }
}
END_TEST

START_TEST(text_is_read_as_the_same)
{
    static const gchar *const given =
        "[[[0.1, 0.333333343], [0.7, 0.123456789], [0.2, 0.9]], [[0, 0], [1, 0], [0, 1]]]";
    g_autoptr(VigilPrivacyMask) mask = vigil_privacy_mask_parse(given, NULL);
    g_autofree gchar *text = vigil_privacy_mask_to_text(mask);
    g_autoptr(VigilPrivacyMask) again = vigil_privacy_mask_parse(text, NULL);

    ck_assert_ptr_nonnull(again);
    for (guint i = 0; i < 2; i++) {
        guint n, m;
        const VigilPoint *a = vigil_privacy_mask_get(mask, i, &n);
        const VigilPoint *b = vigil_privacy_mask_get(again, i, &m);

        ck_assert_uint_eq(n, m);
        ck_assert_mem_eq(a, b, n * sizeof *a);
    }
}
END_TEST

static const struct {
    const gchar *text;
    const gchar *says[2];
} wrong[] = {
    {"[[[0, 0], [1, 1]]]", {"masks:1: [0]", "at least 3 points, this has 2"}},
    {"[[[0, 0], [1.5, 0], [1, 1]]]", {"masks:1: [0][1][0]", "1.5"}},
    {"[[[0, 0], [1, -0.1], [1, 1]]]", {"[0][1][1]", "-0.1"}},
    {"[[[0, 0], [.nan, 0], [1, 1]]]", {"[0][1][0]", "nan"}},
    {"[[[0, 0], [0.5, 0.5], [1, 1]]]", {"[0]", "on one line"}},
    {"[[0, 0], [1, 0], [1, 1]]", {"[0]", "at least 3 points, this has 2"}},
    {"[[[0, 0, 0], [1, 0], [1, 1]]]", {"[0][0]", "[x, y]"}},
    {"{porch: [[0, 0], [1, 0], [1, 1]]}", {"masks:1", "a list of polygons"}},
    {"0,0 1,0 1,1", {"masks:1", "a list of polygons"}},
    {"[[[0, 0], [1, 0], [1, 1]]", {"masks:", "]"}},
    /* all of them are told */
    {"[[[0, 0], [1, 1]], [[0, 0], [1, 0], [1, 1]], [[0, 0], [2, 0], [1, 1]]]",
     {"[0]", "[2][1][0]"}},
};

START_TEST(says_what_is_wrong)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(vigil_privacy_mask_parse(wrong[_i].text, &error));
    for (guint k = 0; k < 2; k++)
        ck_assert_msg(strstr(error->message, wrong[_i].says[k]), "%s: %s", wrong[_i].text,
                      error->message);
}
END_TEST

START_TEST(too_many)
{
    g_autoptr(GString) text = g_string_new("[");
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < VIGIL_PRIVACY_MASK_MAX + 1; i++)
        g_string_append(text, i > 0 ? ",[[0,0],[1,0],[1,1]]" : "[[0,0],[1,0],[1,1]]");
    g_string_append_c(text, ']');
    ck_assert_ptr_null(vigil_privacy_mask_parse(text->str, &error));
    ck_assert_msg(strstr(error->message, "at most 64 polygons, these are 65"), "%s",
                  error->message);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("privacy-mask");
    TCase *tcase = tcase_create("privacy-mask");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tcase, reads_polygons);
    tcase_add_test(tcase, nothing_hides_nothing);
    tcase_add_test(tcase, text_is_read_as_the_same);
    tcase_add_loop_test(tcase, says_what_is_wrong, 0, G_N_ELEMENTS(wrong));
    tcase_add_test(tcase, too_many);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
