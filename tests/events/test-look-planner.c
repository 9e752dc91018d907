/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "events/vigil-area.h"
#include "events/vigil-look-planner.h"

#define MS G_GINT64_CONSTANT(1000000)
#define WIDTH 1920u
#define HEIGHT 1080u

static const VigilLookSizes sizes = {WIDTH, HEIGHT, 352, 224};

static VigilLookPlanner planner;
static VigilMotionResult motion;
static VigilPlaces places;
static VigilCrop crop;

static void
setup(void)
{
    planner = vigil_look_planner_defaults();
    motion = (VigilMotionResult){.state = VIGIL_MOTION_QUIET};
    places.n = 0;
    places.time_ns = 0;
}

static VigilBox
box_at(gfloat x, gfloat y, gfloat side)
{
    return (VigilBox){x - side / 2, y - side / 2, x + side / 2, y + side / 2};
}

static void
move_at(gfloat x, gfloat y, gfloat side)
{
    motion.state = VIGIL_MOTION_MOVING;
    motion.regions[motion.n_regions++] = box_at(x, y, side);
}

static void
track_at(gfloat x, gfloat y, gfloat side, gboolean resting)
{
    places.places[places.n++] = (VigilPlace){.box = box_at(x, y, side), .resting = resting};
}

static gboolean
choose(gint64 ms)
{
    const gboolean part =
        vigil_look_planner_choose(&planner, ms * MS, &motion, &places, &sizes, &crop);

    ck_assert_uint_gt(crop.width, 0);
    ck_assert_uint_gt(crop.height, 0);
    ck_assert_uint_le(crop.x + crop.width, WIDTH);
    ck_assert_uint_le(crop.y + crop.height, HEIGHT);
    ck_assert_uint_eq(crop.x % 2 + crop.y % 2, 0);
    ck_assert(part == (crop.width < WIDTH));
    return part;
}

static VigilBox
area(void)
{
    return (VigilBox){(gfloat)crop.x / WIDTH, (gfloat)crop.y / HEIGHT,
                      (gfloat)(crop.x + crop.width) / WIDTH,
                      (gfloat)(crop.y + crop.height) / HEIGHT};
}

static gboolean
holds(const VigilBox *box)
{
    const VigilBox seen = area();

    /* a pixel for rounding */
    return box->x0 >= seen.x0 - 1.0f / WIDTH && box->y0 >= seen.y0 - 1.0f / HEIGHT &&
           box->x1 <= seen.x1 + 1.0f / WIDTH && box->y1 <= seen.y1 + 1.0f / HEIGHT;
}

START_TEST(the_first_look_is_at_all)
{
    move_at(0.5f, 0.5f, 0.1f);
    ck_assert(!choose(0));
    ck_assert(choose(200));
}
END_TEST

START_TEST(a_part_holds_what_moves_in_the_models_shape)
{
    static const gfloat corners[][2] = {{0.5f, 0.5f}, {0.02f, 0.03f}, {0.98f, 0.97f}, {0.1f, 0.9f}};

    for (guint i = 0; i < G_N_ELEMENTS(corners); i++) {
        setup();
        choose(0);
        move_at(corners[i][0], corners[i][1], 0.04f);
        ck_assert(choose(200));
        ck_assert(holds(&motion.regions[0]));
        /* nothing is enlarged */
        ck_assert_uint_eq(crop.width, 352);
        ck_assert_uint_eq(crop.height, 224);
        setup();
        choose(0);
        move_at(corners[i][0], corners[i][1], 0.3f);
        motion.regions[0] =
            (VigilBox){CLAMP(motion.regions[0].x0, 0, 1), CLAMP(motion.regions[0].y0, 0, 1),
                       CLAMP(motion.regions[0].x1, 0, 1), CLAMP(motion.regions[0].y1, 0, 1)};
        ck_assert(choose(200));
        ck_assert(holds(&motion.regions[0]));
        ck_assert_uint_ge(crop.width, 352);
        ck_assert_float_eq_tol((gfloat)crop.width / crop.height, 352.0f / 224.0f, 0.01f);
    }
}
END_TEST

