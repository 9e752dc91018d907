/* SPDX-License-Identifier: Apache-2.0 */
/* TensorFlow Lite through its C interface, from a library that is looked for at run time. */
#include <dlfcn.h>

#include "tests/bench/bench-peer.h"

#ifdef __aarch64__
#define LIBRARY "linux_arm64"
#else
#define LIBRARY "linux_amd64"
#endif

/* Of tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h, 2.9 */
typedef struct {
    gint32 num_threads;
    guint32 flags;
    gpointer weights_cache;
} XnnpackOptions;

#define XNNPACK_FLAG_QS8 1u

/* Of tensorflow/lite/c/c_api.h, 2.9; the structs are opaque. */
static struct {
    gboolean looked;
    gboolean found;
    const gchar *(*version)(void);
    gpointer (*model_from_file)(const gchar *path);
    void (*model_delete)(gpointer model);
    gpointer (*options_create)(void);
    void (*options_delete)(gpointer options);
    void (*options_set_threads)(gpointer options, gint32 n);
    void (*options_add_delegate)(gpointer options, gpointer delegate);
    gpointer (*interpreter_create)(gpointer model, gpointer options);
    void (*interpreter_delete)(gpointer interpreter);
    gint (*allocate)(gpointer interpreter);
    gint (*invoke)(gpointer interpreter);
    gint32 (*n_inputs)(gpointer interpreter);
    gpointer (*input)(gpointer interpreter, gint32 index);
    gpointer (*tensor_data)(gpointer tensor);
    gsize (*tensor_bytes)(gpointer tensor);
    gint (*tensor_type)(gpointer tensor);
    XnnpackOptions (*xnnpack_options)(void);
    gpointer (*xnnpack_create)(const XnnpackOptions *options);
    void (*xnnpack_delete)(gpointer delegate);
} tflite;

#define TYPE_FLOAT32 1

typedef struct {
    gpointer model, interpreter, delegate;
} Tflite;

static gboolean
find(gpointer library, const gchar *name, gpointer *function)
{
    *function = dlsym(library, name);
    return *function != NULL;
}

#define FIND(name, member) find(library, name, (gpointer *)&tflite.member)

static gboolean
load_library(void)
{
    g_autofree gchar *path = NULL;
    gpointer library;

    if (tflite.looked)
        return tflite.found;
    tflite.looked = TRUE;
    if (!bench_peers_folder())
        return FALSE;
    path = g_build_filename(bench_peers_folder(), "node_modules/tfjs-tflite-node/cc_deps", LIBRARY,
                            "libtensorflowlite_c.so", NULL);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    tflite.found =
        library && FIND("TfLiteVersion", version) &&
        FIND("TfLiteModelCreateFromFile", model_from_file) &&
        FIND("TfLiteModelDelete", model_delete) &&
        FIND("TfLiteInterpreterOptionsCreate", options_create) &&
        FIND("TfLiteInterpreterOptionsDelete", options_delete) &&
        FIND("TfLiteInterpreterOptionsSetNumThreads", options_set_threads) &&
        FIND("TfLiteInterpreterOptionsAddDelegate", options_add_delegate) &&
        FIND("TfLiteInterpreterCreate", interpreter_create) &&
        FIND("TfLiteInterpreterDelete", interpreter_delete) &&
        FIND("TfLiteInterpreterAllocateTensors", allocate) &&
        FIND("TfLiteInterpreterInvoke", invoke) &&
        FIND("TfLiteInterpreterGetInputTensorCount", n_inputs) &&
        FIND("TfLiteInterpreterGetInputTensor", input) && FIND("TfLiteTensorData", tensor_data) &&
        FIND("TfLiteTensorByteSize", tensor_bytes) && FIND("TfLiteTensorType", tensor_type) &&
        FIND("TfLiteXNNPackDelegateOptionsDefault", xnnpack_options) &&
        FIND("TfLiteXNNPackDelegateCreate", xnnpack_create) &&
        FIND("TfLiteXNNPackDelegateDelete", xnnpack_delete);
    return tflite.found;
}

static void
close_model(gpointer data)
{
    Tflite *self = data;

    if (self->interpreter)
        tflite.interpreter_delete(self->interpreter);
    if (self->delegate)
        tflite.xnnpack_delete(self->delegate);
    if (self->model)
        tflite.model_delete(self->model);
    g_free(self);
}

static gpointer
open_model(const gchar *path, gboolean xnnpack, gchar **why)
{
    Tflite *self;
    gpointer options;

    if (!load_library()) {
        *why = g_strdup("libtensorflowlite_c.so is not there");
        return NULL;
    }
    self = g_new0(Tflite, 1);
    self->model = tflite.model_from_file(path);
    options = tflite.options_create();
    tflite.options_set_threads(options, 1);
    if (xnnpack) {
        XnnpackOptions of_delegate = tflite.xnnpack_options();

        of_delegate.num_threads = 1;
        /* its flag for UINT8 makes 2.9 refuse such models; without it they run on the built-in kernels */
        of_delegate.flags |= XNNPACK_FLAG_QS8;
        self->delegate = tflite.xnnpack_create(&of_delegate);
        tflite.options_add_delegate(options, self->delegate);
    }
    self->interpreter = self->model ? tflite.interpreter_create(self->model, options) : NULL;
    tflite.options_delete(options);
    if (!self->interpreter || tflite.allocate(self->interpreter) != 0) {
        *why = g_strdup("it refuses the model");
        close_model(self);
        return NULL;
    }
    for (gint32 i = 0; i < tflite.n_inputs(self->interpreter); i++) {
        gpointer tensor = tflite.input(self->interpreter, i);

        bench_fill_noise(tflite.tensor_data(tensor), tflite.tensor_bytes(tensor),
                         tflite.tensor_type(tensor) == TYPE_FLOAT32);
    }
    return self;
}

static gpointer
open_builtin(const gchar *path, gchar **why)
{
    return open_model(path, FALSE, why);
}

static gpointer
open_xnnpack(const gchar *path, gchar **why)
{
    return open_model(path, TRUE, why);
}

static void
run(gpointer data, guint n, gdouble *ms)
{
    Tflite *self = data;

    for (guint i = 0; i < n; i++) {
        const gdouble begin = bench_now_ms();

        tflite.invoke(self->interpreter);
        ms[i] = bench_now_ms() - begin;
    }
}

static gchar *
version(void)
{
    return tflite.found ? g_strdup(tflite.version()) : NULL;
}

const BenchPeer bench_tflite = {"TensorFlow Lite", open_builtin, run, close_model, version};
const BenchPeer bench_xnnpack = {"TensorFlow Lite + XNNPACK", open_xnnpack, run, close_model,
                                 version};
