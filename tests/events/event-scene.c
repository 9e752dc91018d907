/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/events/event-scene.h"

#include <string.h>

GPtrArray *events;
VigilEventFilter *filter;

static void
collect(VigilEvent *event, gpointer user_data)
{
    ck_assert_ptr_eq(user_data, &events);
    g_ptr_array_add(events, vigil_event_ref(event));
}

void
scene_setup(void)
{
    events = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_event_unref);
    filter = NULL;
}

void
scene_teardown(void)
{
    vigil_event_filter_free(filter);
    g_ptr_array_unref(events);
}

VigilEventFilterOptions
options_of_test(void)
{
    VigilEventFilterOptions options = vigil_event_filter_options_defaults();

    options.camera = "door";
    options.wall_base_us = WALL;
    options.update_interval_ns = 0; /* where a test does not ask for updates */
    return options;
}

void
start_with(const gchar *yaml, const VigilEventFilterOptions *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilYaml) root = vigil_yaml_parse(yaml, strlen(yaml), "r.yaml", &error);
    g_autoptr(VigilRules) rules = root ? vigil_rules_from_yaml(root, &error) : NULL;

    ck_assert_msg(rules != NULL, "%s", error ? error->message : "no error");
    vigil_event_filter_free(filter);
    filter = vigil_event_filter_new(rules, options, collect, &events);
}

void
start(const gchar *yaml)
{
    const VigilEventFilterOptions options = options_of_test();

    start_with(yaml, &options);
}

/* A person of a fifth of the frame's width and two fifths of its height, whose feet are at x, y. */
VigilTrack
person_at(guint64 id, gfloat x, gfloat y, gfloat score)
{
    return (VigilTrack){.id = id,
                        .box = {x - 0.1f, y - 0.4f, x + 0.1f, y},
                        .score = score,
                        .label_id = 0,
                        .label = g_intern_static_string("person"),
                        .observed = TRUE};
}

void
look(gint64 time_ns, const VigilTrack *tracks, guint n)
{
    vigil_event_filter_update(filter, time_ns, VIGIL_OUTCOME_INFERRED, tracks, n);
}

void
look_at_one(gint64 time_ns, guint64 id, gfloat x, gfloat y, gfloat score)
{
    const VigilTrack track = person_at(id, x, y, score);

    look(time_ns, &track, 1);
}

/* The same person at the same place, ten frames a second. */
void
stand(gint64 from_ns, gint64 to_ns, guint64 id, gfloat x, gfloat y, gfloat score)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS)
        look_at_one(t, id, x, y, score);
}

void
nobody(gint64 from_ns, gint64 to_ns)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS)
        look(t, NULL, 0);
}

VigilEvent *
event_at(guint index)
{
    ck_assert_uint_lt(index, events->len);
    return g_ptr_array_index(events, index);
}

/* "b1 e1 b2 …": begin, update, end; the number is the event in the order of their begins. */
static gchar *
story(void)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    GString *out = g_string_new("");

    for (guint i = 0; i < events->len; i++) {
        VigilEvent *event = event_at(i);
        guint n = 0;

        while (n < ids->len && strcmp(g_ptr_array_index(ids, n), event->id) != 0)
            n++;
        if (n == ids->len)
            g_ptr_array_add(ids, event->id);
        g_string_append_printf(out, "%s%c%u", i ? " " : "",
                               vigil_event_type_to_string(event->type)[0], n + 1);
    }
    return g_string_free(out, FALSE);
}

void
assert_story(const gchar *expected)
{
    g_autofree gchar *told = story();

    ck_assert_str_eq(told, expected);
}

const gchar *const two_zones = "zones:\n"
                               "  left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]\n"
                               "  right: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]\n"
                               "  floor: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]\n";