START_TEST(most_of_the_frame_is_all_of_it)
{
    choose(0);
    move_at(0.5f, 0.5f, 0.6f);
    ck_assert(!choose(200));
    /* a frame that is hardly larger than the model's input has no parts */
    setup();
    move_at(0.5f, 0.5f, 0.05f);
    for (gint64 ms = 0; ms < 2000; ms += 200)
        ck_assert(!vigil_look_planner_choose(&planner, ms * MS, &motion, NULL,
                                             &(VigilLookSizes){480, 360, 352, 224}, &crop));
}
END_TEST

START_TEST(all_of_it_now_and_then)
{
    guint n_whole = 0, n = 0;
    gint64 longest = 0, last = 0;

    move_at(0.3f, 0.3f, 0.05f);
    for (gint64 ms = 0; ms < 60000; ms += 200, n++)
        if (!choose(ms)) {
            n_whole++;
            longest = MAX(longest, ms - last);
            last = ms;
        }
    ck_assert_int_le(longest, 2000);
    ck_assert_uint_eq(n_whole, n / 10);
    /* at one look in five seconds not always */
    setup();
    track_at(0.3f, 0.3f, 0.05f, TRUE);
    n_whole = 0;
    for (gint64 ms = 0; ms < 60000; ms += 5000)
        n_whole += choose(ms) ? 0 : 1;
    ck_assert_uint_eq(n_whole, 6);
}
END_TEST

START_TEST(nobody_knows_is_all)
{
    static const VigilMotionState states[] = {VIGIL_MOTION_LEARNING, VIGIL_MOTION_SCENE_CHANGE};

    choose(0);
    move_at(0.5f, 0.5f, 0.05f);
    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
        motion.state = states[i];
        ck_assert(!choose(200 + 200 * i));
    }
    ck_assert(!vigil_look_planner_choose(&planner, 800 * MS, NULL, &places, &sizes, &crop));
    /* nothing to look for */
    setup();
    choose(0);
    ck_assert(!choose(200));
    /* time goes back */
    move_at(0.5f, 0.5f, 0.05f);
    ck_assert(choose(400));
    ck_assert(!choose(300));
}
END_TEST

START_TEST(a_track_that_is_touched_is_whole)
{
    choose(0);
    move_at(0.50f, 0.50f, 0.04f);
    track_at(0.50f, 0.58f, 0.16f, FALSE);
    ck_assert(choose(200));
    ck_assert(holds(&motion.regions[0]));
    ck_assert(holds(&places.places[0].box));
    /* one that rests as well, where it is touched, and not for its own sake */
    setup();
    choose(0);
    move_at(0.50f, 0.50f, 0.04f);
    track_at(0.50f, 0.58f, 0.16f, TRUE);
    track_at(0.95f, 0.95f, 0.04f, TRUE);
    ck_assert(choose(200));
    ck_assert(holds(&places.places[0].box));
    ck_assert(!holds(&places.places[1].box));
}
END_TEST

START_TEST(a_track_is_where_it_goes)
{
    VigilBox there = box_at(0.6f, 0.5f, 0.04f);

    choose(0);
    track_at(0.5f, 0.5f, 0.04f, FALSE);
    places.places[0].speed_x = 0.2f;
    ck_assert(choose(500));
    ck_assert(holds(&there));
}
END_TEST

/* Two that are far apart: every second look is at the frame, and the others are shared. */
START_TEST(far_apart_in_turns)
{
    guint n_whole = 0, seen[3] = {0};

    move_at(0.1f, 0.1f, 0.05f);
    move_at(0.9f, 0.9f, 0.04f);
    track_at(0.1f, 0.9f, 0.03f, FALSE);
    for (gint64 ms = 0; ms < 12000; ms += 200) {
        if (!choose(ms)) {
            n_whole++;
            continue;
        }
        seen[0] += holds(&motion.regions[0]) ? 1 : 0;
        seen[1] += holds(&motion.regions[1]) ? 1 : 0;
        seen[2] += holds(&places.places[0].box) ? 1 : 0;
    }
    ck_assert_uint_eq(n_whole, 30);
    for (guint i = 0; i < 3; i++)
        ck_assert_uint_eq(seen[i], 10);
}
END_TEST

/* Somebody who stopped is looked for as closely as before. */
START_TEST(what_is_tracked_while_nothing_moves)
{
    choose(0);
    track_at(0.3f, 0.6f, 0.04f, FALSE);
    ck_assert(choose(200));
    ck_assert(holds(&places.places[0].box));
}
END_TEST

