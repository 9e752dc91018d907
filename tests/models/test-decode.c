/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-decode.h"

#define N_CLASSES 3

/* Three a cell of strides 8, 16 and 32 of a 320x160 image. */
#define N_V5_BOXES (3 * (40 * 20 + 20 * 10 + 10 * 5))

static VigilTensorInfo
output(VigilTensorType type, const gchar *name, guint n_dims, gint32 d0, gint32 d1, gint32 d2)
{
    return (VigilTensorInfo){.name = name,
                             .type = type,
                             .n_dims = n_dims,
                             .dims = {d0, d1, d2},
                             .scale = 0.005f,
                             .zero_point = type == VIGIL_TENSOR_INT8 ? -125 : 3};
}

static VigilDecoder *
open_one(const VigilTensorInfo *info, VigilDecoderKind kind, VigilCoordinates coordinates)
{
    GError *error = NULL;
    VigilDecoder *decoder = vigil_decoder_new(&info, 1, kind, coordinates, 320, 160, &error);

    g_assert_no_error(error);
    return decoder;
}

/* A head of @n boxes with values put at (box, column), in any type and either orientation. */
typedef struct {
    VigilTensorInfo info;
    guint n, columns;
    gboolean by_column;
    gpointer data;
} Head;

static Head
head_new(VigilTensorType type, guint n, guint columns, gboolean by_column)
{
    Head head = {.n = n, .columns = columns, .by_column = by_column};
    const gsize values = (gsize)n * columns;

    head.info = by_column ? output(type, "head", 3, 1, (gint32)columns, (gint32)n)
                          : output(type, "head", 3, 1, (gint32)n, (gint32)columns);
    head.data = g_malloc0(values * (type == VIGIL_TENSOR_FLOAT32 ? 4 : 1));
    if (type == VIGIL_TENSOR_INT8)
        memset(head.data, -125, values);
    if (type == VIGIL_TENSOR_UINT8)
        memset(head.data, 3, values);
    return head;
}

static void
put(Head *head, guint box, guint column, gfloat value)
{
    const gsize at =
        head->by_column ? (gsize)column * head->n + box : (gsize)box * head->columns + column;
    const long q = lrintf(value / head->info.scale) + head->info.zero_point;

    if (head->info.type == VIGIL_TENSOR_FLOAT32)
        ((gfloat *)head->data)[at] = value;
    else if (head->info.type == VIGIL_TENSOR_INT8)
        ((gint8 *)head->data)[at] = (gint8)q;
    else
        ((guint8 *)head->data)[at] = (guint8)q;
}

static void
put_box(Head *head, guint box, gfloat x, gfloat y, gfloat w, gfloat h)
{
    put(head, box, 0, x);
    put(head, box, 1, y);
    put(head, box, 2, w);
    put(head, box, 3, h);
}

static const VigilTensorType types[] = {VIGIL_TENSOR_FLOAT32, VIGIL_TENSOR_UINT8,
                                        VIGIL_TENSOR_INT8};

static void
check_box(const VigilCandidate *found, gfloat x0, gfloat y0, gfloat x1, gfloat y1)
{
    ck_assert_float_eq_tol(found->box.x0, x0, 0.006);
    ck_assert_float_eq_tol(found->box.y0, y0, 0.006);
    ck_assert_float_eq_tol(found->box.x1, x1, 0.006);
    ck_assert_float_eq_tol(found->box.y1, y1, 0.006);
}

