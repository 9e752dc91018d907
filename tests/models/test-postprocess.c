/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernels/vigil-flexbuffer-private.h"
#include "models/kernels/vigil-kernel-sort-private.h"
#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"

/* What std::partial_sort() of libstdc++ 12 gave for values with many ties, indices ordered by descending value. */
START_TEST(test_partial_argsort)
{
    static const struct {
        guint n, n_sorted;
        guint32 indices[20];
    } cases[] = {
        {12, 5, {3, 4, 7, 11, 5}},
        {12, 12, {5, 3, 11, 10, 7, 8, 9, 4, 2, 6, 0, 1}},
        {20, 3, {10, 0, 2}},
        {20, 7, {3, 16, 17, 18, 9, 13, 0}},
        {9, 9, {1, 8, 7, 0, 5, 6, 3, 4, 2}},
        {16, 2, {12, 7}},
    };
    guint32 state = 1;

    for (guint t = 0; t < G_N_ELEMENTS(cases); t++) {
        gfloat values[20];
        guint32 indices[20];

        for (guint i = 0; i < cases[t].n; i++) {
            state = state * 1103515245u + 12345u;
            values[i] = (gfloat)((state >> 16) % 4);
        }
        vigil_kernel_partial_argsort(values, cases[t].n, cases[t].n_sorted, indices);
        ck_assert_mem_eq(indices, cases[t].indices, cases[t].n_sorted * sizeof *indices);
        vigil_kernel_partial_argsort(values, cases[t].n, 1, indices);
        for (guint i = 0; i < cases[t].n; i++)
            ck_assert(values[i] < values[indices[0]] ||
                      (values[i] == values[indices[0]] && i >= indices[0]));
    }
}
END_TEST

static void
put(GByteArray *out, guint32 value, guint bytes)
{
    for (guint i = 0; i < bytes; i++) {
        const guint8 byte = (guint8)(value >> (8 * i));

        g_byte_array_append(out, &byte, 1);
    }
}

typedef struct {
    const gchar *key;
    enum {
        FLEX_INT = 1,
        FLEX_UINT = 2,
        FLEX_FLOAT = 3,
        FLEX_BOOL = 26,
    } type;
    gdouble value;
} FlexItem;

/* A map of numbers, all four bytes wide; keys in the order given. */
static GByteArray *
flex_map(const FlexItem *items, guint n)
{
    GByteArray *out = g_byte_array_new();
    guint keys[16], begin;

    for (guint i = 0; i < n; i++) {
        keys[i] = out->len;
        g_byte_array_append(out, (const guint8 *)items[i].key, (guint)strlen(items[i].key) + 1);
    }
    put(out, 0, (4 - out->len % 4) % 4);
    put(out, n, 4);
    begin = out->len;
    for (guint i = 0; i < n; i++)
        put(out, out->len - keys[i], 4);
    put(out, out->len - begin, 4);
    put(out, 4, 4);
    put(out, n, 4);
    begin = out->len;
    for (guint i = 0; i < n; i++) {
        const gfloat real = (gfloat)items[i].value;
        guint32 bits = (guint32)(gint32)items[i].value;

        if (items[i].type == FLEX_FLOAT)
            memcpy(&bits, &real, 4);
        put(out, bits, 4);
    }
    for (guint i = 0; i < n; i++)
        put(out, (guint)items[i].type << 2 | 2, 1);
    put(out, out->len - begin, 1);
    put(out, 9 << 2 | 2, 1);
    put(out, 1, 1);
    return out;
}

