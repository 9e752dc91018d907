/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-decode.h"

#define WIDTH 320
#define HEIGHT 192
#define N_CLASSES 3
#define N_COLUMNS (5 + N_CLASSES)
#define N_ROWS (40 * 24 + 20 * 12 + 10 * 6)

/* Real numbers of a head, as they are or quantized. */
typedef struct {
    VigilTensorInfo info;
    gfloat real[N_ROWS][N_COLUMNS];
    guint8 bytes[N_ROWS][N_COLUMNS];
} Head;

static Head *
head_new(VigilTensorType type)
{
    Head *head = g_new0(Head, 1);

    head->info = (VigilTensorInfo){.name = "head",
                                   .type = type,
                                   .n_dims = 3,
                                   .dims = {1, N_ROWS, N_COLUMNS},
                                   .scale = 1 / 32.0f,
                                   .zero_point = type == VIGIL_TENSOR_INT8 ? 0 : 128};
    return head;
}

static gconstpointer
head_data(Head *head)
{
    if (head->info.type == VIGIL_TENSOR_FLOAT32)
        return head->real;
    for (guint i = 0; i < N_ROWS; i++) {
        for (guint k = 0; k < N_COLUMNS; k++)
            head->bytes[i][k] =
                (guint8)(lrintf(head->real[i][k] / head->info.scale) + head->info.zero_point);
    }
    return head->bytes;
}

static void
put(Head *head, guint row, gfloat x, gfloat y, gfloat w, gfloat h, gfloat objectness,
    guint class_id, gfloat score)
{
    const gfloat values[] = {x, y, w, h, objectness};

    for (guint i = 0; i < G_N_ELEMENTS(values); i++)
        head->real[row][i] = values[i];
    head->real[row][5 + class_id] = score;
}

static VigilDecoder *
open_head(const Head *head, VigilDecoderKind kind, VigilCoordinates coordinates)
{
    const VigilTensorInfo *list = &head->info;
    GError *error = NULL;
    VigilDecoder *decoder = vigil_decoder_new(&list, 1, kind, coordinates, WIDTH, HEIGHT, &error);

    g_assert_no_error(error);
    ck_assert_int_eq(vigil_decoder_get_kind(decoder), VIGIL_DECODER_YOLOX);
    ck_assert_uint_eq(vigil_decoder_get_n_classes(decoder), N_CLASSES);
    ck_assert_uint_eq(vigil_decoder_get_capacity(decoder), N_ROWS);
    return decoder;
}

static guint
run(VigilDecoder *decoder, Head *head, gfloat threshold, VigilCandidate *found)
{
    gconstpointer data = head_data(head);

    if (vigil_decoder_needs_probe(decoder))
        ck_assert(vigil_decoder_probe(decoder, &data, NULL));
    return vigil_decoder_run(decoder, &data, threshold, found);
}

static void
check_box(const VigilCandidate *found, gdouble cx, gdouble cy, gdouble w, gdouble h)
{
    ck_assert_float_eq_tol(found->box.x0, (cx - w / 2) / WIDTH, 1e-5);
    ck_assert_float_eq_tol(found->box.y0, (cy - h / 2) / HEIGHT, 1e-5);
    ck_assert_float_eq_tol(found->box.x1, (cx + w / 2) / WIDTH, 1e-5);
    ck_assert_float_eq_tol(found->box.y1, (cy + h / 2) / HEIGHT, 1e-5);
}

static const VigilTensorType types[] = {VIGIL_TENSOR_FLOAT32, VIGIL_TENSOR_INT8,
                                        VIGIL_TENSOR_UINT8};

/* A box in each level, at a place that tells rows from columns; the published arithmetic, in pixels. */
START_TEST(test_levels)
{
    g_autofree Head *head = head_new(types[_i]);
    g_autoptr(VigilDecoder) decoder = open_head(head, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_GUESS);
    VigilCandidate found[N_ROWS];

    put(head, 3 * 40 + 7, 0.25f, 0.75f, 0.5f, -0.25f, 0.75f, 1, 0.875f);
    put(head, 40 * 24 + 11 * 20 + 19, -0.5f, 1.5f, 1, 2, 0.5f, 2, 1);
    put(head, 40 * 24 + 20 * 12 + 5 * 10, 0, 0, 0, 0, 1, 0, 0.625f);
    ck_assert_uint_eq(run(decoder, head, 0.4f, found), 3);
    check_box(&found[0], (7 + 0.25) * 8, (3 + 0.75) * 8, exp(0.5) * 8, exp(-0.25) * 8);
    ck_assert_float_eq_tol(found[0].score, 0.75 * 0.875, 1e-6);
    ck_assert_int_eq(found[0].class_id, 1);
    ck_assert_uint_eq(found[0].index, 127);
    check_box(&found[1], (19 - 0.5) * 16, (11 + 1.5) * 16, exp(1) * 16, exp(2) * 16);
    ck_assert_float_eq_tol(found[1].score, 0.5, 1e-6);
    ck_assert_int_eq(found[1].class_id, 2);
    check_box(&found[2], 0, 5 * 32, 32, 32);
    ck_assert_int_eq(found[2].class_id, 0);
    /* the product counts, and a score that equals the threshold passes */
    ck_assert_uint_eq(run(decoder, head, 0.625f, found), 2);
    ck_assert_uint_eq(run(decoder, head, 0.626f, found), 1);
    ck_assert_uint_eq(run(decoder, head, 0.66f, found), 0);
}
END_TEST

