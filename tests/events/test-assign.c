/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "events/vigil-assign.h"
#include "events/vigil-median.h"

#define SIDE 7

typedef struct {
    guint n_pairs;
    gdouble cost;
} Result;

static gfloat costs[SIDE][SIDE];

static gboolean
better(Result a, Result b)
{
    return a.n_pairs > b.n_pairs || (a.n_pairs == b.n_pairs && a.cost < b.cost);
}

/* All ways to give the rows from @row on a free column or none. */
static Result
brute_force(guint row, guint n_rows, guint n_columns, guint taken)
{
    Result best;

    if (row == n_rows)
        return (Result){0, 0.0};
    best = brute_force(row + 1, n_rows, n_columns, taken);
    for (guint c = 0; c < n_columns; c++) {
        Result result;

        if (taken >> c & 1 || costs[row][c] >= VIGIL_ASSIGN_FORBIDDEN)
            continue;
        result = brute_force(row + 1, n_rows, n_columns, taken | 1u << c);
        result.n_pairs++;
        result.cost += costs[row][c];
        if (better(result, best))
            best = result;
    }
    return best;
}

static Result
result_of(const gint *columns, guint n_rows, guint n_columns)
{
    Result result = {0, 0.0};
    guint taken = 0;

    for (guint r = 0; r < n_rows; r++) {
        if (columns[r] < 0)
            continue;
        ck_assert_int_lt(columns[r], (gint)n_columns);
        ck_assert_uint_eq(taken >> columns[r] & 1, 0);
        taken |= 1u << columns[r];
        ck_assert_float_lt(costs[r][columns[r]], VIGIL_ASSIGN_FORBIDDEN);
        result.n_pairs++;
        result.cost += costs[r][columns[r]];
    }
    return result;
}

START_TEST(test_against_brute_force)
{
    g_autoptr(VigilAssign) assign = vigil_assign_new(SIDE, SIDE);
    g_autoptr(GRand) rand = g_rand_new_with_seed(42 + _i);

    for (guint round = 0; round < 60; round++) {
        const guint n_rows = g_rand_int_range(rand, 1, SIDE + 1);
        const guint n_columns = g_rand_int_range(rand, 1, n_rows == SIDE ? SIDE : SIDE + 1);
        const gdouble forbidden = g_rand_double(rand);
        const gboolean coarse = g_rand_boolean(rand); /* many equal costs */
        gint columns[SIDE];
        Result expected, result;
        guint n;

        for (guint r = 0; r < n_rows; r++) {
            for (guint c = 0; c < n_columns; c++) {
                costs[r][c] =
                    coarse ? (gfloat)g_rand_int_range(rand, 0, 3) : (gfloat)g_rand_double(rand);
                if (g_rand_double(rand) < forbidden * 0.8)
                    costs[r][c] = VIGIL_ASSIGN_FORBIDDEN;
                vigil_assign_set(assign, r, c, costs[r][c]);
            }
        }
        n = vigil_assign_solve(assign, n_rows, n_columns, columns);
        expected = brute_force(0, n_rows, n_columns, 0);
        result = result_of(columns, n_rows, n_columns);
        ck_assert_uint_eq(n, result.n_pairs);
        ck_assert_uint_eq(result.n_pairs, expected.n_pairs);
        ck_assert_double_eq_tol(result.cost, expected.cost, 1e-6);
    }
}
END_TEST

START_TEST(test_full_square)
{
    g_autoptr(VigilAssign) assign = vigil_assign_new(SIDE, SIDE);
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    gint columns[SIDE];

    for (guint round = 0; round < 5; round++) {
        for (guint r = 0; r < SIDE; r++)
            for (guint c = 0; c < SIDE; c++)
                vigil_assign_set(assign, r, c, costs[r][c] = (gfloat)g_rand_double(rand));
        ck_assert_uint_eq(vigil_assign_solve(assign, SIDE, SIDE, columns), SIDE);
        ck_assert_double_eq_tol(result_of(columns, SIDE, SIDE).cost,
                                brute_force(0, SIDE, SIDE, 0).cost, 1e-6);
    }
}
END_TEST

