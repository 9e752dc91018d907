/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <string.h>

#include "models/backends/vigil-onnx-library-private.h"
#include "vigil-config.h"

#define LONGEST_MESSAGE 400

static GMutex lock;
static const OrtApi *loaded;
static OrtEnv *env;
static guint n_users;

/* Its warnings are of use to those who make models; errors come back as such, too. */
static void ORT_API_CALL
log_message(void *param, OrtLoggingLevel severity, const char *category, const char *id,
            const char *where, const char *message)
{
    g_debug("ONNX Runtime: %s", message);
}

gboolean
vigil_onnx_ok(const OrtApi *api, OrtStatus *status, VigilModelError code, GError **error)
{
    g_autofree gchar *message = NULL;

    if (!status)
        return TRUE;
    message = g_utf8_make_valid(api->GetErrorMessage(status), -1);
    g_strdelimit(message, "\n\r", ' ');
    if (strlen(message) > LONGEST_MESSAGE)
        *g_utf8_find_prev_char(message, message + LONGEST_MESSAGE) = '\0';
    g_set_error(error, VIGIL_MODEL_ERROR, (gint)code, "ONNX Runtime says: %s", message);
    api->ReleaseStatus(status);
    return FALSE;
}

/* The version of the header first, then what later ones and other makers call it. */
static void *
open_library(void)
{
    static const gchar *const names[] = {ONNXRUNTIME_LIBRARY, "libonnxruntime.so.1",
                                         "libonnxruntime.so"};
    void *library = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(names) && !library; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    return library;
}

/* It is never closed: its threads' destructors may still be in it. */
static const OrtApi *
load_api(GError **error)
{
    void *library = open_library();
    const OrtApiBase *(*get_base)(void) = NULL;
    const OrtApi *api;

    if (!library) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "ONNX Runtime, which runs .onnx files, cannot be opened (%s): install %s",
                    dlerror(), ONNXRUNTIME_LIBRARY);
        return NULL;
    }
    *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    api = get_base ? get_base()->GetApi(ORT_API_VERSION) : NULL;
    if (!api)
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "the ONNX Runtime that is installed is older than the one that Vigil was built "
                    "with (1.%d)",
                    ORT_API_VERSION);
    return api;
}

static gboolean
register_arena(const OrtApi *api, OrtEnv *environment, GError **error)
{
    const VigilModelError code = VIGIL_MODEL_ERROR_UNSUPPORTED;
    const gchar *const keys[] = {"max_mem", "arena_extend_strategy"};
    const size_t values[] = {VIGIL_ONNX_MAX_ARENA_BYTES, 1 /* as much as is asked for */};
    OrtMemoryInfo *info = NULL;
    OrtArenaCfg *config = NULL;
    const gboolean ok =
        vigil_onnx_ok(api, api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &info),
                      code, error) &&
        vigil_onnx_ok(api, api->CreateArenaCfgV2(keys, values, G_N_ELEMENTS(keys), &config), code,
                      error) &&
        vigil_onnx_ok(api, api->CreateAndRegisterAllocator(environment, info, config), code, error);

    if (config)
        api->ReleaseArenaCfg(config);
    if (info)
        api->ReleaseMemoryInfo(info);
    return ok;
}

static gboolean
make_env(GError **error)
{
    OrtEnv *made = NULL;

    if (!vigil_onnx_ok(loaded,
                       loaded->CreateEnvWithCustomLogger(log_message, NULL,
                                                         ORT_LOGGING_LEVEL_WARNING, "vigil", &made),
                       VIGIL_MODEL_ERROR_UNSUPPORTED, error))
        return FALSE;
    if (!vigil_onnx_ok(loaded, loaded->DisableTelemetryEvents(made), VIGIL_MODEL_ERROR_UNSUPPORTED,
                       error) ||
        !register_arena(loaded, made, error)) {
        loaded->ReleaseEnv(made);
        return FALSE;
    }
    env = made;
    return TRUE;
}

gboolean
vigil_onnx_library_acquire(VigilOnnxLibrary *self, GError **error)
{
    gboolean ok;

    g_mutex_lock(&lock);
    if (!loaded)
        loaded = load_api(error);
    ok = loaded && (env || make_env(error));
    if (ok) {
        n_users++;
        *self = (VigilOnnxLibrary){loaded, env};
    }
    g_mutex_unlock(&lock);
    return ok;
}

void
vigil_onnx_library_release(void)
{
    g_mutex_lock(&lock);
    if (--n_users == 0) {
        loaded->ReleaseEnv(env);
        env = NULL;
    }
    g_mutex_unlock(&lock);
}

/* --- devices ---------------------------------------------------------------------------------- */

static gboolean
has_provider(const OrtApi *api, const gchar *name)
{
    gboolean found = FALSE;
    char **providers = NULL;
    int n = 0;

    if (!vigil_onnx_ok(api, api->GetAvailableProviders(&providers, &n),
                       VIGIL_MODEL_ERROR_UNSUPPORTED, NULL))
        return FALSE;
    for (int i = 0; i < n; i++)
        found |= g_str_equal(providers[i], name);
    return vigil_onnx_ok(api, api->ReleaseAvailableProviders(providers, n),
                         VIGIL_MODEL_ERROR_UNSUPPORTED, NULL) &&
           found;
}

static gboolean
add_cuda(const OrtApi *api, OrtSessionOptions *options, GError **error)
{
    OrtCUDAProviderOptionsV2 *cuda = NULL;
    const gboolean ok =
        vigil_onnx_ok(api, api->CreateCUDAProviderOptions(&cuda), VIGIL_MODEL_ERROR_UNSUPPORTED,
                      error) &&
        vigil_onnx_ok(api, api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda),
                      VIGIL_MODEL_ERROR_UNSUPPORTED, error);

    if (cuda)
        api->ReleaseCUDAProviderOptions(cuda);
    return ok;
}

static gboolean
add_tensorrt(const OrtApi *api, OrtSessionOptions *options, GError **error)
{
    OrtTensorRTProviderOptionsV2 *tensorrt = NULL;
    const gboolean ok =
        vigil_onnx_ok(api, api->CreateTensorRTProviderOptions(&tensorrt),
                      VIGIL_MODEL_ERROR_UNSUPPORTED, error) &&
        vigil_onnx_ok(api,
                      api->SessionOptionsAppendExecutionProvider_TensorRT_V2(options, tensorrt),
                      VIGIL_MODEL_ERROR_UNSUPPORTED, error);

    if (tensorrt)
        api->ReleaseTensorRTProviderOptions(tensorrt);
    return ok;
}

gboolean
vigil_onnx_add_device(const OrtApi *api, OrtSessionOptions *options, VigilDevice device)
{
    const gboolean tensorrt = device == VIGIL_DEVICE_TENSORRT;
    const gchar *provider = tensorrt ? "TensorrtExecutionProvider" : "CUDAExecutionProvider";
    g_autoptr(GError) error = NULL;

    if (!has_provider(api, provider)) {
        g_warning("this ONNX Runtime has no %s: the model runs on the CPU", provider);
        return FALSE;
    }
    if (tensorrt ? add_tensorrt(api, options, &error) : add_cuda(api, options, &error))
        return TRUE;
    g_warning("%s cannot be used (%s): the model runs on the CPU", provider, error->message);
    return FALSE;
}