/* Exports that hold pixels, told by themselves or by the manifest. */
START_TEST(test_pixels)
{
    static const VigilCoordinates given[] = {VIGIL_COORDINATES_GUESS, VIGIL_COORDINATES_PIXELS};
    g_autofree Head *head = head_new(VIGIL_TENSOR_FLOAT32);
    g_autoptr(VigilDecoder) decoder = open_head(head, VIGIL_DECODER_GUESS, given[_i]);
    VigilCandidate found[N_ROWS];

    put(head, 39, 316, 4, 0, 0, 0, 0, 0); /* the last cell of the first row: centres reach across */
    put(head, 20, 160, 96, 40, 24, 0.9f, 1, 1);
    ck_assert_uint_eq(run(decoder, head, 0.5f, found), 1);
    check_box(&found[0], 160, 96, 40, 24);
    ck_assert_uint_eq(vigil_decoder_needs_probe(decoder), FALSE);
}
END_TEST

/* What is no number, or no box, is no detection. */
START_TEST(test_hostile_values)
{
    g_autofree Head *head = head_new(VIGIL_TENSOR_FLOAT32);
    g_autoptr(VigilDecoder) decoder = open_head(head, VIGIL_DECODER_YOLOX, VIGIL_COORDINATES_CELLS);
    VigilCandidate found[N_ROWS];

    put(head, 0, 0, 0, 0, 0, NAN, 0, 1);
    put(head, 1, 0, 0, 0, 0, 1, 0, NAN);
    put(head, 2, NAN, 0, 0, 0, 1, 0, 1);
    put(head, 3, 0, INFINITY, 0, 0, 1, 0, 1);
    put(head, 4, 0, 0, 1e30f, 0, 1, 0, 1);
    put(head, 5, 0, 0, 0, NAN, 1, 0, 1);
    put(head, 6, 0, 0, 0, 0, -1, 0, -1);
    for (guint k = 0; k < N_CLASSES; k++)
        head->real[6][5 + k] = -1;
    put(head, 7, 0, 0, -1e30f, 0, 3, 0, 2);
    ck_assert_uint_eq(run(decoder, head, 0.25f, found), 1);
    ck_assert_uint_eq(found[0].index, 7);
    ck_assert_float_eq(found[0].score, 1);
}
END_TEST

START_TEST(test_refused)
{
    g_autofree Head *head = head_new(VIGIL_TENSOR_FLOAT32);
    const VigilTensorInfo *list[] = {&head->info, &head->info};
    const struct {
        VigilTensorType type;
        gint32 dims[3];
        guint n, width;
        gfloat scale;
    } cases[] = {
        {VIGIL_TENSOR_FLOAT32, {1, N_ROWS + 1, 8}, 1, WIDTH, 1},
        {VIGIL_TENSOR_FLOAT32, {2, N_ROWS, 8}, 1, WIDTH, 1},
        {VIGIL_TENSOR_FLOAT32, {1, N_ROWS, 5}, 1, WIDTH, 1},
        {VIGIL_TENSOR_FLOAT32, {1, N_ROWS, 70000}, 1, WIDTH, 1},
        {VIGIL_TENSOR_FLOAT32, {1, N_ROWS, 8}, 2, WIDTH, 1},
        {VIGIL_TENSOR_FLOAT32, {1, N_ROWS, 8}, 1, WIDTH + 32, 1},
        {VIGIL_TENSOR_FLOAT32, {1, 0, 8}, 1, 7, 1},
        {VIGIL_TENSOR_INT8, {1, N_ROWS, 8}, 1, WIDTH, 0},
        {VIGIL_TENSOR_INT64, {1, N_ROWS, 8}, 1, WIDTH, 1},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        head->info.type = cases[i].type;
        head->info.scale = cases[i].scale;
        for (guint k = 0; k < 3; k++)
            head->info.dims[k] = cases[i].dims[k];
        ck_assert_ptr_null(vigil_decoder_new(list, cases[i].n, VIGIL_DECODER_YOLOX,
                                             VIGIL_COORDINATES_GUESS, cases[i].width, HEIGHT,
                                             &error));
        ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED));
        ck_assert_ptr_nonnull(strstr(error->message, "YOLOX"));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("decode-yolox");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(all, test_levels, 0, G_N_ELEMENTS(types));
    tcase_add_loop_test(all, test_pixels, 0, 2);
    tcase_add_test(all, test_hostile_values);
    tcase_add_test(all, test_refused);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
