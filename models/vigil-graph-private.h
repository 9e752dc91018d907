/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/kernels/vigil-isa-private.h"
#include "models/vigil-flatbuffer-private.h"
#include "models/vigil-model.h"

G_BEGIN_DECLS

/*
 * The graph of a loaded model, shared by the reader, the operators, the folder, the planner and sessions.
 *
 * Loading, in this order (vigil-model.c):
 *   1. vigil_tflite_read(): file -> tensors and nodes, indices and constants checked;
 *   2. for each node in the file's order: its operator's prepare(), which checks types, shapes and
 *      parameters, *infers the shapes of the outputs* (the shapes recorded in the file are not
 *      believed) and packs weights; then, when every input is constant, the node is run once and its
 *      outputs become constants (folding);
 *   3. vigil_flow_graph(): what several threads do one after the other, and what waits for what;
 *   4. vigil_plan_graph(): lifetimes -> offsets in the arena for each tensor and scratch area.
 * After that the graph is immutable.
 */

/* Limits on what a file may ask for; each is refused with VIGIL_MODEL_ERROR_TOO_LARGE. */
#define VIGIL_MAX_FILE_BYTES ((gsize)512 << 20)
#define VIGIL_MAX_TENSORS 16384u
#define VIGIL_MAX_NODES 4096u
#define VIGIL_MAX_NODE_INPUTS 256u
#define VIGIL_MAX_TENSOR_BYTES ((gsize)256 << 20)
#define VIGIL_MAX_ARENA_BYTES ((gsize)512 << 20)
#define VIGIL_MAX_WEIGHT_BYTES ((gsize)512 << 20)
#define VIGIL_MAX_THREAD_BYTES ((gsize)32 << 20)
#define VIGIL_MAX_MACS ((guint64)1 << 40)

/* Arena offsets and packed weights are aligned to this. */
#define VIGIL_ALIGN 64u

/* Where things lie in the arena: for a session of one thread, and for one of several, in which storage lives longer. */
typedef enum {
    VIGIL_PLAN_ALONE,
    VIGIL_PLAN_FLOW,
    VIGIL_N_PLANS,
} VigilPlanKind;

typedef struct VigilGraph VigilGraph;
typedef struct VigilNode VigilNode;
typedef struct VigilOp VigilOp;
typedef struct VigilRun VigilRun;

/**
 * VigilTensor:
 * @name: owned
 * @type: element type; meaningless when @element_bytes is 0
 * @element_bytes: size of an element, or 0 for a type that no operator here knows (see @raw_type)
 * @raw_type: the type's number in the schema, for messages
 * @turned: stored with the other sign than the file's, see vigil-normalize-private.h
 * @n_dims: 0..%VIGIL_MAX_DIMS; a scalar has 0 dimensions and 1 element
 * @dims: of constants and graph inputs: from the file; of the rest: set by vigil_node_set_output()
 * @count: elements
 * @bytes: @count * @element_bytes
 * @scale: real = scale * (q - zero_point); of the first channel when per channel; 0: not quantized
 * @zero_point: see @scale; in the range of the type
 * @scales: (nullable): owned; one a slice along @channel_dim when @n_scales > 1, else NULL
 * @n_scales: 0 not quantized, 1 per tensor, more: per channel (zero points are then all 0)
 * @channel_dim: dimension the scales go along
 * @data: (nullable): the constant's @bytes, aligned for the type; NULL for what is computed at run time
 * @owned: (nullable): set when @data was not borrowed from the file
 * @view_of: index of the tensor whose storage this one shares (RESHAPE and its kind; parts of a concatenation), or -1
 * @view_offset: bytes from the beginning of that one
 * @producer: index of the node that computes it; -1 for graph inputs and constants, -2: nothing does
 * @first: first step at which it holds something; @last: last one that reads it
 * @offset: in the arena, by plan
 */
typedef struct {
    gchar *name;
    VigilTensorType type;
    guint element_bytes;
    gint raw_type;
    gboolean turned;
    guint n_dims;
    gint32 dims[VIGIL_MAX_DIMS];
    gsize count;
    gsize bytes;
    gfloat scale;
    gint32 zero_point;
    gfloat *scales;
    guint n_scales;
    gint32 channel_dim;
    const void *data;
    gpointer owned;
    gint32 view_of;
    gsize view_offset;
    gint32 producer;
    guint first, last;
    gsize offset[VIGIL_N_PLANS];
} VigilTensor;

