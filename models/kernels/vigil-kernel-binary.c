/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "models/kernels/vigil-kernel-broadcast-private.h"
#include "models/kernels/vigil-kernel-clones-private.h"
#include "models/kernels/vigil-kernel-packed-private.h"

/*
 * ADD, SUB, MUL, DIV of 8-bit tensors with broadcasting, and of INT32 and INT64 (shape arithmetic).
 *
 * ADD and SUB, XNNPACK's integer rule: with am, bm the operands' scales over the output's as integers of at most 21
 * bits and a common shift,
 *
 *     out = clamp(((a * am + b * bm + bias) >> shift) + zero_point)
 *
 * where bias takes both zero points out and adds half of 2^shift for rounding.
 *
 * MUL: out = requantize((a - a_zero_point) * (b - b_zero_point), a_scale * b_scale / out_scale), in fixed point in INT8
 * graphs that TensorFlow Lite does not delegate.
 * DIV: the real quotient, rounded to nearest even in the output's scale; x / 0 is the end of the range on x's side.
 */
typedef struct {
    VigilBroadcast broadcast;
    VigilBroadcastLine line;
    gint32 a_multiplier, b_multiplier, bias;
    guint shift;
    gint32 a_zero_point, b_zero_point, zero_point;
    gint32 lo, hi;
    gfloat scale;
    gboolean is_fixed;
    VigilMultiplier fixed;
    /* The same for a table of inner kernels, where it has the operator. */
    const VigilIsa *isa;
    VigilAddLine add;
    VigilMulLine mul;
    VigilBroadcastLine plain;
} Binary;

/* Two signednesses and a step for each operand; where both steps are 1 the loop vectorises. */
#define DEFINE_LINE(NAME, TYPE, EXPRESSION)                                         \
    VIGIL_CLONES static void NAME(const void *params, const void *pa, guint a_step, \
                                  const void *pb, guint b_step, void *po, gsize n)  \
    {                                                                               \
        const Binary *self = params;                                                \
        const Binary p = *self;                                                     \
        const TYPE *restrict as = pa, *restrict bs = pb;                            \
        TYPE *restrict out = po;                                                    \
                                                                                    \
        if (a_step == 1 && b_step == 1) {                                           \
            for (gsize i = 0; i < n; i++) {                                         \
                const gint32 a = as[i], b = bs[i];                                  \
                                                                                    \
                out[i] = (TYPE)(EXPRESSION);                                        \
            }                                                                       \
            return;                                                                 \
        }                                                                           \
        for (gsize i = 0; i < n; i++) {                                             \
            const gint32 a = as[i * a_step], b = bs[i * b_step];                    \
                                                                                    \
            out[i] = (TYPE)(EXPRESSION);                                            \
        }                                                                           \
    }

static inline gint32
add_one(const Binary *p, gint32 a, gint32 b)
{
    const gint32 sum = (a * p->a_multiplier + b * p->b_multiplier + p->bias) >> p->shift;

    return CLAMP(sum + p->zero_point, p->lo, p->hi);
}

static inline gint32
mul_one(const Binary *p, gint32 a, gint32 b)
{
    return vigil_kernel_requantize((a - p->a_zero_point) * (b - p->b_zero_point), p->scale,
                                   p->zero_point, (gfloat)(p->lo - p->zero_point),
                                   (gfloat)(p->hi - p->zero_point));
}

static inline gint32
mul_one_fixed(const Binary *p, gint32 a, gint32 b)
{
    const gint32 product = (a - p->a_zero_point) * (b - p->b_zero_point);

    return CLAMP(vigil_fixed_multiply(product, p->fixed) + p->zero_point, p->lo, p->hi);
}

static inline gint32
div_one(const Binary *p, gint32 a, gint32 b)
{
    const gint32 x = a - p->a_zero_point, y = b - p->b_zero_point;

    if (y == 0)
        return x == 0 ? CLAMP(p->zero_point, p->lo, p->hi) : x > 0 ? p->hi : p->lo;
    const gfloat q = (gfloat)x / (gfloat)y * p->scale;
    const gfloat lo = (gfloat)(p->lo - p->zero_point), hi = (gfloat)(p->hi - p->zero_point);

    return vigil_kernel_round(q < lo ? lo : q > hi ? hi : q) + p->zero_point;
}

DEFINE_LINE(add_unsigned, guint8, add_one(&p, a, b))
DEFINE_LINE(add_signed, gint8, add_one(&p, a, b))
DEFINE_LINE(mul_unsigned, guint8, mul_one(&p, a, b))
DEFINE_LINE(mul_signed, gint8, mul_one(&p, a, b))
DEFINE_LINE(mul_unsigned_fixed, guint8, mul_one_fixed(&p, a, b))
DEFINE_LINE(mul_signed_fixed, gint8, mul_one_fixed(&p, a, b))
DEFINE_LINE(div_unsigned, guint8, div_one(&p, a, b))
DEFINE_LINE(div_signed, gint8, div_one(&p, a, b))