START_TEST(test_yolov8)
{
    Head head = head_new(types[_i], 50, 4 + N_CLASSES, TRUE);
    g_autoptr(VigilDecoder) decoder =
        open_one(&head.info, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_NORMALISED);
    VigilCandidate found[50];

    ck_assert_int_eq(vigil_decoder_get_kind(decoder), VIGIL_DECODER_YOLOV8);
    ck_assert_uint_eq(vigil_decoder_get_n_classes(decoder), N_CLASSES);
    ck_assert_uint_eq(vigil_decoder_get_capacity(decoder), 50);
    put_box(&head, 7, 0.5f, 0.4f, 0.2f, 0.1f);
    put(&head, 7, 5, 0.8f);
    put(&head, 7, 6, 0.3f);
    put_box(&head, 30, 0.1f, 0.9f, 0.1f, 0.1f);
    put(&head, 30, 4, 0.45f);
    ck_assert_uint_eq(vigil_decoder_run(decoder, (const gconstpointer *)&head.data, 0.5f, found),
                      1);
    ck_assert_uint_eq(found[0].index, 7);
    ck_assert_int_eq(found[0].class_id, 1);
    ck_assert_float_eq_tol(found[0].score, 0.8, 0.003);
    check_box(&found[0], 0.4f, 0.35f, 0.6f, 0.45f);
    ck_assert_uint_eq(vigil_decoder_run(decoder, (const gconstpointer *)&head.data, 0.4f, found),
                      2);
    ck_assert_int_eq(found[1].class_id, 0);
    g_free(head.data);
}
END_TEST

START_TEST(test_yolov5)
{
    Head head = head_new(types[_i], N_V5_BOXES, 5 + N_CLASSES, FALSE);
    g_autoptr(VigilDecoder) decoder =
        open_one(&head.info, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_NORMALISED);
    VigilCandidate found[N_V5_BOXES];

    ck_assert_int_eq(vigil_decoder_get_kind(decoder), VIGIL_DECODER_YOLOV5);
    put_box(&head, 59, 0.25f, 0.5f, 0.5f, 1.0f);
    put(&head, 59, 4, 0.9f);
    put(&head, 59, 7, 0.8f);
    put_box(&head, 2, 0.5f, 0.5f, 0.1f, 0.1f);
    put(&head, 2, 4, 0.6f); /* each above the threshold, their product is not */
    put(&head, 2, 5, 0.7f);
    put(&head, 3, 4, -0.01f); /* two numbers below zero make no detection */
    put(&head, 3, 5, -0.01f);
    ck_assert_uint_eq(vigil_decoder_run(decoder, (const gconstpointer *)&head.data, 0.5f, found),
                      1);
    ck_assert_uint_eq(found[0].index, 59);
    ck_assert_int_eq(found[0].class_id, 2);
    ck_assert_float_eq_tol(found[0].score, 0.72, 0.01);
    check_box(&found[0], 0, 0, 0.5f, 1);
    g_free(head.data);
}
END_TEST

/* The threshold is a real number between two levels, exactly on one, or a hair above it. */
START_TEST(test_threshold_in_levels)
{
    Head head = head_new(types[_i], 20, 4 + 1, TRUE);
    g_autoptr(VigilDecoder) decoder =
        open_one(&head.info, VIGIL_DECODER_YOLOV8, VIGIL_COORDINATES_NORMALISED);
    const gfloat level100 = types[_i] == VIGIL_TENSOR_FLOAT32 ? 0.5f : head.info.scale * 100.0f;
    VigilCandidate found[20];

    put(&head, 0, 4, head.info.scale * 99.0f);
    put(&head, 1, 4, head.info.scale * 100.0f);
    put(&head, 2, 4, head.info.scale * 101.0f);
    ck_assert_uint_eq(
        vigil_decoder_run(decoder, (const gconstpointer *)&head.data, level100 - 0.002f, found), 2);
    ck_assert_uint_eq(
        vigil_decoder_run(decoder, (const gconstpointer *)&head.data, level100, found), 2);
    ck_assert_float_eq(found[0].score, level100);
    ck_assert_uint_eq(vigil_decoder_run(decoder, (const gconstpointer *)&head.data,
                                        nextafterf(level100, 1), found),
                      1);
    ck_assert_uint_eq(vigil_decoder_run(decoder, (const gconstpointer *)&head.data, 1.0f, found),
                      0);
    put(&head, 4, 4, 1.15f);
    ck_assert_uint_eq(vigil_decoder_run(decoder, (const gconstpointer *)&head.data, 1.0f, found),
                      1);
    ck_assert_float_eq(found[0].score, 1.0f);
    g_free(head.data);
}
END_TEST

