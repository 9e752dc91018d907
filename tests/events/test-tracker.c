/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "events/vigil-tracker.h"
#include "tests/support/vigil-test-data.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MS G_GINT64_CONSTANT(1000000)

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
detection_at(gdouble x, gdouble y, gdouble width, gdouble height, gfloat score, const gchar *label)
{
    return (VigilDetection){.box = {(gfloat)(x - width / 2), (gfloat)(y - height / 2),
                                    (gfloat)(x + width / 2), (gfloat)(y + height / 2)},
                            .score = score,
                            .label_id = (gint32)strlen(label),
                            .label = g_intern_string(label)};
}

static guint
update(gint64 time_ns, const VigilDetection *detections, guint n)
{
    return vigil_tracker_update(tracker, time_ns, detections, n, tracks, NULL,
                                G_N_ELEMENTS(tracks));
}

/* The track that has a detection of this frame nearest to a place; 0: none. */
static guint64
id_at(guint n_tracks, gdouble x, gdouble y)
{
    guint64 id = 0;
    gdouble nearest = 0.1;

    for (guint i = 0; i < n_tracks; i++) {
        const VigilBox *box = &tracks[i].box;
        const gdouble distance =
            hypot(0.5 * (box->x0 + box->x1) - x, 0.5 * (box->y0 + box->y1) - y);

        if (tracks[i].observed && distance < nearest) {
            nearest = distance;
            id = tracks[i].id;
        }
    }
    return id;
}

START_TEST(test_confirmation)
{
    const VigilDetection detections[] = {detection_at(0.5, 0.5, 0.2, 0.4, 0.7f, "person")};
    gint match = 7;

    ck_assert_uint_eq(vigil_tracker_update(tracker, 0, detections, 1, tracks, &match, 128), 0);
    ck_assert_int_eq(match, -1);
    ck_assert_uint_eq(vigil_tracker_update(tracker, 100 * MS, detections, 1, tracks, &match, 128),
                      1);
    ck_assert_int_eq(match, 0);
    ck_assert_uint_eq(tracks[0].id, 1);
    ck_assert_int_eq(tracks[0].first_ns, 0);
    ck_assert_int_eq(tracks[0].last_ns, 100 * MS);
    ck_assert(tracks[0].observed);
    ck_assert_float_eq(tracks[0].score, 0.7f);
    ck_assert_ptr_eq(tracks[0].label, g_intern_string("person"));
    ck_assert_float_eq_tol(tracks[0].box.x0, 0.4f, 1e-4f);
    ck_assert_float_eq_tol(tracks[0].box.y1, 0.7f, 1e-4f);
}
END_TEST

/* At one frame a second too: a frame that was not there is no frame in which it was missed. */
START_TEST(test_slow_frames)
{
    const VigilDetection detections[] = {detection_at(0.5, 0.5, 0.2, 0.4, 0.7f, "person")};

    ck_assert_uint_eq(update(0, detections, 1), 0);
    for (guint i = 1; i < 10; i++) {
        ck_assert_uint_eq(update(i * SECOND, detections, 1), 1);
        ck_assert_uint_eq(tracks[0].id, 1);
    }
    /* but a gap is one */
    ck_assert_uint_eq(update(60 * SECOND, detections, 1), 0);
}
END_TEST

/* What stands still is looked at now and then only, and is missed now and then. */
START_TEST(test_resting)
{
    const VigilDetection parked[] = {detection_at(0.5, 0.5, 0.2, 0.1, 0.7f, "car")};
    gint64 now = 0;

    for (; now < 5 * SECOND; now += 200 * MS) {
        const gdouble x = 0.5 + 0.01 * (gdouble)(now / (200 * MS) % 3);
        const VigilDetection shivering[] = {detection_at(x, 0.5, 0.2, 0.1, 0.7f, "car")};

        if (update(now, shivering, 1) > 0)
            ck_assert(!tracks[0].resting);
    }
    for (guint i = 0; i < 60; i++, now += 8 * SECOND) {
        const gboolean missed = i % 3 == 2;

        ck_assert_uint_eq(update(now, parked, missed ? 0 : 1), 1);
        ck_assert_uint_eq(tracks[0].id, 1);
        ck_assert(tracks[0].resting);
        /* it is where it was, as far as anybody knows */
        ck_assert_uint_eq(vigil_tracker_predict(tracker, now + SECOND, tracks, 1), 1);
        ck_assert_float_eq_tol(tracks[0].box.x0, 0.4f, 0.01f);
    }
}
END_TEST