/* Whole numbers wrap; x / 0 is 0, since a run cannot fail. */
static inline gint64
divide_ints(gint64 a, gint64 b)
{
    return b == 0 ? 0 : b == -1 ? (gint64)(0 - (guint64)a) : a / b;
}

#define DEFINE_INTS(NAME, TYPE, EXPRESSION)                                            \
    static void NAME(const void *params, const void *pa, guint a_step, const void *pb, \
                     guint b_step, void *po, gsize n)                                  \
    {                                                                                  \
        const TYPE *as = pa, *bs = pb;                                                 \
        TYPE *out = po;                                                                \
                                                                                       \
        (void)params;                                                                  \
        for (gsize i = 0; i < n; i++) {                                                \
            const guint64 a = (guint64)as[i * a_step], b = (guint64)bs[i * b_step];    \
                                                                                       \
            out[i] = (TYPE)(EXPRESSION);                                               \
        }                                                                              \
    }

DEFINE_INTS(add_int32, gint32, a + b)
DEFINE_INTS(add_int64, gint64, a + b)
DEFINE_INTS(sub_int32, gint32, a - b)
DEFINE_INTS(sub_int64, gint64, a - b)
DEFINE_INTS(mul_int32, gint32, a *b)
DEFINE_INTS(mul_int64, gint64, a *b)
DEFINE_INTS(div_int32, gint32, divide_ints((gint64)a, (gint64)b))
DEFINE_INTS(div_int64, gint64, divide_ints((gint64)a, (gint64)b))

/* [operator][type]: ADD, SUB, MUL, DIV by UINT8, INT8, INT32, INT64. */
static const VigilBroadcastLine lines[4][4] = {
    {add_unsigned, add_signed, add_int32, add_int64},
    {add_unsigned, add_signed, sub_int32, sub_int64},
    {mul_unsigned, mul_signed, mul_int32, mul_int64},
    {div_unsigned, div_signed, div_int32, div_int64},
};

enum {
    ADD,
    SUB,
    MUL,
    DIV,
};

static void
binary_run(const VigilNode *node, const VigilRun *run)
{
    const Binary *self = node->params;

    vigil_broadcast_run(&self->broadcast, vigil_run_input(run, node, 0),
                        vigil_run_input(run, node, 1), vigil_run_output(run, node, 0),
                        run->graph->tensors[node->outputs[0]].element_bytes, self->line, self);
}

/* Of the one line of 8-bit operands. */
static void
binary_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const Binary *self = node->params;

    vigil_broadcast_chunk(&self->broadcast, node, run, chunk, self->line, self);
}

/* Lines of which one operand is a single value are left to plain C. */
static void
add_by_isa(const void *params, const void *a, guint a_step, const void *b, guint b_step, void *out,
           gsize n)
{
    const Binary *self = params;

    if (a_step == 1 && b_step == 1)
        self->isa->add(&self->add, a, b, out, n);
    else
        self->plain(params, a, a_step, b, b_step, out, n);
}

static void
mul_by_isa(const void *params, const void *a, guint a_step, const void *b, guint b_step, void *out,
           gsize n)
{
    const Binary *self = params;

    if (a_step == 1 && b_step == 1)
        self->isa->mul(&self->mul, a, b, out, n);
    else
        self->plain(params, a, a_step, b, b_step, out, n);
}

/* All three tensors have one sign; the numbers for the kernels are in theirs. */
static void
use_isa(Binary *self, const VigilGraph *graph, const VigilNode *node, guint kind)
{
    const VigilIsa *isa = graph->isa;
    const VigilTensor *a = vigil_node_input(graph, node, 0), *b = vigil_node_input(graph, node, 1);
    guint8 flip;
    const gint32 a_zero = vigil_packed_zero_point(isa, a, &flip);
    const gint32 b_zero = vigil_packed_zero_point(isa, b, &flip);
    const gint32 zero_point =
        vigil_packed_zero_point(isa, vigil_node_output(graph, node, 0), &flip);
    const gint32 up = zero_point - self->zero_point;

    self->isa = isa;
    self->plain = self->line;
    if ((kind == ADD || kind == SUB) && isa->add != NULL) {
        const gint32 turned = (self->a_multiplier + self->b_multiplier) * up;

        self->add = (VigilAddLine){self->a_multiplier,
                                   self->b_multiplier,
                                   self->bias - turned,
                                   self->shift,
                                   zero_point,
                                   self->lo + up,
                                   self->hi + up,
                                   flip,
                                   flip,
                                   flip};
        self->line = add_by_isa;
    }
    if (kind == MUL && isa->mul != NULL && self->scale < 1.0f) {
        const VigilRequant requant = {
            .rule = self->is_fixed ? VIGIL_REQUANT_AWAY : VIGIL_REQUANT_FLOAT,
            .zero_point = zero_point,
            .lo = self->lo + up,
            .hi = self->hi + up,
            .flip = flip,
        };

        self->mul = (VigilMulLine){requant, a_zero, b_zero, self->scale, self->fixed, flip, flip};
        self->line = mul_by_isa;
    }
}

static void
binary_pairwise(const VigilNode *node, const guint8 *a, const guint8 *b, guint8 *out, gsize n)
{
    const Binary *self = node->params;

    self->line(self, a, 1, b, 1, out, n);
}