/* Products of levels against the same product as real numbers, for every pair of levels. */
START_TEST(test_products_in_levels)
{
    static const gfloat thresholds[] = {0.0f, 0.01f, 0.25f, 0.5f, 0.7525f, 1.0f};
    Head head = head_new(types[_i], 256, 6, FALSE);
    g_autoptr(VigilDecoder) decoder =
        open_one(&head.info, VIGIL_DECODER_YOLOV5, VIGIL_COORDINATES_NORMALISED);
    const gint32 zero = 3;
    const gfloat unit = head.info.scale * head.info.scale;
    VigilCandidate found[256];

    for (guint t = 0; t < G_N_ELEMENTS(thresholds); t++) {
        for (gint32 objectness = 0; objectness < 256; objectness++) {
            guint wanted = 0;

            for (gint32 q = 0; q < 256; q++) {
                const guint8 flip = types[_i] == VIGIL_TENSOR_INT8 ? 0x80 : 0;
                guint8 *row = (guint8 *)head.data + (gsize)q * 6;

                row[4] = (guint8)objectness ^ flip;
                row[5] = (guint8)q ^ flip;
                wanted += objectness >= zero && q >= zero &&
                          unit * (gfloat)((objectness - zero) * (q - zero)) >= thresholds[t];
            }
            ck_assert_uint_eq(
                vigil_decoder_run(decoder, (const gconstpointer *)&head.data, thresholds[t], found),
                wanted);
        }
    }
    g_free(head.data);
}
END_TEST

START_TEST(test_coordinates_by_range)
{
    /* int8 levels up to 1.25: parts; up to 640: pixels */
    for (guint pixels = 0; pixels < 2; pixels++) {
        Head head = head_new(VIGIL_TENSOR_INT8, 40, 5, TRUE);
        VigilDecoder *decoder;
        VigilCandidate found[40];

        head.info.scale = pixels ? 2.5f : 0.005f;
        head.info.zero_point = -128;
        memset(head.data, -128, 40 * 5);
        decoder = open_one(&head.info, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_GUESS);
        ck_assert(!vigil_decoder_needs_probe(decoder));
        put_box(&head, 1, pixels ? 160 : 0.5f, pixels ? 80 : 0.5f, pixels ? 32 : 0.1f,
                pixels ? 32 : 0.2f);
        put(&head, 1, 4, pixels ? 2.5f : 0.9f);
        ck_assert_uint_eq(
            vigil_decoder_run(decoder, (const gconstpointer *)&head.data, 0.5f, found), 1);
        ck_assert_float_eq_tol(found[0].box.x0 + found[0].box.x1, 1, 0.01);
        ck_assert_float_eq_tol(found[0].box.x1 - found[0].box.x0, 0.1, 0.011);
        ck_assert_float_eq_tol(found[0].box.y1 - found[0].box.y0, 0.2, 0.011);
        vigil_decoder_free(decoder);
        g_free(head.data);
    }
}
END_TEST

START_TEST(test_coordinates_by_probe)
{
    for (guint pixels = 0; pixels < 2; pixels++) {
        Head head = head_new(VIGIL_TENSOR_FLOAT32, 40, 5, TRUE);
        VigilDecoder *decoder = open_one(&head.info, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_GUESS);
        VigilCandidate found[40];

        ck_assert(vigil_decoder_needs_probe(decoder));
        for (guint i = 0; i < 40; i++)
            put_box(&head, i, (i + 0.5f) / 40 * (pixels ? 320 : 1), pixels ? 80 : 0.5f,
                    pixels ? 32 : 0.1f, pixels ? 16 : 0.1f);
        ck_assert(vigil_decoder_probe(decoder, (const gconstpointer *)&head.data, NULL));
        put(&head, 20, 4, 0.9f);
        ck_assert_uint_eq(
            vigil_decoder_run(decoder, (const gconstpointer *)&head.data, 0.5f, found), 1);
        check_box(&found[0], 0.4625f, 0.45f, 0.5625f, 0.55f);
        vigil_decoder_free(decoder);
        g_free(head.data);
    }
}
END_TEST

