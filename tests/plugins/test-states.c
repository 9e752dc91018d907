/* SPDX-License-Identifier: Apache-2.0 */
/* Every element of the plugin, up and down. */
#include "tests/plugins/plugin-test.h"

#define ROUNDS 20

static gchar *folder, *rules;

static void
setup(void)
{
    folder = g_dir_make_tmp("vigil-states-XXXXXX", NULL);
    rules = test_write_file("rules: [{name: all}]\n");
}

static void
remove_tree(const gchar *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
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
    remove_tree(folder);
    g_free(folder);
    test_remove_file(rules);
}

static void
set_path(GstElement *element, const gchar *property, const gchar *name)
{
    gchar *path = g_build_filename(folder, name, NULL);

    if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), property))
        g_object_set(element, property, path, NULL);
    g_free(path);
}

/* What an element cannot start without. FALSE: there is no model to start it with. */
static gboolean
configure(GstElement *element, const gchar *name)
{
    gchar *model;

    if (g_str_equal(name, "vigilevents"))
        g_object_set(element, "rules", rules, NULL);
    set_path(element, "database", "events.db");
    set_path(element, "location", "clips");
    if (g_str_equal(name, "vigilrtspsrc"))
        g_object_set(element, "location", "rtsp://127.0.0.1:1/nobody", NULL);
    if (!g_str_equal(name, "vigildetect"))
        return TRUE;
    model = vigil_test_data_path(TEST_MODEL);
    if (!model)
        return FALSE;
    g_object_set(element, "model", model, NULL);
    g_free(model);
    return TRUE;
}

static guint
count_open_files(void)
{
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    g_dir_close(dir);
    return n;
}

static void
up_and_down(const gchar *name)
{
    GstElement *element = gst_element_factory_make(name, NULL);
    guint files = 0;

    fail_unless(element != NULL, "%s", name);
    if (!configure(element, name)) {
        gst_object_unref(element);
        return;
    }
    for (guint i = 0; i < ROUNDS; i++) {
        fail_unless(gst_element_set_state(element, i % 2 ? GST_STATE_PLAYING : GST_STATE_PAUSED) !=
                        GST_STATE_CHANGE_FAILURE,
                    "%s, round %u", name, i);
        fail_unless(gst_element_set_state(element, i % 3 ? GST_STATE_NULL : GST_STATE_READY) !=
                        GST_STATE_CHANGE_FAILURE,
                    "%s, round %u", name, i);
        if (i == 3)
            files = count_open_files();
    }
    gst_element_set_state(element, GST_STATE_NULL);
    fail_unless(count_open_files() <= files, "%s leaves files open", name);
    gst_object_unref(element);
}

GST_START_TEST(every_element_goes_up_and_down)
{
    GList *features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), "vigil");

    fail_unless(features != NULL);
    for (GList *l = features; l; l = l->next)
        if (GST_IS_ELEMENT_FACTORY(l->data))
            up_and_down(gst_plugin_feature_get_name(l->data));
    gst_plugin_feature_list_free(features);
}
GST_END_TEST

GST_START_TEST(every_property_is_described)
{
    GList *features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), "vigil");

    for (GList *l = features; l; l = l->next) {
        GstElement *element = gst_element_factory_make(gst_plugin_feature_get_name(l->data), NULL);
        guint n;
        GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &n);

        for (guint i = 0; i < n; i++) {
            if (!g_str_has_prefix(g_type_name(specs[i]->owner_type), "GstVigil"))
                continue;
            fail_unless(strlen(g_param_spec_get_blurb(specs[i])) > 20, "%s of %s", specs[i]->name,
                        g_type_name(specs[i]->owner_type));
        }
        g_free(specs);
        gst_object_unref(element);
    }
    gst_plugin_feature_list_free(features);
}
GST_END_TEST

static Suite *
vigil_states_suite(void)
{
    Suite *suite = suite_create("vigil-states");
    TCase *tcase = tcase_create("states");

    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_element_goes_up_and_down);
    tcase_add_test(tcase, every_property_is_described);
    return suite;
}

GST_CHECK_MAIN(vigil_states)
