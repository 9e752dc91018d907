/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/kernels/vigil-kernel-fixed-private.h"

G_BEGIN_DECLS

/*
 * One table of inner kernels for each instruction set. The operators (vigil-kernel-*.c) prove sizes, pack weights and
 * walk over tensors; a table's functions do what is inside. An entry that is NULL means that the operator's plain C does
 * it: the table "ref" has nothing but NULLs. Every entry gives the same bytes as that plain C: tests/models/test-isa.c
 * and test-golden.c run all tables that the processor has.
 *
 * Activations. A table says in @is_signed which 8 bits its kernels multiply: UINT8 on x86 (vpdpbusd takes unsigned
 * times signed), INT8 on ARM. Between operators tensors are kept that way (vigil-normalize.c); where one is not, the
 * operator turns over the sign bits on the way in, and the kernel on the way out (@flip).
 *
 * Reading beyond. A kernel may read up to VIGIL_ISA_SLACK bytes beyond a row of activations; arenas and scratch areas
 * have them. It never writes beyond what it was told.
 */
#define VIGIL_ISA_SLACK 64u

/* Vectors of output channels in the widest panel of any table. */
#define VIGIL_ISA_MAX_VECTORS 4u

/**
 * VigilRequantRule: from a 32-bit sum to the output's scale.
 * @VIGIL_REQUANT_FLOAT: rne((gfloat)sum * scale), with scale < 1, so that it never leaves 32 bits
 * @VIGIL_REQUANT_UPWARDS: vigil_fixed_multiply_upwards()
 * @VIGIL_REQUANT_AWAY: vigil_fixed_multiply()
 */
typedef enum {
    VIGIL_REQUANT_FLOAT,
    VIGIL_REQUANT_UPWARDS,
    VIGIL_REQUANT_AWAY,
} VigilRequantRule;

/**
 * VigilRequant: the same for all channels of an operator: out = clamp(rule(sum) + zero_point, lo, hi) ^ flip.
 * @zero_point, @lo, @hi: in 0..255, or -128..127 where the table's activations are signed
 * @flip: 0x80 where the output is stored with the other sign, else 0
 */
typedef struct {
    VigilRequantRule rule;
    gint32 zero_point, lo, hi;
    guint8 flip;
} VigilRequant;

/**
 * VigilPanel: the constants of up to 4 vectors of output channels, as the kernels read them.
 * @first, @n: the channels; those beyond @n that fill the last vector have weights and all else 0
 * @vectors: 1..@max_vectors of the table
 * @weights: see VigilIsa; aligned to VIGIL_ALIGN
 * @bias: [vectors * lanes]: the file's bias, less the input's zero point times the sum of weights
 * @scale: [vectors * lanes]
 * @fixed_multiplier, @fixed_shift: [vectors * lanes]; for the fixed rules only, else NULL
 * @has_lowest: matrix products: some weight is -128; set by vigil_isa_pack_gemm()
 * @second: depthwise: there is a second set of weights to add, see VigilIsa.depthwise_pack
 */
typedef struct {
    guint first, n, vectors;
    const void *weights;
    const gint32 *bias;
    const gfloat *scale;
    const gint32 *fixed_multiplier, *fixed_shift;
    gboolean has_lowest, second;
} VigilPanel;

/**
 * VigilGemmRows: rows of activations to be multiplied by a panel.
 * @requant: what to do with sums
 * @runs: pieces that a row consists of (1 for 1x1; the lines of the window for others)
 * @k: activations a piece, a multiple of k_group; weights of those beyond the real ones are 0
 * @rows: [runs][row_stride]: where the pieces begin, in the table's row format (@row_bytes an activation)
 * @n_rows: any number from 1
 * @row_sums: (nullable): [n_rows], to be added to all of a row's sums
 * @out: channel @panel->first of the first row; @out_stride: bytes from row to row; @panel->n bytes are written a row
 *
 *     for r < n_rows, c < panel->n:
 *         sum = bias[c] + row_sums[r]
 *         for t < runs, i < k: sum += rows[t * row_stride + r][i] * weight[c][t * k + i]
 *         out[r * out_stride + c] = requantize(sum)
 */
typedef struct {
    const VigilRequant *requant;
    guint runs, k;
    const guint8 *const *rows;
    guint row_stride, n_rows;
    const gint32 *row_sums;
    guint8 *out;
    gsize out_stride;
} VigilGemmRows;

