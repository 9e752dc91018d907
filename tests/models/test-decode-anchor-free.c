/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-decode.h"

#define WIDTH 320
#define HEIGHT 192
#define N_CELLS(stride) ((WIDTH / (stride)) * (HEIGHT / (stride)))
#define N_CLASSES 3
#define N_BOXES (N_CLASSES * (N_CELLS(8) + N_CELLS(16) + N_CELLS(32)))
#define MAX_OUTPUTS 20

/* The outputs of a head, of any number of levels, with values to be put in. */
typedef struct {
    VigilTensorInfo infos[MAX_OUTPUTS];
    const VigilTensorInfo *list[MAX_OUTPUTS];
    gpointer data[MAX_OUTPUTS];
    guint n;
} Head;

static guint
add_output(Head *head, VigilTensorType type, gint32 h, gint32 w, gint32 c, gfloat scale,
           gint32 zero_point)
{
    const guint i = head->n++;
    const gsize n = (gsize)h * (gsize)w * (gsize)c;

    head->infos[i] = (VigilTensorInfo){.name = "o",
                                       .type = type,
                                       .n_dims = 4,
                                       .dims = {1, h, w, c},
                                       .scale = scale,
                                       .zero_point = zero_point};
    if (type == VIGIL_TENSOR_UINT8)
        head->infos[i].zero_point += 128;
    head->list[i] = &head->infos[i];
    if (type == VIGIL_TENSOR_FLOAT32) {
        head->data[i] = g_new(gfloat, n);
        for (gsize k = 0; k < n; k++)
            ((gfloat *)head->data[i])[k] = -9;
    } else {
        head->data[i] = g_malloc(n);
        memset(head->data[i], type == VIGIL_TENSOR_INT8 ? -128 : 0, n);
    }
    return i;
}

static void
head_clear(Head *head)
{
    for (guint i = 0; i < head->n; i++)
        g_free(head->data[i]);
    head->n = 0;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Head, head_clear)

/* Scores from -8 to 7.94, distances from 0 to 15.9. */
static void
add_level(Head *head, VigilTensorType type, gint32 stride, gint32 n_classes)
{
    add_output(head, type, HEIGHT / stride, WIDTH / stride, n_classes, 1 / 16.0f, 0);
    add_output(head, type, HEIGHT / stride, WIDTH / stride, 4, 1 / 16.0f, -128);
}

static void
put(Head *head, guint output, guint x, guint y, guint channel, gfloat value)
{
    const VigilTensorInfo *info = &head->infos[output];
    const gsize at = ((gsize)y * (gsize)info->dims[2] + x) * (gsize)info->dims[3] + channel;

    if (info->type == VIGIL_TENSOR_FLOAT32) {
        ((gfloat *)head->data[output])[at] = value;
        return;
    }

    const long q = lrintf(value / info->scale) + info->zero_point;

    if (info->type == VIGIL_TENSOR_INT8)
        ((gint8 *)head->data[output])[at] = (gint8)q;
    else
        ((guint8 *)head->data[output])[at] = (guint8)q;
}

static void
put_box(Head *head, guint output, guint x, guint y, const gfloat distances[4])
{
    for (guint i = 0; i < 4; i++)
        put(head, output, x, y, i, distances[i]);
}

static VigilDecoder *
open_head(const Head *head, VigilDecoderKind kind, GError **error)
{
    return vigil_decoder_new(head->list, head->n, kind, VIGIL_COORDINATES_GUESS, WIDTH, HEIGHT,
                             error);
}

static guint
run(VigilDecoder *decoder, const Head *head, gfloat threshold, VigilCandidate *found)
{
    gconstpointer data[MAX_OUTPUTS];

    for (guint i = 0; i < head->n; i++)
        data[i] = head->data[i];
    return vigil_decoder_run(decoder, data, threshold, found);
}

static gfloat
sigmoid(gfloat x)
{
    return 1.0f / (1.0f + expf(-x));
}

static const VigilTensorType types[] = {VIGIL_TENSOR_FLOAT32, VIGIL_TENSOR_UINT8,
                                        VIGIL_TENSOR_INT8};

