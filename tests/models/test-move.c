/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only moves bytes: lines and transposed blocks of every size, and TRANSPOSE, SLICE, PAD and CONCATENATION of random
 * shapes, against loops over single elements.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernels/vigil-kernel-move-private.h"
#include "models/vigil-model.h"
#include "tests/support/vigil-tflite-writer.h"

#define GUARD 0x5a
#define N_DIMS 4u
#define ROUNDS 60u

static GRand *source;

static gsize
pick(gsize lo, gsize hi)
{
    return (gsize)g_rand_int_range(source, (gint32)lo, (gint32)hi + 1);
}

static guint8 *
random_bytes(gsize n)
{
    guint8 *data = g_malloc(MAX(n, 1));

    for (gsize i = 0; i < n; i++)
        data[i] = (guint8)g_rand_int(source);
    return data;
}

START_TEST(test_lines)
{
    for (gsize n = 1; n <= 130; n++) {
        const gsize lines = pick(1, 9), in_step = n + pick(0, 20), out_step = n + pick(0, 20);
        g_autofree guint8 *in = random_bytes(lines * in_step);
        g_autofree guint8 *out = g_malloc(lines * out_step);
        const gboolean backwards = g_rand_boolean(source);
        const gssize step = backwards ? -(gssize)in_step : (gssize)in_step;

        memset(out, GUARD, lines * out_step);
        vigil_move_lines(in + (backwards ? (lines - 1) * in_step : 0), step, out, out_step, n,
                         lines);
        for (gsize i = 0; i < lines; i++) {
            const gsize from = backwards ? lines - 1 - i : i;

            ck_assert_mem_eq(out + i * out_step, in + from * in_step, n);
            for (gsize j = n; j < out_step; j++)
                ck_assert_uint_eq(out[i * out_step + j], GUARD);
        }
    }
}
END_TEST

START_TEST(test_transposed)
{
    for (guint round = 0; round < 200; round++) {
        const gsize rows = pick(1, 70), columns = pick(1, 70);
        const gsize in_step = columns + pick(0, 9), out_step = rows + pick(0, 9);
        g_autofree guint8 *in = random_bytes(rows * in_step);
        g_autofree guint8 *out = g_malloc(columns * out_step);

        memset(out, GUARD, columns * out_step);
        vigil_move_transposed(in, in_step, rows, columns, out, out_step);
        for (gsize c = 0; c < columns; c++)
            for (gsize r = 0; r < out_step; r++)
                ck_assert_uint_eq(out[c * out_step + r], r < rows ? in[r * in_step + c] : GUARD);
    }
}
END_TEST

/* An operator of one or two inputs of one type, and what its output should be. */
typedef struct {
    VigilTfliteWriter *writer;
    VigilTensorType type;
    gsize element;
    gint32 in[2], out;
    gint32 dims[2][N_DIMS], out_dims[N_DIMS];
    guint8 *data[2], *expected;
    gsize out_bytes;
} Trial;

static gsize
count(const gint32 dims[N_DIMS])
{
    gsize n = 1;

    for (guint d = 0; d < N_DIMS; d++)
        n *= (gsize)dims[d];
    return n;
}

static gsize
place_of(const gint32 at[N_DIMS], const gint32 dims[N_DIMS])
{
    gsize place = 0;

    for (guint d = 0; d < N_DIMS; d++)
        place = place * (gsize)dims[d] + (gsize)at[d];
    return place;
}

static void
place_at(gsize place, const gint32 dims[N_DIMS], gint32 at[N_DIMS])
{
    for (guint d = N_DIMS; d-- > 0; place /= (gsize)dims[d])
        at[d] = (gint32)(place % (gsize)dims[d]);
}

static gint32
add_tensor(const Trial *self, const gint32 dims[N_DIMS])
{
    const gboolean is_8bit = self->element == 1;

    return vigil_tflite_writer_tensor(self->writer, self->type, N_DIMS, dims, NULL, 0,
                                      is_8bit ? 0.1f : 0, 0);
}