/**
 * VigilDepthwiseLines: one or more lines of output of a depthwise convolution, for one panel of channels.
 * @k_h, @k_w: of the window; no dilation
 * @stride: both ways
 * @pad_x: columns of padding on the left
 * @in_w, @out_w: columns
 * @lines: [k_h + stride * (n_lines - 1)]: channel @panel->first of the input lines' first pixel; the padding's pixel for
 *   lines outside the image
 * @steps: [the same]: bytes from pixel to pixel; 0 for lines outside the image
 * @zero_point: of the input: what padding holds
 * @n_lines: 1..depthwise_lines of the table
 * @out: channel @panel->first of the first output pixel; @out_step: bytes from pixel to pixel, @out_line: line to line
 *
 *     for l < n_lines, x < out_w, c < panel->n:
 *         sum = bias[c] + over ky, kx: in(l * stride + ky, x * stride + kx - pad_x)[c] * weight[ky][kx][c]
 *         out[l * out_line + x * out_step + c] = requantize(sum)
 */
typedef struct {
    const VigilRequant *requant;
    guint k_h, k_w, stride;
    gint32 pad_x, in_w, out_w;
    const guint8 *const *lines;
    const gsize *steps;
    gint32 zero_point;
    guint n_lines;
    guint8 *out;
    gsize out_step, out_line;
} VigilDepthwiseLines;

/**
 * VigilAddLine: out = clamp(((a * a_multiplier + b * b_multiplier + bias) >> shift) + zero_point, lo, hi), see
 * vigil-kernel-binary.c.
 * @a_flip, @b_flip, @out_flip: 0x80 where that tensor is not of the table's sign, else 0. The numbers are those of the
 *   table's sign.
 */
typedef struct {
    gint32 a_multiplier, b_multiplier, bias;
    guint shift;
    gint32 zero_point, lo, hi;
    guint8 a_flip, b_flip, out_flip;
} VigilAddLine;

/**
 * VigilMulLine: out = requantize((a - a_zero_point) * (b - b_zero_point)), one scale for all.
 * @scale: less than 1; for the float rule; @fixed for the others
 */
typedef struct {
    VigilRequant requant;
    gint32 a_zero_point, b_zero_point;
    gfloat scale;
    VigilMultiplier fixed;
    guint8 a_flip, b_flip;
} VigilMulLine;

/**
 * VigilIsa:
 * @name: value of VIGIL_ISA
 * @is_supported: by this processor and its operating system
 * @is_signed: activations are INT8, else UINT8
 *
 * Matrix products. Weights of a panel lie as [runs][k / k_group][vectors * lanes][k_group], int8 or int16
 * (@weight_bytes); vigil_isa_pack_gemm() writes them. Either all of the five are given or none.
 * @lanes: channels a vector; @max_vectors: vectors a panel has at most; @k_group: activations multiplied at once
 * @row_bytes: of an activation as @gemm reads it: 1: as it lies in the tensor; 2: widened to int16 by @stage first
 * @gemm: see VigilGemmRows
 * @gemm_pack: (nullable): lays weights out in its own way, in the same room; with @out NULL says what they would take: the
 *   steps of @gemm, two groups of activations each, or 0 where there is not room enough
 * @narrow: (nullable): the table that is faster with weights that take few steps in its @gemm_pack; of matrix products it
 *   has all but @sum, as its weights have no zero point, and of the others nothing
 * @stage: @n activations, turned over with @flip, in the row format
 * @sum: of @runs pieces, pieces[t * stride], of @n activations each, in the row format
 *
 * Depthwise. Weights of a panel (of @depthwise_channels, the last one of fewer) are int16, zero point subtracted, and
 * may not fit into 8 bits; depthwise_pack() lays them out as it likes.
 * @depthwise_supports: whether there is a kernel for this window
 * @depthwise_bytes: of one panel's packed weights
 * @depthwise_pack: @weights [k_h * k_w][depthwise_channels], of -256..254, those of missing channels 0; may set
 *   panel->second, and panel->vectors to what it likes
 * @depthwise_channel: the channel at @position (0..depthwise_channels - 1) of the panel's bias, scale and fixed arrays, which
 *   may have a channel several times; called after @depthwise_pack
 * @depthwise_lines: lines of output at a time with @stride, at most 4
 * @depthwise: see VigilDepthwiseLines
 *
 * The rest, each may be missing:
 * @add, @mul: lines of both operands, without broadcasting
 * @lookup: out[i] = table[in[i]]; @lookup_floats: the same with a table of numbers
 * @flip: out[i] = in[i] ^ 0x80; may be in place
 * @max: acc[i] = max(acc[i], in[i]), of the table's sign
 * @requantize_floats: out[i] = clamp(rne(in[i] * inverse), lo, hi) + zero_point, NaN: lo
 * @dequantize: out[i] = (in[i] - zero_point) * scale, of the table's sign
 */
