/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "events/vigil-geometry.h"

static const VigilPoint square[] = {{0.2f, 0.2f}, {0.6f, 0.2f}, {0.6f, 0.6f}, {0.2f, 0.6f}};
/* a U: open at the top between x 0.4 and 0.6 */
static const VigilPoint u_shape[] = {{0.2f, 0.2f}, {0.4f, 0.2f}, {0.4f, 0.6f}, {0.6f, 0.6f},
                                     {0.6f, 0.2f}, {0.8f, 0.2f}, {0.8f, 0.8f}, {0.2f, 0.8f}};

START_TEST(test_contains)
{
    ck_assert(vigil_polygon_contains(square, 4, (VigilPoint){0.4f, 0.4f}));
    ck_assert(vigil_polygon_contains(square, 4, (VigilPoint){0.21f, 0.59f}));
    ck_assert(!vigil_polygon_contains(square, 4, (VigilPoint){0.1f, 0.4f}));
    ck_assert(!vigil_polygon_contains(square, 4, (VigilPoint){0.7f, 0.4f}));
    ck_assert(!vigil_polygon_contains(square, 4, (VigilPoint){0.4f, 0.1f}));
    ck_assert(!vigil_polygon_contains(square, 4, (VigilPoint){0.4f, 0.7f}));
    ck_assert(vigil_polygon_contains(u_shape, 8, (VigilPoint){0.3f, 0.3f}));
    ck_assert(vigil_polygon_contains(u_shape, 8, (VigilPoint){0.7f, 0.3f}));
    ck_assert(vigil_polygon_contains(u_shape, 8, (VigilPoint){0.5f, 0.7f}));
    ck_assert(!vigil_polygon_contains(u_shape, 8, (VigilPoint){0.5f, 0.3f}));
}
END_TEST

/* The way round does not matter. */
START_TEST(test_contains_reversed)
{
    VigilPoint reversed[8];

    for (guint i = 0; i < 8; i++)
        reversed[i] = u_shape[7 - i];
    for (gfloat y = 0.05f; y < 1.0f; y += 0.0497f)
        for (gfloat x = 0.05f; x < 1.0f; x += 0.0497f)
            ck_assert_int_eq(vigil_polygon_contains(u_shape, 8, (VigilPoint){x, y}),
                             vigil_polygon_contains(reversed, 8, (VigilPoint){x, y}));
}
END_TEST

/* Two zones side by side, and points on their common edge: each in exactly one. */
START_TEST(test_shared_edge)
{
    static const VigilPoint left[] = {{0.0f, 0.0f}, {0.5f, 0.0f}, {0.5f, 1.0f}, {0.0f, 1.0f}};
    static const VigilPoint right[] = {{0.5f, 0.0f}, {1.0f, 0.0f}, {1.0f, 1.0f}, {0.5f, 1.0f}};

    for (guint i = 0; i < 100; i++) {
        const VigilPoint point = {0.5f, (gfloat)i / 100.0f};

        ck_assert_int_eq(
            vigil_polygon_contains(left, 4, point) + vigil_polygon_contains(right, 4, point), 1);
    }
}
END_TEST

START_TEST(test_flat)
{
    static const VigilPoint diagonal[] = {{0.1f, 0.1f}, {0.5f, 0.5f}, {0.3f, 0.3f}, {0.9f, 0.9f}};
    static const VigilPoint same[] = {{0.3f, 0.3f}, {0.3f, 0.3f}, {0.3f, 0.3f}};
    static const VigilPoint late[] = {{0.1f, 0.1f}, {0.1f, 0.1f}, {0.5f, 0.5f}, {0.5f, 0.6f}};

    ck_assert(vigil_polygon_is_flat(diagonal, 4));
    ck_assert(vigil_polygon_is_flat(same, 3));
    ck_assert(!vigil_polygon_is_flat(late, 4));
    ck_assert(!vigil_polygon_is_flat(square, 4));
}
END_TEST

START_TEST(test_foot)
{
    const VigilBox box = {0.2f, 0.1f, 0.4f, 0.8f};
    const VigilBox below = {0.9f, 0.5f, 1.3f, 1.2f};
    static const VigilPoint frame[] = {{0.0f, 0.0f}, {1.0f, 0.0f}, {1.0f, 1.0f}, {0.0f, 1.0f}};

    ck_assert_float_eq_tol(vigil_box_foot(&box).x, 0.3f, 1e-6f);
    ck_assert_float_eq_tol(vigil_box_foot(&box).y, 0.8f, 1e-6f);
    ck_assert(vigil_polygon_contains(frame, 4, vigil_box_foot(&below)));
}
END_TEST

/* From a (left) to b (right), looking along it: left is up in the picture, so downwards is "in". */
START_TEST(test_crossing)
{
    const VigilLine line = {.name = "gate", .a = {0.2f, 0.5f}, .b = {0.8f, 0.5f}};
    const VigilPoint above = {0.5f, 0.4f}, below = {0.5f, 0.6f}, on = {0.5f, 0.5f};
    const VigilPoint beside = {0.9f, 0.4f}, beside_below = {0.95f, 0.6f};

    ck_assert_int_eq(vigil_line_crossing(&line, above, below), VIGIL_CROSSING_IN);
    ck_assert_int_eq(vigil_line_crossing(&line, below, above), VIGIL_CROSSING_OUT);
    ck_assert_int_eq(vigil_line_crossing(&line, above, above), VIGIL_CROSSING_NONE);
    ck_assert_int_eq(vigil_line_crossing(&line, beside, beside_below), VIGIL_CROSSING_NONE);
    /* onto the line and further: once */
    ck_assert_int_eq(vigil_line_crossing(&line, above, on), VIGIL_CROSSING_IN);
    ck_assert_int_eq(vigil_line_crossing(&line, on, below), VIGIL_CROSSING_NONE);
    /* back from it */
    ck_assert_int_eq(vigil_line_crossing(&line, on, above), VIGIL_CROSSING_OUT);
}
END_TEST

START_TEST(test_crossing_slanted)
{
    const VigilLine line = {
        .name = "l", .a = {0.5f, 0.9f}, .b = {0.5f, 0.1f}}; /* upwards: left is left */
    const VigilPoint left = {0.3f, 0.3f}, right = {0.7f, 0.6f};
    const VigilPoint far_left = {0.0f, 0.95f}, far_right = {1.0f, 1.0f};

    ck_assert_int_eq(vigil_line_crossing(&line, left, right), VIGIL_CROSSING_IN);
    ck_assert_int_eq(vigil_line_crossing(&line, right, left), VIGIL_CROSSING_OUT);
    ck_assert_int_eq(vigil_line_crossing(&line, far_left, far_right), VIGIL_CROSSING_NONE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("geometry");
    TCase *tc = tcase_create("geometry");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, test_contains);
    tcase_add_test(tc, test_contains_reversed);
    tcase_add_test(tc, test_shared_edge);
    tcase_add_test(tc, test_flat);
    tcase_add_test(tc, test_foot);
    tcase_add_test(tc, test_crossing);
    tcase_add_test(tc, test_crossing_slanted);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
