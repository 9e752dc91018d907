/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/detect/vigil-detect-instance.h"

#include <glib/gstdio.h>

static void
append_file(GString *name, const gchar *path)
{
    GStatBuf info;

    g_string_append_printf(name, "|%s", path);
    if (g_stat(path, &info) != 0)
        return;
    g_string_append_printf(name,
                           ":%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT ":%" G_GINT64_FORMAT
                           ":%" G_GINT64_FORMAT ".%09ld:%" G_GINT64_FORMAT ".%09ld",
                           (guint64)info.st_dev, (guint64)info.st_ino, (gint64)info.st_size,
                           (gint64)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                           (gint64)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

static gint
compare(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const gchar *const *)a, *(const gchar *const *)b);
}

static void
append_directory(GString *name, const gchar *path)
{
    g_autoptr(GPtrArray) children = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const gchar *child;

    while (dir && (child = g_dir_read_name(dir)))
        g_ptr_array_add(children, g_build_filename(path, child, NULL));
    g_ptr_array_sort(children, compare);
    for (guint i = 0; i < children->len; i++)
        append_file(name, children->pdata[i]);
}

gchar *
vigil_detect_instance_name(const VigilDetectorOptions *options)
{
    GString *name = g_string_new("same");

    g_string_append_printf(name, "|%g|%g|%u|%u|%d", options->threshold, options->iou_threshold,
                           options->max_detections, options->threads, (gint)options->device);
    append_file(name, options->model);
    append_directory(name, options->model);
    if (options->labels)
        append_file(name, options->labels);
    return g_string_free(name, FALSE);
}