START_TEST(test_no_box_from_nonsense)
{
    Head head = head_new(VIGIL_TENSOR_FLOAT32, 10, 5, TRUE);
    g_autoptr(VigilDecoder) decoder =
        open_one(&head.info, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_NORMALISED);
    VigilCandidate found[10];

    for (guint i = 0; i < 10; i++)
        put_box(&head, i, 0.5f, 0.5f, 0.1f, 0.1f);
    put(&head, 0, 4, NAN);
    put(&head, 1, 4, 0.9f);
    put(&head, 1, 0, NAN);
    put(&head, 2, 4, 0.9f);
    put(&head, 2, 2, -0.1f);
    put(&head, 3, 4, 0.9f);
    put(&head, 3, 3, INFINITY);
    put(&head, 4, 4, 0.9f);
    ck_assert_uint_eq(vigil_decoder_run(decoder, (const gconstpointer *)&head.data, 0.5f, found),
                      1);
    ck_assert_uint_eq(found[0].index, 4);
    g_free(head.data);
}
END_TEST

/* Four outputs as TensorFlow 1, TensorFlow 2 and TensorFlow 2 in its other order give them. */
START_TEST(test_ssd_postprocess)
{
    static const gchar *const names[][4] = {
        {"TFLite_Detection_PostProcess", "TFLite_Detection_PostProcess:1",
         "TFLite_Detection_PostProcess:2", "TFLite_Detection_PostProcess:3"},
        {"StatefulPartitionedCall:1", "StatefulPartitionedCall:3", "StatefulPartitionedCall:0",
         "StatefulPartitionedCall:2"},
        {"StatefulPartitionedCall:3", "StatefulPartitionedCall:1", "StatefulPartitionedCall:2",
         "StatefulPartitionedCall:0"},
    };
    static const guint8 places[][4] = {{0, 1, 2, 3}, {1, 3, 0, 2}, {0, 2, 1, 3}};
    static const gfloat boxes[] = {0.1f, 0.2f, 0.3f, 0.4f, 0, 0, 1, 1, 0, 0, 1, 1},
                        classes[] = {17, 0, 1}, scores[] = {0.9f, 0.5f, 0.4999f}, count[] = {3};
    const guint8 *place = places[_i];
    VigilTensorInfo infos[4];
    const VigilTensorInfo *list[4];
    gconstpointer data[4];
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilDecoder) decoder = NULL;
    VigilCandidate found[3];

    infos[place[0]] = output(VIGIL_TENSOR_FLOAT32, names[_i][place[0]], 3, 1, 3, 4);
    infos[place[1]] = output(VIGIL_TENSOR_FLOAT32, names[_i][place[1]], 2, 1, 3, 0);
    infos[place[2]] = output(VIGIL_TENSOR_FLOAT32, names[_i][place[2]], 2, 1, 3, 0);
    infos[place[3]] = output(VIGIL_TENSOR_FLOAT32, names[_i][place[3]], 1, 1, 0, 0);
    data[place[0]] = boxes;
    data[place[1]] = classes;
    data[place[2]] = scores;
    data[place[3]] = count;
    for (guint i = 0; i < 4; i++)
        list[i] = &infos[i];
    decoder =
        vigil_decoder_new(list, 4, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_GUESS, 300, 300, &error);
    g_assert_no_error(error);
    ck_assert_int_eq(vigil_decoder_get_kind(decoder), VIGIL_DECODER_SSD_POSTPROCESS);
    ck_assert_uint_eq(vigil_decoder_run(decoder, data, 0.5f, found), 2);
    ck_assert_int_eq(found[0].class_id, 17);
    ck_assert_float_eq(found[0].score, 0.9f);
    check_box(&found[0], 0.2f, 0.1f, 0.4f, 0.3f);
}
END_TEST