/* The common shift puts the larger multiplier into 2^20..2^21, as XNNPACK does. */
static gboolean
init_add(Binary *self, const VigilGraph *graph, const VigilNode *node, gboolean subtract,
         GError **error)
{
    const VigilTensor *a = vigil_node_input(graph, node, 0), *b = vigil_node_input(graph, node, 1);
    const VigilTensor *out = vigil_node_output(graph, node, 0);
    const gfloat a_scale = a->scale / out->scale, b_scale = b->scale / out->scale;
    const gfloat largest = MAX(a_scale, b_scale);
    gint exponent;

    if (!(largest >= 0x1p-10f && largest < 0x1p+8f))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the output's scale %g is too far from the inputs' %g and %g",
                               out->scale, a->scale, b->scale);
    frexpf(largest, &exponent);
    self->shift = (guint)(20 - (exponent - 1));
    self->a_multiplier = (gint32)lrintf(ldexpf(a_scale, (gint)self->shift));
    self->b_multiplier = (gint32)lrintf(ldexpf(b_scale, (gint)self->shift));
    if (subtract)
        self->b_multiplier = -self->b_multiplier;
    self->bias = (1 << (self->shift - 1)) - self->a_multiplier * a->zero_point -
                 self->b_multiplier * b->zero_point;
    return TRUE;
}

static gboolean
init_quantized(Binary *self, VigilGraph *graph, VigilNode *node, guint kind, GError **error)
{
    const VigilTensor *a = vigil_node_input(graph, node, 0), *b = vigil_node_input(graph, node, 1);
    const VigilTensor *out = vigil_node_output(graph, node, 0);

    if (!vigil_node_check_quantized_io(graph, node, error) ||
        !vigil_node_check_quantized(graph, node, b, "the second input", error) ||
        !vigil_kernel_activation_range(graph, node, vigil_fb_i8(&node->options, 0, 0), out,
                                       &self->lo, &self->hi, error))
        return FALSE;
    self->a_zero_point = a->zero_point;
    self->b_zero_point = b->zero_point;
    self->zero_point = out->zero_point;
    if (kind == ADD || kind == SUB)
        return init_add(self, graph, node, kind == SUB, error);
    self->scale = kind == MUL ? a->scale * b->scale / out->scale : a->scale / b->scale / out->scale;
    if (!isfinite(self->scale))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "invalid quantization parameters: the scales overflow");
    if (kind == MUL && graph->computes_shapes && vigil_tensor_is_int8_in_file(a)) {
        self->is_fixed = TRUE;
        self->fixed =
            vigil_fixed_from_double((gdouble)a->scale * (gdouble)b->scale / (gdouble)out->scale);
        self->line = a->type == VIGIL_TENSOR_INT8 ? mul_signed_fixed : mul_unsigned_fixed;
    }
    return TRUE;
}

static gboolean
binary_prepare(VigilGraph *graph, VigilNode *node, guint kind, GError **error)
{
    Binary *self = vigil_node_params(node, sizeof *self);
    const VigilTensor *a, *b;
    guint column;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error))
        return FALSE;
    a = vigil_node_input(graph, node, 0);
    b = vigil_node_input(graph, node, 1);
    if (a->type != b->type || vigil_node_output(graph, node, 0)->type != a->type)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "inputs and output must have the same type");
    switch (a->type) {
    case VIGIL_TENSOR_INT8: column = 1; break;
    case VIGIL_TENSOR_INT32: column = 2; break;
    case VIGIL_TENSOR_INT64: column = 3; break;
    default: column = 0; break;
    }
    self->line = lines[kind][column];
    if (column < 2 && !init_quantized(self, graph, node, kind, error))
        return FALSE;
    if (column >= 2 && vigil_fb_i8(&node->options, 0, 0) != VIGIL_ACTIVATION_NONE)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "an activation on whole numbers is not supported");
    if (!vigil_broadcast_init(&self->broadcast, graph, node, error))
        return FALSE;
    if (column >= 2)
        return TRUE;
    use_isa(self, graph, node, kind);
    node->pairwise = binary_pairwise;
    if (!vigil_broadcast_spread(&self->broadcast, graph, node, error))
        return FALSE;
    if (self->broadcast.n_outer == 0)
        vigil_kernel_set_bytewise(node, self->broadcast.line, binary_chunk);
    return TRUE;
}

static gboolean
add_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    return binary_prepare(graph, node, ADD, error);
}

static gboolean
sub_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    return binary_prepare(graph, node, SUB, error);
}

static gboolean
mul_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    return binary_prepare(graph, node, MUL, error);
}

static gboolean
div_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    return binary_prepare(graph, node, DIV, error);
}

const VigilOp vigil_ops_binary[] = {
    {0, NULL, "ADD", add_prepare, binary_run},
    {41, NULL, "SUB", sub_prepare, binary_run},
    {18, NULL, "MUL", mul_prepare, binary_run},
    {42, NULL, "DIV", div_prepare, binary_run},
    {0},
};
