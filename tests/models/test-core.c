/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler by a clock that only the test moves: cameras that deliver, one model that takes its time. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "models/vigil-core.h"

#define MS G_GINT64_CONSTANT(1000000)
#define SECOND (1000 * MS)
#define MAX_CAMERAS 64

typedef struct {
    gint64 interval_ns, next_ns; /* of frames */
    guint burst;                 /* frames at once */
    gint64 cost_ns;              /* of an inference */
    gint64 busy_ns;              /* of all that ended */
    VigilCoreStream stream;
} Camera;

static VigilCore core;
static Camera cameras[MAX_CAMERAS];
static guint n_cameras;
static VigilCoreStream *running;
static gint64 now_ns, run_end_ns;
static GRand *unevenness;                 /* of costs; NULL: they are even */
static gint64 stuck_from_ns, stuck_to_ns; /* inferences that begin in between end at its end */

static void
setup(void)
{
    core = (VigilCore){0};
    n_cameras = 0;
    running = NULL;
    now_ns = run_end_ns = 0;
    stuck_from_ns = stuck_to_ns = 0;
}

static Camera *
add_camera(gdouble fps, gint64 cost_ns, guint weight, gint64 max_age_ns)
{
    Camera *camera = &cameras[n_cameras++];

    *camera = (Camera){.interval_ns = (gint64)(1e9 / fps),
                       .burst = 1,
                       .cost_ns = cost_ns,
                       .stream = {.weight = weight, .max_age_ns = max_age_ns}};
    camera->next_ns = now_ns + camera->interval_ns * n_cameras / MAX_CAMERAS;
    vigil_core_add(&core, &camera->stream);
    return camera;
}

static Camera *
camera_of(VigilCoreStream *stream)
{
    for (guint i = 0; i < n_cameras; i++)
        if (&cameras[i].stream == stream)
            return &cameras[i];
    ck_abort_msg("a stream that nobody added");
    return NULL;
}

/* Nothing is counted twice, and nothing is lost. An assertion writes to a file, even if it holds: one for many frames. */
static void
check_books(void)
{
    gboolean ok = TRUE;

    for (guint i = 0; i < n_cameras; i++) {
        const VigilCoreStream *stream = &cameras[i].stream;
        guint64 sum = vigil_core_is_waiting(stream) + (running == stream);

        for (guint k = 0; k < VIGIL_CORE_N_OUTCOMES; k++)
            sum += stream->stats.outcomes[k];
        ok &= stream->stats.seen == sum &&
              stream->stats.inference.n == stream->stats.outcomes[VIGIL_CORE_INFERRED] +
                                               stream->stats.outcomes[VIGIL_CORE_FAILED];
    }
    if (!ok)
        ck_abort_msg("the books do not agree at %" G_GINT64_FORMAT " ns", now_ns);
}

static gint64
next_event(gint64 end_ns)
{
    gint64 at = end_ns;

    for (guint i = 0; i < n_cameras; i++) {
        at = MIN(at, cameras[i].next_ns);
        at = MIN(at, vigil_core_deadline(&core, &cameras[i].stream));
    }
    return running ? MIN(at, run_end_ns) : at;
}

static void
deliver(void)
{
    for (guint i = 0; i < n_cameras; i++) {
        Camera *camera = &cameras[i];

        for (; camera->next_ns <= now_ns; camera->next_ns += camera->interval_ns)
            for (guint k = 0; k < camera->burst; k++)
                vigil_core_submit(&core, &camera->stream, now_ns, now_ns);
        vigil_core_check(&core, &camera->stream, now_ns);
    }
}

/* A loaded machine: some take ten times as long as others. */
static gint64
get_cost(const Camera *camera)
{
    if (!unevenness)
        return camera->cost_ns;
    return (gint64)((gdouble)camera->cost_ns *
                    (0.4 - 0.6 * log(g_rand_double_range(unevenness, 0.001, 1))));
}

