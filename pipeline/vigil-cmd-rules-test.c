/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-decision-json.h"
#include "pipeline/vigil-gst.h"
#include "pipeline/vigil-model-check.h"
#include "pipeline/vigil-rules-trial.h"

/* --- what is printed ----------------------------------------------------------------------------------------- */

static void
print_decision(const VigilDecision *decision)
{
    g_autofree gchar *sentence = vigil_decision_describe(decision);

    printf("%8.1f s to %8.1f s  %s\n", (gdouble)decision->start_ns / 1e9,
           (gdouble)decision->end_ns / 1e9, sentence);
}

/* "rule visitor: fired 2, score 1, dwell 3" */
static void
print_rule(const VigilRulesTrial *trial, const gchar *rule)
{
    guint counts[VIGIL_N_REASONS] = {0};

    for (guint i = 0; i < trial->decisions->len; i++) {
        const VigilDecision *decision = &g_array_index(trial->decisions, VigilDecision, i);

        if (g_str_equal(decision->rule, rule))
            counts[decision->reason]++;
    }
    printf("rule %s: fired %u", rule, counts[VIGIL_REASON_FIRED]);
    for (guint reason = VIGIL_REASON_NONE + 1; reason < VIGIL_N_REASONS; reason++)
        if (counts[reason] > 0 && reason != VIGIL_REASON_FIRED)
            printf(", %s %u", vigil_reason_to_string(reason), counts[reason]);
    printf("\n");
}

static void
print_frames(const VigilRulesTrial *trial)
{
    const gchar *comma = "";

    printf("frames: ");
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++) {
        if (trial->outcomes[i] == 0)
            continue;
        printf("%s%s %" G_GUINT64_FORMAT, comma, vigil_outcome_to_string(i), trial->outcomes[i]);
        comma = ", ";
    }
    printf("\n");
}

static void
print_text(const VigilRulesTrial *trial, const VigilRules *rules)
{
    for (guint i = 0; i < trial->decisions->len; i++)
        print_decision(&g_array_index(trial->decisions, VigilDecision, i));
    if (trial->decisions->len == 0)
        printf("no object was seen\n");
    for (guint i = 0; i < rules->rules->len; i++)
        print_rule(trial, g_array_index(rules->rules, VigilRule, i).name);
    print_frames(trial);
}

static void
print_json(const VigilRulesTrial *trial)
{
    for (guint i = 0; i < trial->decisions->len; i++) {
        g_autoptr(JsonBuilder) json = json_builder_new();
        g_autoptr(JsonNode) root = NULL;
        g_autofree gchar *line = NULL;

        vigil_decision_add_json(&g_array_index(trial->decisions, VigilDecision, i), json, TRUE);
        root = json_builder_get_root(json);
        line = json_to_string(root, FALSE);
        printf("%s\n", line);
    }
}

/* --- the command --------------------------------------------------------------------------------------------- */

/* Leaves only the camera that is meant. */
static gboolean
choose_camera(VigilSettings *settings, const gchar *name, GError **error)
{
    for (guint i = settings->cameras->len; name && i > 0; i--) {
        const VigilCameraSettings *camera = settings->cameras->pdata[i - 1];

        if (!g_str_equal(camera->name, name))
            g_ptr_array_remove_index(settings->cameras, i - 1);
    }
    if (settings->cameras->len == 1)
        return TRUE;
    if (name)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--camera %s: the configuration has no camera of this name", name);
    else
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "the configuration has %u cameras: say whose rules with --camera NAME",
                    settings->cameras->len);
    return FALSE;
}

static VigilExit
test_camera(VigilCameraSettings *camera, const gchar *video, gboolean json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilRulesTrial) trial = NULL;

    if (vigil_gst_init(&error))
        trial = vigil_rules_trial_run(camera, video, &error);
    if (!trial) {
        vigil_command_error("%s: %s", video, error->message);
        return VIGIL_EXIT_FAILED;
    }
    if (json)
        print_json(trial);
    else
        print_text(trial, camera->rules);
    return VIGIL_EXIT_OK;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_autofree gchar *camera = NULL, *format = NULL;
    const GOptionEntry entries[] = {
        {"camera", 0, 0, G_OPTION_ARG_STRING, &camera,
         "Whose rules, model and settings (default: the only one's)", "NAME"},
        {"format", 0, 0, G_OPTION_ARG_STRING, &format, "text (default) or json (an object a line)",
         "F"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilSettings) settings = NULL;
    g_autoptr(GError) error = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 2, 2, &args, &code))
        return code;
    if (format && !g_str_equal(format, "text") && !g_str_equal(format, "json"))
        return vigil_command_usage_error(self, "--format %s: write text or json", format);
    settings = vigil_settings_load(args[0], &error);
    if (!settings)
        return vigil_command_mistakes(error);
    if (!choose_camera(settings, camera, &error))
        return vigil_command_usage_error(self, "%s", error->message);
    if (!vigil_model_check(settings, &error))
        return vigil_command_mistakes(error);
    return test_camera(settings->cameras->pdata[0], args[1], g_strcmp0(format, "json") == 0);
}

const VigilCommand vigil_cmd_rules_test = {
    "test", "CONFIG VIDEO",
    "What a camera's rules make of a video: what fired when, and why not otherwise",
    "The video takes the place of the camera's stream; nothing is recorded and no store is "
    "touched. A line for "
    "each object\nand rule, in seconds of the video: that it fired, or how far the object came.\n",
    run};