/**
 * VigilRun: what an operator's run() gets beside its node.
 * @graph: tensors
 * @arena: of the session; %VIGIL_ALIGN-aligned; laid out by @plan
 * @thread_scratch: (nullable): scratch of the session's threads; @thread_stride: bytes from one to the next
 * @threads: that it may be spread over, 1 or more
 */
struct VigilRun {
    const VigilGraph *graph;
    guint8 *arena;
    VigilPlanKind plan;
    guint8 *thread_scratch;
    gsize thread_stride;
    guint threads;
};

/**
 * VigilChunk: part @chunk of a node's work; no two parts write the same bytes.
 * @scratch: the thread's, node->thread_scratch_bytes long; %VIGIL_ALIGN-aligned
 */
typedef void (*VigilChunk)(const VigilNode *node, const VigilRun *run, guint chunk,
                           guint8 *scratch);

/**
 * VigilReach: how far chunk @chunk reaches, so that the next node's chunks need not wait for all of this one's.
 * @in: (out): bytes from the beginning of its inputs (the larger ones begin with it; constants aside) that it reads
 * @out: (out): bytes from the beginning of output 0 that are complete when it and all chunks before it are done
 */
typedef void (*VigilReach)(const VigilNode *node, guint chunk, gsize *in, gsize *out);

/**
 * VigilOp: one operator; see kernels/vigil-kernel-private.h for how to add one.
 * @code: BuiltinOperator of the schema
 * @custom: (nullable): for @code 32 (CUSTOM), its name
 * @name: for messages
 * @prepare: checks everything run() relies on, infers output shapes, packs weights; may change
 *   node->run, node->params, node->scratch_bytes, node->macs. Called once, at load, by one thread.
 * @run: (nullable): cannot fail, allocates nothing, is re-entrant for different arenas; %NULL where prepare() always sets
 *   chunks or a special one
 */
struct VigilOp {
    gint32 code;
    const gchar *custom;
    const gchar *name;
    gboolean (*prepare)(VigilGraph *graph, VigilNode *node, GError **error);
    void (*run)(const VigilNode *node, const VigilRun *run);
};

/**
 * VigilNode:
 * @index: number of the operator in the file
 * @code: BuiltinOperator of the schema
 * @name: of the operator, for messages; owned
 * @op: (nullable): NULL: not supported
 * @inputs: tensor indices, -1 for an optional input that is not there
 * @outputs: tensor indices
 * @options: the builtin options' table; fields by number as in the schema
 * @custom: (nullable): custom options, @custom_bytes long; borrowed from the file
 * @params: (nullable): what prepare() keeps for run(); owned, see vigil_node_params()
 * @packed: (nullable): packed weights; owned, see vigil_node_pack()
 * @scratch_bytes: room in the arena that run() needs for itself; it gets it at @scratch_offset
 * @thread_scratch_bytes: room that each thread needs in @chunk
 * @macs: multiply-accumulates of one run
 * @work: steps of one run where @macs does not tell them; only bounded, never shown
 * @run: from @op, unless prepare() chose a special one; NULL: nothing to do at run time (views)
 * @n_chunks: parts that the work consists of, where several threads may do it; see vigil_node_set_chunks()
 * @begin: (nullable): what comes before all chunks; @chunk: (nullable): one of them; @reach: (nullable): nothing is known
 * @flow_end: the last node that may be at work while this one is, see vigil-flow-private.h
 * @table: (nullable): the node computes out[i] = table[in[i]] from input 0; in @params
 * @order: (nullable): TRANSPOSE: the dimension of input 0 for each of the output's; owned
 * @pairwise: (nullable): what the node computes of two 8-bit lines; only byte by byte
 * @takes_lookup: whether @lookup may be set
 * @lookup: (nullable): a node with packed weights applies this table to its output; owned
 * @folded: was computed at load
 * @fused: another node does its work, or nobody needs it
 */