START_TEST(test_flexbuffer)
{
    static const FlexItem items[] = {
        {"a", FLEX_INT, -7}, {"ab", FLEX_UINT, 300}, {"b", FLEX_BOOL, 1}, {"f", FLEX_FLOAT, 0.25}};
    static const guint8 narrow[] = {'k', 0, 1, 3, 1, 1, 1, 5, 2 << 2, 2, 9 << 2, 1};
    static const guint8 indirect[] = {0, 0, 0, 0, 0, 0,  0xf0,       0x3f, 'k',    0,
                                      1, 3, 1, 1, 1, 15, 8 << 2 | 3, 2,    9 << 2, 1};
    GByteArray *map = flex_map(items, 4);
    gdouble value = 99;

    for (guint i = 0; i < 4; i++) {
        ck_assert(vigil_flexbuffer_get_number(map->data, map->len, items[i].key, &value));
        ck_assert_double_eq(value, items[i].value);
    }
    value = 99;
    ck_assert(!vigil_flexbuffer_get_number(map->data, map->len, "c", &value));
    ck_assert(!vigil_flexbuffer_get_number(map->data, 0, "a", &value));
    ck_assert_double_eq(value, 99);
    ck_assert(vigil_flexbuffer_get_number(narrow, sizeof narrow, "k", &value));
    ck_assert_double_eq(value, 5);
    ck_assert(vigil_flexbuffer_get_number(indirect, sizeof indirect, "k", &value));
    ck_assert_double_eq(value, 1);
    /* cut or changed anywhere: some answer, but never a read outside */
    for (guint i = 0; i < map->len; i++) {
        for (guint v = 0; v < 256; v++) {
            g_autofree guint8 *copy = g_memdup2(map->data, map->len);

            copy[i] = (guint8)v;
            vigil_flexbuffer_get_number(copy, map->len, "ab", &value);
            vigil_flexbuffer_get_number(copy, i, "ab", &value);
        }
    }
    g_byte_array_unref(map);
}
END_TEST

#define N_BOXES 60
#define N_CLASSES 4

typedef struct {
    gboolean regular, background;
    gint32 max_detections, classes_per_detection, per_class;
    gfloat score_threshold, iou_threshold;
} Setting;

static const Setting settings[] = {
    {FALSE, TRUE, 10, 1, 100, 1e-8f, 0.6f}, {FALSE, FALSE, 100, 1, 100, 0.5f, 0.3f},
    {FALSE, TRUE, 7, 3, 100, 0.2f, 0.5f},   {TRUE, TRUE, 10, 1, 100, 1e-8f, 0.6f},
    {TRUE, FALSE, 100, 1, 3, 0.4f, 0.4f},   {TRUE, TRUE, 5, 1, 2, 0.9f, 0.5f},
    {FALSE, TRUE, 10, 1, 100, 2.0f, 0.6f},
};

typedef struct {
    gfloat boxes[N_BOXES][4], scores[N_BOXES][N_CLASSES + 1], anchors[N_BOXES][4];
} Data;

static GByteArray *
options_of(const Setting *setting)
{
    const FlexItem items[] = {
        {"detections_per_class", FLEX_INT, setting->per_class},
        {"h_scale", FLEX_FLOAT, 5},
        {"max_classes_per_detection", FLEX_INT, setting->classes_per_detection},
        {"max_detections", FLEX_INT, setting->max_detections},
        {"nms_iou_threshold", FLEX_FLOAT, setting->iou_threshold},
        {"nms_score_threshold", FLEX_FLOAT, setting->score_threshold},
        {"num_classes", FLEX_INT, N_CLASSES},
        {"use_regular_nms", FLEX_BOOL, setting->regular},
        {"w_scale", FLEX_FLOAT, 5},
        {"x_scale", FLEX_FLOAT, 10},
        {"y_scale", FLEX_FLOAT, 10},
    };

    return flex_map(items, G_N_ELEMENTS(items));
}

static VigilModel *
build(const Setting *setting, const Data *data, const GByteArray *options, GError **error)
{
    g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();
    const gint32 columns = N_CLASSES + (setting->background ? 1 : 0);
    const gint32 box_dims[] = {1, N_BOXES, 4}, score_dims[] = {1, N_BOXES, columns},
                 anchor_dims[] = {N_BOXES, 4};
    g_autoptr(GBytes) file = NULL;
    gint32 inputs[3], outputs[4];

    inputs[0] =
        vigil_tflite_writer_tensor(writer, VIGIL_TENSOR_FLOAT32, 3, box_dims, NULL, 0, 0, 0);
    inputs[1] =
        vigil_tflite_writer_tensor(writer, VIGIL_TENSOR_FLOAT32, 3, score_dims, NULL, 0, 0, 0);
    inputs[2] = vigil_tflite_writer_tensor(writer, VIGIL_TENSOR_FLOAT32, 2, anchor_dims,
                                           data->anchors, sizeof data->anchors, 0, 0);
    for (guint i = 0; i < 4; i++)
        outputs[i] =
            vigil_tflite_writer_tensor(writer, VIGIL_TENSOR_FLOAT32, 0, NULL, NULL, 0, 0, 0);
    vigil_tflite_writer_operator(writer, 32, inputs, 3, outputs, 4);
    vigil_tflite_writer_custom(writer, "TFLite_Detection_PostProcess", options->data, options->len);
    vigil_tflite_writer_interface(writer, inputs, 2, outputs, 4);
    file = vigil_tflite_writer_finish(writer);
    return vigil_model_load_bytes(file, "postprocess", error);
}