static void
play(gint64 seconds)
{
    const gint64 end_ns = now_ns + seconds * SECOND;

    while (now_ns < end_ns) {
        now_ns = next_event(end_ns);
        if (running && now_ns >= run_end_ns) {
            vigil_core_done(&core, running, now_ns, TRUE);
            running = NULL;
        }
        deliver();
        if (!running && (running = vigil_core_next(&core, now_ns))) {
            const gint64 cost_ns = get_cost(camera_of(running));

            run_end_ns = now_ns + cost_ns;
            camera_of(running)->busy_ns += cost_ns;
            if (now_ns >= stuck_from_ns && now_ns < stuck_to_ns)
                run_end_ns = stuck_to_ns;
        }
        check_books();
    }
}

static guint64
inferred(const Camera *camera)
{
    return camera->stream.stats.outcomes[VIGIL_CORE_INFERRED];
}

static guint64
shed(const Camera *camera, VigilCoreOutcome outcome)
{
    return camera->stream.stats.outcomes[outcome];
}

static guint64
sum_inferred(void)
{
    guint64 sum = 0;

    for (guint i = 0; i < n_cameras; i++)
        sum += inferred(&cameras[i]);
    return sum;
}

/* Within 5 % of the part that is due. */
static void
check_share(const Camera *camera, gdouble part)
{
    const gdouble share = (gdouble)inferred(camera) / (gdouble)sum_inferred();

    ck_assert_msg(share > part * 0.95 && share < part * 1.05, "%.4f instead of %.4f", share, part);
}

/* 16 cameras of 5 frames a second, one core, SSD MobileNet v1: all is looked at, and soon. */
START_TEST(test_sixteen)
{
    for (guint i = 0; i < 16; i++)
        add_camera(5, 8 * MS, 1, 0);
    play(30);
    for (guint i = 0; i < 16; i++) {
        ck_assert_uint_ge(inferred(&cameras[i]), 5 * 30 - 1);
        ck_assert_uint_eq(shed(&cameras[i], VIGIL_CORE_SUPERSEDED), 0);
        ck_assert_int_le(vigil_histogram_get(&cameras[i].stream.stats.queue_age, 0.99), 400 * MS);
        ck_assert_int_le(cameras[i].stream.stats.queue_age.max_ns, 16 * 8 * MS);
    }
}
END_TEST

/* Three times as much as can be done, of 1 to 64 cameras: each gets its part, and what is looked at is fresh. */
START_TEST(test_overload)
{
    static const guint counts[] = {1, 2, 3, 7, 16, 33, 64};
    const guint n = counts[_i];

    for (guint i = 0; i < n; i++)
        add_camera(5, 3 * 200 * MS / n, 1, 0);
    play(60);
    ck_assert_uint_ge(sum_inferred(), 60 * 5 / 3 * n - n - 1);
    for (guint i = 0; i < n; i++) {
        check_share(&cameras[i], 1.0 / n);
        ck_assert_int_le(cameras[i].stream.stats.queue_age.max_ns, 400 * MS);
        ck_assert_uint_ge(shed(&cameras[i], VIGIL_CORE_SUPERSEDED),
                          cameras[i].stream.stats.seen * 6 / 10);
    }
}
END_TEST

START_TEST(test_weights)
{
    static const guint weights[] = {1, 2, 3, 4, 1, 2, 5, 1};
    guint sum = 0;

    for (guint i = 0; i < G_N_ELEMENTS(weights); i++)
        sum += weights[i];
    for (guint i = 0; i < G_N_ELEMENTS(weights); i++)
        add_camera(25, 30 * MS, weights[i], 0);
    play(60);
    for (guint i = 0; i < G_N_ELEMENTS(weights); i++)
        check_share(&cameras[i], (gdouble)weights[i] / sum);
}
END_TEST

/* Uneven times cost nobody a share, although they let some wait for a frame now and then. */
START_TEST(test_uneven)
{
    gint64 sum = 0;

    unevenness = g_rand_new_with_seed(1);
    for (guint i = 0; i < 16; i++)
        add_camera(10.6, 18 * MS, i % 4 + 1, 0);
    play(400);
    for (guint i = 0; i < 16; i++)
        sum += cameras[i].busy_ns;
    for (guint i = 0; i < 16; i++) {
        const gdouble share = (gdouble)cameras[i].busy_ns / (gdouble)sum * 40 / (i % 4 + 1);

        ck_assert_msg(share > 0.95 && share < 1.05, "%.4f of what is due", share);
    }
    g_clear_pointer(&unevenness, g_rand_free);
}
END_TEST

