/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-coded-size.h"

#include <check.h>

#define GROUP 60

static VigilCodedSize *sizes;
static GRand *random_numbers;

static void
setup(void)
{
    sizes = vigil_coded_size_new();
    random_numbers = g_rand_new_with_seed(7);
}

static void
teardown(void)
{
    vigil_coded_size_free(sizes);
    g_rand_free(random_numbers);
}

/* Sizes as an encoder of a still, noisy scene gives them: kind 1 is a third of kind 0, what is behind a keyframe twice as large. */
static gsize
quiet_size(guint i, guint kind)
{
    const gdouble mean = (kind == 1 ? 1000 : 3000) * (i % GROUP <= 2 ? 2 : 1);

    return (gsize)(mean * g_rand_double_range(random_numbers, 0.8, 1.2));
}

/* Returns: number of alarms. */
static guint
add_quiet(guint n_groups, gboolean settle)
{
    guint n_alarms = 0;

    for (guint group = 0; group < n_groups; group++) {
        vigil_coded_size_begin_group(sizes);
        for (guint i = 1; i < GROUP; i++)
            n_alarms += vigil_coded_size_add(sizes, i % 2, quiet_size(i, i % 2)) ? 1 : 0;
        if (settle)
            vigil_coded_size_settle(sizes, TRUE);
    }
    return n_alarms;
}

START_TEST(test_noise_is_no_alarm)
{
    ck_assert_uint_eq(add_quiet(1000, TRUE), 0);
}
END_TEST

START_TEST(test_a_large_picture_is_an_alarm_at_once)
{
    add_quiet(20, TRUE);
    vigil_coded_size_begin_group(sizes);
    for (guint i = 1; i < 30; i++)
        ck_assert(!vigil_coded_size_add(sizes, i % 2, quiet_size(i, i % 2)));
    /* kind 1: as large as kind 0 always is */
    ck_assert(vigil_coded_size_add(sizes, 1, 3000));
    ck_assert(vigil_coded_size_add(sizes, 0, 9000));
}
END_TEST

START_TEST(test_a_little_more_is_an_alarm_when_it_lasts)
{
    guint first = 0;

    add_quiet(20, TRUE);
    vigil_coded_size_begin_group(sizes);
    for (guint i = 1; i < 10; i++)
        vigil_coded_size_add(sizes, 0, quiet_size(i, 0));
    for (guint i = 1; i <= 5 && first == 0; i++)
        if (vigil_coded_size_add(sizes, 0, 4400))
            first = i;
    ck_assert_uint_eq(first, 3);
}
END_TEST

/* Behind a keyframe little, then a lot: what an encoder does whose budget the keyframe took. */
START_TEST(test_an_encoder_that_catches_up_is_no_alarm)
{
    guint n_alarms = 0;

    for (guint group = 0; group < 200; group++) {
        const guint late = (guint)g_rand_int_range(random_numbers, 6, 12);

        vigil_coded_size_begin_group(sizes);
        for (guint i = 1; i < GROUP; i++) {
            const gsize size = i < late ? 1000 : i < 15 && i % 2 ? 9000 : quiet_size(i, 0);

            n_alarms += vigil_coded_size_add(sizes, 0, size) ? 1 : 0;
        }
        vigil_coded_size_settle(sizes, TRUE);
    }
    ck_assert_uint_eq(n_alarms, 0);
    /* and behind that the same is one */
    vigil_coded_size_begin_group(sizes);
    for (guint i = 1; i < 30; i++)
        ck_assert(!vigil_coded_size_add(sizes, 0, i < 3 ? 1000 : quiet_size(i, 0)));
    ck_assert(vigil_coded_size_add(sizes, 0, 9000));
}
END_TEST

