/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-peers [--wall] [-o FILE] [MODEL...]: one inference of each model by Vigil and by other runtimes, one thread each, on
 * one processor (the one of $VIGIL_BENCH_CPU, else where the program happens to begin), in turns in one run. Medians, in
 * milliseconds of processor time; --wall: of the clock. Writes a table, and with -o the same as markdown. Without models:
 * those of the test data. A runtime that is not there is left out with a message.
 */
#include <locale.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "models/vigil-model.h"
#include "tests/bench/bench-peer.h"
#include "tests/support/vigil-test-data.h"

#define ROUNDS 12
#define ROUND_MS 120.0
#define MAX_BATCH 200
#define N_PEERS G_N_ELEMENTS(peers)

static const BenchPeer *const peers[] = {&bench_vigil, &bench_tflite, &bench_xnnpack, &bench_onnx,
                                         &bench_onednn};
static const gchar *const models[] = {
    "synthetic_ssd_mobilenet_v2_300_int8",
    "ssd_mobilenet_v1_coco_quant_300",
    "yolov8n_full_integer_quant_416",
    "yolov5n-int8",
    "coral_tf2_mobilenet_v2_1.0_224_ptq",
    "blazeface_128_int8",
    "mlperf_vww_96_int8",
    "st_ssd_mobilenet_v2_fpnlite_100_256_int8",
    "mobilenet_v1_0.5_128_quant",
    "mobilenet_v2_1.0_224_int8_per_tensor",
};

static gboolean wall;

/* --- what all runtimes use --------------------------------------------------------------------------------------- */

void
bench_use_wall(void)
{
    wall = TRUE;
}

gboolean
bench_is_wall(void)
{
    return wall;
}

