/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <glib.h>
#include <stdlib.h>

#include "pipeline/vigil-file-times.h"

#define MS G_GINT64_CONSTANT(1000000)
#define S (1000 * MS)

static VigilFileTimes *times;

static void
setup(void)
{
    times = vigil_file_times_new(FALSE);
}

static void
teardown(void)
{
    vigil_file_times_free(times);
}

static gint64
place(guint stream, gint64 time_ns, gboolean key)
{
    return vigil_file_times_place(times, stream, time_ns, 40 * MS, key);
}

/* Pictures that are shown in another order, streams apart from each other, pauses and keyframes that are a little early. */
START_TEST(test_nothing_jumps)
{
    static const gint64 order[] = {0, 3, 1, 2};

    for (gint64 i = 0; i < 400; i++)
        ck_assert_int_eq(place(0, (i / 4 * 4 + order[i % 4]) * S, i % 4 == 0), 0);
    for (gint64 i = 0; i < 100; i++)
        ck_assert_int_eq(place(1, i * 2 * S, TRUE), 0);
    ck_assert_int_eq(place(0, 36000 * S, TRUE), 0);
    ck_assert_int_eq(place(0, 36000 * S - 900 * MS, TRUE), 0);
    vigil_file_times_free(NULL);
}
END_TEST

/* Only where a picture needs no other one the line may end. */
START_TEST(test_back)
{
    for (gint64 i = 0; i < 250; i++)
        ck_assert_int_eq(place(0, 5 * S + i * 40 * MS, i % 25 == 0), 0);
    ck_assert_int_eq(place(0, 1 * S, FALSE), 0);
    ck_assert_int_eq(place(0, 2 * S, TRUE), 13 * S);
    ck_assert_int_eq(place(0, 2 * S + 40 * MS, FALSE), 13 * S);
    ck_assert_int_eq(place(0, 9 * S, TRUE), 13 * S);
    /* and again: from 22.04 s on the one line */
    ck_assert_int_eq(place(0, 0, TRUE), 22 * S + 40 * MS);
}
END_TEST

/* Whichever comes first says how far all jump; one that jumps alone, or elsewhere, goes by itself. */
START_TEST(test_streams_jump_together)
{
    for (guint round = 0; round < 20; round++) {
        gint64 pictures, sound;

        place(0, 10 * S, TRUE);
        place(1, 10 * S + 100 * MS, TRUE);
        pictures = place(round % 2, 0, TRUE);
        sound = place(1 - round % 2, 20 * MS, TRUE);
        ck_assert_int_eq(pictures, sound);
        ck_assert_int_ge(pictures, (round + 1) * 10 * S);
    }
    place(0, 10 * S, TRUE);
    place(1, 100 * S, TRUE);
    ck_assert_int_ne(place(0, 0, TRUE), place(1, 0, TRUE));
}
END_TEST

START_TEST(test_gaps)
{
    teardown();
    times = vigil_file_times_new(TRUE);
    ck_assert_int_eq(place(0, 10 * S, TRUE), 0);
    ck_assert_int_eq(place(0, 69 * S, TRUE), 0);
    ck_assert_int_eq(place(0, 3600 * S, TRUE), 69 * S + 40 * MS - 3600 * S);
    ck_assert_int_eq(place(0, 3601 * S, TRUE), 69 * S + 40 * MS - 3600 * S);
    /* without a duration: as far as the one before was */
    ck_assert_int_eq(vigil_file_times_place(times, 1, 0, -1, TRUE), 0);
    ck_assert_int_eq(vigil_file_times_place(times, 1, 20 * MS, -1, TRUE), 0);
    ck_assert_int_eq(vigil_file_times_place(times, 1, 1000 * S, -1, TRUE), 40 * MS - 1000 * S);
}
END_TEST

/* Sound that ends a little before the pictures, and comes first then: the pictures do not go back. */
START_TEST(test_streams_that_end_apart)
{
    gint64 offset_ns;

    place(0, 14 * S - 40 * MS, TRUE);
    place(1, 13600 * MS - 40 * MS, TRUE);
    offset_ns = place(1, 0, TRUE);
    ck_assert_int_eq(offset_ns, 14 * S);
    ck_assert_int_eq(place(0, 0, TRUE), offset_ns);
}
END_TEST

/* A microphone that was off for a while is no gap of the file. */
START_TEST(test_sound_with_a_pause)
{
    teardown();
    times = vigil_file_times_new(TRUE);
    place(1, 0, TRUE);
    for (gint64 i = 0; i < 90; i++)
        ck_assert_int_eq(place(0, i * S, TRUE), 0);
    ck_assert_int_eq(place(1, 90 * S, TRUE), 0);
}
END_TEST

/* The time to the next one that is decoded: with pictures in another order the pause may be said of the one behind it. */
START_TEST(test_durations_of_another_order)
{
    ck_assert_int_eq(vigil_file_times_place(times, 0, 9600 * MS, 40 * MS, TRUE), 0);
    ck_assert_int_eq(vigil_file_times_place(times, 0, 19900 * MS, 10300 * MS, FALSE), 0);
    ck_assert_int_eq(vigil_file_times_place(times, 0, 20200 * MS, 40 * MS, TRUE), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("file-times");
    TCase *tcase = tcase_create("file-times");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_nothing_jumps);
    tcase_add_test(tcase, test_back);
    tcase_add_test(tcase, test_streams_jump_together);
    tcase_add_test(tcase, test_gaps);
    tcase_add_test(tcase, test_streams_that_end_apart);
    tcase_add_test(tcase, test_sound_with_a_pause);
    tcase_add_test(tcase, test_durations_of_another_order);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
