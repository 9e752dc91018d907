/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs every launch line of the elements' documentation to its end.
 *
 * A launch line stands in a section comment of plugins/<stage>/gst*.c between `|[` and `]|` and begins with
 * "gst-launch-1.0"; blocks that begin otherwise are no launch lines. It may go over several lines with a backslash
 * at their ends. It runs in a folder where these names are files: camera.mp4, model.tflite, labels.txt, rules.yaml. A
 * line that names one of them which is not there, or a camera (/dev/video0, rtsp://10.0.0.5/) that this machine has not, is skipped with a
 * message.
 */
#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/vigil-test-data.h"

/* The slowest looks at 80 frames. */
#define TIMEOUT_SECONDS 200

#define CAMERA "/dev/video0"
/* vigilrtspsrc has a test of its own, with a camera */
#define NETWORK_CAMERA "rtsp://10.0.0.5/"

static const struct {
    const gchar *name, *data;
} files[] = {
    {"camera.mp4", "videos/bottle-detection.mp4"},
    {"model.tflite", "models/ssd_mobilenet_v1_coco_quant_300.tflite"},
    {"labels.txt", "labels/coco_labels_90_coral.txt"},
};

static GPtrArray *lines, *origins; /* (element-type utf8) */
static gchar *folder;

/* Appends what stands between the marks, without the comment's asterisks. */
static void
take_block(const gchar *begin, const gchar *end, const gchar *origin)
{
    GString *line = g_string_new(NULL);
    gchar *block = g_strndup(begin, end - begin);
    gchar **rows = g_strsplit(block, "\n", -1);

    for (guint i = 0; rows[i]; i++) {
        gchar *row = g_strstrip(rows[i]);

        row = g_strchug(row + (*row == '*'));
        if (g_str_has_suffix(row, "\\"))
            row[strlen(row) - 1] = '\0';
        g_string_append_printf(line, "%s ", row);
    }
    g_strstrip(line->str);
    if (g_str_has_prefix(line->str, "gst-launch-1.0 ")) {
        g_ptr_array_add(lines, g_strdup(line->str));
        g_ptr_array_add(origins, g_path_get_basename(origin));
    }
    g_string_free(line, TRUE);
    g_strfreev(rows);
    g_free(block);
}

static void
read_source(const gchar *path)
{
    gchar *text = NULL;
    const gchar *begin, *end;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return;
    for (begin = strstr(text, "|["); begin && (end = strstr(begin, "]|"));
         begin = strstr(end, "|["))
        take_block(begin + 2, end, path);
    g_free(text);
}

static void
read_sources(void)
{
    gchar *plugins = g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "plugins", NULL);
    GDir *dir = g_dir_open(plugins, 0, NULL);
    const gchar *stage, *name;

    while (dir && (stage = g_dir_read_name(dir))) {
        gchar *path = g_build_filename(plugins, stage, NULL);
        GDir *sources = g_file_test(path, G_FILE_TEST_IS_DIR) ? g_dir_open(path, 0, NULL) : NULL;

        while (sources && (name = g_dir_read_name(sources))) {
            gchar *source = g_build_filename(path, name, NULL);

            if (g_str_has_prefix(name, "gst") && g_str_has_suffix(name, ".c"))
                read_source(source);
            g_free(source);
        }
        if (sources)
            g_dir_close(sources);
        g_free(path);
    }
    if (dir)
        g_dir_close(dir);
    g_free(plugins);
}

static void
setup(void)
{
    gchar *rules;

    folder = g_dir_make_tmp("vigil-lines-XXXXXX", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        gchar *data = vigil_test_data_path(files[i].data);
        gchar *path = g_build_filename(folder, files[i].name, NULL);

        fail_unless(!data || symlink(data, path) == 0);
        g_free(data);
        g_free(path);
    }
    rules = g_build_filename(folder, "rules.yaml", NULL);
    fail_unless(
        g_file_set_contents(rules,
                            "zones: {porch: [[0.1, 0.1], [0.9, 0.1], [0.9, 1.0], [0.1, 1.0]]}\n"
                            "rules: [{name: visitor, zones: [porch]}]\n",
                            -1, NULL));
    g_free(rules);
    fail_unless(g_chdir(folder) == 0);
}

