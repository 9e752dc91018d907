/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX Runtime in a process of its own, on the model's ONNX twin; waits while others run. */
#include <gio/gio.h>
#include <string.h>

#include "tests/bench/bench-peer.h"

typedef struct {
    GSubprocess *process;
    GDataInputStream *lines;
} Onnx;

static gchar *found_version;

/* The same graph as ONNX; unsigned activations are its fast case on x86. */
static gchar *
find_twin(const gchar *model)
{
    static const gchar *const endings[][2] = {{"_int8.tflite", "_uint8_qdq.onnx"},
                                              {".tflite", ".onnx"}};

    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree gchar *stem =
            g_strndup(model, strlen(model) - MIN(strlen(model), strlen(endings[i][0])));
        g_autofree gchar *twin = g_strconcat(stem, endings[i][1], NULL);

        if (g_str_has_suffix(model, endings[i][0]) && g_file_test(twin, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&twin);
    }
    return NULL;
}

static void
close_model(gpointer data)
{
    Onnx *self = data;

    g_output_stream_close(g_subprocess_get_stdin_pipe(self->process), NULL, NULL);
    g_subprocess_wait(self->process, NULL, NULL);
    g_object_unref(self->lines);
    g_object_unref(self->process);
    g_free(self);
}

static gpointer
open_model(const gchar *model, gchar **why)
{
    g_autofree gchar *twin = find_twin(model);
    const gchar *root = g_getenv("VIGIL_SOURCE_ROOT");
    g_autofree gchar *script = NULL;
    g_autofree gchar *line = NULL;
    g_autoptr(GSubprocess) process = NULL;
    Onnx *self;

    if (!twin) {
        *why = g_strdup("there is no ONNX twin");
        return NULL;
    }
    if (!root) { /* node would wait for a program on its input */
        *why = g_strdup("VIGIL_SOURCE_ROOT does not say where bench-onnx.mjs is");
        return NULL;
    }
    script = g_build_filename(root, "tests/bench/bench-onnx.mjs", NULL);
    if (bench_peers_folder())
        process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                       G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                                   NULL, "node", script, bench_peers_folder(), twin,
                                   bench_is_wall() ? "wall" : "cpu", NULL);
    if (!process) {
        *why = g_strdup("Node.js or the peers' folder is not there");
        return NULL;
    }
    self = g_new0(Onnx, 1);
    self->process = g_steal_pointer(&process);
    self->lines = g_data_input_stream_new(g_subprocess_get_stdout_pipe(self->process));
    line = g_data_input_stream_read_line(self->lines, NULL, NULL, NULL);
    if (line && g_str_has_prefix(line, "ready ")) {
        g_free(found_version);
        found_version = g_strdup(line + strlen("ready "));
        return self;
    }
    *why = g_strdup(line ? line : "Node.js ended");
    close_model(self);
    return NULL;
}

static void
run(gpointer data, guint n, gdouble *ms)
{
    Onnx *self = data;
    g_autofree gchar *order = g_strdup_printf("%u\n", n);
    g_autofree gchar *line = NULL;
    g_auto(GStrv) words = NULL;

    g_output_stream_write_all(g_subprocess_get_stdin_pipe(self->process), order, strlen(order),
                              NULL, NULL, NULL);
    line = g_data_input_stream_read_line(self->lines, NULL, NULL, NULL);
    words = g_strsplit(line ? line : "", " ", -1);
    if (g_strv_length(words) != n)
        g_error("ONNX Runtime ended in the middle of a run");
    for (guint i = 0; i < n; i++)
        ms[i] = g_ascii_strtod(words[i], NULL);
}

static gchar *
version(void)
{
    return g_strdup(found_version);
}

const BenchPeer bench_onnx = {"ONNX Runtime", open_model, run, close_model, version};
