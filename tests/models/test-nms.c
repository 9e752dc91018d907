/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "models/vigil-nms.h"

static VigilCandidate
candidate(gfloat x, gfloat size, gfloat score, gint32 class_id, guint32 index)
{
    return (VigilCandidate){{x, 0, x + size, size}, score, class_id, index};
}

START_TEST(test_suppresses_within_class)
{
    VigilCandidate all[] = {
        candidate(0.0f, 1, 0.6f, 0, 0),
        candidate(0.1f, 1, 0.9f, 0, 1),
        candidate(0.1f, 1, 0.8f, 1, 2),
        candidate(5.0f, 1, 0.7f, 0, 3),
    };
    VigilCandidate kept[4];

    ck_assert_uint_eq(vigil_nms(all, 4, 0.5f, kept, 4), 3);
    ck_assert_uint_eq(kept[0].index, 1);
    ck_assert_uint_eq(kept[1].index, 2);
    ck_assert_uint_eq(kept[2].index, 3);
}
END_TEST

START_TEST(test_threshold_is_exclusive)
{
    /* two unit squares half apart: 1/3 */
    VigilCandidate kept[2];

    for (guint i = 0; i < 3; i++) {
        static const gfloat thresholds[] = {0.32f, 1.0f / 3, 0.34f};
        VigilCandidate all[] = {candidate(0, 1, 0.9f, 0, 0), candidate(0.5f, 1, 0.8f, 0, 1)};
        const gfloat iou = vigil_box_iou(&all[0].box, &all[1].box);

        ck_assert_uint_eq(vigil_nms(all, 2, i == 1 ? iou : thresholds[i], kept, 2), i == 0 ? 1 : 2);
    }
}
END_TEST

START_TEST(test_one_keeps_all_and_zero_keeps_apart)
{
    VigilCandidate same[] = {candidate(0, 1, 0.9f, 0, 0), candidate(0, 1, 0.9f, 0, 1),
                             candidate(0, 1, 0.9f, 0, 2)};
    VigilCandidate apart[] = {candidate(0, 1, 0.9f, 0, 0), candidate(1, 1, 0.8f, 0, 1),
                              candidate(1.9f, 1, 0.7f, 0, 2)};
    VigilCandidate kept[3];

    ck_assert_uint_eq(vigil_nms(same, 3, 1.0f, kept, 3), 3);
    ck_assert_uint_eq(vigil_nms(apart, 3, 0.0f, kept, 3), 2);
}
END_TEST

START_TEST(test_ties_go_by_index)
{
    VigilCandidate all[20], kept[20];

    for (guint i = 0; i < 20; i++)
        all[i] = candidate(3.0f * i, 1, 0.5f, 0, 19 - i);
    ck_assert_uint_eq(vigil_nms(all, 20, 0.5f, kept, 20), 20);
    for (guint i = 0; i < 20; i++)
        ck_assert_uint_eq(kept[i].index, i);
}
END_TEST

START_TEST(test_capacity_and_empty)
{
    VigilCandidate all[] = {candidate(0, 1, 0.1f, 0, 0), candidate(3, 1, 0.3f, 0, 1),
                            candidate(6, 1, 0.2f, 0, 2)};
    VigilCandidate kept[2];

    ck_assert_uint_eq(vigil_nms(all, 3, 0.5f, kept, 2), 2);
    ck_assert_uint_eq(kept[0].index, 1);
    ck_assert_uint_eq(kept[1].index, 2);
    ck_assert_uint_eq(vigil_nms(all, 0, 0.5f, kept, 2), 0);
    ck_assert_uint_eq(vigil_nms(all, 3, 0.5f, kept, 0), 0);
}
END_TEST

static gint
by_score(gconstpointer a, gconstpointer b)
{
    const VigilCandidate *x = a, *y = b;

    return x->score != y->score ? (x->score < y->score ? 1 : -1) : (x->index < y->index ? -1 : 1);
}

/* The textbook: sort everything, drop whatever overlaps something kept. And any order gives the same. */
START_TEST(test_against_textbook)
{
    GRand *rand = g_rand_new_with_seed((guint32)_i);
    const guint n = 200;
    VigilCandidate all[200], shuffled[200], wanted[200], kept[200];
    guint n_wanted = 0, n_kept;

    for (guint i = 0; i < n; i++) {
        all[i] =
            candidate((gfloat)g_rand_double(rand) * 8, 0.5f + (gfloat)g_rand_double(rand),
                      (gfloat)g_rand_int_range(rand, 0, 30) / 30, g_rand_int_range(rand, 0, 3), i);
        shuffled[i] = all[i];
    }
    for (guint i = n - 1; i > 0; i--) {
        const guint k = (guint)g_rand_int_range(rand, 0, (gint)i + 1);
        const VigilCandidate kept_aside = shuffled[i];

        shuffled[i] = shuffled[k];
        shuffled[k] = kept_aside;
    }
    qsort(all, n, sizeof *all, by_score);
    for (guint i = 0; i < n; i++) {
        gboolean keep = TRUE;

        for (guint k = 0; k < n_wanted; k++)
            keep = keep && !(wanted[k].class_id == all[i].class_id &&
                             vigil_box_iou(&wanted[k].box, &all[i].box) > 0.4f);
        if (keep)
            wanted[n_wanted++] = all[i];
    }
    n_kept = vigil_nms(shuffled, n, 0.4f, kept, n);
    ck_assert_uint_eq(n_kept, n_wanted);
    for (guint i = 0; i < n_kept; i++)
        ck_assert_uint_eq(kept[i].index, wanted[i].index);
    g_rand_free(rand);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("nms");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, test_suppresses_within_class);
    tcase_add_test(tests, test_threshold_is_exclusive);
    tcase_add_test(tests, test_one_keeps_all_and_zero_keeps_apart);
    tcase_add_test(tests, test_ties_go_by_index);
    tcase_add_test(tests, test_capacity_and_empty);
    tcase_add_loop_test(tests, test_against_textbook, 0, 20);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
