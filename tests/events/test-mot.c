/* SPDX-License-Identifier: Apache-2.0 */
/* The measures of trackers: cases that were worked out by hand. */
#include <check.h>
#include <string.h>

#include "tests/bench/tracking/mot.h"

#define TOLERANCE 1e-9

static MotEval *eval;

static void
setup(void)
{
    eval = mot_eval_new();
}

static void
teardown(void)
{
    mot_eval_free(eval);
}

/* Boxes of one row, 0.1 wide: what overlaps by how much is seen from x alone. */
static MotBox
box_at(guint64 id, gfloat x)
{
    return (MotBox){.id = id, .box = {x, 0.2f, x + 0.1f, 0.4f}};
}

static void
add(const MotBox *truth, guint n_truth, const MotBox *hypotheses, guint n_hypotheses, guint times)
{
    for (guint i = 0; i < times; i++)
        mot_eval_add_frame(eval, truth, n_truth, hypotheses, n_hypotheses);
}

static void
assert_errors(const MotScores *scores, guint misses, guint wrong, guint switches)
{
    ck_assert_uint_eq(scores->n_misses, misses);
    ck_assert_uint_eq(scores->n_false, wrong);
    ck_assert_uint_eq(scores->n_switches, switches);
}

START_TEST(test_perfect)
{
    const MotBox truth[] = {box_at(1, 0.1f), box_at(2, 0.5f)};
    const MotBox said[] = {box_at(70, 0.5f), box_at(60, 0.1f)};
    MotScores scores;

    add(truth, 2, said, 2, 10);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 0, 0, 0);
    ck_assert_uint_eq(scores.n_truth, 20);
    ck_assert_uint_eq(scores.id_true, 20);
    ck_assert_double_eq_tol(scores.mota, 1.0, TOLERANCE);
    ck_assert_double_eq_tol(scores.motp, 1.0, 1e-6);
    ck_assert_double_eq_tol(scores.idf1, 1.0, TOLERANCE);
}
END_TEST

/* 10 boxes, 2 not found, one invented: MOTA = 1 - 3 / 10, IDF1 = 2 * 8 / (10 + 9) */
START_TEST(test_misses_and_false)
{
    const MotBox truth[] = {box_at(1, 0.1f)};
    const MotBox said[] = {box_at(1, 0.1f), box_at(2, 0.8f)};
    MotScores scores;

    add(truth, 1, said, 2, 1);
    add(truth, 1, said, 1, 4);
    add(truth, 1, NULL, 0, 2);
    add(truth, 1, said, 1, 3);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 2, 1, 0);
    ck_assert_uint_eq(scores.n_fragments, 1);
    ck_assert_double_eq_tol(scores.mota, 0.7, TOLERANCE);
    ck_assert_double_eq_tol(scores.idf1, 16.0 / 19.0, TOLERANCE);
}
END_TEST

/* 6 frames one number, 4 another: MOTA = 1 - 1 / 10, IDF1 = 2 * 6 / 20. That nobody was found in between changes nothing
 * about the switch. */
START_TEST(test_switch)
{
    const MotBox truth[] = {box_at(1, 0.1f)};
    const MotBox before[] = {box_at(1, 0.1f)}, after[] = {box_at(2, 0.1f)};
    MotScores scores;

    add(truth, 1, before, 1, 6);
    add(truth, 1, after, 1, 4);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 0, 0, 1);
    ck_assert_double_eq_tol(scores.mota, 0.9, TOLERANCE);
    ck_assert_double_eq_tol(scores.idf1, 0.6, TOLERANCE);
    add(truth, 1, NULL, 0, 5);
    add(truth, 1, before, 1, 5);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 5, 0, 2);
    ck_assert_uint_eq(scores.n_fragments, 1);
    ck_assert_double_eq_tol(scores.mota, 1.0 - 7.0 / 20.0, TOLERANCE);
    ck_assert_double_eq_tol(scores.idf1, 22.0 / 35.0, TOLERANCE);
}
END_TEST

/* Two exchange their numbers halfway: 2 switches; each number is right in half of its frames */
START_TEST(test_exchange)
{
    const MotBox truth[] = {box_at(1, 0.1f), box_at(2, 0.5f)};
    const MotBox before[] = {box_at(1, 0.1f), box_at(2, 0.5f)};
    const MotBox after[] = {box_at(2, 0.1f), box_at(1, 0.5f)};
    MotScores scores;

    add(truth, 2, before, 2, 5);
    add(truth, 2, after, 2, 5);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 0, 0, 2);
    ck_assert_double_eq_tol(scores.mota, 0.9, TOLERANCE);
    ck_assert_double_eq_tol(scores.idf1, 0.5, TOLERANCE);
}
END_TEST

/* Whom an object was matched with it keeps while they overlap by half, though another fits better. */
START_TEST(test_keeps)
{
    const MotBox truth[] = {box_at(1, 0.1f)};
    const MotBox before[] = {box_at(1, 0.12f)}, after[] = {box_at(1, 0.12f), box_at(2, 0.1f)};
    MotScores scores;

    add(truth, 1, before, 1, 1);
    add(truth, 1, after, 2, 1);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 0, 1, 0);
    /* 0.08 of 0.12 */
    ck_assert_double_eq_tol(scores.motp, 2.0 / 3.0, 1e-5);
}
END_TEST

/* Greedily the best pair would be made first and leave the other two without a partner. */
START_TEST(test_assignment_in_frame)
{
    const MotBox truth[] = {box_at(1, 0.1f), box_at(2, 0.13f)};
    const MotBox said[] = {box_at(1, 0.11f), box_at(2, 0.075f)};
    MotScores scores;

    ck_assert(vigil_box_iou(&truth[0].box, &said[0].box) >
              vigil_box_iou(&truth[1].box, &said[0].box));
    add(truth, 2, said, 2, 1);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 0, 0, 0);
}
END_TEST

