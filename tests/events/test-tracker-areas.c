/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of which only a part was looked at: a track elsewhere was not missed. */
#include <check.h>
#include <math.h>

#include "events/vigil-tracker.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MS G_GINT64_CONSTANT(1000000)

static const VigilBox left_half = {0.0f, 0.0f, 0.5f, 1.0f};
static const VigilBox right_half = {0.5f, 0.0f, 1.0f, 1.0f};

static VigilTracker *tracker;
static VigilTrack tracks[VIGIL_TRACKER_MAX_TRACKS];

static void
setup(void)
{
    tracker = vigil_tracker_new(NULL);
}

static void
teardown(void)
{
    vigil_tracker_free(tracker);
}

static VigilDetection
person_at(gfloat x)
{
    return (VigilDetection){.box = {x - 0.04f, 0.4f, x + 0.04f, 0.6f},
                            .score = 0.8f,
                            .label = g_intern_static_string("person")};
}

/* @x: of somebody who is seen; negative: nobody is */
static guint
look(gint64 time_ns, const VigilBox *area, gfloat x)
{
    const VigilDetection detection = person_at(x);

    return vigil_tracker_update_area(tracker, time_ns, area, &detection, x < 0 ? 0 : 1, tracks,
                                     NULL, G_N_ELEMENTS(tracks));
}

/* Five looks a second. Returns: the tracks after the last. */
static guint
looks(gint64 from_ns, gint64 to_ns, const VigilBox *area, gfloat x)
{
    guint n = 0;

    for (gint64 t = from_ns; t <= to_ns; t += 200 * MS)
        n = look(t, area, x);
    return n;
}

START_TEST(not_looked_at_is_not_missed)
{
    ck_assert_uint_eq(looks(0, SECOND, NULL, 0.25f), 1);
    for (guint i = 0; i < 10; i++) {
        const gint64 from_ns = SECOND + i * 2 * SECOND;

        ck_assert_uint_eq(looks(from_ns + 200 * MS, from_ns + 1800 * MS, &right_half, -1), 1);
        ck_assert(!tracks[0].observed);
        ck_assert_uint_eq(vigil_tracker_predict(tracker, from_ns + 1900 * MS, tracks, 128), 1);
        ck_assert_uint_eq(look(from_ns + 2 * SECOND, NULL, 0.25f), 1);
        ck_assert(tracks[0].observed);
        ck_assert_uint_eq(tracks[0].id, 1);
    }
}
END_TEST

/* The same looks at all of the frame end it. */
START_TEST(looked_for_in_vain_it_ends)
{
    looks(0, SECOND, NULL, 0.25f);
    ck_assert_uint_eq(looks(1200 * MS, 3200 * MS, NULL, -1), 0);
    teardown();
    setup();
    looks(0, SECOND, NULL, 0.25f);
    ck_assert_uint_eq(looks(1200 * MS, 3200 * MS, &left_half, -1), 0);
}
END_TEST

/* Who is gone stays no longer than a few looks at all of the frame take. */
START_TEST(gone_elsewhere)
{
    gint64 t = 1200 * MS;
    guint n = 1, n_whole = 0;

    looks(0, SECOND, NULL, 0.25f);
    for (; n > 0 && t < 30 * SECOND; t += 200 * MS) {
        const gboolean whole = (t - 1200 * MS) % (2 * SECOND) == 0;

        n = look(t, whole ? NULL : &right_half, -1);
        n_whole += whole ? 1 : 0;
    }
    ck_assert_uint_ge(n_whole, 2);
    ck_assert_int_le(t, 8 * SECOND);
}
END_TEST

/* Without such a look at all it ends after 40 s. */
START_TEST(not_for_ever)
{
    looks(0, SECOND, NULL, 0.25f);
    ck_assert_uint_eq(looks(1200 * MS, 40 * SECOND, &right_half, -1), 1);
    ck_assert_uint_eq(looks(40200 * MS, 42 * SECOND, &right_half, -1), 0);
}
END_TEST

/* Somebody who walks on meanwhile, or who stops, is the same. */
START_TEST(walks_or_stops_meanwhile)
{
    for (guint stops = 0; stops < 2; stops++) {
        gfloat x = 0.10f;
        gint64 t = 0;

        for (guint i = 0; i < 8; i++, t += 200 * MS, x += 0.01f)
            look(t, NULL, x);
        for (guint i = 0; i < 9; i++, t += 200 * MS, x += stops ? 0.0f : 0.01f)
            ck_assert_uint_eq(look(t, &right_half, -1), 1);
        ck_assert_uint_eq(look(t, NULL, x), 1);
        ck_assert_uint_eq(tracks[0].id, 1);
        ck_assert(tracks[0].observed);
        teardown();
        setup();
    }
}
END_TEST

