/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A constant operand is laid out, or turned into a table, at load: the bytes are those of the same operand as an input of the model,
 * for every operator of two operands, either side, shapes that repeat in any way, and every table of kernels.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernels/vigil-isa-private.h"
#include "tests/support/vigil-test-models.h"
#include "tests/support/vigil-tflite-writer.h"

#define ROUNDS 120
#define MAX_BYTES 60000

typedef struct {
    gint32 code;
    VigilTensorType type;
    gint32 dims[4], constant_dims[4];
    gboolean first, relu_behind;
    gfloat scale, out_scale;
    gint32 zero_point;
    guint8 *constant;
    gsize constant_bytes;
} Case;

static GRand *dice;

static gint32
pick(gint32 lo, gint32 hi)
{
    return g_rand_int_range(dice, lo, hi + 1);
}

static Case
pick_case(guint round)
{
    static const gint32 codes[] = {0, 41, 18, 42, 55, 57};
    const gboolean large = pick(0, 2) == 0, uniform = pick(0, 3) == 0;
    const gint32 code = codes[round % G_N_ELEMENTS(codes)];
    const gboolean extreme = code == 55 || code == 57;
    const gint32 reach = large ? 38 : 7;
    Case self = {.code = code,
                 .type = pick(0, 1) ? VIGIL_TENSOR_INT8 : VIGIL_TENSOR_UINT8,
                 .dims = {1, pick(1, reach), pick(1, reach), pick(1, reach)},
                 .first = pick(0, 1),
                 .relu_behind = pick(0, 1),
                 .scale = 0.05f,
                 .out_scale = code == 18 ? 0.3f : 0.07f,
                 .constant_bytes = 1};

    if (extreme)
        self.out_scale = self.scale;
    self.zero_point = self.type == VIGIL_TENSOR_INT8 ? pick(-128, 127) : pick(0, 255);
    for (guint i = 0; i < 4; i++) {
        self.constant_dims[i] = pick(0, i + 1 < 4 ? 1 : 3) == 0 ? 1 : self.dims[i];
        self.constant_bytes *= (gsize)self.constant_dims[i];
    }
    self.constant = g_malloc(self.constant_bytes);
    for (gsize i = 0; i < self.constant_bytes; i++)
        self.constant[i] = uniform ? 77 : (guint8)g_rand_int(dice);
    return self;
}

static VigilModel *
make_model(const Case *self, gboolean as_constant)
{
    g_autoptr(VigilTfliteWriter) w = vigil_tflite_writer_new();
    g_autoptr(GBytes) file = NULL;
    g_autoptr(GError) error = NULL;
    const gint x =
        vigil_tflite_writer_tensor(w, self->type, 4, self->dims, NULL, 0, self->scale, 3);
    const gint y = vigil_tflite_writer_tensor(
        w, self->type, 4, self->constant_dims, as_constant ? self->constant : NULL,
        as_constant ? self->constant_bytes : 0, self->scale, 3);
    const gint32 zero_point = self->out_scale == self->scale ? 3 : self->zero_point;
    const gint out = vigil_tflite_writer_tensor(w, self->type, 4, self->dims, NULL, 0,
                                                self->out_scale, zero_point);
    const gint last = vigil_tflite_writer_tensor(w, self->type, 4, self->dims, NULL, 0,
                                                 self->out_scale, zero_point);
    const gint32 operands[] = {self->first ? y : x, self->first ? x : y};
    VigilModel *model;

    vigil_tflite_writer_operator(w, self->code, operands, 2, &out, 1);
    if (self->relu_behind)
        vigil_tflite_writer_operator(w, 19, &out, 1, &last, 1);
    vigil_tflite_writer_interface(w, (gint32[]){x, y}, as_constant ? 1 : 2,
                                  self->relu_behind ? &last : &out, 1);
    file = vigil_tflite_writer_finish(w);
    model = vigil_model_load_bytes(file, "constant", &error);
    ck_assert_msg(model != NULL, "%s", error ? error->message : "");
    return model;
}

/* (transfer full) */
static GByteArray *
run_case(const Case *self, const guint8 *data, gboolean as_constant)
{
    g_autoptr(VigilModel) model = make_model(self, as_constant);
    g_autoptr(VigilSession) session = vigil_session_new(model, 1, NULL);
    GByteArray *bytes = g_byte_array_new();

    memcpy(vigil_session_get_input(session, 0), data, vigil_model_get_input_info(model, 0)->bytes);
    if (!as_constant)
        memcpy(vigil_session_get_input(session, 1), self->constant, self->constant_bytes);
    vigil_session_run(session);
    vigil_test_append_outputs(model, session, bytes);
    return bytes;
}

static void
check_case(const Case *self, const gchar *isa, guint round)
{
    static guint8 data[MAX_BYTES];
    g_autoptr(GByteArray) want = NULL, got = NULL;

    for (gsize i = 0; i < MAX_BYTES; i++)
        data[i] = (guint8)g_rand_int(dice);
    want = run_case(self, data, FALSE);
    got = run_case(self, data, TRUE);
    ck_assert_uint_eq(got->len, want->len);
    for (guint i = 0; i < got->len; i++)
        if (got->data[i] != want->data[i])
            ck_abort_msg("%s, round %u, operator %d, %dx%dx%d and a constant of %dx%dx%d: byte %u "
                         "is %u, not %u",
                         isa, round, self->code, self->dims[1], self->dims[2], self->dims[3],
                         self->constant_dims[1], self->constant_dims[2], self->constant_dims[3], i,
                         got->data[i], want->data[i]);
}

START_TEST(constants_are_as_inputs)
{
    const VigilIsa *isa = vigil_isa_list()[_i];

    if (!isa->is_supported())
        return;
    g_setenv("VIGIL_ISA", isa->name, TRUE);
    dice = g_rand_new_with_seed(29);
    for (guint round = 0; round < ROUNDS; round++) {
        Case self = pick_case(round);

        check_case(&self, isa->name, round);
        g_free(self.constant);
    }
    g_rand_free(dice);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("constant-operands");
    TCase *tcase = tcase_create("constant-operands");
    SRunner *runner;
    int failed, n = 0;

    while (vigil_isa_list()[n] != NULL)
        n++;
    tcase_add_loop_test(tcase, constants_are_as_inputs, 0, n);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
