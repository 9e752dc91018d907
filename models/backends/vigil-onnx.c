/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX files by ONNX Runtime's C API. The runtime reads what was bounded before; what it says of the model is checked. */
#include <onnxruntime_session_options_config_keys.h>
#include <string.h>

#include "models/backends/vigil-backend-private.h"
#include "models/backends/vigil-onnx-hush-private.h"
#include "models/backends/vigil-onnx-library-private.h"
#include "models/backends/vigil-onnx-tensors-private.h"
#include "models/vigil-labels.h"

typedef struct {
    VigilOnnxLibrary library;
    OrtSession *session;
    OrtMemoryInfo *memory;
    VigilOnnxTensors inputs, outputs;
    VigilDevice device;
} Model;

typedef struct {
    Model *model;
    gpointer inputs[VIGIL_ONNX_MAX_TENSORS], outputs[VIGIL_ONNX_MAX_TENSORS];
    OrtValue *input_values[VIGIL_ONNX_MAX_TENSORS], *output_values[VIGIL_ONNX_MAX_TENSORS];
    gboolean failing; /* and that was logged */
} Session;

static void
onnx_unload(gpointer data)
{
    Model *self = data;

    if (!self)
        return;
    if (self->session)
        self->library.api->ReleaseSession(self->session);
    if (self->memory)
        self->library.api->ReleaseMemoryInfo(self->memory);
    vigil_onnx_tensors_clear(&self->inputs);
    vigil_onnx_tensors_clear(&self->outputs);
    if (self->library.api)
        vigil_onnx_library_release();
    g_free(self);
}

/* Weights that lie in other files are no part of what was read and checked: they are looked for where nothing is. */
static gboolean
set_options(const OrtApi *api, OrtSessionOptions *options, guint threads, GError **error)
{
    static const struct {
        const gchar *key, *value;
    } entries[] = {
        {kOrtSessionOptionsConfigUseEnvAllocators, "1"},
        {kOrtSessionOptionsConfigAllowIntraOpSpinning, "0"},
        {kOrtSessionOptionsConfigAllowInterOpSpinning, "0"},
        {kOrtSessionOptionsModelExternalInitializersFileFolderPath, "/nonexistent"},
    };
    const VigilModelError code = VIGIL_MODEL_ERROR_UNSUPPORTED;

    for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
        if (!vigil_onnx_ok(api,
                           api->AddSessionConfigEntry(options, entries[i].key, entries[i].value),
                           code, error))
            return FALSE;
    }
    return vigil_onnx_ok(api, api->SetSessionExecutionMode(options, ORT_SEQUENTIAL), code, error) &&
           vigil_onnx_ok(api, api->SetInterOpNumThreads(options, 1), code, error) &&
           vigil_onnx_ok(api, api->SetIntraOpNumThreads(options, (int)MAX(threads, 1u)), code,
                         error);
}

/* What it is to be good for. */
typedef enum {
    PROOF, /* every step as the file says, in the bounded arena: optimising computes constants of any size outside it */
    USE,   /* as fast as it goes, on the device that is asked for */
} Purpose;

static gboolean
read_model(Model *self, GBytes *bytes, const OrtSessionOptions *options, GError **error)
{
    static gint has_spoken; /* the runtime, as much as it does when it reads its first model */
    const gboolean first = !g_atomic_int_get(&has_spoken);
    VigilOnnxHush hush = first ? vigil_onnx_hush_begin() : (VigilOnnxHush){0};
    gsize size;
    gconstpointer content = g_bytes_get_data(bytes, &size);
    const gboolean ok =
        vigil_onnx_ok(self->library.api,
                      self->library.api->CreateSessionFromArray(
                          self->library.env, content ? content : "", size, options, &self->session),
                      VIGIL_MODEL_ERROR_INVALID, error);

    if (first)
        vigil_onnx_hush_end(&hush);
    if (ok)
        g_atomic_int_set(&has_spoken, TRUE);
    return ok;
}

