/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <gst/gst.h>

#include "plugins/avcodec/vigil-avcodec-library-private.h"

/* Of the version whose structures the headers describe; a later one may have others. */
#define LIBRARY "libavcodec.so." G_STRINGIFY(LIBAVCODEC_VERSION_MAJOR)

static VigilAvcodecApi api;
static gchar *problem; /* (nullable) */

static void
load_api(void)
{
    static const gchar *const names[] = {
#define NAME(name) #name,
        VIGIL_AVCODEC_SYMBOLS(NAME)
#undef NAME
    };
    void **const members = (void **)&api;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    G_STATIC_ASSERT(sizeof api == G_N_ELEMENTS(names) * sizeof(void *));
    if (!library) {
        problem = g_strdup_printf("%s cannot be opened (%s)", LIBRARY, dlerror());
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(names) && !problem; i++) {
        members[i] = dlsym(library, names[i]);
        if (!members[i])
            problem = g_strdup_printf("%s has no %s", LIBRARY, names[i]);
    }
    /* what is wrong with a stream is counted; it would say so for every frame */
    if (!problem)
        api.av_log_set_level(AV_LOG_QUIET);
}

const VigilAvcodecApi *
vigil_avcodec_library_get(GError **error)
{
    static gsize loaded;

    if (g_once_init_enter(&loaded)) {
        load_api();
        g_once_init_leave(&loaded, 1);
    }
    if (!problem)
        return &api;
    g_set_error_literal(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT, problem);
    return NULL;
}
