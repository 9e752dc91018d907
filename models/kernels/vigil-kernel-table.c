/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-private.h"

#include <math.h>

extern const VigilOp vigil_ops_binary[];
extern const VigilOp vigil_ops_concat[];
extern const VigilOp vigil_ops_conv[];
extern const VigilOp vigil_ops_depthwise[];
extern const VigilOp vigil_ops_extreme[];
extern const VigilOp vigil_ops_gather[];
extern const VigilOp vigil_ops_lut[];
extern const VigilOp vigil_ops_mean[];
extern const VigilOp vigil_ops_pad[];
extern const VigilOp vigil_ops_pool[];
extern const VigilOp vigil_ops_postprocess[];
extern const VigilOp vigil_ops_remap[];
extern const VigilOp vigil_ops_reshape[];
extern const VigilOp vigil_ops_resize[];
extern const VigilOp vigil_ops_slice[];
extern const VigilOp vigil_ops_softmax[];
extern const VigilOp vigil_ops_transpose_conv[];

/* One list a family; see vigil-kernel-private.h. */
/* clang-format off */
static const VigilOp *const families[] = {
    vigil_ops_binary,
    vigil_ops_concat,
    vigil_ops_conv,
    vigil_ops_depthwise,
    vigil_ops_extreme,
    vigil_ops_gather,
    vigil_ops_lut,
    vigil_ops_mean,
    vigil_ops_pad,
    vigil_ops_pool,
    vigil_ops_postprocess,
    vigil_ops_remap,
    vigil_ops_reshape,
    vigil_ops_resize,
    vigil_ops_slice,
    vigil_ops_softmax,
    vigil_ops_transpose_conv,
};
/* clang-format on */

/* BuiltinOperator of the schema, by number; for messages about what is not supported. */
/* clang-format off */
static const gchar *const builtin_names[] = {
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE",
    "DEQUANTIZE", "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP",
    "L2_NORMALIZATION", "L2_POOL_2D", "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION",
    "LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR",
    "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL",
    "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD", "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER",
    "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE",
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP",
    "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU",
    "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL",
    "LESS_EQUAL", "SELECT", "SLICE", "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE",
    "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN",
    "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND",
    "LOGICAL_NOT", "UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE",
    "FILL", "FLOOR_MOD", "RANGE", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE",
    "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS",
    "WHERE", "RANK", "ELU", "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG",
    "ROUND", "HARD_SWISH", "IF", "WHILE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5",
    "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL",
    "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM", "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D",
    "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT",
    "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE", "VAR_HANDLE", "READ_VARIABLE",
    "ASSIGN_VARIABLE", "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL", "BUCKETIZE", "RANDOM_UNIFORM",
    "MULTINOMIAL", "GELU", "DYNAMIC_UPDATE_SLICE",
};
/* clang-format on */

const gchar *
vigil_kernel_builtin_name(gint32 code)
{
    return code >= 0 && code < (gint32)G_N_ELEMENTS(builtin_names) ? builtin_names[code] : NULL;
}

const VigilOp *
vigil_kernel_find_op(gint32 code, const gchar *custom)
{
    for (guint family = 0; family < G_N_ELEMENTS(families); family++)
        for (const VigilOp *op = families[family]; op->name != NULL; op++)
            if (op->code == code && (code != VIGIL_OP_CUSTOM || g_strcmp0(op->custom, custom) == 0))
                return op;
    return NULL;
}

static void
bytewise_reach(const VigilNode *node, guint chunk, gsize *in, gsize *out)
{
    *in = *out = ((gsize)chunk + 1) * VIGIL_KERNEL_CHUNK;
}

void
vigil_kernel_set_bytewise(VigilNode *node, gsize bytes, VigilChunk chunk)
{
    const gsize n = (bytes + VIGIL_KERNEL_CHUNK - 1) / VIGIL_KERNEL_CHUNK;

    vigil_node_set_chunks(node, (guint)n, chunk, bytewise_reach, NULL);
}

/* The real value @x as a q of @tensor, not clamped to anything but the range of the type. */
static gint32
quantize_bound(const VigilTensor *tensor, gfloat x, gint32 lo, gint32 hi)
{
    const gfloat q = (gfloat)tensor->zero_point + rintf(x / tensor->scale);

    return q <= (gfloat)lo ? lo : q >= (gfloat)hi ? hi : (gint32)q;
}

gboolean
vigil_kernel_activation_range(const VigilGraph *graph, const VigilNode *node, gint8 activation,
                              const VigilTensor *tensor, gint32 *lo, gint32 *hi, GError **error)
{
    gint32 type_lo, type_hi;

    vigil_kernel_type_range(tensor->type, &type_lo, &type_hi);
    *lo = type_lo;
    *hi = type_hi;
    switch (activation) {
    case VIGIL_ACTIVATION_NONE: return TRUE;
    case VIGIL_ACTIVATION_RELU: *lo = quantize_bound(tensor, 0.0f, type_lo, type_hi); return TRUE;
    case VIGIL_ACTIVATION_RELU_N1_TO_1:
        *lo = quantize_bound(tensor, -1.0f, type_lo, type_hi);
        *hi = quantize_bound(tensor, 1.0f, type_lo, type_hi);
        return TRUE;
    case VIGIL_ACTIVATION_RELU6:
        *lo = quantize_bound(tensor, 0.0f, type_lo, type_hi);
        *hi = quantize_bound(tensor, 6.0f, type_lo, type_hi);
        return TRUE;
    default:
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the fused activation number %d is not supported", activation);
    }
}