static void
check_box(const VigilCandidate *found, gfloat x0, gfloat y0, gfloat x1, gfloat y1)
{
    ck_assert_float_eq_tol(found->box.x0 * WIDTH, x0, 1e-3);
    ck_assert_float_eq_tol(found->box.y0 * HEIGHT, y0, 1e-3);
    ck_assert_float_eq_tol(found->box.x1 * WIDTH, x1, 1e-3);
    ck_assert_float_eq_tol(found->box.y1 * HEIGHT, y1, 1e-3);
}

START_TEST(test_three_levels)
{
    static const gfloat small[] = {1, 2, 3, 4}, large[] = {2.5f, 0, 1.5f, 0.25f};
    g_auto(Head) head = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilDecoder) decoder = NULL;
    VigilCandidate found[N_BOXES];

    for (gint32 stride = 8; stride <= 32; stride *= 2)
        add_level(&head, types[_i], stride, N_CLASSES);
    decoder = open_head(&head, VIGIL_DECODER_GUESS, &error);
    g_assert_no_error(error);
    ck_assert_int_eq(vigil_decoder_get_kind(decoder), VIGIL_DECODER_ANCHOR_FREE);
    ck_assert_uint_eq(vigil_decoder_get_n_classes(decoder), N_CLASSES);
    ck_assert_uint_eq(vigil_decoder_get_capacity(decoder), N_BOXES);
    ck_assert(!vigil_decoder_needs_probe(decoder));
    ck_assert_uint_eq(run(decoder, &head, 0.3f, found), 0);
    put(&head, 0, 10, 20, 1, 2);
    put(&head, 0, 10, 20, 2, 1.5f);
    put_box(&head, 1, 10, 20, small);
    put(&head, 4, 9, 5, 0, 0.5f);
    put_box(&head, 5, 9, 5, large);
    ck_assert_uint_eq(run(decoder, &head, 0.85f, found), 1);
    ck_assert_uint_eq(run(decoder, &head, 0.3f, found), 3);
    ck_assert_int_eq(found[0].class_id, 1);
    ck_assert_uint_eq(found[0].index, (20 * 40 + 10) * N_CLASSES + 1);
    ck_assert_float_eq_tol(found[0].score, sigmoid(2), 1e-6);
    check_box(&found[0], 84 - 8, 164 - 16, 84 + 24, 164 + 32);
    /* the same place, another class */
    ck_assert_int_eq(found[1].class_id, 2);
    ck_assert_uint_eq(found[1].index, (20 * 40 + 10) * N_CLASSES + 2);
    ck_assert_float_eq_tol(found[1].score, sigmoid(1.5f), 1e-6);
    check_box(&found[1], 84 - 8, 164 - 16, 84 + 24, 164 + 32);
    ck_assert_int_eq(found[2].class_id, 0);
    ck_assert_uint_eq(found[2].index, (N_CELLS(8) + N_CELLS(16) + 5 * 10 + 9) * N_CLASSES);
    check_box(&found[2], 304 - 80, 176, 304 + 48, 176 + 8);
}
END_TEST

