/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration text from outside: the reader, the rules in it, and a filter made of them. */
#include "events/vigil-event-filter.h"
#include "events/vigil-yaml.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
ignore_event(VigilEvent *event, gpointer user_data)
{
}

/* One object walks through the picture under whatever rules came out. */
static void
run_filter(const VigilRules *rules)
{
    g_autoptr(VigilEventFilter) filter = vigil_event_filter_new(rules, NULL, ignore_event, NULL);

    for (guint i = 0; i < 8; i++) {
        const gfloat x = 0.1f * (gfloat)i;
        const VigilTrack track = {.id = 1,
                                  .box = {x, x, x + 0.2f, x + 0.2f},
                                  .score = 0.9f,
                                  .label = "person",
                                  .observed = TRUE};

        vigil_event_filter_update(filter, i * G_GINT64_CONSTANT(1000000000), VIGIL_OUTCOME_INFERRED,
                                  &track, 1);
    }
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(VigilYaml) root = vigil_yaml_parse((const gchar *)data, size, "fuzz.yaml", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilRules) rules = NULL;

    if (!root)
        return 0;
    rules = vigil_rules_from_yaml(root, &error);
    g_assert(rules || (error && g_utf8_validate(error->message, -1, NULL)));
    if (rules)
        run_filter(rules);
    return 0;
}
