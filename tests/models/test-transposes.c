/* SPDX-License-Identifier: Apache-2.0 */
/* TRANSPOSE after TRANSPOSE: the bytes of each done by itself, and no work where together they change nothing. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/vigil-test-models.h"
#include "tests/support/vigil-tflite-writer.h"

#define ROUNDS 300
#define N_DIMS 4
#define MAX_CHAIN 4

typedef struct {
    guint n;
    gint32 dims[N_DIMS], orders[MAX_CHAIN][N_DIMS];
    VigilTensorType type;
    gboolean shows_first; /* the first one's output is an output of the model, too */
} Chain;

static GRand *dice;

static gint32
pick(gint32 lo, gint32 hi)
{
    return g_rand_int_range(dice, lo, hi + 1);
}

static Chain
pick_chain(void)
{
    Chain self = {.n = (guint)pick(1, MAX_CHAIN),
                  .type = pick(0, 1) ? VIGIL_TENSOR_INT8 : VIGIL_TENSOR_INT32,
                  .shows_first = pick(0, 2) == 0};

    for (guint i = 0; i < N_DIMS; i++)
        self.dims[i] = pick(0, 2) == 0 ? 1 : pick(2, 19);
    for (guint k = 0; k < self.n; k++)
        for (guint i = 0; i < N_DIMS; i++) {
            const guint j = (guint)pick(0, (gint32)i);

            self.orders[k][i] = self.orders[k][j];
            self.orders[k][j] = (gint32)i;
        }
    if (self.n > 1 && pick(0, 1)) /* the second undoes the first */
        for (gint32 i = 0; i < N_DIMS; i++)
            self.orders[1][self.orders[0][i]] = i;
    return self;
}

static VigilModel *
make_model(const Chain *self, gboolean optimise)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    const gfloat scale = self->type == VIGIL_TENSOR_INT8 ? 0.1f : 0.0f;
    g_autoptr(GBytes) file = NULL;
    g_autoptr(GError) error = NULL;
    gint32 dims[N_DIMS], outputs[2];
    gint32 tensor =
        vigil_tflite_writer_tensor(w, self->type, N_DIMS, self->dims, NULL, 0, scale, 0);
    const gint32 in = tensor;
    VigilModel *model;

    memcpy(dims, self->dims, sizeof dims);
    for (guint k = 0; k < self->n; k++) {
        const gint32 inputs[] = {tensor, vigil_tflite_writer_ints(w, self->orders[k], N_DIMS)};
        gint32 before[N_DIMS];

        memcpy(before, dims, sizeof dims);
        for (guint i = 0; i < N_DIMS; i++)
            dims[i] = before[self->orders[k][i]];
        tensor = vigil_tflite_writer_tensor(w, self->type, N_DIMS, dims, NULL, 0, scale, 0);
        vigil_tflite_writer_operator(w, 39, inputs, 2, &tensor, 1);
        if (k == 0)
            outputs[1] = tensor;
    }
    outputs[0] = tensor;
    vigil_tflite_writer_interface(w, &in, 1, outputs, self->shows_first && self->n > 1 ? 2 : 1);
    file = vigil_tflite_writer_finish(w);
    g_setenv("VIGIL_OPTIMISE", optimise ? "1" : "0", TRUE);
    model = vigil_model_load_bytes(file, "transposes", &error);
    ck_assert_msg(model != NULL, "%s", error ? error->message : "");
    return model;
}

/* (transfer full) */
static GByteArray *
run(VigilModel *model)
{
    g_autoptr(VigilSession) session = vigil_session_new(model, 1, NULL);
    GByteArray *bytes = g_byte_array_new();

    vigil_test_fill_inputs(model, session, 5);
    vigil_session_run(session);
    vigil_test_append_outputs(model, session, bytes);
    return bytes;
}

