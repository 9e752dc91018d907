/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every case of the test data's golden/index.json by its contract: "exact": bit for bit; "close": mean difference at most
 * 1.5 steps of the output's scale, the same top class, the same boxes; "hybrid": right, or refused with a clear sentence.
 */
#include <check.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"
#include "models/vigil-types.h"
#include "tests/support/vigil-test-data.h"

#define CLOSE_MEAN_LSB 1.5
#define CLOSE_IOU 0.9
#define CLOSE_SCORE 0.03

static JsonParser *parser;
static JsonArray *cases;

typedef struct {
    const gchar *model_name, *image, *contract;
    JsonArray *outputs;
    VigilModel *model;
    VigilSession *session;
} Case;

static gchar *
read_golden(const gchar *name, gsize *size)
{
    g_autofree gchar *relative = g_build_filename("golden", name, NULL);
    g_autofree gchar *path = vigil_test_data_path(relative);
    gchar *content = NULL;

    ck_assert_ptr_nonnull(path);
    ck_assert(g_file_get_contents(path, &content, size, NULL));
    return content;
}

static gdouble
value_at(const VigilTensorInfo *info, gconstpointer data, gsize i)
{
    switch (info->type) {
    case VIGIL_TENSOR_FLOAT32: return (gdouble)((const gfloat *)data)[i];
    case VIGIL_TENSOR_INT8: return ((const gint8 *)data)[i];
    default: return ((const guint8 *)data)[i];
    }
}

static gsize
count_of(const VigilTensorInfo *info)
{
    return info->type == VIGIL_TENSOR_FLOAT32 ? info->bytes / sizeof(gfloat) : info->bytes;
}

/* One step of the quantized tensor behind @data: 1 for whole numbers; for floats their smallest distance. */
static gdouble
step_of(const VigilTensorInfo *info, gconstpointer data)
{
    gdouble step = INFINITY;

    if (info->type != VIGIL_TENSOR_FLOAT32)
        return 1.0;
    for (gsize i = 1; i < count_of(info); i++) {
        const gdouble distance = fabs(value_at(info, data, i) - value_at(info, data, i - 1));

        if (distance > 1e-6 && distance < step)
            step = distance;
    }
    return step;
}

/* Class of the highest value; rows of 81 begin with "background", which does not count. */
static gsize
top_class(const VigilTensorInfo *info, gconstpointer data)
{
    const gsize classes = (gsize)info->dims[info->n_dims - 1];
    const gsize first = classes == 81 ? 1 : 0;
    gdouble best = -INFINITY;
    gsize top = 0;

    for (gsize i = 0; i < count_of(info); i++)
        if (i % classes >= first && value_at(info, data, i) > best) {
            best = value_at(info, data, i);
            top = i % classes;
        }
    return top;
}

static void
check_exact(const Case *self, guint output, gconstpointer want, gsize size)
{
    const VigilTensorInfo *info = vigil_model_get_output_info(self->model, output);
    const guint8 *got = vigil_session_get_output(self->session, output);
    gsize different = 0;

    ck_assert_uint_eq(info->bytes, size);
    for (gsize i = 0; i < size; i++)
        different += got[i] != ((const guint8 *)want)[i];
    g_print("  output %u: %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes differ\n", output,
            different, size);
    ck_assert_uint_eq(different, 0);
}

static void
check_close(const Case *self, guint output, gconstpointer want, gsize size)
{
    const VigilTensorInfo *info = vigil_model_get_output_info(self->model, output);
    gconstpointer got = vigil_session_get_output(self->session, output);
    gdouble sum = 0.0, mean;

    ck_assert_uint_eq(info->bytes, size);
    for (gsize i = 0; i < count_of(info); i++)
        sum += fabs(value_at(info, got, i) - value_at(info, want, i));
    mean = sum / (gdouble)count_of(info) / step_of(info, want);
    g_print("  output %u: mean difference %.4f steps\n", output, mean);
    ck_assert_double_le(mean, CLOSE_MEAN_LSB);
    if (info->dims[info->n_dims - 1] > 4)
        ck_assert_uint_eq(top_class(info, got), top_class(info, want));
}

static VigilBox
box_at(const gfloat *boxes, guint i)
{
    return (VigilBox){boxes[4 * i + 1], boxes[4 * i], boxes[4 * i + 3], boxes[4 * i + 2]};
}

/* Whether one of @n detections is that of (@box, @class, @score). */
static gboolean
has_detection(const gfloat *const *outputs, guint n, VigilBox box, gfloat class, gfloat score)
{
    for (guint i = 0; i < n; i++) {
        const VigilBox other = box_at(outputs[0], i);

        if (outputs[1][i] == class && fabsf(outputs[2][i] - score) <= CLOSE_SCORE &&
            vigil_box_iou(&box, &other) >= CLOSE_IOU)
            return TRUE;
    }
    return FALSE;
}