/* Whose inferences take longer gets fewer of them: what is shared is time. */
START_TEST(test_costs)
{
    for (guint i = 0; i < 8; i++)
        add_camera(25, i < 4 ? 10 * MS : 40 * MS, 1, 0);
    play(60);
    for (guint i = 0; i < 8; i++)
        check_share(&cameras[i], i < 4 ? 0.2 : 0.05);
}
END_TEST

/* A camera that sends ten frames at once has the last of them looked at, and takes nothing from the others. */
START_TEST(test_bursts)
{
    Camera *bursting;

    for (guint i = 0; i < 7; i++)
        add_camera(5, 20 * MS, 1, 0);
    bursting = add_camera(0.5, 20 * MS, 1, 0);
    bursting->burst = 10;
    play(60);
    ck_assert_uint_ge(inferred(bursting), 29);
    ck_assert_uint_eq(shed(bursting, VIGIL_CORE_SUPERSEDED), bursting->stream.stats.seen * 9 / 10);
    for (guint i = 0; i < 7; i++) {
        ck_assert_uint_ge(inferred(&cameras[i]), 299);
        ck_assert_int_le(cameras[i].stream.stats.queue_age.max_ns, 200 * MS);
    }
}
END_TEST

/* A camera that seldom sends anything has all of it looked at, among 63 that want more than there is. */
START_TEST(test_no_starvation)
{
    Camera *seldom;

    for (guint i = 0; i < 63; i++)
        add_camera(30, 20 * MS, 1, 0);
    seldom = add_camera(0.2, 20 * MS, 1, 0);
    play(60);
    ck_assert_uint_ge(inferred(seldom), 11);
    ck_assert_int_le(seldom->stream.stats.queue_age.max_ns, 65 * 20 * MS);
}
END_TEST

/* No frame over its age is looked at, and a camera whose turn comes later than that keeps its place. */
START_TEST(test_max_age)
{
    for (guint i = 0; i < 32; i++)
        add_camera(2, 40 * MS, 1, i < 16 ? 300 * MS : 0);
    play(60);
    for (guint i = 0; i < 32; i++) {
        if (i < 16)
            ck_assert_int_le(cameras[i].stream.stats.queue_age.max_ns, 300 * MS);
        ck_assert_uint_ge(inferred(&cameras[i]), 30);
    }
    ck_assert_uint_gt(shed(&cameras[0], VIGIL_CORE_TOO_OLD), 0);
    ck_assert_uint_eq(shed(&cameras[20], VIGIL_CORE_TOO_OLD), 0);
}
END_TEST

/* An inference hangs for half a minute: frames go on, marked, and afterwards all is as before. */
START_TEST(test_stuck)
{
    guint64 before, after;

    core.patience_ns = 2 * SECOND;
    for (guint i = 0; i < 8; i++)
        add_camera(5, 20 * MS, 1, 10 * SECOND);
    play(10);
    before = sum_inferred();
    stuck_from_ns = now_ns;
    stuck_to_ns = now_ns + 30 * SECOND;
    play(30);
    ck_assert_uint_le(sum_inferred(), before + 1);
    for (guint i = 0; i < 8; i++)
        ck_assert_uint_ge(shed(&cameras[i], VIGIL_CORE_STUCK), 28 * 5 - 2);
    after = sum_inferred();
    play(10);
    ck_assert_uint_ge(sum_inferred(), after + 8 * 49);
    for (guint i = 0; i < 8; i++)
        check_share(&cameras[i], 1.0 / 8);
}
END_TEST

