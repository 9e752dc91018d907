/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Concatenations whose parts are computed where they belong: the bytes of the graph as it is, on one thread and on several, for parts of
 * every origin: computed, computed and reshaped, of another scale, read by others as well, given twice, inputs, constants.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/vigil-test-models.h"
#include "tests/support/vigil-tflite-writer.h"

#define ROUNDS 400
#define MAX_PARTS 5
#define CHANNELS 4

enum {
    CONVOLUTION,
    POOL,
    RELU,
    INPUT,
    CONSTANT,
    AGAIN, /* the part before this one */
    N_ORIGINS,
};

typedef struct {
    guint origin;
    gint32 lines;
    gboolean reshaped, shown, other_scale;
} Part;

typedef struct {
    VigilTensorType type;
    gint32 columns;
    guint n;
    Part parts[MAX_PARTS];
    gboolean along_lines; /* in one piece; else along the columns */
    gboolean read_behind;
    guint32 seed;
} Case;

static GRand *dice;

static gint32
pick(gint32 lo, gint32 hi)
{
    return g_rand_int_range(dice, lo, hi + 1);
}

static Case
pick_case(void)
{
    Case self = {.type = pick(0, 1) ? VIGIL_TENSOR_INT8 : VIGIL_TENSOR_UINT8,
                 .columns = pick(1, 40),
                 .n = (guint)pick(1, MAX_PARTS),
                 .along_lines = pick(0, 3) != 0,
                 .read_behind = pick(0, 1),
                 .seed = g_rand_int(dice)};

    for (guint i = 0; i < self.n; i++) {
        Part *part = &self.parts[i];

        part->origin = (guint)pick(0, i == 0 ? AGAIN - 1 : N_ORIGINS - 1);
        part->lines = self.along_lines ? pick(1, 40) : 7;
        if (part->origin == AGAIN)
            *part = (Part){.origin = AGAIN, .lines = self.parts[i - 1].lines};
        part->reshaped = pick(0, 2) == 0;
        part->shown = pick(0, 4) == 0;
        part->other_scale = self.type == VIGIL_TENSOR_UINT8 && part->origin < RELU && pick(0, 1);
    }
    return self;
}

typedef struct {
    const Case *self;
    VigilTfliteWriter *writer;
    gint32 inputs[MAX_PARTS + 1], outputs[MAX_PARTS + 2];
    guint n_inputs, n_outputs;
} Build;

static gint32
image(const Build *build, gint32 lines, gfloat scale, const guint8 *data)
{
    const gint32 dims[] = {1, lines, build->self->columns, CHANNELS};
    const gsize bytes = data != NULL ? (gsize)(lines * build->self->columns * CHANNELS) : 0;

    return vigil_tflite_writer_tensor(build->writer, build->self->type, 4, dims, data, bytes, scale,
                                      build->self->type == VIGIL_TENSOR_INT8 ? -3 : 120);
}

static gint32
input(Build *build, gint32 lines)
{
    const gint32 tensor = image(build, lines, 0.1f, NULL);

    build->inputs[build->n_inputs++] = tensor;
    return tensor;
}

static gint32
convolve(Build *build, gint32 in, gint32 out)
{
    const gint32 dims[] = {CHANNELS, 1, 1, CHANNELS};
    guint8 weights[CHANNELS * CHANNELS];
    gint32 w;

    for (guint i = 0; i < sizeof weights; i++)
        weights[i] = (guint8)(build->self->seed >> (i % 24));
    w = vigil_tflite_writer_tensor(build->writer, build->self->type, 4, dims, weights,
                                   sizeof weights, 0.01f,
                                   build->self->type == VIGIL_TENSOR_INT8 ? 0 : 100);
    vigil_tflite_writer_operator(build->writer, 3, (gint32[]){in, w}, 2, &out, 1);
    vigil_tflite_writer_option_i8(build->writer, 0, 0);
    vigil_tflite_writer_option_i32(build->writer, 1, 1);
    vigil_tflite_writer_option_i32(build->writer, 2, 1);
    return out;
}

static gint32
pool(Build *build, gint32 in, gint32 out)
{
    vigil_tflite_writer_operator(build->writer, 17, &in, 1, &out, 1);
    vigil_tflite_writer_option_i8(build->writer, 0, 0);
    for (guint field = 1; field <= 4; field++)
        vigil_tflite_writer_option_i32(build->writer, field, field <= 2 ? 1 : 2);
    return out;
}

static gint32
reshape(Build *build, gint32 in, gint32 lines, gfloat scale)
{
    const gint32 dims[] = {1, lines, build->self->columns, CHANNELS};
    const gint32 out = image(build, lines, scale, NULL);

    vigil_tflite_writer_operator(build->writer, 22,
                                 (gint32[]){in, vigil_tflite_writer_ints(build->writer, dims, 4)},
                                 2, &out, 1);
    return out;
}

