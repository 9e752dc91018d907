/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-box-list.h"
#include "models/vigil-model.h"

static const gchar *const labels[] = {"cat", "dog", "person"};

START_TEST(test_yolo)
{
    static const struct {
        const gchar *text;
        gint n; /* -1: refused */
    } cases[] = {
        {"", 0},
        {"2 0.5 0.5 0.25 0.5\n", 1},
        {"# none\n\n0\t0.5  0.5 0.25 0.5\r\n1 0.1 0.1 0.1 0.1", 2},
        {"3 0.5 0.5 0.25 0.5\n", -1},
        {"-1 0.5 0.5 0.25 0.5\n", -1},
        {"1.5 0.5 0.5 0.25 0.5\n", -1},
        {"2 0.5 0.5 0.25\n", -1},
        {"2 0.5 0.5 0.25 0.5 0.9\n", -1},
        {"2 0.5 0.5 0 0.5\n", -1},
        {"2 0.5 nan 0.25 0.5\n", -1},
        {"2 0,5 0.5 0.25 0.5\n", -1},
        {"person 0.5 0.5 0.25 0.5\n", -1},
        {"\xff", -1},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const gsize length = strlen(cases[i].text);
        g_autofree gchar *exact = g_memdup2(cases[i].text, length); /* no NUL behind it */
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) boxes =
            vigil_box_list_parse_yolo(exact ? exact : "", length, "p.txt", labels, 3, &error);

        ck_assert_msg((boxes ? (gint)boxes->len : -1) == cases[i].n, "%u", i);
        if (cases[i].n < 0)
            ck_assert_msg(g_str_has_prefix(error->message, "p.txt:1: "), "%s", error->message);
    }
}
END_TEST

START_TEST(test_yolo_box)
{
    static const gchar text[] = "2 0.5 0.5 0.25 0.5\n";
    g_autoptr(GArray) boxes =
        vigil_box_list_parse_yolo(text, strlen(text), "p.txt", labels, 3, NULL);
    const VigilDetection *box = &g_array_index(boxes, VigilDetection, 0);

    ck_assert_str_eq(box->label, "person");
    ck_assert_float_eq(box->score, 1);
    ck_assert_float_eq(box->box.x0, 0.375f);
    ck_assert_float_eq(box->box.y0, 0.25f);
    ck_assert_float_eq(box->box.x1, 0.625f);
    ck_assert_float_eq(box->box.y1, 0.75f);
}
END_TEST

START_TEST(test_too_many)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GArray) most = NULL;
    g_autoptr(GArray) more = NULL;
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < VIGIL_BOX_LIST_MAX; i++)
        g_string_append(text, "a\t1\t0\t0\t1\t1\n");
    most = vigil_box_list_parse(text->str, text->len, "b.tsv", &error);
    g_assert_no_error(error);
    ck_assert_uint_eq(most->len, VIGIL_BOX_LIST_MAX);
    g_string_append(text, "a\t1\t0\t0\t1\t1\n");
    more = vigil_box_list_parse(text->str, text->len, "b.tsv", &error);
    ck_assert_ptr_null(more);
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID);
}
END_TEST

static VigilDetection
box(const gchar *label, gfloat x0, gfloat x1, gfloat score)
{
    return (VigilDetection){{x0, 0, x1, 1}, score, 0, g_intern_string(label)};
}

/* Each box is part of one pair at most, the best overlap wins, and the label counts. */
START_TEST(test_match)
{
    const VigilDetection reference[] = {box("a", 0, 0.4f, 0.9f), box("a", 0.1f, 0.5f, 0.8f),
                                        box("b", 0.6f, 1, 0.7f)};
    const VigilDetection boxes[] = {box("a", 0.05f, 0.45f, 0.6f), box("a", 0, 0.4f, 0.5f),
                                    box("a", 0.6f, 1, 0.7f)};
    VigilBoxMatch match = {0};

    vigil_box_match_add(&match, reference, 3, boxes, 3, 0.5f);
    ck_assert_uint_eq(match.matched, 2);
    ck_assert_uint_eq(match.missed, 1);
    ck_assert_uint_eq(match.extra, 1);
    ck_assert_double_eq_tol(match.score_difference, 0.4 + 0.2, 1e-6);
    ck_assert_double_eq_tol(match.overlap, 1 + 0.35 / 0.45, 1e-5);
    vigil_box_match_add(&match, reference, 2, NULL, 0, 0.5f);
    vigil_box_match_add(&match, NULL, 0, boxes, 1, 0.5f);
    ck_assert_uint_eq(match.matched, 2);
    ck_assert_uint_eq(match.missed, 3);
    ck_assert_uint_eq(match.extra, 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("box-list");
    TCase *tcase = tcase_create("boxes");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, test_yolo);
    tcase_add_test(tcase, test_yolo_box);
    tcase_add_test(tcase, test_too_many);
    tcase_add_test(tcase, test_match);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
