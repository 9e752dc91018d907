/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-inference [MODEL...]: milliseconds of one inference of each model, on one thread: the least and the median of the
 * runs that fit into SECONDS_PER_MODEL. The content of the input does not matter to an integer model's speed; it is the same noise for all.
 * Without arguments: every .tflite of the test data.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model.h"
#include "tests/support/vigil-test-data.h"

#define SECONDS_PER_MODEL 3
#define MAX_RUNS 1000

static int
compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void
fill_inputs(VigilModel *model, VigilSession *session)
{
    for (guint i = 0; i < vigil_model_get_n_inputs(model); i++) {
        const VigilTensorInfo *info = vigil_model_get_input_info(model, i);
        guint8 *data = vigil_session_get_input(session, i);
        guint32 noise = 1;

        memset(data, 0, info->bytes);
        /* noise would be no numbers there */
        if (info->type == VIGIL_TENSOR_FLOAT32)
            continue;
        for (gsize j = 0; j < info->bytes; j++) {
            noise = noise * 1664525u + 1013904223u;
            data[j] = noise >> 24;
        }
    }
}

static void
bench(const gchar *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModel) model = vigil_model_load(path, &error);
    g_autoptr(VigilSession) session = model ? vigil_session_new(model, 1, &error) : NULL;
    g_autofree gchar *name = g_path_get_basename(path);
    double ms[MAX_RUNS];
    guint n = 0;
    gint64 stop;

    if (session == NULL) {
        g_print("refused: %s\n", error->message);
        return;
    }
    fill_inputs(model, session);
    vigil_session_run(session);
    stop = g_get_monotonic_time() + SECONDS_PER_MODEL * G_USEC_PER_SEC;
    do {
        const gint64 begin = g_get_monotonic_time();

        vigil_session_run(session);
        ms[n++] = (g_get_monotonic_time() - begin) / 1000.0;
    } while (n < MAX_RUNS && g_get_monotonic_time() < stop);
    qsort(ms, n, sizeof(ms[0]), compare_doubles);
    g_print("%-52s min %9.2f ms  median %9.2f ms  (%u runs)\n", name, ms[0], ms[n / 2], n);
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const gchar *const *)a, *(const gchar *const *)b);
}

int
main(int argc, char **argv)
{
    g_autofree gchar *folder = NULL;
    g_autoptr(GDir) dir = NULL;
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    const gchar *name;

    for (int i = 1; i < argc; i++)
        g_ptr_array_add(paths, g_strdup(argv[i]));
    if (argc == 1 && (folder = vigil_test_data_path("models")) &&
        (dir = g_dir_open(folder, 0, NULL)))
        while ((name = g_dir_read_name(dir)))
            if (g_str_has_suffix(name, ".tflite"))
                g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
    g_ptr_array_sort(paths, by_name);
    for (guint i = 0; i < paths->len; i++)
        bench(paths->pdata[i]);
    return EXIT_SUCCESS;
}
