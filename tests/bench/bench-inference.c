/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-inference [MODEL...]: milliseconds of one inference of each model, on one thread: the least and the median of the
 * runs, which the models take by turns, so that each sees the machine in the same moods; with its multiply-accumulates.
 * Processor time, which other work on the machine changes little. The content of the input does not matter to an
 * integer model's speed; it is the same noise for all. Without arguments: the default model and every .tflite of the test
 * data.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "models/vigil-model.h"
#include "tests/support/vigil-test-data.h"

#define SECONDS_PER_MODEL 3
#define SECONDS_PER_TURN 0.1
#define MAX_RUNS 4000
#define DEFAULT "models/default/default/detector.tflite"

typedef struct {
    gchar *name;
    VigilModel *model;
    VigilSession *session;
    gdouble spent, ms[MAX_RUNS];
    guint n;
} Bench;

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

static gdouble
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (gdouble)now.tv_sec * 1e3 + (gdouble)now.tv_nsec / 1e6;
}

/* NULL after a message where Vigil does not run the model. */
static Bench *
bench_new(const gchar *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *name = g_path_get_basename(path);
    g_autoptr(VigilModel) model = vigil_model_load(path, &error);
    g_autoptr(VigilSession) session = model ? vigil_session_new(model, 1, &error) : NULL;
    Bench *self;

    if (session == NULL) {
        g_print("%s: refused: %s\n", name, error->message);
        return NULL;
    }
    fill_inputs(model, session);
    vigil_session_run(session);
    self = g_new0(Bench, 1);
    self->name = g_steal_pointer(&name);
    self->model = g_steal_pointer(&model);
    self->session = g_steal_pointer(&session);
    return self;
}

static void
bench_free(Bench *self)
{
    vigil_session_free(self->session);
    vigil_model_unref(self->model);
    g_free(self->name);
    g_free(self);
}

/* One inference at least, and as many as fit into a turn. */
static void
bench_turn(Bench *self)
{
    const gdouble begin = self->spent;

    do {
        const gdouble from = now_ms();

        vigil_session_run(self->session);
        self->ms[self->n] = now_ms() - from;
        self->spent += self->ms[self->n++];
    } while (self->n < MAX_RUNS && self->spent - begin < SECONDS_PER_TURN * 1e3);
}

static gboolean
bench_is_done(const Bench *self)
{
    return self->n == MAX_RUNS || self->spent >= SECONDS_PER_MODEL * 1e3;
}

static void
bench_print(Bench *self)
{
    guint64 macs = 0;

    for (guint i = 0; i < vigil_model_get_n_operators(self->model); i++)
        macs += vigil_model_get_operator_info(self->model, i).macs;
    qsort(self->ms, self->n, sizeof(self->ms[0]), compare_doubles);
    g_print("%-52s %8.1f M MACs  min %9.3f ms  median %9.3f ms  (%u runs)\n", self->name,
            (gdouble)macs / 1e6, self->ms[0], self->ms[self->n / 2], self->n);
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const gchar *const *)a, *(const gchar *const *)b);
}

/* The models of the command line, or all there are. */
static GPtrArray *
find_models(int argc, char **argv)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    g_autofree gchar *folder = NULL;
    g_autoptr(GDir) dir = NULL;
    const gchar *root = g_getenv("VIGIL_SOURCE_ROOT");
    const gchar *name;

    for (int i = 1; i < argc; i++)
        g_ptr_array_add(paths, g_strdup(argv[i]));
    if (argc > 1)
        return paths;
    if (root)
        g_ptr_array_add(paths, g_build_filename(root, DEFAULT, NULL));
    folder = vigil_test_data_path("models");
    dir = folder ? g_dir_open(folder, 0, NULL) : NULL;
    while (dir && (name = g_dir_read_name(dir)))
        if (g_str_has_suffix(name, ".tflite"))
            g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
    g_ptr_array_sort(paths, by_name);
    return paths;
}

int
main(int argc, char **argv)
{
    g_autoptr(GPtrArray) paths = find_models(argc, argv);
    g_autoptr(GPtrArray) benches = g_ptr_array_new_with_free_func((GDestroyNotify)bench_free);
    gboolean done = FALSE;

    for (guint i = 0; i < paths->len; i++) {
        Bench *bench = bench_new(paths->pdata[i]);

        if (bench)
            g_ptr_array_add(benches, bench);
    }
    while (!done) {
        done = TRUE;
        for (guint i = 0; i < benches->len; i++) {
            if (bench_is_done(benches->pdata[i]))
                continue;
            bench_turn(benches->pdata[i]);
            done = FALSE;
        }
    }
    for (guint i = 0; i < benches->len; i++)
        bench_print(benches->pdata[i]);
    return EXIT_SUCCESS;
}
