/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-gst.h"

#include <stdio.h>

#include "pipeline/vigil-redact.h"

#define PLUGIN_FILE "libgstvigil.so"

/* made by GST_PLUGIN_DEFINE of the plugin, which is linked into the program */
void gst_plugin_vigil_register(void);

static FILE *log_file;

static void
log_redacted(GstDebugCategory *category, GstDebugLevel level, const gchar *file,
             const gchar *function, gint line, GObject *object, GstDebugMessage *message,
             gpointer user_data)
{
    g_autofree gchar *text = NULL, *safe = NULL;

    if (level > gst_debug_category_get_threshold(category))
        return;
    text = gst_debug_log_get_line(category, level, file, function, line, object, message);
    safe = vigil_redact(text);
    fputs(safe, log_file);
    fflush(log_file);
}

static void
redirect_log(void)
{
    const gchar *path = g_getenv("GST_DEBUG_FILE");

    log_file = path && *path && !g_str_equal(path, "-") ? fopen(path, "we") : NULL;
    if (!log_file)
        log_file = stderr;
    gst_debug_remove_log_function(gst_debug_log_default);
    gst_debug_add_log_function(log_redacted, NULL, NULL);
}

/*
 * The program has the elements in itself, and must not have them twice: where GStreamer scans plugins in this process, the
 * folders with Vigil's own plugin are left out.
 */
static void
keep_own_plugin_out(const gchar *variable)
{
    const gchar *path = g_getenv(variable);
    g_auto(GStrv) folders = path ? g_strsplit(path, G_SEARCHPATH_SEPARATOR_S, -1) : NULL;
    g_autoptr(GString) rest = g_string_new(NULL);

    if (!folders || g_strcmp0(g_getenv("GST_REGISTRY_FORK"), "no") != 0)
        return;
    for (gchar **folder = folders; *folder; folder++) {
        g_autofree gchar *file = g_build_filename(*folder, PLUGIN_FILE, NULL);

        if (g_file_test(file, G_FILE_TEST_EXISTS))
            continue;
        if (rest->len)
            g_string_append(rest, G_SEARCHPATH_SEPARATOR_S);
        g_string_append(rest, *folder);
    }
    g_setenv(variable, rest->str, TRUE);
}

gboolean
vigil_gst_init(GError **error)
{
    if (gst_is_initialized())
        return TRUE;
    keep_own_plugin_out("GST_PLUGIN_PATH_1_0");
    keep_own_plugin_out("GST_PLUGIN_PATH");
    redirect_log(); /* before GStreamer sets up a log of its own */
    if (!gst_init_check(NULL, NULL, error))
        return FALSE;
    gst_plugin_vigil_register();
    return TRUE;
}

gboolean
vigil_gst_has(const gchar *name)
{
    GstElementFactory *factory = gst_element_factory_find(name);

    if (!factory)
        return FALSE;
    gst_object_unref(factory);
    return TRUE;
}

static const gchar *
find_package(const gchar *factory)
{
    static const struct {
        const gchar *factory, *package;
    } packages[] = {
        {"h264parse", "gstreamer1.0-plugins-bad"},     {"h265parse", "gstreamer1.0-plugins-bad"},
        {"tsdemux", "gstreamer1.0-plugins-bad"},       {"x264enc", "gstreamer1.0-plugins-ugly"},
        {"rtspsrc", "gstreamer1.0-plugins-good"},      {"qtdemux", "gstreamer1.0-plugins-good"},
        {"videoconvert", "gstreamer1.0-plugins-base"}, {"clocksync", "libgstreamer1.0-0"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(packages); i++)
        if (g_str_equal(packages[i].factory, factory))
            return packages[i].package;
    return NULL;
}

GstElement *
vigil_gst_make(const gchar *factory, const gchar *name, GError **error)
{
    GstElement *element = gst_element_factory_make(factory, name);
    const gchar *package = element ? NULL : find_package(factory);

    if (!element)
        g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                    "GStreamer's element %s is not installed%s%s", factory,
                    package ? "; Debian has it in " : "", package ? package : "");
    return element;
}
