/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pipeline/scene.h"

#include <json-glib/json-glib.h>

#include "tests/pipeline/program.h"
#include "tests/support/vigil-test-data.h"

gboolean
scene_open(Scene *self)
{
    static const gchar *const tools[] = {"ffmpeg", "ffprobe"};

    *self = (Scene){0};
    for (guint i = 0; i < G_N_ELEMENTS(tools); i++) {
        g_autofree gchar *path = g_find_program_in_path(tools[i]);

        if (!path) {
            g_printerr("SKIP: %s is not installed\n", tools[i]);
            return FALSE;
        }
    }
    self->model = vigil_test_data_path("models/ssd_mobilenet_v1_coco_quant_300.tflite");
    self->labels = vigil_test_data_path("labels/coco_labels_90_coral.txt");
    self->video = vigil_test_data_path("videos/one-by-one-person-detection.mp4");
    if (!self->model || !self->labels || !self->video)
        return FALSE;
    self->folder = folder_new();
    return TRUE;
}

void
scene_close(Scene *self)
{
    if (self->folder)
        folder_remove(self->folder);
    g_free(self->folder);
    g_free(self->model);
    g_free(self->labels);
    g_free(self->video);
}

gchar *
scene_cut(const Scene *self, const gchar *name, gdouble from, gdouble length)
{
    gchar *path = g_build_filename(self->folder, name, NULL);
    g_autofree gchar *begin = g_strdup_printf("%.1f", from);
    g_autofree gchar *duration = g_strdup_printf("%.1f", length);
    const gchar *argv[] = {"ffmpeg",    "-v", "error",  "-y", "-ss",  begin, "-i",
                           self->video, "-t", duration, "-c", "copy", path,  NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    g_assert_cmpint(ffmpeg.code, ==, 0);
    return path;
}

gchar *
scene_config(const Scene *self, const gchar *name, const gchar *store, const gchar *source,
             const gchar *more)
{
    return folder_write(
        self->folder, name,
        "store: {path: '%s'}\n"
        "model: {path: '%s', labels: '%s'}\n"
        "cameras:\n"
        "  - name: hall\n"
        "    source: '%s'\n%s"
        "    rules:\n"
        "      - {name: visitor, classes: [person], min_score: 0.5, end_after: 1.5s,\n"
        "         record: {pre: 3s, post: 3s}}\n",
        store, self->model, self->labels, source, more);
}

guint
scene_read_visits(SceneVisit *visits, guint capacity)
{
    g_autofree gchar *path = vigil_test_data_path("reference/video_ground_truth.json");
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonObject *videos;
    JsonArray *events;
    guint n;

    g_assert_true(json_parser_load_from_file(parser, path, NULL));
    videos =
        json_object_get_object_member(json_node_get_object(json_parser_get_root(parser)), "videos");
    events = json_object_get_array_member(
        json_object_get_object_member(videos, "videos/one-by-one-person-detection.mp4"), "events");
    n = MIN(json_array_get_length(events), capacity);
    for (guint i = 0; i < n; i++) {
        JsonObject *visit = json_array_get_object_element(events, i);

        visits[i] = (SceneVisit){json_object_get_double_member(visit, "start"),
                                 json_object_get_double_member(visit, "end")};
    }
    return n;
}