static void
remove_tree(const gchar *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const gchar *name;

    while (dir && (name = g_dir_read_name(dir))) {
        gchar *child = g_build_filename(path, name, NULL);

        remove_tree(child);
        g_free(child);
    }
    if (dir)
        g_dir_close(dir);
    g_remove(path);
}

static void
teardown(void)
{
    fail_unless(g_chdir("/") == 0);
    remove_tree(folder);
    g_free(folder);
}

static gboolean
has_its_files(const gchar *line)
{
    for (guint i = 0; i < G_N_ELEMENTS(files); i++)
        if (strstr(line, files[i].name) && !g_file_test(files[i].name, G_FILE_TEST_EXISTS))
            return FALSE;
    if (strstr(line, NETWORK_CAMERA))
        return FALSE;
    return !strstr(line, CAMERA) || g_file_test(CAMERA, G_FILE_TEST_EXISTS);
}

/* As gst-launch-1.0 does it: the shell's words, without the program and its options. */
static GstElement *
parse(const gchar *line)
{
    GError *error = NULL;
    gchar **words = NULL;
    GstElement *pipeline;
    guint first = 1;

    fail_unless(g_shell_parse_argv(line, NULL, &words, &error));
    while (words[first] && words[first][0] == '-')
        first++;
    pipeline = gst_parse_launchv((const gchar **)words + first, &error);
    fail_unless(pipeline && !error, "%s: %s", line, error ? error->message : "nothing");
    g_strfreev(words);
    return pipeline;
}

GST_START_TEST(line_runs_to_its_end)
{
    const gchar *line = lines->pdata[__i__];
    GstElement *pipeline;
    GstBus *bus;
    GstMessage *message;
    GError *error = NULL;

    if (!has_its_files(line)) {
        g_printerr("SKIP: a file of the launch line of %s is missing\n",
                   (gchar *)origins->pdata[__i__]);
        return;
    }
    pipeline = parse(line);
    bus = gst_element_get_bus(pipeline);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, TIMEOUT_SECONDS * GST_SECOND,
                                         GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message != NULL, "%s: no end", line);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, NULL);
    fail_unless(error == NULL, "%s: %s", line, error ? error->message : "");
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}
GST_END_TEST

/* an element without a line in its documentation is a mistake, and so is a mark that this test does not find */
GST_START_TEST(every_element_has_a_line)
{
    GList *features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), "vigil");

    fail_unless(features != NULL);
    for (GList *l = features; l; l = l->next) {
        const gchar *name = gst_plugin_feature_get_name(l->data);
        gchar *source = g_strdup_printf("gst%s.c", name);
        gboolean found = FALSE;

        for (guint i = 0; i < lines->len; i++)
            found |= g_str_equal(origins->pdata[i], source) && strstr(lines->pdata[i], name);
        fail_unless(found, "%s has no launch line in %s", name, source);
        g_free(source);
    }
    gst_plugin_feature_list_free(features);
}
GST_END_TEST

static Suite *
vigil_launch_lines_suite(void)
{
    Suite *suite = suite_create("vigil-launch-lines");
    TCase *tcase = tcase_create("lines");

    lines = g_ptr_array_new_with_free_func(g_free);
    origins = g_ptr_array_new_with_free_func(g_free);
    read_sources();
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, TIMEOUT_SECONDS + 10);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_element_has_a_line);
    tcase_add_loop_test(tcase, line_runs_to_its_end, 0, (gint)lines->len);
    return suite;
}

GST_CHECK_MAIN(vigil_launch_lines)
