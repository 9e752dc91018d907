/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes that are drawn here: a textured wall, and what happens in front of it. */
#include <check.h>
#include <stdlib.h>

#include "events/vigil-motion.h"

#define W 640u
#define H 360u
#define FPS 5
#define SECOND ((gint64)1000000000)

static guint8 *wall, *frame;
static VigilMotion *motion;
static VigilMotionResult result;
static GRand *dice;
static gint64 now;

/* Bricks of 20 pixels, each of its own gray. */
static void
draw_wall(void)
{
    for (guint y = 0; y < H; y++)
        for (guint x = 0; x < W; x++) {
            const guint brick = (y / 20) * 977 + ((x + (y / 20 % 2) * 10) / 20) * 131;

            wall[y * W + x] = (guint8)(90 + brick * 2654435761u % 60);
        }
}

static void
setup(void)
{
    wall = g_malloc(W * H);
    frame = g_malloc(W * H);
    motion = vigil_motion_new(W, H, VIGIL_MOTION_SENSITIVITY_DEFAULT);
    dice = g_rand_new_with_seed(7);
    now = 0;
    draw_wall();
    memcpy(frame, wall, W * H);
}

static void
teardown(void)
{
    g_rand_free(dice);
    vigil_motion_free(motion);
    g_free(frame);
    g_free(wall);
}

static void
look(void)
{
    vigil_motion_update(motion, now, frame, W, &result);
    now += SECOND / FPS;
}

static void
clear(void)
{
    memcpy(frame, wall, W * H);
}

static void
draw(guint x, guint y, guint width, guint height, guint8 gray)
{
    for (guint j = y; j < MIN(y + height, H); j++)
        for (guint i = x; i < MIN(x + width, W); i++)
            frame[j * W + i] = gray;
}

/* Returns: in how many frames something moved. */
static guint
watch_nothing(guint frames)
{
    guint n = 0;

    for (guint i = 0; i < frames; i++) {
        look();
        n += result.state == VIGIL_MOTION_MOVING ? 1 : 0;
    }
    return n;
}

static void
learn(void)
{
    watch_nothing(3 * FPS);
    ck_assert_int_eq(result.state, VIGIL_MOTION_QUIET);
}

static gboolean
is_found(guint x, guint y, guint width, guint height)
{
    for (guint i = 0; i < result.n_regions; i++) {
        const VigilBox *box = &result.regions[i];

        if (box->x0 * W <= (gfloat)(x + 8) && box->x1 * W >= (gfloat)(x + width) - 8 &&
            box->y0 * H <= (gfloat)(y + 8) && box->y1 * H >= (gfloat)(y + height) - 8)
            return TRUE;
    }
    return FALSE;
}

START_TEST(learns_first)
{
    look();
    ck_assert_int_eq(result.state, VIGIL_MOTION_LEARNING);
    learn();
    ck_assert_uint_eq(watch_nothing(50), 0);
}
END_TEST

START_TEST(finds_what_moves)
{
    guint found = 0;

    learn();
    for (guint i = 0; i < 40; i++) {
        clear();
        draw(20 + i * 10, 100, 24, 60, 200);
        look();
        found += is_found(20 + i * 10, 100, 24, 60) ? 1 : 0;
        ck_assert_uint_le(result.n_regions, 1);
    }
    ck_assert_uint_ge(found, 38);
    clear();
    look();
    ck_assert_uint_eq(watch_nothing(20), 0);
}
END_TEST

START_TEST(two_things_are_two_regions)
{
    learn();
    for (guint i = 0; i < 10; i++) {
        clear();
        draw(20 + i * 10, 40, 30, 60, 200);
        draw(600 - i * 10, 260, 40, 80, 20);
        look();
    }
    ck_assert_uint_eq(result.n_regions, 2);
    /* the larger one first */
    ck_assert_float_gt(result.regions[0].y0, 0.5f);
}
END_TEST

static void
add_noise(gdouble sigma)
{
    for (guint i = 0; i < W * H; i++) {
        gdouble sum = -6;

        for (guint k = 0; k < 12; k++)
            sum += (gdouble)(g_rand_int(dice) & 0xffff) / 65536;
        frame[i] = (guint8)CLAMP(wall[i] + sum * sigma, 0, 255);
    }
}

START_TEST(noise_does_not_move)
{
    for (guint i = 0; i < 40; i++) {
        add_noise(8);
        look();
        ck_assert_int_ne(result.state, VIGIL_MOTION_MOVING);
    }
    add_noise(8);
    draw(300, 100, 24, 60, 200);
    look();
    add_noise(8);
    draw(310, 100, 24, 60, 200);
    look();
    ck_assert(is_found(310, 100, 24, 60));
}
END_TEST