/* Converters sort outputs by name or not at all; what is what must come out the same. */
START_TEST(test_any_order_and_number)
{
    static const guint8 orders[][4] = {{0, 1, 2, 3}, {1, 0, 3, 2}, {0, 2, 1, 3}, {3, 2, 1, 0}};
    static const gfloat around[] = {1, 1, 1, 1};
    const gint32 n_classes = _i < 4 ? 2 : 4; /* four: as many as distances */
    const guint8 *order = orders[_i % 4];
    g_auto(Head) head = {0}, mixed = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilDecoder) decoder = NULL;
    VigilCandidate found[4 * (N_CELLS(16) + N_CELLS(64))];

    add_level(&head, VIGIL_TENSOR_INT8, 16, n_classes);
    add_level(&head, VIGIL_TENSOR_INT8, 64, n_classes);
    put(&head, 2, 4, 2, 1, 3);
    put_box(&head, 3, 4, 2, around);
    for (guint i = 0; i < 4; i++) {
        mixed.infos[i] = head.infos[order[i]];
        mixed.list[i] = &mixed.infos[i];
        mixed.data[i] = g_steal_pointer(&head.data[order[i]]);
    }
    mixed.n = 4;
    decoder = open_head(&mixed, VIGIL_DECODER_GUESS, &error);
    g_assert_no_error(error);
    ck_assert_uint_eq(vigil_decoder_get_capacity(decoder),
                      (guint)n_classes * (N_CELLS(16) + N_CELLS(64)));
    ck_assert_uint_eq(run(decoder, &mixed, 0.5f, found), 1);
    ck_assert_int_eq(found[0].class_id, 1);
    ck_assert_float_eq_tol(found[0].score, sigmoid(3), 1e-6);
    check_box(&found[0], 288 - 64, 160 - 64, 288 + 64, 160 + 64);
}
END_TEST

/* Every level of the scores: it passes just when the score that is told reaches the threshold. */
START_TEST(test_threshold_in_levels)
{
    static const gfloat thresholds[] = {0, 0.0004f, 0.25f, 0.5f, 0.7525f, 0.9996f, 1};
    g_auto(Head) head = {0};
    g_autoptr(VigilDecoder) decoder = NULL;
    VigilCandidate found[N_CELLS(16)];

    add_level(&head, types[_i], 16, 1);
    decoder = open_head(&head, VIGIL_DECODER_ANCHOR_FREE, NULL);
    for (guint cell = 0; cell < N_CELLS(16); cell++) {
        put_box(&head, 1, cell % 20, cell / 20, (const gfloat[]){1, 1, 1, 1});
        put(&head, 0, cell % 20, cell / 20, 0, (gfloat)((gint)cell - 120) / 16.0f);
    }
    for (guint t = 0; t < G_N_ELEMENTS(thresholds); t++) {
        const guint n = run(decoder, &head, thresholds[t], found);
        guint wanted = 0;

        for (guint cell = 0; cell < N_CELLS(16); cell++)
            wanted += sigmoid((gfloat)((gint)cell - 120) / 16.0f) >= thresholds[t];
        ck_assert_uint_eq(n, wanted);
        for (guint i = 0; i < n; i++)
            ck_assert_float_ge(found[i].score, thresholds[t]);
    }
    ck_assert_uint_eq(run(decoder, &head, 0.5f, found), 120);
    ck_assert_uint_eq(run(decoder, &head, nextafterf(0.5f, 1), found), 119);
}
END_TEST

START_TEST(test_no_box_from_nonsense)
{
    static const gfloat turned[] = {-2, 1, 1, 1}, fine[] = {1, 1, 1, 1};
    g_auto(Head) head = {0};
    g_autoptr(VigilDecoder) decoder = NULL;
    VigilCandidate found[N_CELLS(32)];

    add_level(&head, VIGIL_TENSOR_FLOAT32, 32, 1);
    decoder = open_head(&head, VIGIL_DECODER_GUESS, NULL);
    for (guint i = 0; i < 5; i++) {
        put(&head, 0, i, 0, 0, 5);
        put_box(&head, 1, i, 0, fine);
    }
    put(&head, 0, 0, 0, 0, NAN);
    put(&head, 1, 1, 0, 2, NAN);
    put(&head, 1, 2, 0, 3, INFINITY);
    put_box(&head, 1, 3, 0, turned);
    put(&head, 0, 5, 0, 0, INFINITY);
    put_box(&head, 1, 5, 0, fine);
    ck_assert_uint_eq(run(decoder, &head, 0.5f, found), 2);
    ck_assert_uint_eq(found[0].index, 4);
    ck_assert_uint_eq(found[1].index, 5);
    ck_assert_float_eq(found[1].score, 1);
}
END_TEST