START_TEST(test_resting_ends)
{
    const VigilDetection parked[] = {detection_at(0.5, 0.5, 0.2, 0.1, 0.7f, "car")};
    gint64 now = 0;

    for (; now <= 10 * SECOND; now += 200 * MS)
        update(now, parked, 1);
    ck_assert(tracks[0].resting);
    /* it drives off: the same car, and no longer at rest */
    for (guint i = 0; i < 10; i++, now += 200 * MS) {
        const VigilDetection leaving[] = {detection_at(0.5 + 0.03 * i, 0.5, 0.2, 0.1, 0.7f, "car")};

        ck_assert_uint_eq(update(now, leaving, 1), 1);
        ck_assert_uint_eq(tracks[0].id, 1);
    }
    ck_assert(!tracks[0].resting);
    /* and one that is looked for in vain is gone after two seconds of that */
    for (const gint64 until = now + 10 * SECOND; now < until; now += 200 * MS)
        update(now, parked, 1);
    now += 20 * SECOND;
    ck_assert_uint_eq(update(now, NULL, 0), 1);
    ck_assert_uint_eq(update(now + 2 * SECOND, NULL, 0), 1);
    ck_assert_uint_eq(update(now + 2 * SECOND + 200 * MS, NULL, 0), 0);
    /* and after 40 s without a look, for whatever reason, nobody is who was there */
    for (guint i = 1; i <= 50; i++)
        update(now + 10 * SECOND + i * 200 * MS, parked, 1);
    ck_assert(tracks[0].resting);
    ck_assert_uint_eq(update(now + 61 * SECOND, parked, 1), 0);
}
END_TEST

/* One false detection makes no track; two that are far apart neither. */
START_TEST(test_false_detections)
{
    const VigilDetection first[] = {detection_at(0.2, 0.5, 0.1, 0.2, 0.9f, "person")};
    const VigilDetection second[] = {detection_at(0.8, 0.5, 0.1, 0.2, 0.9f, "person")};

    ck_assert_uint_eq(update(0, first, 1), 0);
    for (guint i = 1; i < 20; i++)
        ck_assert_uint_eq(update(i * 200 * MS, NULL, 0), 0);
    ck_assert_uint_eq(update(5 * SECOND, first, 1), 0);
    ck_assert_uint_eq(update(6 * SECOND, second, 1), 0);
}
END_TEST

/* Weak detections carry a track on but start none. */
START_TEST(test_weak)
{
    const VigilDetection weak[] = {detection_at(0.5, 0.5, 0.2, 0.4, 0.2f, "person")};
    const VigilDetection strong[] = {detection_at(0.5, 0.5, 0.2, 0.4, 0.6f, "person")};
    const VigilDetection none[] = {detection_at(0.5, 0.5, 0.2, 0.4, 0.05f, "person")};

    for (guint i = 0; i < 5; i++)
        ck_assert_uint_eq(update(i * 100 * MS, weak, 1), 0);
    update(500 * MS, strong, 1);
    ck_assert_uint_eq(update(600 * MS, strong, 1), 1);
    ck_assert_uint_eq(update(700 * MS, weak, 1), 1);
    ck_assert(tracks[0].observed);
    ck_assert_float_eq(tracks[0].score, 0.2f);
    ck_assert_uint_eq(update(800 * MS, none, 1), 1);
    ck_assert(!tracks[0].observed);
    ck_assert_float_eq(tracks[0].score, 0.0f);
    ck_assert_int_eq(tracks[0].last_ns, 700 * MS);
}
END_TEST

/* Two people pass each other, one before the other; nobody changes the id. */
START_TEST(test_crossing)
{
    guint64 left = 0, right = 0;

    for (guint i = 0; i < 50; i++) {
        const gdouble t = i * 0.1;
        const gdouble xa = 0.1 + 0.16 * t, xb = 0.9 - 0.16 * t;
        const VigilDetection detections[] = {detection_at(xa, 0.5, 0.1, 0.5, 0.8f, "person"),
                                             detection_at(xb, 0.6, 0.12, 0.6, 0.7f, "person")};
        const guint n = update(i * 100 * MS, detections, 2);

        if (i == 5) {
            left = id_at(n, xa, 0.5);
            right = id_at(n, xb, 0.6);
            ck_assert_uint_ne(left, 0);
            ck_assert_uint_ne(right, 0);
        }
        if (i == 49) {
            ck_assert_uint_eq(n, 2);
            ck_assert_uint_eq(id_at(n, xa, 0.5), left);
            ck_assert_uint_eq(id_at(n, xb, 0.6), right);
        }
    }
}
END_TEST

