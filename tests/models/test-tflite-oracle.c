/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow Lite itself, with its XNNPACK delegate, beside our core: the shipped models must give the same bytes.
 * The library (libtensorflowlite_c.so 2.9, which has the delegate in it) is named by $VIGIL_TFLITE_LIBRARY; without it
 * nothing is compared. $VIGIL_TFLITE_MODELS names more models, with colons between.
 */
#include <check.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"

#define N_RANDOM 4

/* The part of TensorFlow Lite's C interface that is needed, by its names without "TfLite". */
typedef struct {
    gint32 n_threads;
    guint32 flags;
    gpointer weights_cache;
} DelegateOptions;

#define FLAG_QS8 1u

static struct {
    gpointer (*ModelCreate)(gconstpointer data, gsize size);
    void (*ModelDelete)(gpointer model);
    gpointer (*InterpreterOptionsCreate)(void);
    void (*InterpreterOptionsDelete)(gpointer options);
    void (*InterpreterOptionsAddDelegate)(gpointer options, gpointer delegate);
    DelegateOptions (*XNNPackDelegateOptionsDefault)(void);
    gpointer (*XNNPackDelegateCreate)(const DelegateOptions *options);
    void (*XNNPackDelegateDelete)(gpointer delegate);
    gpointer (*InterpreterCreate)(gpointer model, gpointer options);
    void (*InterpreterDelete)(gpointer interpreter);
    int (*InterpreterAllocateTensors)(gpointer interpreter);
    int (*InterpreterInvoke)(gpointer interpreter);
    gint32 (*InterpreterGetOutputTensorCount)(gconstpointer interpreter);
    gpointer (*InterpreterGetInputTensor)(gconstpointer interpreter, gint32 index);
    gconstpointer (*InterpreterGetOutputTensor)(gconstpointer interpreter, gint32 index);
    gpointer (*TensorData)(gconstpointer tensor);
    gsize (*TensorByteSize)(gconstpointer tensor);
} tflite;

static const struct {
    const gchar *name;
    gpointer slot;
} symbols[] = {
    {"TfLiteModelCreate", &tflite.ModelCreate},
    {"TfLiteModelDelete", &tflite.ModelDelete},
    {"TfLiteInterpreterOptionsCreate", &tflite.InterpreterOptionsCreate},
    {"TfLiteInterpreterOptionsDelete", &tflite.InterpreterOptionsDelete},
    {"TfLiteInterpreterOptionsAddDelegate", &tflite.InterpreterOptionsAddDelegate},
    {"TfLiteXNNPackDelegateOptionsDefault", &tflite.XNNPackDelegateOptionsDefault},
    {"TfLiteXNNPackDelegateCreate", &tflite.XNNPackDelegateCreate},
    {"TfLiteXNNPackDelegateDelete", &tflite.XNNPackDelegateDelete},
    {"TfLiteInterpreterCreate", &tflite.InterpreterCreate},
    {"TfLiteInterpreterDelete", &tflite.InterpreterDelete},
    {"TfLiteInterpreterAllocateTensors", &tflite.InterpreterAllocateTensors},
    {"TfLiteInterpreterInvoke", &tflite.InterpreterInvoke},
    {"TfLiteInterpreterGetOutputTensorCount", &tflite.InterpreterGetOutputTensorCount},
    {"TfLiteInterpreterGetInputTensor", &tflite.InterpreterGetInputTensor},
    {"TfLiteInterpreterGetOutputTensor", &tflite.InterpreterGetOutputTensor},
    {"TfLiteTensorData", &tflite.TensorData},
    {"TfLiteTensorByteSize", &tflite.TensorByteSize},
};

static gboolean
load_oracle(void)
{
    const gchar *path = g_getenv("VIGIL_TFLITE_LIBRARY");
    gpointer library;

    if (!path || !*path) {
        g_printerr("SKIP: no oracle to compare with (set VIGIL_TFLITE_LIBRARY to "
                   "libtensorflowlite_c.so)\n");
        return FALSE;
    }
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    for (guint i = 0; i < G_N_ELEMENTS(symbols); i++) {
        gpointer symbol = dlsym(library, symbols[i].name);

        ck_assert_msg(symbol != NULL, "%s has no %s", path, symbols[i].name);
        memcpy(symbols[i].slot, &symbol, sizeof symbol);
    }
    return TRUE;
}