gdouble
bench_now_ms(void)
{
    struct timespec now;

    clock_gettime(wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
    return (gdouble)now.tv_sec * 1e3 + (gdouble)now.tv_nsec / 1e6;
}

void
bench_fill_noise(guint8 *data, gsize n, gboolean is_float)
{
    guint32 noise = 1;

    memset(data, 0, n);
    for (gsize i = 0; !is_float && i < n; i++) {
        noise = noise * 1664525u + 1013904223u;
        data[i] = (guint8)(noise >> 24);
    }
}

static gint
compare_doubles(gconstpointer a, gconstpointer b)
{
    const gdouble left = *(const gdouble *)a, right = *(const gdouble *)b;

    return (left > right) - (left < right);
}

gdouble
bench_median(GArray *numbers)
{
    g_array_sort(numbers, compare_doubles);
    return numbers->len ? g_array_index(numbers, gdouble, numbers->len / 2) : (gdouble)NAN;
}

const gchar *
bench_peers_folder(void)
{
    const gchar *folder = g_getenv("VIGIL_PEERS");

    return folder && *folder ? folder : NULL;
}

/* --- Vigil ------------------------------------------------------------------------------------------------------- */

typedef struct {
    VigilModel *model;
    VigilSession *session;
} Own;

static gchar *used_isa;

static void
close_own(gpointer data)
{
    Own *self = data;

    g_clear_pointer(&self->session, vigil_session_free);
    g_clear_pointer(&self->model, vigil_model_unref);
    g_free(self);
}

static gpointer
open_own(const gchar *path, gchar **why)
{
    g_autoptr(GError) error = NULL;
    Own *self = g_new0(Own, 1);

    self->model = vigil_model_load(path, &error);
    self->session = self->model ? vigil_session_new(self->model, 1, &error) : NULL;
    if (!self->session) {
        *why = g_strdup(error->message);
        close_own(self);
        return NULL;
    }
    g_free(used_isa);
    used_isa = g_strdup(vigil_model_get_isa(self->model));
    for (guint i = 0; i < vigil_model_get_n_inputs(self->model); i++) {
        const VigilTensorInfo *info = vigil_model_get_input_info(self->model, i);

        bench_fill_noise(vigil_session_get_input(self->session, i), info->bytes,
                         info->type == VIGIL_TENSOR_FLOAT32);
    }
    return self;
}

static void
run_own(gpointer data, guint n, gdouble *ms)
{
    Own *self = data;

    for (guint i = 0; i < n; i++) {
        const gdouble begin = bench_now_ms();

        vigil_session_run(self->session);
        ms[i] = bench_now_ms() - begin;
    }
}

static gchar *
own_version(void)
{
    return g_strdup(used_isa);
}

const BenchPeer bench_vigil = {"Vigil", open_own, run_own, close_own, own_version, NULL};

/* --- measuring --------------------------------------------------------------------------------------------------- */

/* Of one runtime and one model, in milliseconds; NAN: it does not run this model. */
typedef struct {
    gdouble median;
    gdouble own_part; /* Vigil, where the runtime runs a part of the model; else NAN */
} Result;

static void
measure(const gchar *path, Result results[N_PEERS])
{
    g_autofree gchar *name = g_path_get_basename(path);
    gpointer opened[N_PEERS];
    GArray *times[N_PEERS];
    guint batch[N_PEERS];

    for (guint p = 0; p < N_PEERS; p++) {
        g_autofree gchar *why = NULL;
        gdouble first[3];

        opened[p] = peers[p]->open(path, &why);
        times[p] = g_array_new(FALSE, FALSE, sizeof(gdouble));
        if (!opened[p]) {
            g_printerr("%s: no %s: %s\n", name, peers[p]->name, why);
            continue;
        }
        peers[p]->run(opened[p], G_N_ELEMENTS(first), first);
        batch[p] = (guint)CLAMP(ROUND_MS / MAX(first[2], 0.01), 1, MAX_BATCH);
    }
    for (guint round = 0; round < ROUNDS; round++) {
        for (guint p = 0; p < N_PEERS; p++) {
            gdouble ms[MAX_BATCH];

            if (!opened[p])
                continue;
            peers[p]->run(opened[p], batch[p], ms);
            g_array_append_vals(times[p], ms, batch[p]);
        }
    }
    for (guint p = 0; p < N_PEERS; p++) {
        results[p] = (Result){bench_median(times[p]), (gdouble)NAN};
        g_array_unref(times[p]);
        if (opened[p] && peers[p]->own_part)
            results[p].own_part = peers[p]->own_part(opened[p]);
        if (opened[p])
            peers[p]->close(opened[p]);
    }
}

/* --- the table --------------------------------------------------------------------------------------------------- */

static gchar *
cpu_name(void)
{
    g_autofree gchar *info = NULL;
    const gchar *line;

    if (!g_file_get_contents("/proc/cpuinfo", &info, NULL, NULL) ||
        !(line = strstr(info, "model name")) || !(line = strchr(line, ':')))
        return g_strdup("unknown processor");
    return g_strndup(line + 2, strcspn(line + 2, "\n"));
}

/* "2.09", or "7.88 (3.77×)": how many times Vigil's time that is; of a part "2.85 (1.36×, part 1.52×)" */
static gchar *
cell(const Result *results, guint p)
{
    const gdouble median = results[p].median, own = results[0].median;

    if (isnan(median))
        return g_strdup("-");
    if (p == 0 || isnan(own))
        return g_strdup_printf("%.3f", median);
    if (isnan(results[p].own_part))
        return g_strdup_printf("%.3f (%.2f×)", median, median / own);
    return g_strdup_printf("%.3f (%.2f×, part %.2f×)", median, median / own,
                           median / results[p].own_part);
}

static void
add_row(GString *plain, GString *markdown, const gchar *model, const Result *results)
{
    g_string_append_printf(plain, "%-44s", model);
    g_string_append_printf(markdown, "| %s |", model);
    for (guint p = 0; p < N_PEERS; p++) {
        g_autofree gchar *text = cell(results, p);

        g_string_append_printf(plain, " %-*s", p == 0 ? 9 : 24, text);
        g_string_append_printf(markdown, " %s |", text);
    }
    g_string_append_c(plain, '\n');
    g_string_append_c(markdown, '\n');
    g_print("%s", plain->str);
    g_string_truncate(plain, 0);
}

static void
add_head(GString *markdown)
{
    g_string_append(markdown, "| model |");
    for (guint p = 0; p < N_PEERS; p++)
        g_string_append_printf(markdown, " %s |", peers[p]->name);
    g_string_append(markdown, "\n|---|");
    for (guint p = 0; p < N_PEERS; p++)
        g_string_append(markdown, "---|");
    g_string_append_c(markdown, '\n');
    g_print("%-44s", "model");
    for (guint p = 0; p < N_PEERS; p++)
        g_print(" %-*s", p == 0 ? 9 : 23, peers[p]->name);
    g_print("\n");
}

/* @ran_part: some runtime ran a part of a model */
static void
add_foot(GString *markdown, gboolean ran_part)
{
    g_autofree gchar *cpu = cpu_name();
    GString *foot = g_string_new(NULL);

    g_string_append_printf(foot, "%s, one thread, medians in milliseconds of %s;", cpu,
                           wall ? "the clock" : "processor time");
    for (guint p = 0; p < N_PEERS; p++) {
        g_autofree gchar *version = peers[p]->version();

        if (version)
            g_string_append_printf(foot, " %s %s%s", peers[p]->name, version,
                                   p + 1 < N_PEERS ? "," : "");
    }
    g_string_append(foot, ". In brackets: how many times Vigil's time.");
    if (ran_part)
        g_string_append_printf(
            foot,
            " %s: oneDNN reads no models, so that is the sum of the model's convolutions alone "
            "(1×1, 3×3 and others, "
            "depthwise), timed one by one in the model's order, each reading what the one before "
            "wrote: unsigned activations, no zero points, RELU "
            "where the model has one, its own memory formats; changes of format, additions, other "
            "functions, resizes, boxes and all else are "
            "left out. In brackets how many times Vigil's time for the whole model that is, and "
            "\"part\": how many times "
            "Vigil's for the same convolutions with the functions after them, timed one by one in "
            "whole inferences.",
            bench_onednn.name);
    g_print("\n%s\n", foot->str);
    g_string_append_printf(markdown, "\n%s\n", foot->str);
    g_string_free(foot, TRUE);
}

/* Everything, the processes of runtimes as well, shares one processor, so that none has a better one. */
static void
pin(void)
{
    const gchar *wanted = g_getenv("VIGIL_BENCH_CPU");
    const gint cpu = wanted ? atoi(wanted) : sched_getcpu();
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((gsize)MAX(cpu, 0), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        g_printerr("cannot be held on processor %d\n", cpu);
}

int
main(int argc, char **argv)
{
    g_autofree gchar *output = NULL;
    gboolean use_wall = FALSE, ran_part = FALSE;
    const GOptionEntry entries[] = {
        {"wall", 0, 0, G_OPTION_ARG_NONE, &use_wall, "Time by the clock", NULL},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "Markdown goes here", "FILE"},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("[MODEL...]");
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    GString *plain = g_string_new(NULL), *markdown = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    setlocale(LC_CTYPE, "");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        g_printerr("%s\n", error->message);
        return EXIT_FAILURE;
    }
    if (use_wall)
        bench_use_wall();
    for (int i = 1; i < argc; i++)
        g_ptr_array_add(paths, g_strdup(argv[i]));
    for (guint i = 0; argc == 1 && i < G_N_ELEMENTS(models); i++) {
        g_autofree gchar *name = g_strdup_printf("models/%s.tflite", models[i]);
        gchar *path = vigil_test_data_path(name);

        if (path)
            g_ptr_array_add(paths, path);
    }
    pin();
    add_head(markdown);
    for (guint i = 0; i < paths->len; i++) {
        g_autofree gchar *name = g_path_get_basename(paths->pdata[i]);
        Result results[N_PEERS];

        measure(paths->pdata[i], results);
        for (guint p = 0; p < N_PEERS; p++)
            ran_part = ran_part || !isnan(results[p].own_part);
        *strrchr(name, '.') = '\0';
        add_row(plain, markdown, name, results);
    }
    add_foot(markdown, ran_part);
    if (output && !g_file_set_contents(output, markdown->str, -1, &error))
        g_printerr("%s\n", error->message);
    g_string_free(plain, TRUE);
    g_string_free(markdown, TRUE);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