START_TEST(test_ssd_postprocess_count)
{
    static const gfloat counts[] = {0, 1, 2, 7, -1, NAN, INFINITY};
    static const guint wanted[] = {0, 1, 2, 2, 0, 0, 2};
    static const gfloat boxes[] = {0, 0, 1, 1, 0, 0, 1, 1}, classes[] = {1, 2},
                        scores[] = {0.9f, 0.8f};
    const VigilTensorInfo infos[] = {output(VIGIL_TENSOR_FLOAT32, "a", 3, 1, 2, 4),
                                     output(VIGIL_TENSOR_FLOAT32, "b", 2, 1, 2, 0),
                                     output(VIGIL_TENSOR_FLOAT32, "c", 2, 1, 2, 0),
                                     output(VIGIL_TENSOR_FLOAT32, "d", 1, 1, 0, 0)};
    const VigilTensorInfo *list[] = {&infos[0], &infos[1], &infos[2], &infos[3]};
    g_autoptr(VigilDecoder) decoder =
        vigil_decoder_new(list, 4, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_GUESS, 300, 300, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
        const gconstpointer data[] = {boxes, classes, scores, &counts[i]};
        VigilCandidate found[2];

        ck_assert_uint_eq(vigil_decoder_run(decoder, data, 0.5f, found), wanted[i]);
    }
}
END_TEST

/* Scores, offsets and anchors in every order; as floats and as levels. */
START_TEST(test_ssd_anchors)
{
    static const guint8 orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const guint8 *order = orders[_i / 2];
    const gboolean levels = _i % 2;
    static const gfloat scores[] = {0.9f, 0.05f, 0.05f, 0.0f, 0.0f, 0.0f, 0.1f, 0.2f,
                                    0.7f, 0.0f,  0.6f,  0.1f, 0.3f, 0.0f, 0.0f};
    static const gint8 score_levels[] = {52, -118, -118, -128, -128, -128, -108, -88,
                                         12, -128, -8,   -108, -68,  -128, -128};
    static const gfloat offsets[] = {0, 0, 0, 0, 0.1f, -0.5f, -0.1f, 0.5f, 0, 0, 0, 0};
    static const gfloat anchors[] = {0, 0, 0.5f, 0.5f, 0.2f, 0.4f, 0.4f, 0.8f, 0.5f, 0.5f, 1, 1};
    VigilTensorInfo infos[3];
    const VigilTensorInfo *list[] = {&infos[0], &infos[1], &infos[2]};
    gconstpointer data[3];
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilDecoder) decoder = NULL;
    VigilCandidate found[3];

    infos[order[0]] = output(levels ? VIGIL_TENSOR_INT8 : VIGIL_TENSOR_FLOAT32, "s", 3, 1, 3, 5);
    infos[order[0]].zero_point = -128;
    infos[order[1]] = output(VIGIL_TENSOR_FLOAT32, "o", 3, 1, 3, 4);
    infos[order[2]] = output(VIGIL_TENSOR_FLOAT32, "a", 3, 1, 3, 4);
    data[order[0]] = levels ? (gconstpointer)score_levels : (gconstpointer)scores;
    data[order[1]] = offsets;
    data[order[2]] = anchors;
    decoder =
        vigil_decoder_new(list, 3, VIGIL_DECODER_GUESS, VIGIL_COORDINATES_GUESS, 256, 256, &error);
    g_assert_no_error(error);
    ck_assert_int_eq(vigil_decoder_get_kind(decoder), VIGIL_DECODER_SSD_ANCHORS);
    ck_assert_uint_eq(vigil_decoder_get_n_classes(decoder), 4);
    ck_assert(vigil_decoder_probe(decoder, data, &error));
    ck_assert_uint_eq(vigil_decoder_run(decoder, data, 0.5f, found), 1);
    ck_assert_int_eq(found[0].class_id, 2);
    ck_assert_uint_eq(found[0].index, 1);
    ck_assert_float_eq_tol(found[0].score, 0.7, 0.003);
    check_box(&found[0], 0.22f, 0.2f, 0.38f, 1.0f);
}
END_TEST