/* Boxes, classes, scores, count: each wanted one is there, but those that score as low as the list's last. */
static void
check_detections(const Case *self, gfloat *const *want)
{
    const gfloat *got[4];
    guint n, n_got, found = 0, expected = 0;

    for (guint i = 0; i < 4; i++)
        got[i] = vigil_session_get_output(self->session, i);
    n = (guint)want[3][0];
    n_got = (guint)got[3][0];
    for (guint i = 0; i < n; i++) {
        if (want[2][i] <= want[2][n - 1] + CLOSE_SCORE)
            continue;
        expected++;
        found += has_detection(got, n_got, box_at(want[0], i), want[1][i], want[2][i]) ? 1 : 0;
    }
    g_print("  %u of %u detections above the lowest found\n", found, expected);
    ck_assert_uint_gt(expected, 0);
    ck_assert_uint_eq(found, expected);
}

static void
check_outputs(const Case *self)
{
    const guint n = json_array_get_length(self->outputs);
    g_autoptr(GPtrArray) want = g_ptr_array_new_with_free_func(g_free);
    const gboolean exact = g_str_equal(self->contract, "exact");

    ck_assert_uint_eq(n, vigil_model_get_n_outputs(self->model));
    for (guint i = 0; i < n; i++) {
        JsonObject *output = json_array_get_object_element(self->outputs, i);
        gsize size;

        g_ptr_array_add(want, read_golden(json_object_get_string_member(output, "file"), &size));
        if (exact)
            check_exact(self, i, g_ptr_array_index(want, i), size);
        else if (!g_str_has_prefix(self->model_name, "ssd_mobilenet_v1"))
            check_close(self, i, g_ptr_array_index(want, i), size);
    }
    if (g_str_has_prefix(self->model_name, "ssd_mobilenet_v1"))
        check_detections(self, (gfloat *const *)(gpointer)want->pdata);
}

static void
run_case(Case *self, const gchar *input_name)
{
    g_autofree gchar *input = NULL;
    g_autoptr(GError) error = NULL;
    gsize size;

    self->session = vigil_session_new(self->model, 1, &error);
    ck_assert_msg(self->session != NULL, "%s", error ? error->message : "");
    input = read_golden(input_name, &size);
    ck_assert_uint_eq(size, vigil_model_get_input_info(self->model, 0)->bytes);
    memcpy(vigil_session_get_input(self->session, 0), input, size);
    vigil_session_run(self->session);
    check_outputs(self);
    /* A second run in the same arena gives the same. */
    memcpy(vigil_session_get_input(self->session, 0), input, size);
    vigil_session_run(self->session);
    check_outputs(self);
    vigil_session_free(self->session);
}

START_TEST(test_case)
{
    JsonObject *object = json_array_get_object_element(cases, (guint)_i);
    Case self = {
        .model_name = json_object_get_string_member(object, "model"),
        .image = json_object_get_string_member(object, "image"),
        .contract = json_object_get_string_member(object, "contract"),
        .outputs = json_object_get_array_member(object, "outputs"),
    };
    g_autofree gchar *relative = g_build_filename("models", self.model_name, NULL);
    g_autofree gchar *path = vigil_test_data_path(relative);
    g_autoptr(GError) error = NULL;

    if (path == NULL || !g_str_has_suffix(path, ".tflite"))
        return;
    g_print("%s on %s (%s)\n", self.model_name, self.image, self.contract);
    self.model = vigil_model_load(path, &error);
    if (self.model == NULL && g_str_equal(self.contract, "hybrid")) {
        g_print("  refused: %s\n", error->message);
        ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED));
        ck_assert_ptr_nonnull(strstr(error->message, "operator"));
        ck_assert_ptr_nonnull(strstr(error->message, "full integer quantization"));
        return;
    }
    ck_assert_msg(self.model != NULL, "%s", error ? error->message : "");
    run_case(&self, json_object_get_string_member(object, "input"));
    vigil_model_unref(self.model);
}
END_TEST

/* A file that TensorFlow Lite refuses too. */
START_TEST(test_invalid_quantization)
{
    g_autofree gchar *path = vigil_test_data_path("models/person_detect.tflite");
    g_autoptr(GError) error = NULL;

    if (path == NULL)
        return;
    ck_assert_ptr_null(vigil_model_load(path, &error));
    g_print("person_detect.tflite: %s\n", error->message);
    ck_assert(g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID));
    ck_assert_ptr_nonnull(strstr(error->message, "invalid quantization parameters"));
}
END_TEST

static gint
load_index(void)
{
    g_autofree gchar *path = vigil_test_data_path("golden/index.json");

    if (path == NULL)
        return 0;
    parser = json_parser_new();
    if (!json_parser_load_from_file(parser, path, NULL))
        return 0;
    cases =
        json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)), "cases");
    return (gint)json_array_get_length(cases);
}

int
main(void)
{
    Suite *suite = suite_create("golden");
    TCase *tcase = tcase_create("golden");
    const gint n = load_index();
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 240);
    if (n > 0)
        tcase_add_loop_test(tcase, test_case, 0, n);
    tcase_add_test(tcase, test_invalid_quantization);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_clear_object(&parser);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