/* Where only a part of the box is in the area nobody looked for it; and it may be found there all the same. */
START_TEST(half_in_it)
{
    looks(0, SECOND, NULL, 0.5f);
    ck_assert_uint_eq(looks(1200 * MS, 6 * SECOND, &right_half, -1), 1);
    ck_assert_uint_eq(look(6200 * MS, &right_half, 0.51f), 1);
    ck_assert_uint_eq(tracks[0].id, 1);
    ck_assert(tracks[0].observed);
}
END_TEST

/* One that is seen in each part stays; nobody else is made of it. */
START_TEST(one_in_each_part)
{
    for (guint i = 0; i < 100; i++) {
        const VigilBox *area = i % 2 ? &left_half : &right_half;
        const guint n = look(i * 200 * MS, area, i % 2 ? 0.25f : 0.75f);

        if (i > 4)
            ck_assert_uint_eq(n, 2);
    }
    ck_assert_uint_eq(tracks[0].id + tracks[1].id, 3);
}
END_TEST

/* What only a close look showed is not missed by a look at all of the frame, but by close ones. */
START_TEST(seen_closely)
{
    ck_assert_uint_eq(looks(0, SECOND, &left_half, 0.25f), 1);
    ck_assert_uint_eq(looks(1200 * MS, 20 * SECOND, NULL, -1), 1);
    ck_assert_uint_eq(look(20200 * MS, &left_half, 0.25f), 1);
    ck_assert_uint_eq(tracks[0].id, 1);
    ck_assert_uint_eq(looks(20400 * MS, 23 * SECOND, &left_half, -1), 0);
}
END_TEST

/* Not looked for where it was, but where it should be by now: that ends it, too. */
START_TEST(gone_on_its_way)
{
    guint n = 0;

    for (guint i = 0; i < 10; i++)
        look(i * 200 * MS, &left_half, 0.1f + 0.02f * (gfloat)i);
    for (gint64 t = 2 * SECOND; t <= 10 * SECOND; t += 200 * MS) {
        VigilPlaces where;

        vigil_tracker_get_places(tracker, &where);
        if (where.n == 0)
            break;
        n = look(
            t,
            &(VigilBox){where.places[0].box.x0 - 0.1f, 0.3f, where.places[0].box.x1 + 0.1f, 0.7f},
            -1);
    }
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(places)
{
    VigilPlaces where;

    vigil_tracker_get_places(tracker, &where);
    ck_assert_uint_eq(where.n, 0);
    look(0, NULL, 0.25f); /* not confirmed yet, and worth a look */
    vigil_tracker_get_places(tracker, &where);
    ck_assert_uint_eq(where.n, 1);
    ck_assert(!where.places[0].resting);
    for (guint i = 1; i < 10; i++)
        look(i * 200 * MS, NULL, 0.25f + 0.01f * (gfloat)i);
    vigil_tracker_get_places(tracker, &where);
    ck_assert_int_eq(where.time_ns, 1800 * MS);
    ck_assert_float_eq_tol(where.places[0].speed_x, 0.05f, 0.02f);
    ck_assert_float_eq_tol(where.places[0].box.x0, 0.30f, 0.02f);
    looks(2000 * MS, 12 * SECOND, NULL, 0.34f);
    vigil_tracker_get_places(tracker, &where);
    ck_assert_uint_eq(where.n, 1);
    ck_assert(where.places[0].resting);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("tracker-areas");
    TCase *tc = tcase_create("tracker-areas");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, not_looked_at_is_not_missed);
    tcase_add_test(tc, looked_for_in_vain_it_ends);
    tcase_add_test(tc, gone_elsewhere);
    tcase_add_test(tc, not_for_ever);
    tcase_add_test(tc, walks_or_stops_meanwhile);
    tcase_add_test(tc, half_in_it);
    tcase_add_test(tc, one_in_each_part);
    tcase_add_test(tc, seen_closely);
    tcase_add_test(tc, gone_on_its_way);
    tcase_add_test(tc, places);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
