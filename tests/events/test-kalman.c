/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>

#include "events/vigil-kalman.h"

static VigilBox
box_at(gdouble x, gdouble y, gdouble width, gdouble height)
{
    return (VigilBox){(gfloat)(x - width / 2), (gfloat)(y - height / 2), (gfloat)(x + width / 2),
                      (gfloat)(y + height / 2)};
}

static void
assert_box(const VigilKalman *kalman, gdouble x, gdouble y, gdouble width, gdouble height,
           gdouble tolerance)
{
    ck_assert_double_eq_tol(kalman->x.position, x, tolerance);
    ck_assert_double_eq_tol(kalman->y.position, y, tolerance);
    ck_assert_double_eq_tol(kalman->width.position, width, tolerance);
    ck_assert_double_eq_tol(kalman->height.position, height, tolerance);
}

START_TEST(test_round_trip)
{
    const VigilBox box = {0.1f, 0.2f, 0.3f, 0.7f};
    VigilKalman kalman;
    VigilBox out;

    vigil_kalman_init(&kalman, &box);
    out = vigil_kalman_get_box(&kalman);
    ck_assert_float_eq_tol(out.x0, 0.1f, 1e-6f);
    ck_assert_float_eq_tol(out.y0, 0.2f, 1e-6f);
    ck_assert_float_eq_tol(out.x1, 0.3f, 1e-6f);
    ck_assert_float_eq_tol(out.y1, 0.7f, 1e-6f);
}
END_TEST

/* Steady motion is learnt, at any frame rate and with uneven steps. */
START_TEST(test_constant_speed)
{
    static const gdouble steps[][3] = {{0.033, 0.033, 0.033}, {0.2, 0.2, 0.2}, {0.1, 0.4, 0.05}};
    const gdouble vx = 0.1, vy = -0.05;
    VigilKalman kalman;
    VigilBox box = box_at(0.2, 0.8, 0.1, 0.2);
    gdouble t = 0.0;

    vigil_kalman_init(&kalman, &box);
    for (guint i = 0; i < 30; i++) {
        const gdouble dt = steps[_i][i % 3];

        t += dt;
        box = box_at(0.2 + vx * t, 0.8 + vy * t, 0.1, 0.2);
        vigil_kalman_predict(&kalman, dt);
        vigil_kalman_correct(&kalman, &box);
    }
    ck_assert_double_eq_tol(kalman.x.speed, vx, 0.01);
    ck_assert_double_eq_tol(kalman.y.speed, vy, 0.01);
    vigil_kalman_predict(&kalman, 0.5);
    assert_box(&kalman, 0.2 + vx * (t + 0.5), 0.8 + vy * (t + 0.5), 0.1, 0.2, 0.01);
}
END_TEST

/* The filtered place jitters less than what is measured. */
START_TEST(test_noise)
{
    VigilKalman kalman;
    VigilBox box = box_at(0.5, 0.5, 0.2, 0.4);
    gdouble error = 0.0, measured = 0.0;
    guint32 seed = 1;

    vigil_kalman_init(&kalman, &box);
    for (guint i = 0; i < 400; i++) {
        gdouble noise;

        seed = seed * 1664525u + 1013904223u;
        noise = ((gdouble)(seed >> 8) / (1 << 24) - 0.5) * 0.06;
        box = box_at(0.5 + noise, 0.5, 0.2, 0.4);
        vigil_kalman_predict(&kalman, 0.1);
        vigil_kalman_correct(&kalman, &box);
        error += fabs(kalman.x.position - 0.5);
        measured += fabs(noise);
    }
    ck_assert_double_lt(error, 0.9 * measured);
}
END_TEST

/* Steps that add up give the same as one. */
START_TEST(test_steps_add_up)
{
    const VigilBox first = box_at(0.3, 0.3, 0.1, 0.1), second = box_at(0.33, 0.3, 0.1, 0.1);
    VigilKalman once, twice;

    vigil_kalman_init(&once, &first);
    vigil_kalman_predict(&once, 0.1);
    vigil_kalman_correct(&once, &second);
    twice = once;
    vigil_kalman_predict(&once, 0.4);
    vigil_kalman_predict(&twice, 0.2);
    vigil_kalman_predict(&twice, 0.2);
    assert_box(&twice, once.x.position, once.y.position, once.width.position, once.height.position,
               1e-9);
}
END_TEST

/* A box that grows and is then lost does not fill the frame. */
START_TEST(test_lost_growth)
{
    VigilKalman kalman;
    VigilBox box = box_at(0.5, 0.5, 0.1, 0.1);
    gdouble before;

    vigil_kalman_init(&kalman, &box);
    for (guint i = 1; i < 10; i++) {
        box = box_at(0.5, 0.5, 0.1 + 0.01 * i, 0.1 + 0.01 * i);
        vigil_kalman_predict(&kalman, 0.1);
        vigil_kalman_correct(&kalman, &box);
    }
    before = kalman.width.position;
    for (guint i = 0; i < 100; i++)
        vigil_kalman_predict(&kalman, 0.1);
    ck_assert_double_gt(kalman.width.position, before);
    ck_assert_double_lt(kalman.width.position, before + 0.1);
}
END_TEST

/* Boxes without area stay harmless. */
START_TEST(test_degenerate)
{
    const VigilBox point = {0.5f, 0.5f, 0.5f, 0.5f};
    VigilKalman kalman;
    VigilBox out;

    vigil_kalman_init(&kalman, &point);
    for (guint i = 0; i < 50; i++) {
        vigil_kalman_predict(&kalman, 0.2);
        vigil_kalman_correct(&kalman, &point);
    }
    out = vigil_kalman_get_box(&kalman);
    ck_assert(isfinite(out.x0) && isfinite(out.y0) && isfinite(out.x1) && isfinite(out.y1));
    ck_assert_float_gt(out.x1, out.x0);
    ck_assert_float_gt(out.y1, out.y0);
    ck_assert_double_ge(kalman.x.p_pp, 0.0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("kalman");
    TCase *tc = tcase_create("kalman");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, test_round_trip);
    tcase_add_loop_test(tc, test_constant_speed, 0, 3);
    tcase_add_test(tc, test_noise);
    tcase_add_test(tc, test_steps_add_up);
    tcase_add_test(tc, test_lost_growth);
    tcase_add_test(tc, test_degenerate);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