/* As before, and the one behind is not seen for a second in the middle. */
START_TEST(test_occlusion)
{
    guint64 left = 0, right = 0;

    for (guint i = 0; i < 50; i++) {
        const gdouble t = i * 0.1;
        const gdouble xa = 0.1 + 0.16 * t, xb = 0.9 - 0.16 * t;
        const VigilDetection detections[] = {detection_at(xb, 0.6, 0.12, 0.6, 0.7f, "person"),
                                             detection_at(xa, 0.5, 0.1, 0.5, 0.8f, "person")};
        const guint n = update(i * 100 * MS, detections, i >= 20 && i < 30 ? 1 : 2);

        if (i == 10) {
            left = id_at(n, xa, 0.5);
            right = id_at(n, xb, 0.6);
        }
        if (i == 45) {
            ck_assert_uint_eq(n, 2);
            ck_assert_uint_eq(id_at(n, xa, 0.5), left);
            ck_assert_uint_eq(id_at(n, xb, 0.6), right);
        }
    }
}
END_TEST

/* Somebody stands there and is detected in one frame of three, with jitter. */
START_TEST(test_misses)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    guint64 id = 0;

    for (guint i = 0; i < 120; i++) {
        const VigilDetection detections[] = {
            detection_at(0.55 + g_rand_double_range(rand, -0.01, 0.01), 0.5,
                         0.2 + g_rand_double_range(rand, -0.02, 0.02), 0.9, 0.65f, "person")};
        const guint n = update(i * 200 * MS, detections, i % 3 == 0 || i < 2);

        if (i == 1)
            id = tracks[0].id;
        if (i >= 1) {
            ck_assert_uint_eq(n, 1);
            ck_assert_uint_eq(tracks[0].id, id);
        }
    }
}
END_TEST

/* 5 frames a second: a small car moves by one and a half of its lengths a frame, so it never overlaps with itself. */
START_TEST(test_fast_small)
{
    guint64 id = 0;

    for (guint i = 0; i < 12; i++) {
        const gdouble x = 0.05 + 0.075 * i;
        const VigilDetection detections[] = {detection_at(x, 0.4, 0.05, 0.03, 0.8f, "car")};
        const guint n = update(i * 200 * MS, detections, 1);

        if (i == 1)
            id = id_at(n, x, 0.4);
        if (i >= 1) {
            ck_assert_uint_eq(n, 1);
            ck_assert_uint_eq(id_at(n, x, 0.4), id);
        }
    }
    ck_assert_uint_eq(id, 1);
}
END_TEST

/* A queue of cars that moves by its own distance each frame is hard; with a gap of two lengths all ids stay. */
START_TEST(test_column)
{
    guint64 ids[3] = {0};

    for (guint i = 0; i < 10; i++) {
        VigilDetection detections[3];
        guint n;

        for (guint c = 0; c < 3; c++)
            detections[c] = detection_at(0.05 + 0.04 * i + 0.15 * c, 0.4, 0.05, 0.04, 0.8f, "car");
        n = update(i * 200 * MS, detections, 3);
        for (guint c = 0; c < 3 && i >= 1; c++) {
            const guint64 id = id_at(n, 0.05 + 0.04 * i + 0.15 * c, 0.4);

            if (i == 1)
                ids[c] = id;
            ck_assert_uint_eq(id, ids[c]);
        }
    }
}
END_TEST

/* A track is what most of its detections say; two names for one thing at once are two tracks that do not swap. */
START_TEST(test_majority)
{
    for (guint i = 0; i < 9; i++) {
        const VigilDetection detections[] = {
            detection_at(0.5, 0.5, 0.2, 0.4, 0.7f, i % 3 == 2 ? "dog" : "person")};
        const guint n = update(i * 100 * MS, detections, 1);

        if (i == 0)
            continue;
        ck_assert_uint_eq(n, 1);
        ck_assert_str_eq(tracks[0].label, "person");
        ck_assert_int_eq(tracks[0].label_id, 6);
    }
}
END_TEST

