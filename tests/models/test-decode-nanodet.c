/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-decode.h"

/* No multiple of 32: levels round up. */
#define WIDTH 200
#define HEIGHT 120
#define BINS 8
#define MAX_CELLS (25 * 15 + 13 * 8 + 7 * 4 + 4 * 2)
#define MAX_COLUMNS 64

static const guint grid_widths[] = {25, 13, 7, 4}, grid_heights[] = {15, 8, 4, 2};

/* Outputs with real numbers in them. */
typedef struct {
    VigilTensorInfo infos[8];
    const VigilTensorInfo *list[8];
    gfloat *data[8];
    guint n;
} Head;

static void
add(Head *head, guint rows, guint columns)
{
    head->infos[head->n] =
        (VigilTensorInfo){.name = "o", .n_dims = 3, .dims = {1, (gint32)rows, (gint32)columns}};
    head->list[head->n] = &head->infos[head->n];
    head->data[head->n++] = g_new0(gfloat, (gsize)rows * columns);
}

static void
head_clear(Head *head)
{
    for (guint i = 0; i < head->n; i++)
        g_free(head->data[i]);
    head->n = 0;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Head, head_clear)

/* Scores of all levels, then distances; or the other way round. */
static Head
head_split(guint n_levels, guint n_classes, gboolean scores_first)
{
    Head head = {0};

    for (guint pass = 0; pass < 2; pass++) {
        for (guint i = 0; i < n_levels; i++)
            add(&head, grid_widths[i] * grid_heights[i],
                (pass == 0) == scores_first ? n_classes : 4 * BINS);
    }
    for (guint i = 0; i < head.n; i++)
        head.list[i] = &head.infos[i];
    return head;
}

static VigilDecoder *
open_head(Head *head, VigilDecoderKind kind)
{
    GError *error = NULL;
    VigilDecoder *decoder;

    for (guint i = 0; i < head->n; i++)
        head->list[i] = &head->infos[i];
    decoder = vigil_decoder_new(head->list, head->n, kind, VIGIL_COORDINATES_GUESS, WIDTH, HEIGHT,
                                &error);
    g_assert_no_error(error);
    ck_assert_int_eq(vigil_decoder_get_kind(decoder), VIGIL_DECODER_NANODET);
    return decoder;
}

static guint
run(VigilDecoder *decoder, Head *head, gfloat threshold, VigilCandidate *found)
{
    gconstpointer data[8];

    for (guint i = 0; i < head->n; i++)
        data[i] = head->data[i];
    if (vigil_decoder_needs_probe(decoder))
        ck_assert(vigil_decoder_probe(decoder, data, NULL));
    return vigil_decoder_run(decoder, data, threshold, found);
}

/* Logits of all bins, so that the mean is no bin's; the same for each call. */
static gfloat
logit(guint edge, guint bin)
{
    return sinf((gfloat)(edge * 17 + bin * 5 + 3)) * 3;
}

static void
put_distances(gfloat *logits)
{
    for (guint i = 0; i < 4 * BINS; i++)
        logits[i] = logit(i / BINS, i % BINS);
}

/* In strides, in double precision and without the shift by the highest. */
static gdouble
wanted_distance(guint edge)
{
    gdouble sum = 0, weighted = 0;

    for (guint i = 0; i < BINS; i++) {
        sum += exp((gdouble)logit(edge, i));
        weighted += i * exp((gdouble)logit(edge, i));
    }
    return weighted / sum;
}

static void
check_box(const VigilCandidate *found, gdouble x, gdouble y, gdouble stride)
{
    ck_assert_float_eq_tol(found->box.x0, (x - wanted_distance(0)) * stride / WIDTH, 1e-5);
    ck_assert_float_eq_tol(found->box.y0, (y - wanted_distance(1)) * stride / HEIGHT, 1e-5);
    ck_assert_float_eq_tol(found->box.x1, (x + wanted_distance(2)) * stride / WIDTH, 1e-5);
    ck_assert_float_eq_tol(found->box.y1, (y + wanted_distance(3)) * stride / HEIGHT, 1e-5);
}

/* NanoDet, of 3 and 4 levels, its outputs in either order. */
START_TEST(test_split)
{
    const guint n_levels = 3 + (guint)_i / 2, n_classes = 5;
    const gboolean scores_first = _i % 2;
    g_auto(Head) head = head_split(n_levels, n_classes, scores_first);
    g_autoptr(VigilDecoder) decoder = open_head(&head, VIGIL_DECODER_GUESS);
    VigilCandidate found[MAX_CELLS];
    guint rows = 0;

    ck_assert_uint_eq(vigil_decoder_get_n_classes(decoder), n_classes);
    for (guint i = 0; i < n_levels; i++) {
        const guint scores = scores_first ? i : i + n_levels;
        const guint distances = scores_first ? i + n_levels : i;
        const guint cell = grid_widths[i] + 2; /* second row, third cell */

        head.data[scores][cell * n_classes + i] = 0.5f + 0.1f * (gfloat)i;
        head.data[scores][cell * n_classes + 4] = 0.4f;
        put_distances(head.data[distances] + (gsize)cell * 4 * BINS);
        rows += grid_widths[i] * grid_heights[i];
    }
    ck_assert_uint_eq(vigil_decoder_get_capacity(decoder), rows);
    ck_assert_uint_eq(run(decoder, &head, 0.5f, found), n_levels);
    for (guint i = 0; i < n_levels; i++) {
        check_box(&found[i], 2.5, 1.5, 8 << i);
        ck_assert_int_eq(found[i].class_id, (gint)i);
        ck_assert_float_eq_tol(found[i].score, 0.5 + 0.1 * i, 1e-6);
    }
    ck_assert_uint_eq(run(decoder, &head, 0.65f, found), n_levels - 2);
}
END_TEST