START_TEST(test_none)
{
    g_autoptr(VigilAssign) assign = vigil_assign_new(2, 3);
    gint columns[2] = {5, 5};

    ck_assert_uint_eq(vigil_assign_solve(assign, 2, 0, columns), 0);
    ck_assert_int_eq(columns[0], -1);
    ck_assert_int_eq(columns[1], -1);
    ck_assert_uint_eq(vigil_assign_solve(assign, 0, 3, columns), 0);
    for (guint r = 0; r < 2; r++)
        for (guint c = 0; c < 3; c++)
            vigil_assign_set(assign, r, c, VIGIL_ASSIGN_FORBIDDEN);
    ck_assert_uint_eq(vigil_assign_solve(assign, 2, 3, columns), 0);
    ck_assert_int_eq(columns[0], -1);
    ck_assert_int_eq(columns[1], -1);
}
END_TEST

/* The size that the tracker uses: a hidden diagonal is found, and in no long time. */
START_TEST(test_large)
{
    g_autoptr(VigilAssign) assign = vigil_assign_new(128, 256);
    gint columns[128];

    for (guint r = 0; r < 128; r++)
        for (guint c = 0; c < 256; c++)
            vigil_assign_set(assign, r, c,
                             c == (r * 37 + 11) % 256 ? 0.01f
                                                      : 0.5f + (gfloat)((r * c) % 97) / 100.0f);
    ck_assert_uint_eq(vigil_assign_solve(assign, 128, 256, columns), 128);
    for (guint r = 0; r < 128; r++)
        ck_assert_int_eq(columns[r], (gint)((r * 37 + 11) % 256));
}
END_TEST

static gint
compare_floats(gconstpointer a, gconstpointer b)
{
    const gfloat x = *(const gfloat *)a, y = *(const gfloat *)b;

    return x < y ? -1 : x > y;
}

START_TEST(test_median_exact)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    gfloat values[VIGIL_MEDIAN_MAX];
    VigilMedian median = {.n = 0};

    ck_assert_float_eq(vigil_median_get(&median), 0.0f);
    for (guint n = 1; n <= VIGIL_MEDIAN_MAX; n++) {
        gfloat sorted[VIGIL_MEDIAN_MAX];

        values[n - 1] = (gfloat)g_rand_double(rand);
        vigil_median_add(&median, values[n - 1]);
        for (guint i = 0; i < n; i++)
            sorted[i] = values[i];
        qsort(sorted, n, sizeof sorted[0], compare_floats);
        ck_assert_float_eq(vigil_median_get(&median), 0.5f * (sorted[(n - 1) / 2] + sorted[n / 2]));
    }
    vigil_median_clear(&median);
    ck_assert_float_eq(vigil_median_get(&median), 0.0f);
}
END_TEST

/* A long stream stays near its median, also when it changes its level. */
START_TEST(test_median_long)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    VigilMedian median = {.n = 0};

    for (guint i = 0; i < 100000; i++)
        vigil_median_add(&median, (gfloat)g_rand_double(rand));
    ck_assert_float_eq_tol(vigil_median_get(&median), 0.5f, 0.1f);
    for (guint i = 0; i < 300000; i++)
        vigil_median_add(&median, 0.9f);
    ck_assert_float_eq_tol(vigil_median_get(&median), 0.9f, 1e-6f);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("assign");
    TCase *tc = tcase_create("assign");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, test_against_brute_force, 0, 10);
    tcase_add_test(tc, test_full_square);
    tcase_add_test(tc, test_none);
    tcase_add_test(tc, test_large);
    tcase_add_test(tc, test_median_exact);
    tcase_add_test(tc, test_median_long);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