/* A wrong first impression is put right. */
START_TEST(test_majority_changes)
{
    for (guint i = 0; i < 6; i++) {
        const VigilDetection detections[] = {
            detection_at(0.5, 0.5, 0.2, 0.4, 0.7f, i < 2 ? "dog" : "person")};

        update(i * 100 * MS, detections, 1);
        if (i > 0)
            ck_assert_str_eq(tracks[0].label, i < 4 ? "dog" : "person");
    }
    ck_assert_uint_eq(tracks[0].id, 1);
}
END_TEST

/* Another model took over, which numbers the same classes otherwise: the track goes on, with the new number. */
START_TEST(test_other_numbers)
{
    for (guint i = 0; i < 6; i++) {
        VigilDetection detection = detection_at(0.1 + i * 0.02, 0.5, 0.05, 0.1, 0.7f, "person");

        detection.label_id = i < 3 ? 6 : 0;
        update(i * 100 * MS, &detection, 1);
        if (i > 0)
            ck_assert_int_eq(tracks[0].label_id, detection.label_id);
    }
    ck_assert_uint_eq(tracks[0].id, 1);
}
END_TEST

START_TEST(test_votes_overflow)
{
    static const gchar *const names[] = {"a", "bb", "ccc", "dddd", "eeeee", "ffffff", "a", "a"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const VigilDetection detections[] = {detection_at(0.5, 0.5, 0.2, 0.4, 0.7f, names[i])};

        ck_assert_uint_eq(update(i * 100 * MS, detections, 1), i > 0);
    }
    ck_assert_str_eq(tracks[0].label, "a");
}
END_TEST

START_TEST(test_two_classes)
{
    guint64 car = 0;

    for (guint i = 0; i < 10; i++) {
        const VigilDetection detections[] = {
            detection_at(0.5, 0.5, 0.2, 0.2, i % 2 ? 0.7f : 0.6f, "car"),
            detection_at(0.5, 0.5, 0.2, 0.2, i % 2 ? 0.6f : 0.7f, "truck")};
        const guint n = update(i * 100 * MS, detections, 2);

        if (i == 0)
            continue;
        ck_assert_uint_eq(n, 2);
        for (guint j = 0; j < 2; j++) {
            if (strcmp(tracks[j].label, "car") != 0)
                continue;
            if (i == 1)
                car = tracks[j].id;
            ck_assert_uint_eq(tracks[j].id, car);
        }
    }
}
END_TEST

/* The same object found twice does not become a second track. */
START_TEST(test_duplicate)
{
    for (guint i = 0; i < 10; i++) {
        const VigilDetection detections[] = {detection_at(0.5, 0.5, 0.2, 0.4, 0.8f, "person"),
                                             detection_at(0.51, 0.5, 0.21, 0.42, 0.6f, "person")};

        ck_assert_uint_eq(update(i * 100 * MS, detections, 2), i > 0);
    }
}
END_TEST

START_TEST(test_lost)
{
    const VigilDetection detections[] = {detection_at(0.5, 0.5, 0.2, 0.4, 0.8f, "person")};

    update(0, detections, 1);
    ck_assert_uint_eq(update(100 * MS, detections, 1), 1);
    ck_assert_uint_eq(update(2000 * MS, NULL, 0), 1);
    ck_assert_uint_eq(update(2100 * MS, NULL, 0), 1);
    ck_assert_uint_eq(update(2101 * MS, NULL, 0), 0);
    update(2200 * MS, detections, 1);
    ck_assert_uint_eq(update(2300 * MS, detections, 1), 1);
    ck_assert_uint_eq(tracks[0].id, 2);
}
END_TEST

/* Walks at 0.08 a second; from 1 s to @back_ms not seen. Returns: its id afterwards, which was 1 before */
static guint64
walk_behind(gint64 back_ms, gdouble shift)
{
    guint n = 0;
    gdouble x = 0.0;

    for (gint64 ms = 0; ms <= back_ms + 300; ms += 100) {
        VigilDetection detection;

        x = 0.2 + 0.08 * (gdouble)ms / 1000.0 + (ms >= back_ms ? shift : 0.0);
        detection = detection_at(x, 0.5, 0.06, 0.3, 0.8f, "person");
        n = update(ms * MS, &detection, ms < 1000 || ms >= back_ms ? 1 : 0);
        if (ms > 3000 && ms < back_ms)
            ck_assert_uint_eq(n, 0);
    }
    return id_at(n, x, 0.5);
}