/* Thirty-two classes look like distances: the later output is taken for those. */
START_TEST(test_as_many_classes)
{
    g_auto(Head) head = head_split(3, 32, TRUE);
    g_autoptr(VigilDecoder) decoder = open_head(&head, VIGIL_DECODER_NANODET);
    VigilCandidate found[MAX_CELLS];

    head.data[2][31] = 0.75f;
    put_distances(head.data[5]);
    ck_assert_uint_eq(run(decoder, &head, 0.5f, found), 1);
    ck_assert_int_eq(found[0].class_id, 31);
    check_box(&found[0], 0.5, 0.5, 32);
}
END_TEST

/* NanoDet-Plus: distances from the cell's corner. */
START_TEST(test_joined)
{
    const guint n_classes = 6, columns = n_classes + 4 * BINS;
    const guint row = 25 * 15 + 13 * 8 + 7 + 1; /* stride 32, second row, second cell */
    g_auto(Head) head = {0};
    g_autoptr(VigilDecoder) decoder = NULL;
    VigilCandidate found[MAX_CELLS];

    add(&head, MAX_CELLS, columns);
    decoder = open_head(&head, VIGIL_DECODER_GUESS);
    ck_assert_uint_eq(vigil_decoder_get_n_classes(decoder), n_classes);
    head.data[0][row * columns + 4] = 0.75f;
    put_distances(head.data[0] + row * columns + n_classes);
    head.data[0][(MAX_CELLS - 1) * columns] = 0.625f;
    ck_assert_uint_eq(run(decoder, &head, 0.5f, found), 2);
    check_box(&found[0], 1, 1, 32);
    ck_assert_int_eq(found[0].class_id, 4);
    ck_assert_uint_eq(found[0].index, row);
    /* even logits: three and a half strides */
    ck_assert_float_eq_tol(found[1].box.x0, (3 - 3.5) * 64 / WIDTH, 1e-5);
    ck_assert_float_eq_tol(found[1].box.y1, (1 + 3.5) * 64 / HEIGHT, 1e-5);
}
END_TEST

START_TEST(test_hostile_values)
{
    g_auto(Head) head = head_split(3, 2, TRUE);
    g_autoptr(VigilDecoder) decoder = open_head(&head, VIGIL_DECODER_NANODET);
    VigilCandidate found[MAX_CELLS];

    ck_assert_uint_eq(run(decoder, &head, 0.5f, found), 0);
    for (guint i = 0; i < 6; i++)
        head.data[0][2 * i] = 1;
    head.data[0][0] = NAN;
    head.data[3][1 * 4 * BINS] = NAN;
    head.data[3][2 * 4 * BINS] = INFINITY;
    for (guint k = 0; k < BINS; k++)
        head.data[3][3 * 4 * BINS + k] = -INFINITY;
    head.data[3][4 * 4 * BINS] = 1e38f; /* and so all of the weight */
    ck_assert_uint_eq(run(decoder, &head, 0.5f, found), 2);
    ck_assert_uint_eq(found[0].index, 4);
    ck_assert_float_eq_tol(found[0].box.x0, 4.5 * 8 / WIDTH, 1e-5);
    ck_assert_uint_eq(found[1].index, 5);
}
END_TEST

/* Scores without their sigmoid, and what is no number. */
START_TEST(test_no_probabilities)
{
    static const gfloat values[] = {-4.5f, 1.5f, NAN};
    g_auto(Head) head = head_split(3, 2, TRUE);
    g_autoptr(VigilDecoder) decoder = open_head(&head, VIGIL_DECODER_NANODET);
    gconstpointer data[8];
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < head.n; i++)
        data[i] = head.data[i];
    head.data[2][2 * 27 + 1] = values[_i];
    ck_assert(!vigil_decoder_probe(decoder, data, &error));
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED));
    ck_assert_ptr_nonnull(strstr(error->message, "sigmoid"));
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        guint output, dim;
        gint32 value;
    } cases[] = {{0, 0, 2},  {0, 1, 374}, {4, 2, 31},    {1, 2, 4},
                 {5, 1, 29}, {2, 2, 0},   {0, 2, 70000}, {3, 1, 25 * 15 - 1}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Head) head = head_split(3, 5, TRUE);
        g_autoptr(GError) error = NULL;

        head.infos[cases[i].output].dims[cases[i].dim] = cases[i].value;
        for (guint k = 0; k < head.n; k++)
            head.list[k] = &head.infos[k];
        ck_assert_msg(!vigil_decoder_new(head.list, head.n, VIGIL_DECODER_NANODET,
                                         VIGIL_COORDINATES_GUESS, WIDTH, HEIGHT, &error),
                      "case %u", i);
        ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED));
        ck_assert_ptr_nonnull(strstr(error->message, "NanoDet"));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("decode-nanodet");
    TCase *all = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(all, test_split, 0, 4);
    tcase_add_test(all, test_as_many_classes);
    tcase_add_test(all, test_joined);
    tcase_add_test(all, test_hostile_values);
    tcase_add_loop_test(all, test_no_probabilities, 0, 3);
    tcase_add_test(all, test_refused);
    suite_add_tcase(suite, all);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
