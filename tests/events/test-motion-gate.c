/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "events/vigil-motion-gate.h"

#define MS ((gint64)1000000)

static VigilMotionGate gate;
static guint n_resting;

static void
setup(void)
{
    gate = vigil_motion_gate_defaults();
    n_resting = 0;
}

/* Frames each 200 ms. Returns: how many of them are worth a look. */
static guint
count(gint64 from_ms, gint64 to_ms, VigilMotionState state, guint n_tracks)
{
    guint n = 0;

    for (gint64 ms = from_ms; ms < to_ms; ms += 200)
        n += vigil_motion_gate_decide(&gate, ms * MS, state, n_tracks, n_resting) ? 1 : 0;
    return n;
}

START_TEST(what_moves_is_looked_at)
{
    ck_assert_uint_eq(count(0, 4000, VIGIL_MOTION_MOVING, 0), 20);
    ck_assert_uint_eq(count(4000, 8000, VIGIL_MOTION_SCENE_CHANGE, 0), 20);
    ck_assert_uint_eq(count(8000, 12000, VIGIL_MOTION_LEARNING, 0), 20);
}
END_TEST

START_TEST(a_while_after_it_too)
{
    count(0, 1000, VIGIL_MOTION_MOVING, 0);
    /* the last motion was at 800 ms, and counts until 2800 */
    ck_assert_uint_eq(count(1000, 2800, VIGIL_MOTION_QUIET, 0), 9);
    ck_assert_uint_eq(count(2800, 8000, VIGIL_MOTION_QUIET, 0), 0);
}
END_TEST

START_TEST(something_tracked_gets_a_look_a_second)
{
    ck_assert_uint_eq(count(0, 10000, VIGIL_MOTION_QUIET, 1), 10);
}
END_TEST

START_TEST(what_rests_gets_one_in_five_seconds)
{
    n_resting = 2;
    ck_assert_uint_eq(count(0, 60000, VIGIL_MOTION_QUIET, 0), 12);
    ck_assert(vigil_motion_gate_is_quiet(&gate, 60000 * MS, 0));
    /* beside what does not */
    ck_assert_uint_eq(count(60000, 70000, VIGIL_MOTION_QUIET, 1), 10);
    ck_assert(!vigil_motion_gate_is_quiet(&gate, 70000 * MS, 1));
}
END_TEST

START_TEST(nothing_at_all_gets_one_in_ten_seconds)
{
    ck_assert_uint_eq(count(0, 60000, VIGIL_MOTION_QUIET, 0), 6);
    gate.idle_ns = 0;
    ck_assert_uint_eq(count(60000, 120000, VIGIL_MOTION_QUIET, 0), 0);
}
END_TEST

START_TEST(the_first_frame_is_looked_at)
{
    gate.idle_ns = 0;
    ck_assert_uint_eq(count(5000, 6000, VIGIL_MOTION_QUIET, 0), 1);
}
END_TEST

START_TEST(time_that_goes_back_begins_anew)
{
    ck_assert_uint_eq(count(50000, 51000, VIGIL_MOTION_MOVING, 0), 5);
    ck_assert_uint_eq(count(0, 1000, VIGIL_MOTION_QUIET, 0), 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("motion-gate");
    TCase *tcase = tcase_create("gate");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, what_moves_is_looked_at);
    tcase_add_test(tcase, a_while_after_it_too);
    tcase_add_test(tcase, something_tracked_gets_a_look_a_second);
    tcase_add_test(tcase, what_rests_gets_one_in_five_seconds);
    tcase_add_test(tcase, nothing_at_all_gets_one_in_ten_seconds);
    tcase_add_test(tcase, the_first_frame_is_looked_at);
    tcase_add_test(tcase, time_that_goes_back_begins_anew);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