/* Who was lost in the middle of the picture is not reported any more, but is the same one when it comes out where it should:
 * not elsewhere, and not for ever. */
START_TEST(test_return)
{
    ck_assert_uint_eq(walk_behind(4000, 0.0), 1);
    teardown();
    setup();
    ck_assert_uint_eq(walk_behind(4000, 0.25), 2);
    teardown();
    setup();
    ck_assert_uint_eq(walk_behind(7000, 0.0), 2);
}
END_TEST

/* Two go behind the same pillar from both sides, and one comes out long before the other. */
START_TEST(test_return_of_two)
{
    guint64 left = 0, right = 0;

    for (guint i = 0; i < 90; i++) {
        const gdouble t = i * 0.1;
        const gdouble xa = 0.1 + 0.08 * t, xb = 0.9 - 0.09 * t;
        VigilDetection seen[2];
        guint n = 0;

        if (xa < 0.4 || xa > 0.64)
            seen[n++] = detection_at(xa, 0.5, 0.06, 0.3, 0.8f, "person");
        if (xb < 0.4 || xb > 0.64)
            seen[n++] = detection_at(xb, 0.5, 0.06, 0.3, 0.7f, "person");
        n = update(i * 100 * MS, seen, n);
        if (i == 10) {
            left = id_at(n, xa, 0.5);
            right = id_at(n, xb, 0.5);
        }
        if (i == 85) {
            ck_assert_uint_eq(n, 2);
            ck_assert_uint_eq(id_at(n, xa, 0.5), left);
            ck_assert_uint_eq(id_at(n, xb, 0.5), right);
        }
    }
}
END_TEST

/* Who walks out of the picture is not followed further. */
START_TEST(test_left_the_frame)
{
    guint n = 0;

    for (guint i = 0; i < 10; i++) {
        const VigilDetection detections[] = {
            detection_at(0.5 + 0.05 * i, 0.5, 0.1, 0.3, 0.8f, "person")};

        n = update(i * 100 * MS, detections, 1);
    }
    ck_assert_uint_eq(n, 1);
    update(1000 * MS, NULL, 0);
    update(1200 * MS, NULL, 0);
    ck_assert_uint_eq(update(1300 * MS, NULL, 0), 0);
}
END_TEST

START_TEST(test_predict)
{
    VigilTrack predicted[4];

    for (guint i = 0; i < 10; i++) {
        const VigilDetection detections[] = {
            detection_at(0.2 + 0.02 * i, 0.5, 0.1, 0.3, 0.8f, "person")};

        update(i * 100 * MS, detections, 1);
    }
    ck_assert_uint_eq(vigil_tracker_predict(tracker, 1100 * MS, predicted, 4), 1);
    ck_assert_float_eq_tol(0.5f * (predicted[0].box.x0 + predicted[0].box.x1), 0.42f, 0.01f);
    ck_assert(!predicted[0].observed);
    ck_assert_float_eq(predicted[0].score, 0.0f);
    ck_assert_uint_eq(predicted[0].id, 1);
    ck_assert_uint_eq(vigil_tracker_predict(tracker, 1100 * MS, predicted, 0), 0);
    ck_assert_uint_eq(vigil_tracker_predict(tracker, 10 * SECOND, predicted, 4), 0);
    /* it changed nothing */
    ck_assert_uint_eq(vigil_tracker_predict(tracker, 900 * MS, predicted, 4), 1);
    ck_assert_float_eq_tol(0.5f * (predicted[0].box.x0 + predicted[0].box.x1), 0.38f, 0.01f);
}
END_TEST

START_TEST(test_time_and_reset)
{
    const VigilDetection detections[] = {detection_at(0.5, 0.5, 0.2, 0.4, 0.8f, "person")};
    gint match = 7;

    update(SECOND, detections, 1);
    ck_assert_uint_eq(update(SECOND + 100 * MS, detections, 1), 1);
    ck_assert_uint_eq(vigil_tracker_update(tracker, SECOND, detections, 1, tracks, &match, 128), 0);
    ck_assert_int_eq(match, -1);
    ck_assert_uint_eq(update(SECOND + 200 * MS, detections, 1), 1);
    vigil_tracker_reset(tracker);
    ck_assert_uint_eq(update(0, detections, 1), 0);
    ck_assert_uint_eq(update(100 * MS, detections, 1), 1);
    ck_assert_uint_eq(tracks[0].id, 2);
}
END_TEST