START_TEST(test_it_knows_whether_it_can_tell)
{
    ck_assert(!vigil_coded_size_can_tell(sizes));
    add_quiet(1, TRUE);
    ck_assert(!vigil_coded_size_can_tell(sizes));
    add_quiet(3, TRUE);
    ck_assert(vigil_coded_size_can_tell(sizes));
    for (guint i = 0; i < 3; i++)
        vigil_coded_size_judge(sizes, FALSE);
    ck_assert(!vigil_coded_size_can_tell(sizes));
}
END_TEST

START_TEST(test_nothing_is_known_to_begin_with)
{
    ck_assert(!vigil_coded_size_add(sizes, 0, 1));
    ck_assert(!vigil_coded_size_add(sizes, 0, 1000000));
    /* nor from what may have moved */
    add_quiet(1, FALSE);
    vigil_coded_size_settle(sizes, FALSE);
    ck_assert(!vigil_coded_size_add(sizes, 1, 1000000));
}
END_TEST

START_TEST(test_what_moved_is_not_learned)
{
    add_quiet(20, TRUE);
    for (guint i = 0; i < 200; i++)
        vigil_coded_size_add(sizes, 0, 20000);
    vigil_coded_size_settle(sizes, FALSE);
    ck_assert(vigil_coded_size_add(sizes, 0, 20000));
    /* but what is quiet is, when it is another scene */
    for (guint i = 0; i < 200; i++)
        vigil_coded_size_add(sizes, 0, 20000);
    vigil_coded_size_settle(sizes, TRUE);
    ck_assert(!vigil_coded_size_add(sizes, 0, 20000));
}
END_TEST

START_TEST(test_false_alarms_make_it_slower_to_believe)
{
    add_quiet(20, TRUE);
    for (guint i = 0; i < 20; i++)
        vigil_coded_size_judge(sizes, FALSE);
    ck_assert_double_eq(vigil_coded_size_get_factor(sizes), 8.0);
    ck_assert(!vigil_coded_size_add(sizes, 0, 9000));
    ck_assert(vigil_coded_size_add(sizes, 0, 90000));
    vigil_coded_size_settle(sizes, FALSE);
    /* and with time it forgets that */
    add_quiet(2000, TRUE);
    ck_assert_double_lt(vigil_coded_size_get_factor(sizes), 1.2);
    ck_assert(vigil_coded_size_add(sizes, 0, 9000));
}
END_TEST

START_TEST(test_any_sizes_are_taken)
{
    /* more than are kept, and more than may wait; the same ones again and again */
    for (guint i = 0; i < 5000; i++)
        vigil_coded_size_add(sizes, i % VIGIL_CODED_SIZE_KINDS,
                             i % 3 ? 0 : (gsize)g_rand_int(random_numbers));
    vigil_coded_size_settle(sizes, TRUE);
    for (guint i = 0; i < 1000; i++) {
        vigil_coded_size_add(sizes, 0, 500);
        vigil_coded_size_settle(sizes, TRUE);
    }
    vigil_coded_size_begin_group(sizes);
    for (guint i = 0; i < 16; i++)
        vigil_coded_size_add(sizes, 0, 500);
    ck_assert(!vigil_coded_size_add(sizes, 0, 500));
    ck_assert(vigil_coded_size_add(sizes, 0, 1000));
    vigil_coded_size_reset(sizes);
    ck_assert(!vigil_coded_size_add(sizes, 0, 1000));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("coded-size");
    TCase *tcase = tcase_create("sizes");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_noise_is_no_alarm);
    tcase_add_test(tcase, test_a_large_picture_is_an_alarm_at_once);
    tcase_add_test(tcase, test_a_little_more_is_an_alarm_when_it_lasts);
    tcase_add_test(tcase, test_an_encoder_that_catches_up_is_no_alarm);
    tcase_add_test(tcase, test_it_knows_whether_it_can_tell);
    tcase_add_test(tcase, test_nothing_is_known_to_begin_with);
    tcase_add_test(tcase, test_what_moved_is_not_learned);
    tcase_add_test(tcase, test_false_alarms_make_it_slower_to_believe);
    tcase_add_test(tcase, test_any_sizes_are_taken);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