START_TEST(test_refused)
{
    const VigilTensorInfo classifier = output(VIGIL_TENSOR_UINT8, "p", 2, 1, 1001, 0);
    const VigilTensorInfo odd = output(VIGIL_TENSOR_FLOAT32, "x", 3, 1, 3550, 85);
    const VigilTensorInfo ranked = output(VIGIL_TENSOR_FLOAT32, "r", 3, 1, 300, 6);
    const VigilTensorInfo narrow = output(VIGIL_TENSOR_UINT8, "n", 3, 1, 4, 100);
    VigilTensorInfo unscaled = output(VIGIL_TENSOR_INT8, "u", 3, 1, 84, 3549);
    const VigilTensorInfo *bad[] = {&classifier, &odd, &ranked, &narrow, &unscaled};

    unscaled.scale = 0;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;

        ck_assert_ptr_null(vigil_decoder_new(&bad[i], 1, VIGIL_DECODER_GUESS,
                                             VIGIL_COORDINATES_GUESS, 416, 416, &error));
        g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(error->message, "1 output: "));
        g_clear_error(&error);
        ck_assert_ptr_null(vigil_decoder_new(&bad[0], 1, (VigilDecoderKind)MIN(i + 1, 4),
                                             VIGIL_COORDINATES_GUESS, 416, 416, &error));
        ck_assert_ptr_nonnull(error);
        g_clear_error(&error);
    }
    ck_assert_int_eq(vigil_decoder_kind_from_name("yolov5"), VIGIL_DECODER_YOLOV5);
    ck_assert_int_eq(vigil_decoder_kind_from_name("yolov9000"), VIGIL_DECODER_GUESS);
}
END_TEST

/* What is allocated for a box and named for a class is bounded, whatever a model says. */
START_TEST(test_too_large)
{
    const VigilTensorInfo scores = output(VIGIL_TENSOR_UINT8, "s", 3, 1, 1, 1 << 27);
    const VigilTensorInfo boxes = output(VIGIL_TENSOR_UINT8, "b", 3, 1, 1, 4);
    const VigilTensorInfo head = output(VIGIL_TENSOR_UINT8, "h", 3, 1, 5, 1 << 25);
    const VigilTensorInfo *anchors[] = {&scores, &boxes, &boxes}, *yolo[] = {&head};
    GError *error = NULL;

    ck_assert_ptr_null(vigil_decoder_new(anchors, 3, VIGIL_DECODER_SSD_ANCHORS,
                                         VIGIL_COORDINATES_GUESS, 416, 416, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE);
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_decoder_new(yolo, 1, VIGIL_DECODER_YOLOV8, VIGIL_COORDINATES_GUESS,
                                         416, 416, &error));
    g_assert_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE);
    g_clear_error(&error);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("decode");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tests, test_yolov8, 0, 3);
    tcase_add_loop_test(tests, test_yolov5, 0, 3);
    tcase_add_loop_test(tests, test_threshold_in_levels, 0, 3);
    tcase_add_loop_test(tests, test_products_in_levels, 1, 3);
    tcase_add_test(tests, test_coordinates_by_range);
    tcase_add_test(tests, test_coordinates_by_probe);
    tcase_add_test(tests, test_no_box_from_nonsense);
    tcase_add_loop_test(tests, test_ssd_postprocess, 0, 3);
    tcase_add_test(tests, test_ssd_postprocess_count);
    tcase_add_loop_test(tests, test_ssd_anchors, 0, 12);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_too_large);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