/* A lamp, a cloud, the camera's own exposure. */
START_TEST(light_does_not_move)
{
    static const gdouble gains[] = {1, 0.5, 1.4, 0.7, 1.2};

    learn();
    for (guint i = 0; i < 50; i++) {
        for (guint k = 0; k < W * H; k++)
            frame[k] = (guint8)CLAMP(wall[k] * gains[i / 10] + (gdouble)(i / 10) * 5, 0, 255);
        look();
        ck_assert_int_eq(result.state, VIGIL_MOTION_QUIET);
    }
}
END_TEST

START_TEST(a_lamp_in_one_corner_does_not_move)
{
    learn();
    for (guint y = 0; y < H; y++)
        for (guint x = 0; x < W / 3; x++)
            frame[y * W + x] = (guint8)(wall[y * W + x] * (1.5 - 0.5 * x / (W / 3.0)));
    ck_assert_uint_eq(watch_nothing(20), 0);
}
END_TEST

START_TEST(shaking_does_not_move)
{
    learn();
    for (guint i = 0; i < 40; i++) {
        const gint dx = g_rand_int_range(dice, -2, 3), dy = g_rand_int_range(dice, -2, 3);

        for (gint y = 0; y < (gint)H; y++)
            for (gint x = 0; x < (gint)W; x++)
                frame[y * (gint)W + x] =
                    wall[CLAMP(y + dy, 0, (gint)H - 1) * (gint)W + CLAMP(x + dx, 0, (gint)W - 1)];
        look();
        ck_assert_int_eq(result.state, VIGIL_MOTION_QUIET);
    }
}
END_TEST

/* After a while a tree is part of the scene, and somebody elsewhere is still found. */
START_TEST(leaves_are_learned)
{
    guint moving = 0;

    learn();
    for (guint i = 0; i < 60 * FPS; i++) {
        clear();
        for (guint k = 0; k < 12; k++)
            draw(400 + k * 16, 40 + k % 4 * 24, 16, 24,
                 g_rand_boolean(dice) ? 90 : (guint8)g_rand_int_range(dice, 90, 150));
        look();
        if (i > 40 * FPS)
            moving += result.state == VIGIL_MOTION_MOVING ? 1 : 0;
    }
    ck_assert_uint_le(moving, 2);
    draw(100, 200, 30, 70, 200);
    look();
    draw(120, 200, 30, 70, 200);
    look();
    ck_assert(is_found(120, 200, 30, 70));
}
END_TEST

START_TEST(what_stops_is_still)
{
    guint moving = 0;

    learn();
    for (guint i = 0; i < 10; i++) {
        clear();
        draw(20 + i * 10, 100, 40, 90, 200);
        look();
    }
    ck_assert_int_eq(result.state, VIGIL_MOTION_MOVING);
    watch_nothing(2 * FPS);
    ck_assert_uint_eq(watch_nothing(300), 0);
    /* and moves again when it does, and leaves nothing behind */
    for (guint i = 10; i < 20; i++) {
        clear();
        draw(20 + i * 10, 100, 40, 90, 200);
        look();
        moving += result.state == VIGIL_MOTION_MOVING ? 1 : 0;
    }
    ck_assert_uint_ge(moving, 8);
    clear();
    watch_nothing(2 * FPS);
    ck_assert_uint_eq(watch_nothing(100), 0);
}
END_TEST

/* A car that was there from the start drives off. */
START_TEST(no_ghost_stays)
{
    draw(300, 100, 120, 80, 220);
    learn();
    for (guint i = 0; i < 34; i++) {
        clear();
        draw(300 + i * 10, 100, 120, 80, 220);
        look();
    }
    clear();
    watch_nothing(2 * FPS);
    ck_assert_uint_eq(watch_nothing(100), 0);
}
END_TEST

START_TEST(masked_parts_are_not_seen)
{
    static const VigilPoint left_half[] = {{0, 0}, {0.5f, 0}, {0.5f, 1}, {0, 1}};

    vigil_motion_add_mask(motion, left_half, G_N_ELEMENTS(left_half));
    learn();
    for (guint i = 0; i < 25; i++) {
        clear();
        draw(20 + i * 10, 100, 24, 60, 200);
        look();
        ck_assert_int_eq(result.state, VIGIL_MOTION_QUIET);
    }
    for (guint i = 32; i < 40; i++) {
        clear();
        draw(20 + i * 10, 100, 24, 60, 200);
        look();
    }
    ck_assert_int_eq(result.state, VIGIL_MOTION_MOVING);
}
END_TEST

