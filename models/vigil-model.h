/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VIGIL_MODEL_ERROR (vigil_model_error_quark())
GQuark vigil_model_error_quark(void);

/**
 * VigilModelError:
 * @VIGIL_MODEL_ERROR_INVALID: the file is damaged or not a model: get another file
 * @VIGIL_MODEL_ERROR_UNSUPPORTED: a sound model that this core does not run: convert it otherwise
 * @VIGIL_MODEL_ERROR_TOO_LARGE: it asks for more than the limits allow
 * @VIGIL_MODEL_ERROR_IO: it could not be read or written
 * @VIGIL_MODEL_ERROR_UNTRUSTED: a package whose hashes or signature say no, or that lacks a signature where one is asked for
 * @VIGIL_MODEL_ERROR_DOWNGRADE: a package that is not newer than what is installed
 * @VIGIL_MODEL_ERROR_NOT_FOUND: no such model is installed
 */
typedef enum {
    VIGIL_MODEL_ERROR_INVALID,
    VIGIL_MODEL_ERROR_UNSUPPORTED,
    VIGIL_MODEL_ERROR_TOO_LARGE,
    VIGIL_MODEL_ERROR_IO,
    VIGIL_MODEL_ERROR_UNTRUSTED,
    VIGIL_MODEL_ERROR_DOWNGRADE,
    VIGIL_MODEL_ERROR_NOT_FOUND,
} VigilModelError;

/** VigilTensorType: element types, with TensorFlow Lite's meaning. */
typedef enum {
    VIGIL_TENSOR_FLOAT32,
    VIGIL_TENSOR_INT32,
    VIGIL_TENSOR_UINT8,
    VIGIL_TENSOR_INT64,
    VIGIL_TENSOR_BOOL,
    VIGIL_TENSOR_INT16,
    VIGIL_TENSOR_INT8,
} VigilTensorType;

#define VIGIL_MAX_DIMS 6

/**
 * VigilTensorInfo:
 * @name: from the model file; borrowed from the model
 * @type: element type
 * @n_dims: number of dimensions, 0..%VIGIL_MAX_DIMS
 * @dims: sizes, outermost first
 * @bytes: size of the data
 * @scale: real = scale * (q - zero_point); 0 when the tensor is not quantized
 * @zero_point: see @scale
 */
typedef struct {
    const gchar *name;
    VigilTensorType type;
    guint n_dims;
    gint32 dims[VIGIL_MAX_DIMS];
    gsize bytes;
    gfloat scale;
    gint32 zero_point;
} VigilTensorInfo;

/**
 * VigilDevice: what a model runs on. The kernels of this core run on the CPU; the others are execution providers of ONNX
 * Runtime, where it has them.
 */
typedef enum {
    VIGIL_DEVICE_CPU,
    VIGIL_DEVICE_CUDA,
    VIGIL_DEVICE_TENSORRT,
} VigilDevice;

/** vigil_device_from_string: "cpu", "cuda" or "tensorrt"; %FALSE: none of these. */
gboolean vigil_device_from_string(const gchar *text, VigilDevice *device);
const gchar *vigil_device_to_string(VigilDevice device);

/**
 * VigilModelOptions:
 * @device: where it is not there, a warning says so and the model runs on the CPU
 * @threads: of one inference of an ONNX model; 0: one. Those of other models are the session's
 * @input_width, @input_height: of an ONNX model whose file leaves them open; 0: such a model is refused
 */
typedef struct {
    VigilDevice device;
    guint threads;
    guint input_width, input_height;
} VigilModelOptions;

/**
 * VigilModel:
 *
 * A loaded model. A `.tflite` graph: checked, shape arithmetic folded, the arena planned, weights packed. An `.onnx`
 * graph, in builds with ONNX Runtime: loaded by it, and run once to know its outputs.
 * Immutable once loaded, so any number of sessions on any threads share one. Reference counted.
 */
typedef struct VigilModel VigilModel;

/**
 * vigil_model_load:
 * @path: a `.tflite` or `.onnx` file
 *
 * With the options of nothing asked for. Errors: %VIGIL_MODEL_ERROR; the message names the file and, where one is at fault, the operator
 * with its index, types and the reason.
 *
 * Returns: (transfer full): the model, or %NULL
 */
VigilModel *vigil_model_load(const gchar *path, GError **error);

/**
 * vigil_model_load_bytes:
 * @bytes: the content of a `.tflite` file; a reference is kept. That of an `.onnx` file is not kept
 * @name: for messages; one that ends in ".onnx" is an ONNX model's
 */
VigilModel *vigil_model_load_bytes(GBytes *bytes, const gchar *name, GError **error);

