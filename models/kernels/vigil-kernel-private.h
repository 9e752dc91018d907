/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/*
 * How to add an operator.
 *
 * A family of operators lives in one file kernels/vigil-kernel-FAMILY.c, which defines
 *
 *     const VigilOp vigil_ops_FAMILY[] = {
 *         {25, NULL, "SOFTMAX", softmax_prepare, softmax_run},
 *         {VIGIL_OP_CUSTOM, "TFLite_Detection_PostProcess", "TFLite_Detection_PostProcess", pp_prepare, pp_run},
 *         {0},                                      (name NULL ends the list)
 *     };
 *
 * and is declared and listed in vigil-kernel-table.c and in models/meson.build.
 *
 * prepare(graph, node, error), at load:
 *   - vigil_node_check_arity() first: the inputs and outputs are then there and of known types;
 *   - refuse with vigil_node_fail() whatever run() does not do: types, shapes, parameters, scales;
 *   - options by field number: vigil_fb_i32(&node->options, FIELD, DEFAULT); a damaged options table
 *     is noticed by the caller after prepare();
 *   - vigil_node_set_output() for *every* output: shapes come from here, not from the file;
 *   - what run() needs goes to vigil_node_params() (offsets, tables, multipliers) and vigil_node_pack()
 *     (weights); working memory is asked for with node->scratch_bytes;
 *   - work that several threads may share is laid out in parts by vigil_node_set_chunks(), which also sets node->run, or,
 *     where byte i of the output comes of bytes i of the inputs alone, by vigil_kernel_set_bytewise().
 * run(node, run), each frame: vigil_run_input(), vigil_run_output(), vigil_run_scratch(); the output
 * never overlaps an input. No allocation, no failure, no state.
 *
 * An operator whose inputs are all constant is run once at load, with the same run().
 */

#define VIGIL_OP_CUSTOM 32

/** vigil_kernel_find_op: NULL when there is no such operator; @custom for code 32. */
const VigilOp *vigil_kernel_find_op(gint32 code, const gchar *custom);

/** vigil_kernel_builtin_name: of a BuiltinOperator; NULL when the number is not known. */
const gchar *vigil_kernel_builtin_name(gint32 code);

/** vigil_kernel_lookup: out[i] = table[in[i]], by @isa's kernel where it has one. */
void vigil_kernel_lookup(const VigilIsa *isa, const guint8 *table, const guint8 *in, guint8 *out,
                         gsize n);

/** vigil_kernel_become_lookup: @node computes @table (copied) of the @count bytes of tensor @input from now on. */
void vigil_kernel_become_lookup(VigilNode *node, gint32 input, const guint8 *table, gsize count);

/**
 * vigil_kernel_make_view: output 0 of @node has these dimensions and shares the storage of input 0; of a constant it becomes a
 * constant.
 */
gboolean vigil_kernel_make_view(VigilGraph *graph, VigilNode *node, guint n_dims,
                                const gint32 *dims, GError **error);

/**
 * vigil_kernel_concat_in_place: inputs of @node, if it is a CONCATENATION or PACK, that are computed by one operator and lie in one piece
 * in its output become parts of that storage; the node has no work when all do. What is of another scale goes along as a table of its
 * producer. Does nothing to other nodes.
 * @readers: how many nodes read each tensor
 */
void vigil_kernel_concat_in_place(VigilGraph *graph, VigilNode *node, const guint *readers);

/* Bytes of output that a chunk of an operator makes which computes little for each. */
#define VIGIL_KERNEL_CHUNK 16384u

/**
 * vigil_kernel_set_bytewise: @node has chunks of %VIGIL_KERNEL_CHUNK bytes of its output, which has @bytes; byte i is computed
 * of byte i of its inputs.
 */
void vigil_kernel_set_bytewise(VigilNode *node, gsize bytes, VigilChunk chunk);

/** VigilActivation: ActivationFunctionType of the schema. */
typedef enum {
    VIGIL_ACTIVATION_NONE = 0,
    VIGIL_ACTIVATION_RELU = 1,
    VIGIL_ACTIVATION_RELU_N1_TO_1 = 2,
    VIGIL_ACTIVATION_RELU6 = 3,
} VigilActivation;

/** vigil_kernel_type_range: lowest and highest q of UINT8 or INT8. */
static inline void
vigil_kernel_type_range(VigilTensorType type, gint32 *lo, gint32 *hi)
{
    *lo = type == VIGIL_TENSOR_UINT8 ? 0 : -128;
    *hi = type == VIGIL_TENSOR_UINT8 ? 255 : 127;
}

/**
 * vigil_kernel_activation_range:
 * @activation: as read from the file; an unknown one is refused
 * @tensor: 8-bit with one scale
 * @lo: (out): lowest q that @tensor may have after the activation; @hi: (out): highest
 */
gboolean
vigil_kernel_activation_range(const VigilGraph *graph, const VigilNode *node, gint8 activation,
                              const VigilTensor *tensor, gint32 *lo, gint32 *hi, GError **error);

/**
 * vigil_kernel_round: @x rounded to nearest, ties to even, for |x| < 2^22; vectorises where rintf()
 * is a call. Adding 1.5 * 2^23 leaves the integer in the low bits of the sum.
 */
static inline gint32
vigil_kernel_round(gfloat x)
{
    const union {
        gfloat f;
        gint32 i;
    } sum = {.f = x + 12582912.0f};

    return sum.i - 0x4b400000;
}

/**
 * vigil_kernel_requantize: XNNPACK's fp32 rule: clamp(rne(acc * scale) + zero_point, lo, hi).
 *
 * The clamp is done before rounding, on @lo - @zero_point and @hi - @zero_point as floats: both are
 * integers, so the result is the same.
 */
static inline gint32
vigil_kernel_requantize(gint32 acc, gfloat scale, gint32 zero_point, gfloat lo, gfloat hi)
{
    gfloat x = (gfloat)acc * scale;

    x = x < lo ? lo : x;
    x = x > hi ? hi : x;
    return vigil_kernel_round(x) + zero_point;
}

/** vigil_kernel_load8: element @i of an 8-bit tensor as an int. */
static inline gint32
vigil_kernel_load8(const void *data, gboolean is_signed, gsize i)
{
    return is_signed ? ((const gint8 *)data)[i] : ((const guint8 *)data)[i];
}

G_END_DECLS
