/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "plugins/idle/vigil-turns.h"

#define LONG_US (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)
#define SHORT_US (G_USEC_PER_SEC / 5)

static gint64
take(VigilTurns *turns, VigilTurn *turn)
{
    const gint64 begin_us = g_get_monotonic_time();

    vigil_turns_take(turns, turn);
    return g_get_monotonic_time() - begin_us;
}

static gpointer
end_soon(gpointer data)
{
    gpointer *both = data;

    g_usleep(SHORT_US);
    vigil_turns_end(both[0], both[1]);
    return NULL;
}

/* Who comes too many waits for the first that ends. */
START_TEST(test_waits_for_a_turn)
{
    VigilTurns *turns = vigil_turns_new(2, LONG_US, LONG_US);
    VigilTurn a, b, c;
    gpointer both[] = {turns, &a};
    GThread *thread;

    take(turns, &a);
    take(turns, &b);
    thread = g_thread_new("end", end_soon, both);
    ck_assert_int_ge(take(turns, &c), SHORT_US / 2);
    g_thread_join(thread);
    vigil_turns_end(turns, &b);
    vigil_turns_end(turns, &c);
    vigil_turns_free(turns);
    vigil_turns_free(NULL);
}
END_TEST

/* Not for ever. */
START_TEST(test_goes_without)
{
    VigilTurns *turns = vigil_turns_new(1, SHORT_US, LONG_US);
    VigilTurn a, b;

    take(turns, &a);
    ck_assert_int_ge(take(turns, &b), SHORT_US);
    vigil_turns_end(turns, &b);
    vigil_turns_end(turns, &a);
    vigil_turns_free(turns);
}
END_TEST

/* One that hangs costs the others once; this ends, or the test's time does. */
START_TEST(test_one_that_hangs)
{
    VigilTurns *turns = vigil_turns_new(1, LONG_US, SHORT_US);
    VigilTurn stuck, other;

    take(turns, &stuck);
    ck_assert_int_ge(take(turns, &other), SHORT_US / 2);
    vigil_turns_end(turns, &other);
    for (guint i = 0; i < 1000; i++) {
        take(turns, &other);
        vigil_turns_end(turns, &other);
    }
    vigil_turns_end(turns, &stuck);
    vigil_turns_free(turns);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("turns");
    TCase *tcase = tcase_create("turns");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tcase, test_waits_for_a_turn);
    tcase_add_test(tcase, test_goes_without);
    tcase_add_test(tcase, test_one_that_hangs);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