/* A is 1 in 6 frames and 2 in 5, B is 1 in 5: the best is A = 2, B = 1 with 10 boxes, not A = 1 with 6. */
START_TEST(test_assignment_of_trajectories)
{
    const MotBox a[] = {box_at(1, 0.1f)}, b[] = {box_at(2, 0.5f)};
    const MotBox a1[] = {box_at(1, 0.1f)}, a2[] = {box_at(2, 0.1f)}, b1[] = {box_at(1, 0.5f)};
    MotScores scores;

    add(a, 1, a1, 1, 6);
    add(a, 1, a2, 1, 5);
    add(b, 1, b1, 1, 5);
    scores = mot_eval_get_scores(eval);
    ck_assert_uint_eq(scores.id_true, 10);
    ck_assert_double_eq_tol(scores.idf1, 20.0 / 32.0, TOLERANCE);
}
END_TEST

/* 0.06 of 0.14 is too little: missed, and something else said. */
START_TEST(test_threshold)
{
    const MotBox truth[] = {box_at(1, 0.1f)};
    const MotBox far[] = {box_at(1, 0.14f)}, near[] = {box_at(1, 0.13f)};
    MotScores scores;

    add(truth, 1, far, 1, 1);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 1, 1, 0);
    ck_assert_double_eq_tol(scores.mota, -1.0, TOLERANCE);
    ck_assert_double_eq_tol(scores.idf1, 0.0, TOLERANCE);
    add(truth, 1, near, 1, 1);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 1, 1, 0);
}
END_TEST

/* Who cannot be seen need not be found; who says where he is says nothing wrong, but elsewhere it is wrong. */
START_TEST(test_ignored)
{
    MotBox truth[] = {box_at(1, 0.1f)};
    const MotBox said[] = {box_at(1, 0.1f), box_at(2, 0.8f)};
    MotScores scores;

    add(truth, 1, said, 1, 2);
    truth[0].ignored = TRUE;
    add(truth, 1, said, 1, 3);
    add(truth, 1, NULL, 0, 3);
    truth[0].ignored = FALSE;
    add(truth, 1, said, 1, 2);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 0, 0, 0);
    ck_assert_uint_eq(scores.n_truth, 4);
    ck_assert_uint_eq(scores.n_hypotheses, 4);
    ck_assert_double_eq_tol(scores.idf1, 1.0, TOLERANCE);
    truth[0].ignored = TRUE;
    add(truth, 1, said, 2, 1);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 0, 1, 0);
}
END_TEST

/* The same numbers mean others in another scene: no switch, and trajectories that do not go on. */
START_TEST(test_break)
{
    const MotBox truth[] = {box_at(1, 0.1f)};
    const MotBox first[] = {box_at(1, 0.1f)}, second[] = {box_at(2, 0.1f)};
    MotScores scores;

    add(truth, 1, first, 1, 5);
    mot_eval_break(eval);
    add(truth, 1, second, 1, 5);
    scores = mot_eval_get_scores(eval);
    assert_errors(&scores, 0, 0, 0);
    ck_assert_double_eq_tol(scores.idf1, 1.0, TOLERANCE);
}
END_TEST

/* The best sum by trying everything. */
static gint64
try_all(const gint64 *weights, guint n_rows, guint n_columns, guint row, guint taken)
{
    gint64 best;

    if (row == n_rows)
        return 0;
    best = try_all(weights, n_rows, n_columns, row + 1, taken);
    for (guint j = 0; j < n_columns; j++) {
        gint64 sum;

        if (taken & (1u << j))
            continue;
        sum = weights[row * n_columns + j] +
              try_all(weights, n_rows, n_columns, row + 1, taken | (1u << j));
        best = MAX(best, sum);
    }
    return best;
}

START_TEST(test_assign)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(1);

    for (guint round = 0; round < 1000; round++) {
        const guint n_rows = (guint)g_rand_int_range(dice, 1, 7);
        const guint n_columns = (guint)g_rand_int_range(dice, 1, 7);
        gint64 weights[36], sum = 0, said;
        gint columns[6];
        guint taken = 0;

        for (guint i = 0; i < n_rows * n_columns; i++)
            weights[i] = g_rand_boolean(dice) ? g_rand_int_range(dice, 0, 20) : 0;
        said = mot_assign(weights, n_rows, n_columns, columns);
        for (guint i = 0; i < n_rows; i++) {
            if (columns[i] < 0)
                continue;
            ck_assert_int_lt(columns[i], (gint)n_columns);
            ck_assert(!(taken & (1u << columns[i])));
            taken |= 1u << columns[i];
            sum += weights[i * n_columns + (guint)columns[i]];
            ck_assert_int_gt(weights[i * n_columns + (guint)columns[i]], 0);
        }
        ck_assert_int_eq(sum, said);
        ck_assert_int_eq(said, try_all(weights, n_rows, n_columns, 0, 0));
    }
    ck_assert_int_eq(mot_assign(NULL, 0, 0, NULL), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("mot");
    TCase *tcase = tcase_create("mot");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_perfect);
    tcase_add_test(tcase, test_misses_and_false);
    tcase_add_test(tcase, test_switch);
    tcase_add_test(tcase, test_exchange);
    tcase_add_test(tcase, test_keeps);
    tcase_add_test(tcase, test_assignment_in_frame);
    tcase_add_test(tcase, test_assignment_of_trajectories);
    tcase_add_test(tcase, test_threshold);
    tcase_add_test(tcase, test_ignored);
    tcase_add_test(tcase, test_break);
    tcase_add_test(tcase, test_assign);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