static gboolean
create_session(Model *self, GBytes *bytes, guint threads, Purpose purpose, GError **error)
{
    const OrtApi *api = self->library.api;
    const GraphOptimizationLevel level = purpose == PROOF ? ORT_DISABLE_ALL : ORT_ENABLE_ALL;
    OrtSessionOptions *options = NULL;
    gboolean ok;

    g_clear_pointer(&self->session, api->ReleaseSession);
    ok = vigil_onnx_ok(api, api->CreateSessionOptions(&options), VIGIL_MODEL_ERROR_UNSUPPORTED,
                       error) &&
         set_options(api, options, threads, error) &&
         vigil_onnx_ok(api, api->SetSessionGraphOptimizationLevel(options, level),
                       VIGIL_MODEL_ERROR_UNSUPPORTED, error);
    if (ok && purpose == USE && self->device != VIGIL_DEVICE_CPU &&
        !vigil_onnx_add_device(api, options, self->device))
        self->device = VIGIL_DEVICE_CPU;
    ok = ok && read_model(self, bytes, options, error);
    if (options)
        api->ReleaseSessionOptions(options);
    return ok;
}

/* --- sessions --------------------------------------------------------------------------------- */

static void
onnx_close(gpointer data)
{
    Session *self = data;

    if (!self)
        return;
    for (guint i = 0; i < VIGIL_ONNX_MAX_TENSORS; i++) {
        if (self->input_values[i])
            self->model->library.api->ReleaseValue(self->input_values[i]);
        if (self->output_values[i])
            self->model->library.api->ReleaseValue(self->output_values[i]);
        g_free(self->inputs[i]);
        g_free(self->outputs[i]);
    }
    g_free(self);
}

/* Memory of our own, seen as one of the runtime's tensors. */
static gboolean
make_value(const Model *model, const VigilTensorInfo *info, gpointer *data, OrtValue **value,
           GError **error)
{
    const OrtApi *api = model->library.api;
    int64_t dims[VIGIL_MAX_DIMS];

    for (guint i = 0; i < info->n_dims; i++)
        dims[i] = info->dims[i];
    *data = g_try_malloc0(info->bytes);
    if (!*data) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                    "no memory for a tensor of %" G_GSIZE_FORMAT " bytes", info->bytes);
        return FALSE;
    }
    return vigil_onnx_ok(api,
                         api->CreateTensorWithDataAsOrtValue(model->memory, *data, info->bytes,
                                                             dims, info->n_dims,
                                                             vigil_onnx_type_of(info->type), value),
                         VIGIL_MODEL_ERROR_INVALID, error);
}

static gpointer
onnx_open(gpointer data, GError **error)
{
    Model *model = data;
    Session *self = g_new0(Session, 1);
    gboolean ok = TRUE;

    self->model = model;
    for (guint i = 0; i < model->inputs.n && ok; i++)
        ok = make_value(model, &model->inputs.infos[i], &self->inputs[i], &self->input_values[i],
                        error);
    for (guint i = 0; i < model->outputs.n && ok; i++)
        ok = make_value(model, &model->outputs.infos[i], &self->outputs[i], &self->output_values[i],
                        error);
    if (ok)
        return self;
    onnx_close(self);
    return NULL;
}

static gboolean
run(Session *self, GError **error)
{
    const Model *model = self->model;
    const OrtApi *api = model->library.api;

    return vigil_onnx_ok(api,
                         api->Run(model->session, NULL, (const char *const *)model->inputs.names,
                                  (const OrtValue *const *)self->input_values, model->inputs.n,
                                  (const char *const *)model->outputs.names, model->outputs.n,
                                  self->output_values),
                         VIGIL_MODEL_ERROR_INVALID, error);
}

/* Into memory that is there: the runtime refuses outputs of another shape than at load. The first failure in a row is logged. */
static gboolean
onnx_run(gpointer session)
{
    Session *self = session;
    g_autoptr(GError) error = NULL;
    const gboolean ok = run(self, &error);

    if (!ok && !self->failing)
        g_message("an inference failed: %s", error->message);
    self->failing = !ok;
    return ok;
}

static gpointer
onnx_input(gpointer session, guint index)
{
    return ((Session *)session)->inputs[index];
}

static gconstpointer
onnx_output(gpointer session, guint index)
{
    return ((Session *)session)->outputs[index];
}

/* --- models ----------------------------------------------------------------------------------- */