/* Both run on the same input; their outputs must be the same bytes. */
static void
compare_run(const gchar *name, VigilModel *model, VigilSession *session, gpointer interpreter,
            guint32 seed)
{
    const VigilTensorInfo *info = vigil_model_get_input_info(model, 0);
    gpointer tensor = tflite.InterpreterGetInputTensor(interpreter, 0);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    guint8 *input = vigil_session_get_input(session, 0);
    const gint32 spread = 1 + (gint32)(seed % 4) * 80;

    ck_assert_uint_eq(tflite.TensorByteSize(tensor), info->bytes);
    /* from an almost even gray to noise over the whole range: small and large numbers inside */
    for (gsize i = 0; i < info->bytes; i++)
        input[i] = (guint8)(g_rand_int_range(rand, 0, spread) - spread / 2);
    memcpy(tflite.TensorData(tensor), input, info->bytes);
    ck_assert_int_eq(tflite.InterpreterInvoke(interpreter), 0);
    vigil_session_run(session);
    for (guint i = 0; i < vigil_model_get_n_outputs(model); i++) {
        gconstpointer theirs = tflite.InterpreterGetOutputTensor(interpreter, (gint32)i);
        const guint8 *a = tflite.TensorData(theirs), *b = vigil_session_get_output(session, i);
        const gsize n = vigil_model_get_output_info(model, i)->bytes;
        gsize differing = 0;

        ck_assert_uint_eq(tflite.TensorByteSize(theirs), n);
        for (gsize k = 0; k < n; k++)
            differing += a[k] != b[k];
        ck_assert_msg(differing == 0,
                      "%s: output %u: %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes differ",
                      name, i, differing, n);
    }
}

static void
compare_model(const gchar *path)
{
    const DelegateOptions plain = tflite.XNNPackDelegateOptionsDefault();
    const DelegateOptions options = {plain.n_threads, FLAG_QS8, plain.weights_cache};
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = vigil_model_load(path, &error);
    g_autoptr(VigilSession) session = model ? vigil_session_new(model, 1, &error) : NULL;
    gpointer interpreter_options, delegate, theirs, interpreter;
    gsize size;
    gconstpointer data;

    g_assert_no_error(error);
    data = g_bytes_get_data(vigil_model_get_file_bytes(model), &size);
    theirs = tflite.ModelCreate(data, size);
    ck_assert_msg(theirs != NULL, "%s: TensorFlow Lite does not read it", path);
    interpreter_options = tflite.InterpreterOptionsCreate();
    delegate = tflite.XNNPackDelegateCreate(&options);
    tflite.InterpreterOptionsAddDelegate(interpreter_options, delegate);
    interpreter = tflite.InterpreterCreate(theirs, interpreter_options);
    ck_assert_msg(interpreter && tflite.InterpreterAllocateTensors(interpreter) == 0,
                  "%s: TensorFlow Lite does not take it", path);
    ck_assert_int_eq(tflite.InterpreterGetOutputTensorCount(interpreter),
                     vigil_model_get_n_outputs(model));
    for (guint32 seed = 1; seed <= N_RANDOM; seed++)
        compare_run(path, model, session, interpreter, seed);
    tflite.InterpreterDelete(interpreter);
    tflite.InterpreterOptionsDelete(interpreter_options);
    tflite.XNNPackDelegateDelete(delegate);
    tflite.ModelDelete(theirs);
}

/* Every .tflite of a folder. */
static guint
compare_folder(const gchar *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    guint n = 0;

    for (const gchar *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir)) {
        g_autofree gchar *path = g_build_filename(folder, name, NULL);

        if (g_str_has_suffix(name, ".tflite")) {
            compare_model(path);
            n++;
        }
    }
    return n;
}

START_TEST(test_shipped_models)
{
    static const gchar *const packages[] = {"default"};
    g_autofree gchar *folder =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "models", "default", packages[_i], NULL);

    if (load_oracle())
        ck_assert_uint_eq(compare_folder(folder), 1);
}
END_TEST

START_TEST(test_other_models)
{
    const gchar *list = g_getenv("VIGIL_TFLITE_MODELS");
    g_auto(GStrv) paths = g_strsplit(list ? list : "", ":", -1);

    if (!*paths || !load_oracle())
        return;
    for (guint i = 0; paths[i]; i++)
        compare_model(paths[i]);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("tflite-oracle");
    TCase *tcase = tcase_create("tflite-oracle");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_shipped_models, 0, 1);
    tcase_add_test(tcase, test_other_models);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