/* The first output by the definition: out[i] = in[...] with index i[d] along dimension order[d]. */
static void
check_first_output(const Chain *self, const GByteArray *in, const GByteArray *out)
{
    const gsize element = self->type == VIGIL_TENSOR_INT8 ? 1 : 4;
    gint32 order[N_DIMS] = {0, 1, 2, 3};
    gsize steps[N_DIMS], step = element, n = 0;
    gint32 at[N_DIMS];

    for (guint k = 0; k < self->n; k++) {
        gint32 before[N_DIMS];

        memcpy(before, order, sizeof order);
        for (guint i = 0; i < N_DIMS; i++)
            order[i] = before[self->orders[k][i]];
    }
    for (guint i = N_DIMS; i-- > 0; step *= (gsize)self->dims[i])
        steps[i] = step;
    for (at[0] = 0; at[0] < self->dims[order[0]]; at[0]++)
        for (at[1] = 0; at[1] < self->dims[order[1]]; at[1]++)
            for (at[2] = 0; at[2] < self->dims[order[2]]; at[2]++)
                for (at[3] = 0; at[3] < self->dims[order[3]]; at[3]++, n += element) {
                    gsize from = 0;

                    for (guint d = 0; d < N_DIMS; d++)
                        from += (gsize)at[d] * steps[order[d]];
                    if (memcmp(out->data + n, in->data + from, element) != 0)
                        ck_abort_msg("byte %zu of the output is not that at %zu", n, from);
                }
}

static void
check_chain(const Chain *self)
{
    g_autoptr(VigilModel) plain = make_model(self, FALSE), rewritten = make_model(self, TRUE);
    g_autoptr(GByteArray) want = run(plain), got = run(rewritten);
    g_autoptr(VigilSession) session = vigil_session_new(plain, 1, NULL);
    const gsize size = vigil_model_get_input_info(plain, 0)->bytes;
    g_autoptr(GByteArray) in = g_byte_array_new();

    vigil_test_fill_inputs(plain, session, 5);
    g_byte_array_append(in, vigil_session_get_input(session, 0), (guint)size);
    check_first_output(self, in, want);
    ck_assert_uint_eq(got->len, want->len);
    ck_assert_mem_eq(got->data, want->data, want->len);
}

START_TEST(chains_give_the_same)
{
    dice = g_rand_new_with_seed(17);
    for (guint round = 0; round < ROUNDS; round++) {
        const Chain chain = pick_chain();

        check_chain(&chain);
    }
    g_rand_free(dice);
}
END_TEST

static guint
count_running(const VigilModel *model)
{
    guint n = 0;

    for (guint i = 0; i < vigil_model_get_n_operators(model); i++)
        n += vigil_model_get_operator_info(model, i).runs;
    return n;
}

START_TEST(what_cancels_is_no_work)
{
    static const Chain chains[] = {
        {2, {1, 5, 6, 7}, {{0, 3, 1, 2}, {0, 2, 3, 1}}, VIGIL_TENSOR_INT8, FALSE},
        {3, {1, 5, 6, 7}, {{0, 3, 1, 2}, {0, 3, 1, 2}, {0, 3, 1, 2}}, VIGIL_TENSOR_INT8, FALSE},
        {1, {1, 5, 6, 1}, {{0, 3, 1, 2}}, VIGIL_TENSOR_INT8, FALSE},
        {2, {1, 5, 6, 7}, {{0, 3, 1, 2}, {0, 3, 1, 2}}, VIGIL_TENSOR_INT8, FALSE},
        {2, {1, 5, 6, 7}, {{0, 3, 1, 2}, {0, 2, 3, 1}}, VIGIL_TENSOR_INT8, TRUE},
    };
    static const guint running[] = {0, 0, 0, 1, 1};
    g_autoptr(VigilModel) model = make_model(&chains[_i], TRUE);
    g_autoptr(VigilModel) plain = make_model(&chains[_i], FALSE);

    ck_assert_uint_eq(count_running(plain), chains[_i].n);
    ck_assert_uint_eq(count_running(model), running[_i]);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("transposes");
    TCase *tcase = tcase_create("transposes");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, chains_give_the_same);
    tcase_add_loop_test(tcase, what_cancels_is_no_work, 0, 5);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