/* Scores without ties, so that their order is no question. */
static void
fill(Data *data, guint32 seed)
{
    GRand *rand = g_rand_new_with_seed(seed);

    for (guint i = 0; i < N_BOXES; i++) {
        for (guint k = 0; k < 4; k++) {
            data->boxes[i][k] = (gfloat)g_rand_double_range(rand, -2, 2);
            data->anchors[i][k] = (gfloat)(k < 2 ? g_rand_double_range(rand, 0, 1)
                                                 : g_rand_double_range(rand, 0.1, 0.4));
        }
        for (guint c = 0; c <= N_CLASSES; c++)
            data->scores[i][c] = (gfloat)g_rand_double(rand);
    }
    g_rand_free(rand);
}

typedef struct {
    double box[4], score;
    guint anchor, class_id;
} Found;

static int
by_score(const void *a, const void *b)
{
    const Found *x = a, *y = b;

    return x->score < y->score ? 1 : x->score > y->score ? -1 : 0;
}

static Found
decode(const Data *data, guint i, guint class_id, guint offset)
{
    const gfloat *e = data->boxes[i], *a = data->anchors[i];
    const double y = e[0] / 10.0 * a[2] + a[0], x = e[1] / 10.0 * a[3] + a[1];
    const double h = exp(e[2] / 5.0) * a[2], w = exp(e[3] / 5.0) * a[3];

    return (Found){{y - h / 2, x - w / 2, y + h / 2, x + w / 2},
                   data->scores[i][class_id + offset],
                   i,
                   class_id};
}

static double
iou(const Found *a, const Found *b)
{
    const double h = MIN(a->box[2], b->box[2]) - MAX(a->box[0], b->box[0]);
    const double w = MIN(a->box[3], b->box[3]) - MAX(a->box[1], b->box[1]);
    const double common = MAX(h, 0) * MAX(w, 0);

    return common / ((a->box[2] - a->box[0]) * (a->box[3] - a->box[1]) +
                     (b->box[2] - b->box[0]) * (b->box[3] - b->box[1]) - common);
}

/* The textbook, in double precision: sort, then keep what overlaps nothing kept. */
static guint
keep(Found *all, guint n, gfloat score_threshold, gfloat iou_threshold, guint limit)
{
    guint n_kept = 0;

    qsort(all, n, sizeof *all, by_score);
    for (guint i = 0; i < n && n_kept < limit; i++) {
        gboolean free_place = all[i].score >= score_threshold;

        for (guint k = 0; k < n_kept; k++)
            free_place = free_place && !(iou(&all[k], &all[i]) > iou_threshold);
        if (free_place)
            all[n_kept++] = all[i];
    }
    return n_kept;
}

static guint
reference(const Setting *setting, const Data *data, Found *found)
{
    const guint offset = setting->background ? 1 : 0;
    guint n = 0;

    if (!setting->regular) {
        for (guint i = 0; i < N_BOXES; i++) {
            guint best = 0;

            for (guint c = 1; c < N_CLASSES; c++)
                best = data->scores[i][c + offset] > data->scores[i][best + offset] ? c : best;
            found[i] = decode(data, i, best, offset);
        }
        return keep(found, N_BOXES, setting->score_threshold, setting->iou_threshold,
                    (guint)setting->max_detections);
    }
    for (guint c = 0; c < N_CLASSES; c++) {
        for (guint i = 0; i < N_BOXES; i++)
            found[n + i] = decode(data, i, c, offset);
        n += keep(found + n, N_BOXES, setting->score_threshold, setting->iou_threshold,
                  (guint)MIN(setting->per_class, setting->max_detections));
    }
    qsort(found, n, sizeof *found, by_score);
    return MIN(n, (guint)setting->max_detections);
}

/* The k-th best class of an anchor. */
static guint
class_by_rank(const Data *data, const Found *found, guint rank, guint offset)
{
    for (guint c = 0; c < N_CLASSES; c++) {
        guint better = 0;

        for (guint k = 0; k < N_CLASSES; k++)
            better +=
                data->scores[found->anchor][k + offset] > data->scores[found->anchor][c + offset];
        if (better == rank)
            return c;
    }
    return N_CLASSES;
}