/* Each: what makes a sound head of two levels one that is refused. */
static void
break_head(Head *head, int how)
{
    VigilTensorInfo *scores = &head->infos[0], *distances = &head->infos[1];

    switch (how) {
    case 0: head->n = 3; break;
    case 1: head->n = 1; break;
    case 2: head->n = 0; break;
    case 3: scores->n_dims = 3; break;
    case 4: scores->dims[0] = 2; break;
    case 5: scores->dims[1] = distances->dims[1] = 0; break;
    case 6: scores->dims[2] = distances->dims[2] = G_MAXINT32; break;
    case 7: scores->dims[1] = distances->dims[1] = -24; break;
    case 8: scores->dims[3] = 0; break;
    case 9: distances->dims[3] = 5; break;
    case 10: scores->dims[3] = 7; break;                       /* the other level has 3 */
    case 11: scores->dims[1] = distances->dims[1] = 12; break; /* not square cells */
    case 12: scores->dims[2] = distances->dims[2] = 39; break; /* no whole fraction */
    case 13: scores->dims[1] = 23; break;                      /* no partner */
    case 14: head->infos[2] = *scores, head->infos[3] = *distances; break;
    case 15: scores->scale = 0; break;
    case 16: distances->scale = NAN; break;
    case 17: scores->zero_point = 4000; break;
    case 18: scores->type = VIGIL_TENSOR_INT32; break;
    case 19: scores->dims[1] = distances->dims[1] = 2 * HEIGHT; break; /* more cells than pixels */
    default: scores->dims[3] = distances->dims[3] = G_MININT32;
    }
}

START_TEST(test_refused)
{
    g_auto(Head) head = {0};
    g_autoptr(GError) error = NULL;

    add_level(&head, VIGIL_TENSOR_INT8, 8, 3);
    add_level(&head, VIGIL_TENSOR_INT8, 16, 3);
    break_head(&head, _i);
    ck_assert_ptr_null(open_head(&head, VIGIL_DECODER_ANCHOR_FREE, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error->message, "whole fraction of the input's 192 x 320"));
    head.n = 4;
}
END_TEST

START_TEST(test_too_large)
{
    g_auto(Head) head = {0};
    g_autoptr(GError) error = NULL;

    add_level(&head, VIGIL_TENSOR_INT8, 8, 70000);
    ck_assert_ptr_null(open_head(&head, VIGIL_DECODER_GUESS, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE);
    g_clear_error(&error);
    head.infos[0].dims[1] = head.infos[1].dims[1] = 32768;
    head.infos[0].dims[2] = head.infos[1].dims[2] = 65536;
    head.infos[0].dims[3] = 1;
    ck_assert_ptr_null(vigil_decoder_new(head.list, 2, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_GUESS,
                                         1u << 19, 1u << 18, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE);
}
END_TEST

START_TEST(test_too_many_levels)
{
    g_auto(Head) head = {0};
    g_autoptr(GError) error = NULL;

    for (gint32 i = 0; i < 9; i++) {
        const guint scores = add_output(&head, VIGIL_TENSOR_INT8, 1, 1, 3, 1, 0);
        const guint distances = add_output(&head, VIGIL_TENSOR_INT8, 1, 1, 4, 1, -128);

        head.infos[scores].dims[1] = head.infos[distances].dims[1] = 1 << i;
        head.infos[scores].dims[2] = head.infos[distances].dims[2] = 1 << i;
    }
    ck_assert_ptr_null(vigil_decoder_new(head.list, 18, VIGIL_DECODER_GUESS,
                                         VIGIL_COORDINATES_GUESS, 512, 512, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("decode-anchor-free");
    TCase *tcase = tcase_create("decode-anchor-free");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(tcase, test_three_levels, 0, G_N_ELEMENTS(types));
    tcase_add_loop_test(tcase, test_any_order_and_number, 0, 8);
    tcase_add_loop_test(tcase, test_threshold_in_levels, 0, G_N_ELEMENTS(types));
    tcase_add_test(tcase, test_no_box_from_nonsense);
    tcase_add_loop_test(tcase, test_refused, 0, 21);
    tcase_add_test(tcase, test_too_large);
    tcase_add_test(tcase, test_too_many_levels);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