/* Boxes that a broken model might give. */
START_TEST(test_hostile)
{
    const VigilDetection detections[] = {
        {.box = {NAN, 0, 1, 1}, .score = 0.9f, .label = "x"},
        {.box = {0, 0, INFINITY, 1}, .score = 0.9f},
        {.box = {0.5f, 0.5f, 0.4f, 0.6f}, .score = 0.9f},
        {.box = {0.5f, 0.5f, 0.5f, 0.6f}, .score = 0.9f},
        {.box = {-1e30f, 0, 1e30f, 1}, .score = 0.9f},
        {.box = {0.1f, 0.1f, 0.2f, 0.2f}, .score = NAN},
        {.box = {0.7f, 0.7f, 0.8f, 0.8f}, .score = 0.9f, .label = NULL}};

    update(0, detections, G_N_ELEMENTS(detections));
    ck_assert_uint_eq(update(100 * MS, detections, G_N_ELEMENTS(detections)), 1);
    ck_assert_float_eq_tol(tracks[0].box.x0, 0.7f, 1e-3f);
    ck_assert_ptr_null(tracks[0].label);
}
END_TEST

/* More of everything than there is room for: the best detections count, and what found no room is told. */
START_TEST(test_overflow)
{
    VigilDetection detections[400];
    gint matches[400];
    guint n = 0, n_matched = 0;

    for (guint i = 0; i < 400; i++)
        detections[i] = detection_at(0.02 + 0.048 * (i % 20), 0.02 + 0.048 * (i / 20), 0.03, 0.03,
                                     0.55f + 0.001f * (gfloat)i, "person");
    for (guint f = 0; f < 3; f++)
        n = vigil_tracker_update(tracker, f * 100 * MS, detections, 400, tracks, matches, 128);
    ck_assert_uint_eq(n, 128);
    ck_assert_uint_eq(vigil_tracker_get_n_overflow(tracker), 3 * 128);
    for (guint i = 0; i < 400; i++) {
        if (matches[i] < 0)
            continue;
        n_matched++;
        ck_assert_uint_ge(i, 400 - 128);
        ck_assert_float_eq(tracks[matches[i]].score, detections[i].score);
    }
    ck_assert_uint_eq(n_matched, 128);
    ck_assert_uint_eq(vigil_tracker_update(tracker, SECOND, detections, 400, tracks, matches, 5),
                      5);
    for (guint i = 0; i < 400; i++)
        ck_assert_int_lt(matches[i], 5);
    /* those that are lost make room for new ones */
    for (guint i = 0; i < 400; i++)
        detections[i].label = g_intern_string("other");
    vigil_tracker_update(tracker, 2 * SECOND, detections, 100, tracks, matches, 128);
    vigil_tracker_update(tracker, 2 * SECOND + 100 * MS, detections, 100, tracks, matches, 128);
    for (guint i = 0; i < 100; i++)
        ck_assert_int_ge(matches[i], 0);
}
END_TEST

/* Random scenes, twice: the same bytes, ids never used twice, every match right. */
START_TEST(test_deterministic)
{
    gchar *sums[2];

    for (guint run = 0; run < 2; run++) {
        g_autoptr(VigilTracker) self = vigil_tracker_new(NULL);
        g_autoptr(GRand) rand = g_rand_new_with_seed(99);
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        guint64 largest = 0;

        for (guint f = 0; f < 400; f++) {
            VigilDetection detections[40];
            gint matches[40];
            const guint n = g_rand_int_range(rand, 0, 40);
            guint n_tracks;

            for (guint i = 0; i < n; i++)
                detections[i] = detection_at(
                    g_rand_double(rand), g_rand_double(rand), 0.01 + 0.3 * g_rand_double(rand),
                    0.01 + 0.3 * g_rand_double(rand), (gfloat)g_rand_double(rand),
                    g_rand_boolean(rand) ? "car" : "person");
            n_tracks =
                vigil_tracker_update(self, f * 100 * MS, detections, n, tracks, matches, 128);
            for (guint i = 0; i < n; i++) {
                ck_assert_int_lt(matches[i], (gint)n_tracks);
                if (matches[i] >= 0)
                    ck_assert_float_eq(tracks[matches[i]].score, detections[i].score);
            }
            for (guint i = 0; i < n_tracks; i++) {
                if (i > 0)
                    ck_assert_uint_gt(tracks[i].id, tracks[i - 1].id);
                ck_assert(isfinite(tracks[i].box.x0) && isfinite(tracks[i].box.y1));
                g_checksum_update(sum, (const guchar *)&tracks[i].id, sizeof tracks[i].id);
                g_checksum_update(sum, (const guchar *)&tracks[i].box, sizeof tracks[i].box);
                largest = MAX(largest, tracks[i].id);
            }
        }
        ck_assert_uint_gt(largest, 50);
        sums[run] = g_strdup(g_checksum_get_string(sum));
    }
    ck_assert_str_eq(sums[0], sums[1]);
    g_free(sums[0]);
    g_free(sums[1]);
}
END_TEST