static gint32
make_part(Build *build, const Part *part, gint32 before)
{
    const gfloat scale = part->other_scale ? 0.07f : 0.1f;
    guint8 constant[40 * 40 * CHANNELS];
    gint32 tensor = before;

    memset(constant, (gint)build->self->seed & 0x7f, sizeof constant);
    switch (part->origin) {
    case CONVOLUTION:
        tensor = convolve(build, input(build, part->lines), image(build, part->lines, scale, NULL));
        break;
    case POOL: /* has the scale of what it reads */
        tensor = convolve(build, input(build, part->lines), image(build, part->lines, scale, NULL));
        tensor = pool(build, tensor, image(build, part->lines, scale, NULL));
        break;
    case RELU:
        tensor = image(build, part->lines, scale, NULL);
        vigil_tflite_writer_operator(build->writer, 19, (gint32[]){input(build, part->lines)}, 1,
                                     &tensor, 1);
        break;
    case INPUT: tensor = input(build, part->lines); break;
    case CONSTANT: tensor = image(build, part->lines, scale, constant); break;
    default: break;
    }
    if (part->reshaped && part->origin != AGAIN && part->origin != CONSTANT)
        tensor = reshape(build, tensor, part->lines, scale);
    if (part->shown && part->origin < INPUT)
        build->outputs[build->n_outputs++] = tensor;
    return tensor;
}

static VigilModel *
make_model(const Case *self, gboolean optimise)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    Build build = {.self = self, .writer = w};
    g_autoptr(GBytes) file = NULL;
    g_autoptr(GError) error = NULL;
    gint32 parts[MAX_PARTS], dims[] = {1, 0, self->columns, CHANNELS}, out, last;
    VigilModel *model;

    /* one at least, whatever the parts are */
    input(&build, 1);
    for (guint i = 0; i < self->n; i++) {
        parts[i] = make_part(&build, &self->parts[i], i > 0 ? parts[i - 1] : -1);
        dims[1] += self->parts[i].lines;
    }
    if (!self->along_lines) {
        dims[1] = 7;
        dims[2] *= (gint32)self->n;
    }
    out = vigil_tflite_writer_tensor(w, self->type, 4, dims, NULL, 0, 0.1f,
                                     self->type == VIGIL_TENSOR_INT8 ? -3 : 120);
    vigil_tflite_writer_operator(w, 2, parts, self->n, &out, 1);
    vigil_tflite_writer_option_i32(w, 0, self->along_lines ? 1 : 2);
    vigil_tflite_writer_option_i8(w, 1, 0);
    if (self->read_behind) {
        last = vigil_tflite_writer_tensor(w, self->type, 4, dims, NULL, 0, 0.05f,
                                          self->type == VIGIL_TENSOR_INT8 ? -3 : 120);
        out = convolve(&build, out, last);
    }
    build.outputs[build.n_outputs++] = out;
    vigil_tflite_writer_interface(w, build.inputs, build.n_inputs, build.outputs, build.n_outputs);
    file = vigil_tflite_writer_finish(w);
    g_setenv("VIGIL_OPTIMISE", optimise ? "1" : "0", TRUE);
    model = vigil_model_load_bytes(file, "concat", &error);
    ck_assert_msg(model != NULL, "%s", error ? error->message : "");
    return model;
}

/* (transfer full) */
static GByteArray *
run(VigilModel *model, guint threads)
{
    g_autoptr(VigilSession) session = vigil_session_new(model, threads, NULL);
    GByteArray *bytes = g_byte_array_new();

    for (guint32 seed = 3; seed <= 4; seed++) { /* the second run meets what the first one left */
        vigil_test_fill_inputs(model, session, seed);
        vigil_session_run(session);
        vigil_test_append_outputs(model, session, bytes);
    }
    return bytes;
}

static gboolean
concat_runs(const VigilModel *model)
{
    for (guint i = 0; i < vigil_model_get_n_operators(model); i++) {
        const VigilOperatorInfo info = vigil_model_get_operator_info(model, i);

        if (g_str_equal(info.name, "CONCATENATION"))
            return info.runs;
    }
    return FALSE;
}

START_TEST(bytes_are_the_same)
{
    guint n_in_place = 0;

    dice = g_rand_new_with_seed(41);
    for (guint round = 0; round < ROUNDS; round++) {
        const Case self = pick_case();
        g_autoptr(VigilModel) plain = make_model(&self, FALSE), placed = make_model(&self, TRUE);
        g_autoptr(GByteArray) want = run(plain, 1);

        n_in_place += !concat_runs(placed);
        for (guint threads = 1; threads <= 2; threads++) {
            g_autoptr(GByteArray) got = run(placed, threads);

            ck_assert_uint_eq(got->len, want->len);
            if (memcmp(got->data, want->data, want->len) != 0)
                ck_abort_msg("round %u, %u threads: other bytes", round, threads);
        }
    }
    g_rand_free(dice);
    ck_assert_uint_gt(n_in_place, ROUNDS / 20);
}
END_TEST

/* Two convolutions, one of them reshaped: nothing is left to do; of another scale likewise. */
START_TEST(what_is_in_one_piece_is_no_work)
{
    const Case self = {
        .type = VIGIL_TENSOR_UINT8,
        .columns = 9,
        .n = 2,
        .parts = {{CONVOLUTION, 5, TRUE, FALSE, _i == 1}, {CONVOLUTION, 6, FALSE, FALSE, FALSE}},
        .along_lines = _i != 2,
        .read_behind = TRUE};
    g_autoptr(VigilModel) model = NULL, plain = NULL;
    Case across = self;

    across.parts[1].lines = across.along_lines ? 6 : 7;
    across.parts[0].lines = across.along_lines ? 5 : 7;
    model = make_model(&across, TRUE);
    plain = make_model(&across, FALSE);
    ck_assert(concat_runs(plain));
    ck_assert_int_eq(concat_runs(model), _i == 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("concat");
    TCase *tcase = tcase_create("concat");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, bytes_are_the_same);
    tcase_add_loop_test(tcase, what_is_in_one_piece_is_no_work, 0, 3);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