START_TEST(more_places_than_room)
{
    choose(0);
    for (guint i = 0; i < VIGIL_MOTION_MAX_REGIONS; i++)
        move_at((gfloat)(i % 4) * 0.25f + 0.1f, (gfloat)(i / 4) * 0.25f + 0.1f, 0.02f);
    for (guint i = 0; i < VIGIL_LOOK_MAX_PLACES; i++)
        track_at((gfloat)(i % 8) * 0.125f + 0.05f, (gfloat)(i / 8) * 0.25f + 0.2f, 0.02f, FALSE);
    for (gint64 ms = 200; ms < 40000; ms += 200)
        choose(ms);
}
END_TEST

static VigilDetection
found(VigilBox box, gfloat score)
{
    return (VigilDetection){.box = box, .score = score};
}

START_TEST(what_is_cut_is_dropped)
{
    VigilDetection detections[3];
    VigilBox seen;

    choose(0);
    move_at(0.5f, 0.5f, 0.05f);
    ck_assert(choose(200));
    seen = area();
    detections[0] = found(box_at(0.5f, 0.5f, 0.05f), 0.9f);
    detections[1] = found((VigilBox){seen.x0, 0.5f, 0.5f, 0.55f}, 0.2f);
    detections[2] = found((VigilBox){0.48f, 0.48f, 0.5f, seen.y1 + 0.01f}, 0.2f);
    ck_assert_uint_eq(vigil_look_planner_drop_cut(&planner, &seen, detections, 3), 1);
    ck_assert_float_eq(detections[0].score, 0.9f);
    ck_assert(choose(400));
    /* a good one is looked at as a whole next */
    detections[1] = found((VigilBox){seen.x0, 0.5f, 0.5f, 0.55f}, 0.6f);
    ck_assert_uint_eq(vigil_look_planner_drop_cut(&planner, &seen, detections, 2), 1);
    ck_assert(!choose(600));
    ck_assert(choose(800));
    /* of a whole frame nothing is cut */
    ck_assert_uint_eq(vigil_look_planner_drop_cut(&planner, NULL, detections, 2), 2);
}
END_TEST

START_TEST(the_frames_border_cuts_nothing)
{
    VigilDetection detection;
    VigilBox seen;

    choose(0);
    move_at(0.02f, 0.02f, 0.04f);
    ck_assert(choose(200));
    seen = area();
    detection = found((VigilBox){0, 0, 0.03f, 0.05f}, 0.9f);
    ck_assert_uint_eq(vigil_look_planner_drop_cut(&planner, &seen, &detection, 1), 1);
}
END_TEST

START_TEST(what_an_area_covers)
{
    const VigilBox left = {0, 0, 0.5f, 1};
    const struct {
        VigilBox box;
        gboolean covered;
    } cases[] = {
        {{0.1f, 0.1f, 0.4f, 0.9f}, TRUE},     {{0.6f, 0.1f, 0.9f, 0.9f}, FALSE},
        {{0.3f, 0.1f, 0.51f, 0.9f}, TRUE},    {{0.3f, 0.1f, 0.6f, 0.9f}, FALSE},
        {{-0.2f, -0.2f, 0.2f, 0.2f}, TRUE},   /* the frame ends there */
        {{-0.2f, -0.2f, -0.1f, 0.2f}, FALSE}, /* outside of the frame nobody looked */
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        ck_assert_int_eq(vigil_area_covers(&left, &cases[i].box), cases[i].covered);
        ck_assert(vigil_area_covers(NULL, &cases[i].box));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("look-planner");
    TCase *tcase = tcase_create("look-planner");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, the_first_look_is_at_all);
    tcase_add_test(tcase, a_part_holds_what_moves_in_the_models_shape);
    tcase_add_test(tcase, most_of_the_frame_is_all_of_it);
    tcase_add_test(tcase, all_of_it_now_and_then);
    tcase_add_test(tcase, nobody_knows_is_all);
    tcase_add_test(tcase, a_track_that_is_touched_is_whole);
    tcase_add_test(tcase, a_track_is_where_it_goes);
    tcase_add_test(tcase, far_apart_in_turns);
    tcase_add_test(tcase, what_is_tracked_while_nothing_moves);
    tcase_add_test(tcase, more_places_than_room);
    tcase_add_test(tcase, what_is_cut_is_dropped);
    tcase_add_test(tcase, the_frames_border_cuts_nothing);
    tcase_add_test(tcase, what_an_area_covers);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