static void
check_outputs(const Setting *setting, const Data *data, VigilSession *session)
{
    static Found found[N_BOXES * (N_CLASSES + 1)];
    const guint n = reference(setting, data, found), offset = setting->background ? 1 : 0;
    const guint per = setting->regular ? 1 : (guint)setting->classes_per_detection;
    const gfloat *boxes = vigil_session_get_output(session, 0),
                 *classes = vigil_session_get_output(session, 1);
    const gfloat *scores = vigil_session_get_output(session, 2),
                 *count = vigil_session_get_output(session, 3);

    ck_assert_float_eq(*count, (gfloat)n);
    for (guint i = 0; i < n * per; i++) {
        const Found *wanted = &found[i / per];
        const guint class_id =
            setting->regular ? wanted->class_id : class_by_rank(data, wanted, i % per, offset);

        for (guint k = 0; k < 4; k++)
            ck_assert_float_eq_tol(boxes[i * 4 + k], wanted->box[k], 1e-5);
        ck_assert_float_eq(classes[i], (gfloat)class_id);
        ck_assert_float_eq(scores[i], data->scores[wanted->anchor][class_id + offset]);
    }
    for (guint i = n * per; i < (guint)setting->max_detections * per; i++)
        ck_assert(scores[i] == 0 && classes[i] == 0 && boxes[i * 4 + 2] == 0);
}

START_TEST(test_against_textbook)
{
    const Setting *setting = &settings[_i];
    const guint columns = N_CLASSES + (setting->background ? 1 : 0);
    GByteArray *options = options_of(setting);

    for (guint32 seed = 1; seed <= 20; seed++) {
        g_autoptr(VigilModel) model = NULL;
        g_autoptr(VigilSession) session = NULL;
        g_autoptr(GError) error = NULL;
        Data data;
        gfloat *scores;

        fill(&data, seed);
        model = build(setting, &data, options, &error);
        g_assert_no_error(error);
        session = vigil_session_new(model, 1, &error);
        memcpy(vigil_session_get_input(session, 0), data.boxes, sizeof data.boxes);
        scores = vigil_session_get_input(session, 1);
        for (guint i = 0; i < N_BOXES; i++)
            memcpy(scores + i * columns, data.scores[i], columns * sizeof(gfloat));
        vigil_session_run(session);
        check_outputs(setting, &data, session);
    }
    g_byte_array_unref(options);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        Setting setting;
        const gchar *says;
    } bad[] = {
        {{FALSE, TRUE, 0, 1, 100, 0.5f, 0.5f}, "option max_detections is 0"},
        {{FALSE, TRUE, 10, 0, 100, 0.5f, 0.5f}, "option max_classes_per_detection is 0"},
        {{FALSE, TRUE, 10, 1, 0, 0.5f, 0.5f}, "option detections_per_class is 0"},
        {{FALSE, TRUE, 10, 1, 100, 0.5f, 0.0f}, "option nms_iou_threshold is 0"},
        {{FALSE, TRUE, 10, 1, 100, 0.5f, 1.5f}, "option nms_iou_threshold is 1.5"},
        {{FALSE, TRUE, 65536, 1000, 100, 0.5f, 0.5f}, "more than 65536 detections"},
    };
    Data data;
    GByteArray *options;
    GError *error = NULL;

    fill(&data, 1);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        options = options_of(&bad[i].setting);
        ck_assert_ptr_null(build(&bad[i].setting, &data, options, &error));
        ck_assert_msg(strstr(error->message, bad[i].says) &&
                          strstr(error->message, "TFLite_Detection_PostProcess"),
                      "%s", error->message);
        g_clear_error(&error);
        g_byte_array_unref(options);
    }
    options = flex_map((const FlexItem[]){{"max_detections", FLEX_INT, 10}}, 1);
    ck_assert_ptr_null(build(&settings[0], &data, options, &error));
    ck_assert_msg(strstr(error->message, "option max_classes_per_detection is missing") != NULL,
                  "%s", error->message);
    g_clear_error(&error);
    g_byte_array_unref(options);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("postprocess");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_partial_argsort);
    tcase_add_test(tests, test_flexbuffer);
    tcase_add_loop_test(tests, test_against_textbook, 0, G_N_ELEMENTS(settings));
    tcase_add_test(tests, test_refused);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
