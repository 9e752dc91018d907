/* SPDX-License-Identifier: Apache-2.0 */
/* What a trial makes of scripted frames. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-trial.h"

#define MS G_GINT64_CONSTANT(1000000)
#define SECOND (1000 * MS)
#define INTERVAL (200 * MS)

static VigilTrial *trial;
static gint64 now;
static gchar reason[200];
static guint steps;

static void
begin(void)
{
    VigilTrialOptions options = vigil_trial_options_defaults();
    const gchar *labels[] = {g_intern_string("person"), g_intern_string("vehicle")};

    options.interval_ns = INTERVAL;
    now = 1000 * SECOND;
    steps = 0;
    trial = vigil_trial_new(&options, labels, 2, now);
}

static void
end(void)
{
    g_clear_pointer(&trial, vigil_trial_free);
}

/* A box at one of the places of a row; another place each time unless it is the same number. */
static VigilDetection
thing(guint place, gfloat score, const gchar *label)
{
    const gfloat x = 0.1f * (place % 10), y = 0.1f * (place / 10 % 10);

    return (VigilDetection){{x, y, x + 0.08f, y + 0.08f}, score, 0, g_intern_string(label)};
}

typedef struct {
    guint n_old, n_new;    /* boxes in each frame, all anew */
    gboolean still;        /* … or always the same */
    gint64 old_ns, new_ns; /* what an inference takes */
    gboolean apart;        /* the new model's boxes are elsewhere */
    gfloat new_score;
    const gchar *label;
} Scene;

static const Scene usual = {.n_old = 1,
                            .n_new = 1,
                            .old_ns = 20 * MS,
                            .new_ns = 25 * MS,
                            .new_score = 0.9f,
                            .label = "person"};

/* Frames as they come, for as long as it takes; the verdict. */
static VigilTrialVerdict
play(const Scene *scene, gint64 length)
{
    const gint64 until = now + length;
    VigilTrialVerdict verdict = VIGIL_TRIAL_PENDING;

    for (; now < until && verdict == VIGIL_TRIAL_PENDING; now += INTERVAL) {
        VigilDetection old[20], fresh[20];
        const VigilTrialSide a = {fresh, scene->n_new, 0.5f, scene->new_ns};
        const VigilTrialSide b = {old, scene->n_old, 0.5f, scene->old_ns};

        vigil_trial_add_frame(trial, now, scene->new_ns, TRUE);
        if (!vigil_trial_wants_sample(trial, now))
            continue;
        steps++;
        for (guint i = 0; i < 20; i++) {
            const guint place = scene->still ? i : steps * 20 + i;

            old[i] = thing(place, 0.9f, scene->label);
            fresh[i] = thing(place + (scene->apart ? 50 : 0), scene->new_score, scene->label);
        }
        vigil_trial_add_sample(trial, now, &a, &b);
        verdict = vigil_trial_judge(trial, now, reason, sizeof reason);
    }
    return verdict;
}

START_TEST(test_healthy)
{
    ck_assert_int_eq(play(&usual, 599 * SECOND), VIGIL_TRIAL_PENDING);
    ck_assert_int_eq(play(&usual, 3 * SECOND), VIGIL_TRIAL_HEALTHY);
    ck_assert_str_eq(reason, "");
}
END_TEST

/* Nothing moves: nothing can be told, so it takes the longest time, and is no fault. */
START_TEST(test_quiet_night)
{
    Scene scene = usual;

    scene.n_old = scene.n_new = 0;
    ck_assert_int_eq(play(&scene, 86400 * SECOND), VIGIL_TRIAL_PENDING);
    ck_assert_int_eq(play(&scene, 2 * SECOND), VIGIL_TRIAL_HEALTHY);
    end();
    begin();
    /* three parked cars that only one of them sees: three objects, however long they stand there */
    scene = (Scene){.n_old = 3, .still = TRUE, .old_ns = MS, .new_ns = MS, .label = "vehicle"};
    ck_assert_int_eq(play(&scene, 3600 * SECOND), VIGIL_TRIAL_PENDING);
    scene = (Scene){.n_new = 3,
                    .still = TRUE,
                    .old_ns = MS,
                    .new_ns = MS,
                    .new_score = 0.9f,
                    .label = "vehicle"};
    ck_assert_int_eq(play(&scene, 3600 * SECOND), VIGIL_TRIAL_PENDING);
}
END_TEST

START_TEST(test_blind)
{
    Scene scene = usual;
    VigilTrialCounts counts;

    scene.n_new = 0;
    ck_assert_int_eq(play(&scene, 599 * SECOND), VIGIL_TRIAL_UNHEALTHY);
    vigil_trial_get_counts(trial, &counts);
    ck_assert_uint_eq(counts.old_objects, 27); /* as the header says */
    ck_assert_uint_eq(counts.found, 0);
    ck_assert_msg(g_str_has_prefix(reason, "blind: it finds 0 of 27"), "%s", reason);
}
END_TEST

START_TEST(test_boxes_elsewhere)
{
    Scene scene = usual;

    scene.apart = TRUE;
    ck_assert_int_eq(play(&scene, 599 * SECOND), VIGIL_TRIAL_UNHEALTHY);
    ck_assert(g_str_has_prefix(reason, "blind"));
}
END_TEST