/* Cameras come and go while others run; whoever was away has saved nothing up. */
START_TEST(test_come_and_go)
{
    guint64 first, second;

    add_camera(30, 50 * MS, 1, 0);
    play(20);
    first = inferred(&cameras[0]);
    add_camera(30, 50 * MS, 1, 0);
    play(20);
    ck_assert_uint_le(inferred(&cameras[1]), inferred(&cameras[0]) - first + 2);
    ck_assert_uint_ge(inferred(&cameras[1]) + 2, inferred(&cameras[0]) - first);
    cameras[0].interval_ns = 1000 * SECOND; /* silent */
    cameras[0].next_ns = now_ns + 20 * SECOND;
    play(20);
    first = inferred(&cameras[0]);
    second = inferred(&cameras[1]);
    cameras[0].interval_ns = SECOND / 30;
    play(20);
    ck_assert_uint_le(inferred(&cameras[0]) - first, inferred(&cameras[1]) - second + 2);
    vigil_core_withdraw(&cameras[1].stream, now_ns);
    if (running) {
        vigil_core_done(&core, running, now_ns, TRUE);
        running = NULL;
    }
    vigil_core_remove(&core, &cameras[1].stream);
    n_cameras = 1;
    play(10);
}
END_TEST

/* Anything in any order. */
START_TEST(test_random)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)_i);

    core.patience_ns = g_rand_int_range(rand, 0, 2) * 100 * MS;
    for (guint i = 0; i < 12; i++)
        add_camera(g_rand_double_range(rand, 0.1, 60), g_rand_int_range(rand, 1, 100) * MS,
                   (guint)g_rand_int_range(rand, 0, 5), g_rand_int_range(rand, 0, 4) * 50 * MS);
    for (guint round = 0; round < 20; round++) {
        Camera *camera = &cameras[g_rand_int_range(rand, 0, (gint32)n_cameras)];

        if (g_rand_boolean(rand))
            vigil_core_withdraw(&camera->stream, now_ns);
        if (running && g_rand_boolean(rand)) {
            vigil_core_done(&core, running, now_ns, FALSE);
            running = NULL;
        }
        camera->burst = (guint)g_rand_int_range(rand, 0, 4);
        stuck_from_ns = now_ns + g_rand_int_range(rand, 0, 2000) * MS;
        stuck_to_ns = stuck_from_ns + g_rand_int_range(rand, 0, 500) * MS;
        play(1);
    }
    for (guint i = 0; i < n_cameras; i++) {
        const VigilCoreStream *stream = &cameras[i].stream;

        ck_assert(stream->max_age_ns == 0 || stream->stats.queue_age.max_ns <= stream->max_age_ns);
    }
}
END_TEST

START_TEST(test_histogram)
{
    VigilHistogram histogram = {0};

    ck_assert_int_eq(vigil_histogram_get(&histogram, 0.5), 0);
    for (gint64 i = 1; i <= 1000; i++)
        vigil_histogram_add(&histogram, i * MS);
    for (gdouble part = 0.01; part < 1; part += 0.01) {
        const gint64 value = vigil_histogram_get(&histogram, part);

        ck_assert_int_ge(value, (gint64)(part * 1000 * MS) - MS);
        ck_assert_int_le(value, (gint64)(part * 1.2 * 1000 * MS) + MS);
    }
    ck_assert_int_eq(vigil_histogram_get(&histogram, 1), 1000 * MS);
    vigil_histogram_add(&histogram, -5);
    vigil_histogram_add(&histogram, G_MAXINT64);
    ck_assert_int_eq(vigil_histogram_get(&histogram, 1), G_MAXINT64);
    ck_assert_int_eq(vigil_histogram_get(&histogram, 0), 1000);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("core");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_sixteen);
    tcase_add_loop_test(tests, test_overload, 0, 7);
    tcase_add_test(tests, test_weights);
    tcase_add_test(tests, test_uneven);
    tcase_add_test(tests, test_costs);
    tcase_add_test(tests, test_bursts);
    tcase_add_test(tests, test_no_starvation);
    tcase_add_test(tests, test_max_age);
    tcase_add_test(tests, test_stuck);
    tcase_add_test(tests, test_come_and_go);
    tcase_add_loop_test(tests, test_random, 0, 10);
    tcase_add_test(tests, test_histogram);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