struct VigilNode {
    guint index;
    gint32 code;
    gchar *name;
    const VigilOp *op;
    guint n_inputs, n_outputs;
    gint32 *inputs, *outputs;
    VigilFbTable options;
    const guint8 *custom;
    gsize custom_bytes;
    gpointer params;
    gpointer packed;
    gsize packed_bytes;
    gsize scratch_bytes, scratch_offset[VIGIL_N_PLANS], thread_scratch_bytes;
    guint64 macs, work;
    void (*run)(const VigilNode *node, const VigilRun *run);
    guint n_chunks;
    void (*begin)(const VigilNode *node, const VigilRun *run);
    VigilChunk chunk;
    VigilReach reach;
    guint flow_end;
    const guint8 *table;
    gint32 *order;
    void (*pairwise)(const VigilNode *node, const guint8 *a, const guint8 *b, guint8 *out, gsize n);
    gboolean takes_lookup;
    guint8 *lookup;
    gboolean folded, fused;
};

/* In the place of a chunk's number: begin() of the node; all of the nodes. */
#define VIGIL_STEP_BEGIN (G_MAXUINT32 - 1)
#define VIGIL_STEP_WHOLE G_MAXUINT32

/** VigilStep: chunks @chunk to @end_chunk - 1 of node @node, or nodes @node to @end - 1 one after the other. */
typedef struct {
    guint32 node, end, chunk, end_chunk;
} VigilStep;

/**
 * VigilGraph:
 * @name: of the file, for messages; owned
 * @file: the file's bytes; constants point into them
 * @fb: reader over @file, used while loading only
 * @weight_bytes: packed weights of all nodes
 * @folded_bytes: constants computed at load
 * @claimed_bytes: see vigil_graph_claim()
 * @arena_bytes: what a session needs, by plan; 0: too much; @thread_scratch_bytes: what it needs beside for each thread
 * @steps: what several threads do, in this order, @n_steps of them; owned
 * @step_needs: step i begins when all steps before @step_needs[i] are done; owned
 * @isa: kernels, see vigil_isa_select()
 * @optimise: rewrite operators where that is faster, see vigil-optimise-private.h
 * @computes_shapes: some shape is computed by operators. TensorFlow Lite cannot delegate such a graph to XNNPACK and runs
 *   it by its own fixed-point kernels; INT8 operators whose rounding differs follow those then.
 */
struct VigilGraph {
    gchar *name;
    GBytes *file;
    VigilFlatbuffer fb;
    VigilTensor *tensors;
    guint n_tensors;
    VigilNode *nodes;
    guint n_nodes;
    gint32 *inputs, *outputs;
    guint n_inputs, n_outputs;
    gsize weight_bytes, folded_bytes, claimed_bytes, thread_scratch_bytes;
    gsize arena_bytes[VIGIL_N_PLANS];
    VigilStep *steps;
    guint32 *step_needs;
    guint n_steps;
    const VigilIsa *isa;
    gboolean optimise;
    gboolean computes_shapes;
};

void vigil_graph_clear(VigilGraph *self);

/** vigil_graph_storage: the tensor that tensor @index is a view of, or @index. */
gint32 vigil_graph_storage(const VigilGraph *self, gint32 index);

/** vigil_graph_view_offset: where in that storage tensor @index begins, in bytes. */
gsize vigil_graph_view_offset(const VigilGraph *self, gint32 index);

/**
 * vigil_graph_claim: whether @bytes more may be allocated for constants beside the file's own. Tensors can share a
 * buffer of the file, so that its size does not bound the copies.
 */
gboolean vigil_graph_claim(VigilGraph *self, gsize bytes);

/** vigil_tensor_type_name: of a raw type of the schema, e.g. "INT8". */
const gchar *vigil_tensor_raw_type_name(gint raw_type);
const gchar *vigil_tensor_type_name(VigilTensorType type);
guint vigil_tensor_type_bytes(VigilTensorType type);

/** vigil_tensor_is_8bit: UINT8 or INT8. */
gboolean vigil_tensor_is_8bit(const VigilTensor *self);

/** vigil_tensor_is_int8_in_file: whether the file has it as INT8, however it is stored here. */
gboolean vigil_tensor_is_int8_in_file(const VigilTensor *self);

/** vigil_tensor_set_shape: FALSE, and nothing changed, when it is larger than the limits or negative. */
gboolean vigil_tensor_set_shape(VigilTensor *self, guint n_dims, const gint32 *dims);

/** vigil_node_input: NULL when there is no such input or it is left out (-1). */
VigilTensor *vigil_node_input(const VigilGraph *graph, const VigilNode *node, guint index);
VigilTensor *vigil_node_output(const VigilGraph *graph, const VigilNode *node, guint index);