/* What a real model says of frames of a film, each shown for two seconds at 5 frames a second: one person each time. */
START_TEST(test_real_frames)
{
    g_autofree gchar *path = vigil_test_data_path("reference/ssd_v1_video_frames.jsonl");
    g_autofree gchar *text = NULL;
    g_auto(GStrv) lines = NULL;
    guint n_frames = 0;

    if (!path)
        return;
    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (guint l = 0; lines[l] && *lines[l]; l++) {
        g_autoptr(JsonNode) root = json_from_string(lines[l], NULL);
        JsonObject *frame = json_node_get_object(root);
        JsonArray *array = json_object_get_array_member(frame, "detections");
        VigilDetection detections[32];
        guint n = 0, n_people = 0, n_tracks = 0;

        if (!strstr(json_object_get_string_member(frame, "file"), "one-by-one"))
            continue;
        for (; n < json_array_get_length(array); n++) {
            JsonObject *item = json_array_get_object_element(array, n);
            JsonArray *box = json_object_get_array_member(item, "box_ymin_xmin_ymax_xmax");

            detections[n] = (VigilDetection){
                .box = {(gfloat)json_array_get_double_element(box, 1),
                        (gfloat)json_array_get_double_element(box, 0),
                        (gfloat)json_array_get_double_element(box, 3),
                        (gfloat)json_array_get_double_element(box, 2)},
                .score = (gfloat)json_object_get_double_member(item, "score"),
                .label_id = (gint32)json_object_get_int_member(item, "cls"),
                .label = g_intern_string(json_object_get_string_member(item, "label"))};
        }
        vigil_tracker_reset(tracker);
        for (guint i = 0; i < 10; i++)
            n_tracks = update(i * 200 * MS, detections, n);
        for (guint i = 0; i < n_tracks; i++)
            n_people += g_str_equal(tracks[i].label, "person");
        ck_assert_uint_eq(n_people, n_frames > 0); /* the first is of the empty room */
        n_frames++;
    }
    ck_assert_uint_eq(n_frames, 7);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("tracker");
    TCase *tc = tcase_create("tracker");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_confirmation);
    tcase_add_test(tc, test_slow_frames);
    tcase_add_test(tc, test_resting);
    tcase_add_test(tc, test_resting_ends);
    tcase_add_test(tc, test_false_detections);
    tcase_add_test(tc, test_weak);
    tcase_add_test(tc, test_crossing);
    tcase_add_test(tc, test_occlusion);
    tcase_add_test(tc, test_misses);
    tcase_add_test(tc, test_fast_small);
    tcase_add_test(tc, test_column);
    tcase_add_test(tc, test_majority);
    tcase_add_test(tc, test_majority_changes);
    tcase_add_test(tc, test_other_numbers);
    tcase_add_test(tc, test_votes_overflow);
    tcase_add_test(tc, test_two_classes);
    tcase_add_test(tc, test_duplicate);
    tcase_add_test(tc, test_lost);
    tcase_add_test(tc, test_return);
    tcase_add_test(tc, test_return_of_two);
    tcase_add_test(tc, test_left_the_frame);
    tcase_add_test(tc, test_predict);
    tcase_add_test(tc, test_time_and_reset);
    tcase_add_test(tc, test_hostile);
    tcase_add_test(tc, test_overflow);
    tcase_add_test(tc, test_deterministic);
    tcase_add_test(tc, test_real_frames);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
