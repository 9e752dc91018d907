/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vigil model bench: how long one inference takes. The first runs warm up and do not count. CPU time is that of all
 * threads: on a busy machine it says more than the time on the wall.
 */
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "models/vigil-model.h"
#include "pipeline/vigil-command.h"

#define DEFAULT_RUNS 100
#define MAX_RUNS 1000000
#define WARM_UP 5

typedef struct {
    VigilModel *model;
    VigilSession *session;
    guint n;
    gdouble *wall_ms, *cpu_ms;
    gint64 *operator_ns;
} Bench;

static gdouble
clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (gdouble)now.tv_sec * 1e3 + (gdouble)now.tv_nsec / 1e6;
}

static int
compare_doubles(const void *a, const void *b)
{
    const gdouble left = *(const gdouble *)a, right = *(const gdouble *)b;

    return (left > right) - (left < right);
}

/* Noise, always the same: an integer model's speed does not depend on it, and floats would be no numbers. */
static void
fill_inputs(const VigilModel *model, VigilSession *session)
{
    for (guint i = 0; i < vigil_model_get_n_inputs(model); i++) {
        const VigilTensorInfo *info = vigil_model_get_input_info(model, i);
        guint8 *data = vigil_session_get_input(session, i);
        guint32 noise = 1;

        memset(data, 0, info->bytes);
        for (gsize j = 0; j < info->bytes && info->type != VIGIL_TENSOR_FLOAT32; j++) {
            noise = noise * 1664525u + 1013904223u;
            data[j] = (guint8)(noise >> 24);
        }
    }
}

static void
measure(Bench *self)
{
    fill_inputs(self->model, self->session);
    for (guint i = 0; i < WARM_UP; i++)
        vigil_session_run(self->session);
    for (guint i = 0; i < self->n; i++) {
        const gdouble wall = clock_ms(CLOCK_MONOTONIC), cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);

        vigil_session_run(self->session);
        self->cpu_ms[i] = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        self->wall_ms[i] = clock_ms(CLOCK_MONOTONIC) - wall;
    }
    /* Apart from the others, because looking at the clock takes time too. */
    for (guint i = 0; i < self->n; i++)
        vigil_session_run_timed(self->session, self->operator_ns);
    qsort(self->wall_ms, self->n, sizeof *self->wall_ms, compare_doubles);
    qsort(self->cpu_ms, self->n, sizeof *self->cpu_ms, compare_doubles);
}

static gdouble
operator_ms(const Bench *self, guint i)
{
    return (gdouble)self->operator_ns[i] / 1e6 / self->n;
}

static gdouble
all_operators_ms(const Bench *self)
{
    gdouble sum = 0.0;

    for (guint i = 0; i < vigil_model_get_n_operators(self->model); i++)
        sum += operator_ms(self, i);
    return sum;
}

static glong
peak_rss_kb(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

static gchar *
shape_text(const VigilOperatorInfo *info)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < info->n_dims; i++)
        g_string_append_printf(text, i > 0 ? "x%d" : "%d", info->dims[i]);
    return g_string_free(text, FALSE);
}

static gdouble
gmacs_per_s(const VigilOperatorInfo *info, gdouble ms)
{
    return ms > 0.0 ? (gdouble)info->macs / 1e6 / ms : 0.0;
}

static void
print_table(const Bench *self, const gchar *path)
{
    const gdouble all = all_operators_ms(self);

    printf("%s: kernels %s, %u runs, %u threads\n", path, vigil_model_get_isa(self->model), self->n,
           vigil_session_get_threads(self->session));
    printf("wall ms: min %.3f, median %.3f, p99 %.3f\n", self->wall_ms[0],
           self->wall_ms[self->n / 2], self->wall_ms[(guint64)self->n * 99 / 100]);
    printf("CPU ms: min %.3f, median %.3f\n", self->cpu_ms[0], self->cpu_ms[self->n / 2]);
    printf("peak resident memory: %ld kB\n\n", peak_rss_kb());
    printf("%4s %-24s %-20s %10s %9s %8s %6s\n", "", "operator", "output", "MMAC", "mean ms",
           "GMAC/s", "share");
    for (guint i = 0; i < vigil_model_get_n_operators(self->model); i++) {
        const VigilOperatorInfo info = vigil_model_get_operator_info(self->model, i);
        g_autofree gchar *shape = shape_text(&info);
        const gdouble ms = operator_ms(self, i);

        if (info.runs)
            printf("%4u %-24s %-20s %10.3f %9.4f %8.1f %5.1f%%\n", i, info.name, shape,
                   (gdouble)info.macs / 1e6, ms, gmacs_per_s(&info, ms),
                   all > 0.0 ? 100.0 * ms / all : 0.0);
    }
}