/* What a file says of its outputs may be open or wrong; what comes out of a run on zeros is known. */
static gboolean
find_outputs(Model *self, GError **error)
{
    Session *trial = onnx_open(self, error); /* with inputs alone */
    gboolean ok = trial && vigil_onnx_tensors_read_names(&self->outputs, &self->library,
                                                         self->session, FALSE, error);

    ok = ok && run(trial, error);
    for (guint i = 0; i < self->outputs.n && ok; i++)
        ok = vigil_onnx_tensors_read_value(&self->outputs, i, self->library.api,
                                           trial->output_values[i], error);
    onnx_close(trial);
    return ok;
}

/* Once as all later runs are: outputs that contradict what the file says of them fail only then. */
static gboolean
try_session(Model *self, GError **error)
{
    Session *trial = onnx_open(self, error);
    const gboolean ok = trial && run(trial, error);

    onnx_close(trial);
    return ok;
}

/* A provider may be there and its device not. */
static gboolean
use_anywhere(Model *self, GBytes *bytes, guint threads, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (create_session(self, bytes, threads, USE, &why) && try_session(self, &why))
        return TRUE;
    if (self->device == VIGIL_DEVICE_CPU) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    g_warning("the model runs on the CPU, since \"%s\" failed: %s",
              vigil_device_to_string(self->device), why->message);
    self->device = VIGIL_DEVICE_CPU;
    return create_session(self, bytes, threads, USE, error) && try_session(self, error);
}

static gpointer
onnx_load(GBytes *bytes, const VigilModelOptions *options, GError **error)
{
    Model *self = g_new0(Model, 1);

    self->device = options->device;
    if (vigil_onnx_library_acquire(&self->library, error) &&
        vigil_onnx_ok(self->library.api,
                      self->library.api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault,
                                                             &self->memory),
                      VIGIL_MODEL_ERROR_UNSUPPORTED, error) &&
        create_session(self, bytes, 1, PROOF, error) &&
        vigil_onnx_tensors_read_names(&self->inputs, &self->library, self->session, TRUE, error) &&
        vigil_onnx_tensors_read_inputs(&self->inputs, &self->library, self->session, options,
                                       error) &&
        find_outputs(self, error) && use_anywhere(self, bytes, options->threads, error))
        return self;
    onnx_unload(self);
    return NULL;
}

static VigilBackendTensors
onnx_tensors(gconstpointer model)
{
    const Model *self = model;

    return (VigilBackendTensors){self->inputs.n, self->outputs.n, self->inputs.infos,
                                 self->outputs.infos};
}

static const gchar *
onnx_device(gconstpointer model)
{
    return vigil_device_to_string(((const Model *)model)->device);
}

/* "names" is what Ultralytics' exporter calls them. */
static gchar *
onnx_names(gconstpointer model)
{
    const Model *self = model;
    const OrtApi *api = self->library.api;
    const VigilModelError code = VIGIL_MODEL_ERROR_INVALID;
    OrtModelMetadata *metadata = NULL;
    OrtAllocator *allocator = NULL;
    char *value = NULL;
    gchar *names = NULL;

    if (vigil_onnx_ok(api, api->GetAllocatorWithDefaultOptions(&allocator), code, NULL) &&
        vigil_onnx_ok(api, api->SessionGetModelMetadata(self->session, &metadata), code, NULL) &&
        vigil_onnx_ok(
            api, api->ModelMetadataLookupCustomMetadataMap(metadata, allocator, "names", &value),
            code, NULL) &&
        value && strlen(value) <= VIGIL_LABELS_MAX_BYTES)
        names = g_strdup(value);
    if (value)
        allocator->Free(allocator, value);
    if (metadata)
        api->ReleaseModelMetadata(metadata);
    return names;
}

const VigilBackend *
vigil_backend_onnxruntime(void)
{
    static const VigilBackend backend = {
        .name = "onnxruntime",
        .load = onnx_load,
        .unload = onnx_unload,
        .tensors = onnx_tensors,
        .device = onnx_device,
        .names = onnx_names,
        .open = onnx_open,
        .close = onnx_close,
        .input = onnx_input,
        .output = onnx_output,
        .run = onnx_run,
    };

    return &backend;
}