START_TEST(another_scene_is_told)
{
    learn();
    for (guint i = 0; i < W * H; i++)
        frame[i] = wall[W * H - 1 - i] > 120 ? 20 : 235;
    look();
    ck_assert_int_eq(result.state, VIGIL_MOTION_SCENE_CHANGE);
    look();
    ck_assert_int_eq(result.state, VIGIL_MOTION_LEARNING);
    watch_nothing(2 * FPS);
    ck_assert_uint_eq(watch_nothing(50), 0);
}
END_TEST

START_TEST(sensitivity_decides)
{
    static const struct {
        guint sensitivity;
        guint8 step;
        gboolean found;
    } cases[] = {{1, 15, FALSE}, {50, 9, FALSE}, {50, 40, TRUE}, {100, 15, TRUE}};

    memset(wall, 100, W * H);
    for (guint k = 0; k < G_N_ELEMENTS(cases); k++) {
        gboolean found = FALSE;

        vigil_motion_free(motion);
        motion = vigil_motion_new(W, H, cases[k].sensitivity);
        now = 0;
        clear();
        learn();
        for (guint i = 0; i < 10; i++) {
            clear();
            draw(104 + i * 8, 104, 32, 64, (guint8)(100 + cases[k].step));
            look();
            found |= result.state == VIGIL_MOTION_MOVING;
        }
        ck_assert_msg(found == cases[k].found, "case %u", k);
    }
}
END_TEST

START_TEST(a_jump_in_time_begins_anew)
{
    learn();
    now -= 2 * SECOND;
    look();
    ck_assert_int_eq(result.state, VIGIL_MOTION_LEARNING);
    learn();
    now += 39 * SECOND;
    look();
    ck_assert_int_eq(result.state, VIGIL_MOTION_QUIET);
    now += 41 * SECOND;
    look();
    ck_assert_int_eq(result.state, VIGIL_MOTION_LEARNING);
}
END_TEST

/* More than there is room for: every one is inside some region. */
START_TEST(many_things_stay_within_bounds)
{
    learn();
    for (guint i = 0; i < 6; i++) {
        clear();
        for (guint k = 0; k < 30; k++)
            draw(k % 6 * 104 + 8 + i % 2 * 8, k / 6 * 72 + 8, 32, 32, 220);
        look();
    }
    ck_assert_int_eq(result.state, VIGIL_MOTION_MOVING);
    ck_assert_uint_le(result.n_regions, VIGIL_MOTION_MAX_REGIONS);
    for (guint k = 0; k < 30; k++)
        ck_assert(is_found(k % 6 * 104 + 16, k / 6 * 72 + 8, 32, 32));
}
END_TEST

START_TEST(any_size_works)
{
    static const guint sizes[][2] = {{1, 1}, {7, 3}, {17, 9}, {8, 8}, {161, 2000}, {65535, 1}};

    for (guint k = 0; k < G_N_ELEMENTS(sizes); k++) {
        const guint width = sizes[k][0], height = sizes[k][1];
        g_autofree guint8 *luma = g_malloc0((gsize)width * height);
        g_autoptr(VigilMotion) small = vigil_motion_new(width, height, 100);

        for (guint i = 0; i < 20; i++) {
            memset(luma, i % 2 ? 200 : 20, (gsize)width * height / 3);
            vigil_motion_update(small, i * SECOND / FPS, luma, width, &result);
            ck_assert_uint_le(result.n_regions, VIGIL_MOTION_MAX_REGIONS);
            for (guint r = 0; r < result.n_regions; r++) {
                ck_assert_float_ge(result.regions[r].x0, 0.0f);
                ck_assert_float_le(result.regions[r].x1, 1.0f);
                ck_assert_float_le(result.regions[r].y0, result.regions[r].y1);
            }
        }
    }
}
END_TEST

static void
add_tests(TCase *tcase)
{
    tcase_add_test(tcase, learns_first);
    tcase_add_test(tcase, finds_what_moves);
    tcase_add_test(tcase, two_things_are_two_regions);
    tcase_add_test(tcase, noise_does_not_move);
    tcase_add_test(tcase, light_does_not_move);
    tcase_add_test(tcase, a_lamp_in_one_corner_does_not_move);
    tcase_add_test(tcase, shaking_does_not_move);
    tcase_add_test(tcase, leaves_are_learned);
    tcase_add_test(tcase, what_stops_is_still);
    tcase_add_test(tcase, no_ghost_stays);
    tcase_add_test(tcase, masked_parts_are_not_seen);
    tcase_add_test(tcase, another_scene_is_told);
    tcase_add_test(tcase, sensitivity_decides);
    tcase_add_test(tcase, a_jump_in_time_begins_anew);
    tcase_add_test(tcase, many_things_stay_within_bounds);
    tcase_add_test(tcase, any_size_works);
}

int
main(void)
{
    Suite *suite = suite_create("motion");
    TCase *tcase = tcase_create("motion");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