static void
add_input(Trial *self, guint i)
{
    self->in[i] = add_tensor(self, self->dims[i]);
    self->data[i] = random_bytes(count(self->dims[i]) * self->element);
}

static void
trial_begin(Trial *self)
{
    static const VigilTensorType types[] = {VIGIL_TENSOR_INT8, VIGIL_TENSOR_UINT8,
                                            VIGIL_TENSOR_INT32};
    static const gsize sizes[] = {1, 6, 40};

    memset(self, 0, sizeof *self);
    self->writer = vigil_tflite_writer_new();
    self->type = types[pick(0, 2)];
    self->element = self->type == VIGIL_TENSOR_INT32 ? 4 : 1;
    /* One element along some dimensions, many along others. */
    for (guint d = 0; d < N_DIMS; d++)
        self->dims[0][d] = self->dims[1][d] = (gint32)pick(1, sizes[pick(0, 2)]);
    add_input(self, 0);
}

static void
trial_output(Trial *self)
{
    self->out = add_tensor(self, self->out_dims);
    self->out_bytes = count(self->out_dims) * self->element;
    self->expected = g_malloc0(self->out_bytes);
}

static void
expect(Trial *self, gsize place, guint input, gsize from)
{
    memcpy(self->expected + place * self->element, self->data[input] + from * self->element,
           self->element);
}

static void
trial_run(Trial *self, guint n_inputs)
{
    g_autoptr(GBytes) file = NULL;
    g_autoptr(VigilModel) model = NULL;
    g_autoptr(VigilSession) session = NULL;
    g_autoptr(GError) error = NULL;

    vigil_tflite_writer_interface(self->writer, self->in, n_inputs, &self->out, 1);
    file = vigil_tflite_writer_finish(self->writer);
    model = vigil_model_load_bytes(file, "move", &error);
    g_assert_no_error(error);
    session = vigil_session_new(model, 1, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < n_inputs; i++)
        memcpy(vigil_session_get_input(session, i), self->data[i],
               count(self->dims[i]) * self->element);
    vigil_session_run(session);
    ck_assert_uint_eq(vigil_model_get_output_info(model, 0)->bytes, self->out_bytes);
    ck_assert_mem_eq(vigil_session_get_output(session, 0), self->expected, self->out_bytes);
    for (guint i = 0; i < n_inputs; i++)
        g_free(self->data[i]);
    g_free(self->expected);
    vigil_tflite_writer_free(self->writer);
}

START_TEST(test_transpose)
{
    for (guint round = 0; round < ROUNDS; round++) {
        gint32 order[] = {0, 1, 2, 3}, inputs[2], at[N_DIMS], from[N_DIMS];
        Trial trial;

        trial_begin(&trial);
        for (guint i = 0; i < N_DIMS; i++) {
            const gsize other = pick(0, i);
            const gint32 held = order[i];

            order[i] = order[other];
            order[other] = held;
        }
        for (guint d = 0; d < N_DIMS; d++)
            trial.out_dims[d] = trial.dims[0][order[d]];
        trial_output(&trial);
        for (gsize i = 0; i < count(trial.out_dims); i++) {
            place_at(i, trial.out_dims, at);
            for (guint d = 0; d < N_DIMS; d++)
                from[order[d]] = at[d];
            expect(&trial, i, 0, place_of(from, trial.dims[0]));
        }
        inputs[0] = trial.in[0];
        inputs[1] = vigil_tflite_writer_ints(trial.writer, order, N_DIMS);
        vigil_tflite_writer_operator(trial.writer, 39, inputs, 2, &trial.out, 1);
        trial_run(&trial, 1);
    }
}
END_TEST