/**
 * vigil_node_fail:
 *
 * Sets @error to "NAME: operator 12 CONV_2D (INT8, INT8, INT32 -> INT8): " and the sentence @format.
 *
 * Returns: %FALSE, so that prepare() can return it
 */
gboolean vigil_node_fail(const VigilGraph *graph, const VigilNode *node, GError **error,
                         VigilModelError code, const gchar *format, ...) G_GNUC_PRINTF(5, 6);

/**
 * vigil_node_check_arity: that there are @min_inputs..@max_inputs inputs, the first @min_inputs of them
 * given, all of types known here, and exactly @n_outputs outputs (0: at least one).
 */
gboolean vigil_node_check_arity(const VigilGraph *graph, const VigilNode *node, guint min_inputs,
                                guint max_inputs, guint n_outputs, GError **error);

/**
 * vigil_node_check_quantized_io: that input 0 and output 0 are both of @type-like 8 bits (UINT8 or INT8,
 * the same) and have one scale each; the refusal names float and hybrid graphs for what they are.
 */
gboolean
vigil_node_check_quantized_io(const VigilGraph *graph, const VigilNode *node, GError **error);

/** vigil_node_check_quantized: that @tensor is 8-bit with one scale; @what names it in the message. */
gboolean vigil_node_check_quantized(const VigilGraph *graph, const VigilNode *node,
                                    const VigilTensor *tensor, const gchar *what, GError **error);

/** vigil_node_set_output: the inferred shape of output @index; refuses what is too large. */
gboolean vigil_node_set_output(VigilGraph *graph, VigilNode *node, guint index, guint n_dims,
                               const gint32 *dims, GError **error);

/** vigil_node_copy_shape: output @index gets the shape of @like. */
gboolean vigil_node_copy_shape(VigilGraph *graph, VigilNode *node, guint index,
                               const VigilTensor *like, GError **error);

/**
 * vigil_node_const_ints:
 * @input: index of an INT32 or INT64 input that must be constant here (after folding), any shape
 * @values: (out): up to @capacity values; those beyond 32 bits are refused
 * @n: (out): how many
 */
gboolean vigil_node_const_ints(const VigilGraph *graph, const VigilNode *node, guint input,
                               gint32 *values, guint capacity, guint *n, GError **error);

/** vigil_node_axis: @axis, which may count from the end, as 0..@n_dims-1; or an error. */
gboolean vigil_node_axis(const VigilGraph *graph, const VigilNode *node, gint32 axis, guint n_dims,
                         guint *out, GError **error);

/** vigil_node_params: zeroed memory of @bytes for prepare() to fill, freed with the graph. */
gpointer vigil_node_params(VigilNode *node, gsize bytes);

/** vigil_node_pack: zeroed, aligned memory for packed weights, counted and bounded; NULL with @error. */
gpointer vigil_node_pack(VigilGraph *graph, VigilNode *node, gsize bytes, GError **error);

/**
 * vigil_node_set_chunks: the work of @node is @begin (nullable), then @chunk for 0..@n_chunks-1; sets its run() to that.
 * @reach: (nullable): see #VigilReach
 */
void vigil_node_set_chunks(VigilNode *node, guint n_chunks, VigilChunk chunk, VigilReach reach,
                           void (*begin)(const VigilNode *node, const VigilRun *run));

/** vigil_run_input: the data of input @index: constant or in the arena. */
static inline const void *
vigil_run_tensor(const VigilRun *run, gint32 index)
{
    const VigilTensor *tensor = &run->graph->tensors[index];

    return tensor->data != NULL ? tensor->data : run->arena + tensor->offset[run->plan];
}

static inline const void *
vigil_run_input(const VigilRun *run, const VigilNode *node, guint index)
{
    return vigil_run_tensor(run, node->inputs[index]);
}

/** vigil_run_output: where output @index goes. */
static inline void *
vigil_run_output(const VigilRun *run, const VigilNode *node, guint index)
{
    return run->arena + run->graph->tensors[node->outputs[index]].offset[run->plan];
}

/** vigil_run_scratch: the node's scratch_bytes; %VIGIL_ALIGN-aligned; its content is undefined. */
static inline void *
vigil_run_scratch(const VigilRun *run, const VigilNode *node)
{
    return run->arena + node->scratch_offset[run->plan];
}

G_END_DECLS
