/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-model-check.h"

#include "events/vigil-suggest.h"
#include "models/vigil-detector.h"
#include "pipeline/vigil-model-source.h"

static gchar **
list_labels(const VigilDetector *detector)
{
    const guint n = vigil_detector_get_n_labels(detector);
    gchar **labels = g_new0(gchar *, n + 1);

    for (guint i = 0; i < n; i++)
        labels[i] = g_strdup(vigil_detector_get_label(detector, (gint32)i));
    return labels;
}

/* @what: "rule NAME" */
static void
check_names(const gchar *const *classes, const gchar *place, const gchar *what,
            const gchar *const *labels, GString *mistakes)
{
    for (guint k = 0; classes && classes[k]; k++) {
        const gchar *nearest;

        if (g_strv_contains(labels, classes[k]))
            continue;
        nearest = vigil_suggest(classes[k], labels);
        g_string_append_printf(mistakes, "%s%s: %s: classes: the model knows no class \"%s\"%s%s%s",
                               mistakes->len ? "\n" : "", place, what, classes[k],
                               nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                               nearest ? "\"?" : "");
    }
}

static void
check_condition(const VigilCondition *node, const gchar *camera, const gchar *file,
                const gchar *what, const gchar *const *labels, GString *mistakes)
{
    g_autofree gchar *place = NULL;

    if (!node->filter)
        return;
    place = g_strdup_printf("%s:%u: camera %s", file, node->filter->classes_line, camera);
    check_names((const gchar *const *)node->filter->classes, place, what, labels, mistakes);
}

static void
check_classes(const VigilCameraSettings *camera, const gchar *file, const gchar *const *labels,
              GString *mistakes)
{
    for (guint i = 0; i < camera->rules->zones->len; i++) {
        const VigilZone *zone = &g_array_index(camera->rules->zones, VigilZone, i);
        g_autofree gchar *what = g_strdup_printf("zone %s", zone->name);
        g_autofree gchar *place = g_strdup_printf(
            "%s:%u: camera %s", file, zone->filter ? zone->filter->classes_line : 0, camera->name);

        if (zone->filter)
            check_names((const gchar *const *)zone->filter->classes, place, what, labels, mistakes);
    }
    for (guint i = 0; i < camera->rules->rules->len; i++) {
        const VigilRule *rule = &g_array_index(camera->rules->rules, VigilRule, i);
        g_autofree gchar *what = g_strdup_printf("rule %s", rule->name);
        g_autofree gchar *place =
            g_strdup_printf("%s:%u: camera %s", file, rule->classes_line, camera->name);

        check_names((const gchar *const *)rule->classes, place, what, labels, mistakes);
        for (guint k = 0; rule->when && k < rule->when->len; k++)
            check_condition(&g_array_index(rule->when, VigilCondition, k), camera->name, file, what,
                            labels, mistakes);
    }
}

static VigilDetector *
open_model(const VigilModelSettings *model, GError **error)
{
    VigilDetectorOptions options = vigil_detector_options_defaults();

    options.model = model->path;
    options.labels = model->labels;
    return vigil_detector_open(&options, error);
}

static void
set_threshold(VigilModelSettings *model, const VigilDetector *detector)
{
    if (model->threshold < 0)
        model->threshold = (gdouble)vigil_detector_get_threshold(detector);
}

/* A model of before that cannot be opened any more is nothing to go back to. */
static void
check_before(VigilModelSettings *model)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilDetector) detector = model->before ? open_model(model->before, &error) : NULL;

    if (detector)
        set_threshold(model->before, detector);
    if (!error)
        return;
    g_message("model %s: no trial: the one of before cannot be opened: %s", model->name,
              error->message);
    g_clear_pointer(&model->before, vigil_model_settings_free);
}

static gboolean
is_same_model(const VigilModelSettings *a, const VigilModelSettings *b)
{
    return g_str_equal(a->path, b->path) && g_strcmp0(a->labels, b->labels) == 0;
}

gboolean
vigil_model_check(VigilSettings *settings, GError **error)
{
    g_autoptr(GString) mistakes = g_string_new(NULL);
    g_autoptr(VigilDetector) detector = NULL;
    g_auto(GStrv) labels = NULL;
    const VigilModelSettings *loaded = NULL;

    if (!vigil_model_source_resolve(settings, error))
        return FALSE;
    for (guint i = 0; i < settings->cameras->len; i++) {
        const VigilCameraSettings *camera = settings->cameras->pdata[i];
        g_autoptr(GError) reason = NULL;

        if (!loaded || !is_same_model(loaded, camera->model)) {
            g_clear_pointer(&detector, vigil_detector_unref);
            g_clear_pointer(&labels, g_strfreev);
            loaded = camera->model;
            detector = open_model(loaded, &reason);
            if (detector)
                labels = list_labels(detector);
            else
                g_string_append_printf(mistakes, "%s%s:%u: model: %s", mistakes->len ? "\n" : "",
                                       settings->path, loaded->line, reason->message);
        }
        if (!detector)
            continue;
        check_classes(camera, settings->path, (const gchar *const *)labels, mistakes);
        set_threshold(camera->model, detector);
        check_before(camera->model);
    }
    if (mistakes->len)
        g_set_error_literal(error, VIGIL_SETTINGS_ERROR, VIGIL_SETTINGS_ERROR_WRONG, mistakes->str);
    return mistakes->len == 0;
}