START_TEST(test_slice)
{
    for (guint round = 0; round < ROUNDS; round++) {
        gint32 begin[N_DIMS], inputs[3], at[N_DIMS];
        Trial trial;

        trial_begin(&trial);
        for (guint d = 0; d < N_DIMS; d++) {
            trial.out_dims[d] = (gint32)pick(1, (gsize)trial.dims[0][d]);
            begin[d] = (gint32)pick(0, (gsize)(trial.dims[0][d] - trial.out_dims[d]));
        }
        trial_output(&trial);
        for (gsize i = 0; i < count(trial.out_dims); i++) {
            place_at(i, trial.out_dims, at);
            for (guint d = 0; d < N_DIMS; d++)
                at[d] += begin[d];
            expect(&trial, i, 0, place_of(at, trial.dims[0]));
        }
        inputs[0] = trial.in[0];
        inputs[1] = vigil_tflite_writer_ints(trial.writer, begin, N_DIMS);
        inputs[2] = vigil_tflite_writer_ints(trial.writer, trial.out_dims, N_DIMS);
        vigil_tflite_writer_operator(trial.writer, 65, inputs, 3, &trial.out, 1);
        trial_run(&trial, 1);
    }
}
END_TEST

START_TEST(test_pad)
{
    for (guint round = 0; round < ROUNDS; round++) {
        const gint32 pairs[] = {N_DIMS, 2};
        gint32 amounts[2 * N_DIMS], inputs[2], at[N_DIMS];
        Trial trial;

        trial_begin(&trial);
        for (guint d = 0; d < N_DIMS; d++) {
            amounts[2 * d] = (gint32)pick(0, 2);
            amounts[2 * d + 1] = (gint32)pick(0, 2);
            trial.out_dims[d] = amounts[2 * d] + trial.dims[0][d] + amounts[2 * d + 1];
        }
        trial_output(&trial);
        for (gsize i = 0; i < count(trial.dims[0]); i++) {
            place_at(i, trial.dims[0], at);
            for (guint d = 0; d < N_DIMS; d++)
                at[d] += amounts[2 * d];
            expect(&trial, place_of(at, trial.out_dims), 0, i);
        }
        inputs[0] = trial.in[0];
        inputs[1] = vigil_tflite_writer_tensor(trial.writer, VIGIL_TENSOR_INT32, 2, pairs, amounts,
                                               sizeof amounts, 0, 0);
        vigil_tflite_writer_operator(trial.writer, 34, inputs, 2, &trial.out, 1);
        trial_run(&trial, 1);
    }
}
END_TEST

START_TEST(test_concatenation)
{
    for (guint round = 0; round < ROUNDS; round++) {
        const guint axis = (guint)pick(0, N_DIMS - 1);
        gint32 at[N_DIMS];
        Trial trial;

        trial_begin(&trial);
        trial.dims[1][axis] = (gint32)pick(1, 40);
        add_input(&trial, 1);
        memcpy(trial.out_dims, trial.dims[0], sizeof trial.out_dims);
        trial.out_dims[axis] += trial.dims[1][axis];
        trial_output(&trial);
        for (guint input = 0; input < 2; input++)
            for (gsize i = 0; i < count(trial.dims[input]); i++) {
                place_at(i, trial.dims[input], at);
                at[axis] += input == 0 ? 0 : trial.dims[0][axis];
                expect(&trial, place_of(at, trial.out_dims), input, i);
            }
        vigil_tflite_writer_operator(trial.writer, 2, trial.in, 2, &trial.out, 1);
        vigil_tflite_writer_option_i32(trial.writer, 0, (gint32)axis);
        trial_run(&trial, 2);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("move");
    TCase *tcase = tcase_create("move");
    SRunner *runner;
    int failed;

    source = g_rand_new_with_seed(1);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_lines);
    tcase_add_test(tcase, test_transposed);
    tcase_add_test(tcase, test_transpose);
    tcase_add_test(tcase, test_slice);
    tcase_add_test(tcase, test_pad);
    tcase_add_test(tcase, test_concatenation);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    g_rand_free(source);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
