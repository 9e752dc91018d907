/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/detect/vigil-frame-gate.h"
#include "tests/plugins/plugin-test.h"

static VigilFrameGate
gate_new(gint fps_n, gint fps_d, guint interval)
{
    VigilFrameGate gate = {.fps_n = fps_n,
                           .fps_d = fps_d,
                           .interval = interval,
                           .max_lateness_ns = 500,
                           .starve_ns = 10000};

    vigil_frame_gate_reset(&gate);
    return gate;
}

/* 'x' for each frame that is looked at, '.' for the others. */
static void
pattern(VigilFrameGate *gate, gint64 frame_ns, gchar *text, guint n)
{
    for (guint i = 0; i < n; i++) {
        const gint64 time = i * frame_ns;

        text[i] =
            vigil_frame_gate_decide(gate, time, time, 0) == VIGIL_OUTCOME_INFERRED ? 'x' : '.';
    }
    text[n] = '\0';
}

static const struct {
    gint fps_n, fps_d;
    guint interval;
    gint64 frame_ns;
    const gchar *expected;
} cases[] = {
    {0, 1, 1, GST_SECOND / 10, "xxxxxxxxxxxxxxxx"},
    {0, 1, 3, GST_SECOND / 10, "x..x..x..x..x..x"},
    {2, 1, 1, GST_SECOND / 10, "x....x....x....x"},
    {5, 1, 2, GST_SECOND / 10, "x...x...x...x..."},
    {3, 1, 1, GST_SECOND / 10, "x...x..x..x...x."},
    {1, 2, 1, GST_SECOND / 2, "x...x...x...x..."},
    {30, 1, 1, GST_SECOND / 10, "xxxxxxxxxxxxxxxx"},
    {10, 1, 1, GST_SECOND * 1001 / 30000, "x..x..x..x..x..x"},
};

GST_START_TEST(frames_are_chosen_by_time_and_count)
{
    VigilFrameGate gate = gate_new(cases[__i__].fps_n, cases[__i__].fps_d, cases[__i__].interval);
    gchar found[17];

    pattern(&gate, cases[__i__].frame_ns, found, 16);
    assert_equals_string(found, cases[__i__].expected);
    vigil_frame_gate_reset(&gate);
    pattern(&gate, cases[__i__].frame_ns, found, 16);
    assert_equals_string(found, cases[__i__].expected);
}
GST_END_TEST

/* the rate holds over a long time: never above what was asked */
GST_START_TEST(rate_is_exact_over_an_hour)
{
    VigilFrameGate gate = gate_new(7, 1, 1);
    guint n = 0;

    for (guint64 i = 0; i < 25 * 3600; i++)
        n += vigil_frame_gate_decide(&gate, i * GST_SECOND / 25, i * GST_SECOND / 25, 0) ==
             VIGIL_OUTCOME_INFERRED;
    assert_equals_int(n, 7 * 3600);
}
GST_END_TEST

GST_START_TEST(late_frames_are_skipped_but_nobody_starves)
{
    VigilFrameGate gate = gate_new(0, 1, 1);

    /* the first frame is looked at in any case */
    assert_equals_int(vigil_frame_gate_decide(&gate, 0, 0, 9999), VIGIL_OUTCOME_INFERRED);
    assert_equals_int(vigil_frame_gate_decide(&gate, 100, 100, 501), VIGIL_OUTCOME_SKIPPED_LOAD);
    assert_equals_int(vigil_frame_gate_decide(&gate, 200, 200, 500), VIGIL_OUTCOME_INFERRED);
    assert_equals_int(vigil_frame_gate_decide(&gate, 10199, 10199, 501),
                      VIGIL_OUTCOME_SKIPPED_LOAD);
    assert_equals_int(vigil_frame_gate_decide(&gate, 10200, 10200, 501), VIGIL_OUTCOME_INFERRED);
    gate.max_lateness_ns = -1;
    assert_equals_int(vigil_frame_gate_decide(&gate, 10300, 10300, G_MAXINT64),
                      VIGIL_OUTCOME_INFERRED);
}
GST_END_TEST

GST_START_TEST(frames_without_times_are_looked_at)
{
    VigilFrameGate gate = gate_new(2, 1, 1);

    for (guint i = 0; i < 5; i++)
        assert_equals_int(vigil_frame_gate_decide(&gate, -1, -1, 9999), VIGIL_OUTCOME_INFERRED);
}
GST_END_TEST

static Suite *
vigil_frame_gate_suite(void)
{
    Suite *suite = suite_create("vigil-frame-gate");
    TCase *tcase = tcase_create("gate");

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, frames_are_chosen_by_time_and_count, 0, G_N_ELEMENTS(cases));
    tcase_add_test(tcase, rate_is_exact_over_an_hour);
    tcase_add_test(tcase, late_frames_are_skipped_but_nobody_starves);
    tcase_add_test(tcase, frames_without_times_are_looked_at);
    return suite;
}

GST_CHECK_MAIN(vigil_frame_gate)
