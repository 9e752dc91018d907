/* SPDX-License-Identifier: Apache-2.0 */
/* SOFTMAX of random shapes and scales by every table that this processor has, against a loop over single lines. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernels/vigil-isa-private.h"
#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"

#define ROUNDS 60u
#define MAX_BYTES 40000u

typedef struct {
    VigilTensorType type;
    gint32 lines, line, zero_point;
    gfloat in_scale, out_scale, beta;
    guint8 in[MAX_BYTES], expected[MAX_BYTES];
} Trial;

static GRand *source;
static Trial trial;

static gint32
pick(gint32 lo, gint32 hi)
{
    return g_rand_int_range(source, lo, hi + 1);
}

static gint32
value(gsize i)
{
    return trial.type == VIGIL_TENSOR_INT8 ? (gint8)trial.in[i] : trial.in[i];
}

static void
expect_line(gsize first)
{
    const gint32 lowest = trial.type == VIGIL_TENSOR_INT8 ? -128 : 0;
    const gfloat factor = -trial.in_scale * trial.beta;
    gint32 highest = G_MININT32;
    gfloat sum = 0, inverse;

    for (gint32 i = 0; i < trial.line; i++)
        highest = MAX(highest, value(first + (gsize)i));
    for (gint32 i = 0; i < trial.line; i++)
        sum += expf(factor * (gfloat)(highest - value(first + (gsize)i)));
    inverse = 1.0f / (sum * trial.out_scale);
    for (gint32 i = 0; i < trial.line; i++) {
        const gfloat q = expf(factor * (gfloat)(highest - value(first + (gsize)i))) * inverse;
        const gint32 x = (gint32)MIN(roundf(q), 4096.0f) + trial.zero_point;

        trial.expected[first + (gsize)i] = (guint8)CLAMP(x, lowest, lowest + 255);
    }
}

static void
begin_trial(void)
{
    const gint32 most[] = {3, 20, 64, 128, 300};
    gsize n;

    trial.type = g_rand_boolean(source) ? VIGIL_TENSOR_INT8 : VIGIL_TENSOR_UINT8;
    trial.line = pick(1, most[pick(0, 4)]);
    trial.lines = pick(1, 130);
    trial.in_scale = (gfloat)g_rand_double_range(source, 0.001, 0.3);
    trial.beta = (gfloat)g_rand_double_range(source, 0.5, 2);
    /* TensorFlow Lite's, or one of which probabilities leave the range */
    trial.out_scale = g_rand_boolean(source) ? 1 / 256.0f : 1 / 2000.0f;
    trial.zero_point = trial.type == VIGIL_TENSOR_INT8 ? -128 : 0;
    n = (gsize)trial.line * (gsize)trial.lines;
    for (gsize i = 0; i < n; i++)
        trial.in[i] = (guint8)(pick(0, 3) == 0 ? pick(0, 255) : pick(100, 110));
    for (gsize i = 0; i < n; i += (gsize)trial.line)
        expect_line(i);
}

static GBytes *
build(void)
{
    const gint32 dims[] = {trial.lines, trial.line};
    g_autoptr(VigilTfliteWriter) writer = vigil_tflite_writer_new();
    const gint32 in = vigil_tflite_writer_tensor(writer, trial.type, 2, dims, NULL, 0,
                                                 trial.in_scale, pick(1, 100));
    const gint32 out = vigil_tflite_writer_tensor(writer, trial.type, 2, dims, NULL, 0,
                                                  trial.out_scale, trial.zero_point);

    vigil_tflite_writer_operator(writer, 25, &in, 1, &out, 1);
    vigil_tflite_writer_option_float(writer, 0, trial.beta);
    vigil_tflite_writer_interface(writer, &in, 1, &out, 1);
    return vigil_tflite_writer_finish(writer);
}

START_TEST(test_softmax)
{
    const VigilIsa *const *tables = vigil_isa_list();

    for (guint round = 0; round < ROUNDS; round++) {
        g_autoptr(GBytes) file = NULL;

        begin_trial();
        file = build();
        for (guint i = 0; tables[i] != NULL; i++) {
            const gsize n = (gsize)trial.line * (gsize)trial.lines;
            g_autoptr(VigilModel) model = NULL;
            g_autoptr(VigilSession) session = NULL;
            g_autoptr(GError) error = NULL;

            if (!tables[i]->is_supported())
                continue;
            g_setenv("VIGIL_ISA", tables[i]->name, TRUE);
            model = vigil_model_load_bytes(file, "softmax", &error);
            g_assert_no_error(error);
            session = vigil_session_new(model, 1, &error);
            g_assert_no_error(error);
            memcpy(vigil_session_get_input(session, 0), trial.in, n);
            vigil_session_run(session);
            ck_assert_mem_eq(vigil_session_get_output(session, 0), trial.expected, n);
        }
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("softmax");
    TCase *tcase = tcase_create("softmax");
    SRunner *runner;
    int failed;

    source = g_rand_new_with_seed(1);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_softmax);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_rand_free(source);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