static void
add_operators(const Bench *self, JsonBuilder *builder)
{
    const gdouble all = all_operators_ms(self);

    json_builder_set_member_name(builder, "operators");
    json_builder_begin_array(builder);
    for (guint i = 0; i < vigil_model_get_n_operators(self->model); i++) {
        const VigilOperatorInfo info = vigil_model_get_operator_info(self->model, i);
        const gdouble ms = operator_ms(self, i);

        if (!info.runs)
            continue;
        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "index");
        json_builder_add_int_value(builder, i);
        json_builder_set_member_name(builder, "name");
        json_builder_add_string_value(builder, info.name);
        json_builder_set_member_name(builder, "macs");
        json_builder_add_int_value(builder, (gint64)info.macs);
        json_builder_set_member_name(builder, "mean_ms");
        json_builder_add_double_value(builder, ms);
        json_builder_set_member_name(builder, "gmacs_per_s");
        json_builder_add_double_value(builder, gmacs_per_s(&info, ms));
        json_builder_set_member_name(builder, "share");
        json_builder_add_double_value(builder, all > 0.0 ? ms / all : 0.0);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
print_json(const Bench *self, const gchar *path)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;
    g_autofree gchar *text = NULL;
    const struct {
        const gchar *name;
        gdouble value;
    } numbers[] = {
        {"min_ms", self->wall_ms[0]},
        {"median_ms", self->wall_ms[self->n / 2]},
        {"p99_ms", self->wall_ms[(guint64)self->n * 99 / 100]},
        {"cpu_ms", self->cpu_ms[self->n / 2]},
        {"cpu_min_ms", self->cpu_ms[0]},
    };

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "model");
    json_builder_add_string_value(builder, path);
    json_builder_set_member_name(builder, "isa");
    json_builder_add_string_value(builder, vigil_model_get_isa(self->model));
    json_builder_set_member_name(builder, "runs");
    json_builder_add_int_value(builder, self->n);
    json_builder_set_member_name(builder, "threads");
    json_builder_add_int_value(builder, vigil_session_get_threads(self->session));
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        json_builder_set_member_name(builder, numbers[i].name);
        json_builder_add_double_value(builder, numbers[i].value);
    }
    json_builder_set_member_name(builder, "peak_rss_kb");
    json_builder_add_int_value(builder, peak_rss_kb());
    add_operators(self, builder);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    text = json_to_string(root, FALSE);
    vigil_command_print(text);
}

static VigilExit
bench_model(const gchar *path, guint runs, guint threads, gboolean json)
{
    g_autoptr(GError) error = NULL;
    const VigilModelOptions options = {.threads = threads};
    g_autoptr(VigilModel) model = vigil_model_load_with(path, &options, &error);
    g_autoptr(VigilSession) session = model ? vigil_session_new(model, threads, &error) : NULL;

    if (!session) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    g_autofree gdouble *wall = g_new0(gdouble, runs), *cpu = g_new0(gdouble, runs);
    g_autofree gint64 *ns = g_new0(gint64, MAX(vigil_model_get_n_operators(model), 1u));
    Bench bench = {model, session, runs, wall, cpu, ns};

    measure(&bench);
    if (json)
        print_json(&bench, path);
    else
        print_table(&bench, path);
    return VIGIL_EXIT_OK;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_autofree gchar *format = NULL;
    gint runs = DEFAULT_RUNS, threads = 1;
    const GOptionEntry entries[] = {
        {"runs", 'n', 0, G_OPTION_ARG_INT, &runs, "Inferences to measure (default 100)", "N"},
        {"threads", 't', 0, G_OPTION_ARG_INT, &threads,
         "Threads that one inference is spread over (default 1)", "N"},
        {"format", 'f', 0, G_OPTION_ARG_STRING, &format, "table (default) or json", "FORMAT"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 1, 1, &args, &code))
        return code;
    if (runs < 1 || runs > MAX_RUNS)
        return vigil_command_usage_error(self, "--runs must be 1 to %d", MAX_RUNS);
    if (threads < 1 || threads > (gint)VIGIL_SESSION_MAX_THREADS)
        return vigil_command_usage_error(self, "--threads must be 1 to %u",
                                         VIGIL_SESSION_MAX_THREADS);
    if (format && !g_str_equal(format, "table") && !g_str_equal(format, "json"))
        return vigil_command_usage_error(self, "--format must be table or json, not %s", format);
    return bench_model(args[0], (guint)runs, (guint)threads, g_strcmp0(format, "json") == 0);
}

const VigilCommand vigil_cmd_model_bench = {
    "bench", "MODEL", "Time of one inference, in all and by operator",
    "The environment variable VIGIL_ISA forces the kernels of one instruction set.\n", run};