/* Weak boxes at the right places are found all the same; a class that only one of them has says nothing. */
START_TEST(test_not_blind)
{
    Scene scene = usual;

    scene.new_score = 0.3f;
    ck_assert_int_eq(play(&scene, 605 * SECOND), VIGIL_TRIAL_HEALTHY);
    end();
    begin();
    scene.n_new = 0;
    scene.label = "cat";
    ck_assert_int_eq(play(&scene, 3600 * SECOND), VIGIL_TRIAL_PENDING);
}
END_TEST

START_TEST(test_flood)
{
    Scene scene = usual;
    VigilTrialCounts counts;

    scene.n_new = 20;
    ck_assert_int_eq(play(&scene, 599 * SECOND), VIGIL_TRIAL_UNHEALTHY);
    ck_assert_msg(g_str_has_prefix(reason, "flood"), "%s", reason);
    end();
    begin();
    scene.n_old = 0;
    scene.n_new = 1;
    ck_assert_int_eq(play(&scene, 599 * SECOND), VIGIL_TRIAL_UNHEALTHY);
    vigil_trial_get_counts(trial, &counts);
    ck_assert_uint_eq(counts.new_objects, 67); /* as the header says */
    end();
    begin();
    /* four times as many: a better model, for all that can be told */
    scene.n_old = 1;
    scene.n_new = 4;
    ck_assert_int_eq(play(&scene, 605 * SECOND), VIGIL_TRIAL_HEALTHY);
}
END_TEST

START_TEST(test_slow)
{
    Scene scene = usual;

    scene.new_ns = 300 * MS;
    ck_assert_int_eq(play(&scene, 599 * SECOND), VIGIL_TRIAL_UNHEALTHY);
    ck_assert_msg(g_str_has_prefix(reason, "slow"), "%s", reason);
    ck_assert_uint_eq(steps, 10);
    end();
    begin();
    /* much slower than the other, but it keeps up */
    scene.new_ns = 150 * MS;
    ck_assert_int_eq(play(&scene, 605 * SECOND), VIGIL_TRIAL_HEALTHY);
    end();
    begin();
    /* the machine is loaded: the other one does not keep up either */
    scene.new_ns = 300 * MS;
    scene.old_ns = 250 * MS;
    ck_assert_int_ne(play(&scene, 605 * SECOND), VIGIL_TRIAL_UNHEALTHY);
}
END_TEST

START_TEST(test_errors)
{
    for (guint i = 0; i < 19; i++)
        vigil_trial_add_frame(trial, now += INTERVAL, MS, FALSE);
    ck_assert_int_eq(vigil_trial_judge(trial, now, reason, sizeof reason), VIGIL_TRIAL_PENDING);
    vigil_trial_add_frame(trial, now += INTERVAL, MS, FALSE);
    ck_assert_int_eq(vigil_trial_judge(trial, now, reason, sizeof reason), VIGIL_TRIAL_UNHEALTHY);
    ck_assert_msg(g_str_has_prefix(reason, "errors: 20 of 20"), "%s", reason);
    end();
    begin();
    /* one in a hundred is no reason, one in five that hangs is */
    for (guint i = 0; i < 400; i++)
        vigil_trial_add_frame(trial, now += INTERVAL, MS, i % 100 != 0);
    ck_assert_int_eq(vigil_trial_judge(trial, now, reason, sizeof reason), VIGIL_TRIAL_PENDING);
    for (guint i = 0; i < 400; i++)
        vigil_trial_add_frame(trial, now += INTERVAL, i % 5 ? MS : 6 * SECOND, TRUE);
    ck_assert_int_eq(vigil_trial_judge(trial, now, reason, sizeof reason), VIGIL_TRIAL_UNHEALTHY);
}
END_TEST

/* Too few frames are no trial, however long it lasts. */
START_TEST(test_few_frames)
{
    for (guint i = 0; i < 299; i++)
        vigil_trial_add_frame(trial, now += 300 * SECOND, MS, TRUE);
    now += 86400 * SECOND;
    ck_assert_int_eq(vigil_trial_judge(trial, now, reason, sizeof reason), VIGIL_TRIAL_PENDING);
    vigil_trial_add_frame(trial, now, MS, TRUE);
    ck_assert_int_eq(vigil_trial_judge(trial, now, reason, sizeof reason), VIGIL_TRIAL_HEALTHY);
}
END_TEST

/* Once a second, and no more than a tenth of the time. */
START_TEST(test_samples_are_few)
{
    Scene scene = usual;

    scene.n_old = scene.n_new = 0;
    play(&scene, 100 * SECOND);
    ck_assert_uint_eq(steps, 100);
    end();
    begin();
    scene.old_ns = 2 * SECOND;
    play(&scene, 100 * SECOND);
    ck_assert_uint_le(steps, 6);
    ck_assert_uint_ge(steps, 5);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("trial");
    TCase *tc = tcase_create("trial");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, test_healthy);
    tcase_add_test(tc, test_quiet_night);
    tcase_add_test(tc, test_blind);
    tcase_add_test(tc, test_boxes_elsewhere);
    tcase_add_test(tc, test_not_blind);
    tcase_add_test(tc, test_flood);
    tcase_add_test(tc, test_slow);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_few_frames);
    tcase_add_test(tc, test_samples_are_few);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