typedef struct VigilIsa VigilIsa;

/* Returns the weight of channel @c, position @i of 0..runs * run - 1; in signed 8 bits, or for @gemm_pack of -383..383. */
typedef gint32 (*VigilIsaWeight)(gconstpointer data, guint c, guint i);

struct VigilIsa {
    const gchar *name;
    gboolean (*is_supported)(void);
    gboolean is_signed;

    guint lanes, max_vectors, k_group, row_bytes, weight_bytes;
    void (*gemm)(const VigilGemmRows *rows, const VigilPanel *panel);
    guint (*gemm_pack)(const VigilIsa *isa, const VigilPanel *panel, guint runs, guint run,
                       VigilIsaWeight weight, gconstpointer data, void *out);
    const VigilIsa *narrow;
    void (*stage)(const guint8 *in, gsize n, guint8 flip, void *out);
    gint32 (*sum)(const guint8 *const *pieces, gsize stride, guint runs, gsize n);

    guint depthwise_channels;
    gboolean (*depthwise_supports)(guint k_h, guint k_w, guint stride);
    gsize (*depthwise_bytes)(guint k_h, guint k_w);
    void (*depthwise_pack)(VigilPanel *panel, guint k_h, guint k_w, const gint16 *weights,
                           void *packed);
    guint (*depthwise_channel)(const VigilPanel *panel, guint position);
    guint (*depthwise_lines)(guint k_h, guint k_w, guint stride);
    void (*depthwise)(const VigilDepthwiseLines *lines, const VigilPanel *panel);

    void (*add)(const VigilAddLine *line, const guint8 *a, const guint8 *b, guint8 *out, gsize n);
    void (*mul)(const VigilMulLine *line, const guint8 *a, const guint8 *b, guint8 *out, gsize n);
    void (*lookup)(const guint8 *table, const guint8 *in, guint8 *out, gsize n);
    void (*lookup_floats)(const gfloat *table, const guint8 *in, gfloat *out, gsize n);
    void (*flip)(const guint8 *in, guint8 *out, gsize n);
    void (*max)(const guint8 *in, guint8 *acc, gsize n);
    void (*dequantize)(const guint8 *in, gint32 zero_point, gfloat scale, gfloat *out, gsize n);
};

/**
 * vigil_isa_select: the table named by the environment variable VIGIL_ISA, or, where that is not set or empty, the last
 * of vigil_isa_list() that the processor supports. Read at each load of a model.
 *
 * Errors: %VIGIL_MODEL_ERROR_UNSUPPORTED: no such table, or not on this processor; the message lists those that are
 */
const VigilIsa *vigil_isa_select(GError **error);

/** vigil_isa_list: every table compiled in, slowest ("ref") first, NULL at the end; also those not supported here. */
const VigilIsa *const *vigil_isa_list(void);

/**
 * vigil_isa_pack_gemm:
 * @run: activations a piece, before they are rounded up to k_group
 * @out: int8 or int16, vigil_isa_gemm_bytes() long, zeroed
 */
void vigil_isa_pack_gemm(const VigilIsa *isa, VigilPanel *panel, guint runs, guint run,
                         VigilIsaWeight weight, gconstpointer data, void *out);

/** vigil_isa_gemm_bytes: of the packed weights of one panel of @vectors. */
gsize vigil_isa_gemm_bytes(const VigilIsa *isa, guint vectors, guint runs, guint run);

/** vigil_isa_round_up: @value rounded up to a multiple of @unit. */
static inline gsize
vigil_isa_round_up(gsize value, gsize unit)
{
    return (value + unit - 1) / unit * unit;
}

G_END_DECLS