/** vigil_model_load_with: as vigil_model_load(), with options. */
VigilModel *
vigil_model_load_with(const gchar *path, const VigilModelOptions *options, GError **error);
/** vigil_model_load_bytes_with: as vigil_model_load_bytes(), with options. */
VigilModel *vigil_model_load_bytes_with(GBytes *bytes, const gchar *name,
                                        const VigilModelOptions *options, GError **error);

VigilModel *vigil_model_ref(VigilModel *self);
void vigil_model_unref(VigilModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilModel, vigil_model_unref)

guint vigil_model_get_n_inputs(const VigilModel *self);
guint vigil_model_get_n_outputs(const VigilModel *self);
/** vigil_model_get_input_info: borrowed, valid as long as the model. */
const VigilTensorInfo *vigil_model_get_input_info(const VigilModel *self, guint index);
const VigilTensorInfo *vigil_model_get_output_info(const VigilModel *self, guint index);

/**
 * vigil_model_get_file_bytes:
 *
 * Returns: (transfer none) (nullable): the whole file, for readers of what is appended to it (metadata); %NULL: of an ONNX model
 */
GBytes *vigil_model_get_file_bytes(const VigilModel *self);

/** vigil_model_get_sha256: of the file, lower-case hexadecimal; borrowed. */
const gchar *vigil_model_get_sha256(const VigilModel *self);

/** vigil_model_get_backend: "native" or "onnxruntime"; static. */
const gchar *vigil_model_get_backend(const VigilModel *self);
/** vigil_model_get_device: "cpu", "cuda" or "tensorrt": what it runs on after all; static. */
const gchar *vigil_model_get_device(const VigilModel *self);

/** vigil_model_get_isa: name of the kernels that the model was packed for, a value of VIGIL_ISA, or of another backend; static. */
const gchar *vigil_model_get_isa(const VigilModel *self);

/**
 * VigilOperatorInfo:
 * @index: number in the file
 * @name: of the operator; borrowed from the model
 * @n_dims, @dims: shape of its first output
 * @macs: multiply-accumulates of one run
 * @runs: whether it has work at run time
 */
typedef struct {
    guint index;
    const gchar *name;
    guint n_dims;
    gint32 dims[VIGIL_MAX_DIMS];
    guint64 macs;
    gboolean runs;
} VigilOperatorInfo;

/** vigil_model_get_n_operators: 0 of an ONNX model. */
guint vigil_model_get_n_operators(const VigilModel *self);
VigilOperatorInfo vigil_model_get_operator_info(const VigilModel *self, guint index);

/**
 * vigil_model_describe:
 *
 * Returns: (transfer full): text for `vigil model inspect`: inputs, outputs, operators with types and
 *   multiply-accumulates, totals, arena and weight bytes
 */
gchar *vigil_model_describe(const VigilModel *self);

/** Most threads of one inference. */
#define VIGIL_SESSION_MAX_THREADS 16u

/**
 * VigilSession:
 *
 * What one run of a model needs: an arena. Used by one thread at a time.
 */
typedef struct VigilSession VigilSession;

/**
 * vigil_session_new:
 * @threads: that one inference is spread over, the caller's among them; 0: one. More than %VIGIL_SESSION_MAX_THREADS or than there
 *   are processors count as these. The results are the same for any number.
 *
 * All sessions of a process share the threads: of two that run at once, one has them and the other works alone.
 *
 * Errors: %VIGIL_MODEL_ERROR_TOO_LARGE: no memory
 */
VigilSession *vigil_session_new(VigilModel *model, guint threads, GError **error);
/** vigil_session_get_threads: that it has at most. */
guint vigil_session_get_threads(const VigilSession *self);
void vigil_session_free(VigilSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSession, vigil_session_free)

/** vigil_session_get_input: where the caller writes the input, `bytes` of its info long, before each run. */
gpointer vigil_session_get_input(VigilSession *self, guint index);
/** vigil_session_get_output: valid until the next run. */
gconstpointer vigil_session_get_output(VigilSession *self, guint index);
/**
 * vigil_session_run: one inference. Allocates nothing.
 *
 * Returns: %FALSE: it failed and the outputs mean nothing, as may happen on another device or with a model of which
 *   the shapes depend on its input. A `.tflite` model never fails: everything was proved at load
 */
gboolean vigil_session_run(VigilSession *self);
/**
 * vigil_session_run_timed: the same in this thread alone, a little slower.
 * @ns: (inout) (nullable): one for each operator of the model; its nanoseconds of CPU time are added
 */
void vigil_session_run_timed(VigilSession *self, gint64 *ns);

G_END_DECLS
