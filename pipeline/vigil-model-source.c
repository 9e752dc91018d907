/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-model-source.h"

#include "models/vigil-model-store.h"

/* Starts of a package with which the program died again and again. */
#define MAX_TRIES 3

gboolean
vigil_model_source_is_ours(const gchar *name)
{
    return g_str_equal(name, "default") || g_str_equal(name, "tiny");
}

static void
take_slot(VigilModelSettings *model, const VigilModelSlot *slot)
{
    g_free(model->path);
    model->path = g_strdup(slot->path);
    g_free(model->stamp);
    model->stamp = g_strdup(slot->id);
    g_free(model->package);
    model->package = g_strdup(slot->id);
}

static gboolean
resolve(VigilModelSettings *model, VigilModelStore *store, gboolean avoid_new, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(VigilModelSlot) slot = NULL, previous = NULL;

    if (!model->name)
        return TRUE;
    slot = vigil_model_store_current(store, model->name, &local);
    if (!slot) {
        if (g_error_matches(local, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND) &&
            vigil_model_source_is_ours(model->name))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (slot->health != VIGIL_MODEL_HEALTH_GOOD)
        previous = vigil_model_store_previous(store, model->name, NULL);
    if (previous && (avoid_new || slot->health == VIGIL_MODEL_HEALTH_BAD)) {
        take_slot(model, previous);
        return TRUE;
    }
    take_slot(model, slot);
    if (previous && model->trial_ns > 0) {
        model->before = vigil_model_settings_copy(model);
        take_slot(model->before, previous);
    }
    return TRUE;
}

gboolean
vigil_model_source_resolve(VigilSettings *settings, GError **error)
{
    g_autoptr(VigilModelStore) store = vigil_model_store_open(settings->store_path);
    g_autoptr(GString) mistakes = g_string_new(NULL);

    for (guint i = 0; i < settings->cameras->len; i++) {
        const VigilCameraSettings *camera = settings->cameras->pdata[i];
        g_autoptr(GError) reason = NULL;

        g_clear_pointer(&camera->model->before, vigil_model_settings_free);
        if (!resolve(camera->model, store, settings->avoid_new, &reason))
            g_string_append_printf(mistakes, "%s%s:%u: model: %s", mistakes->len ? "\n" : "",
                                   settings->path, camera->model->line, reason->message);
    }
    if (mistakes->len)
        g_set_error_literal(error, VIGIL_SETTINGS_ERROR, VIGIL_SETTINGS_ERROR_WRONG, mistakes->str);
    return mistakes->len == 0;
}

/* --- trials ---------------------------------------------------------------------------------- */

static gboolean
roll_back(VigilModelStore *store, const gchar *name, const gchar *id, const gchar *reason)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) slot = vigil_model_store_rollback(store, name, id, reason, &error);

    if (slot)
        g_message("model %s: rolled back to version %s: %s", name, slot->version, reason);
    else if (!g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND))
        g_message("model %s: not rolled back: %s", name, error->message);
    return slot != NULL;
}

static gboolean
begin(VigilModelStore *store, const gchar *name, gboolean died)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) slot = vigil_model_store_current(store, name, NULL);
    g_autofree gchar *reason = NULL;
    guint tries = 0;

    if (slot && slot->health == VIGIL_MODEL_HEALTH_BAD)
        return roll_back(store, name, slot->id, slot->reason ? slot->reason : "unhealthy");
    if (!slot || slot->health == VIGIL_MODEL_HEALTH_GOOD)
        return FALSE;
    if (!vigil_model_store_begin_try(store, name, slot->id, &tries, &error)) {
        g_message("model %s: %s", name, error->message);
        return FALSE;
    }
    if (!died || tries <= MAX_TRIES)
        return FALSE;
    reason = g_strdup_printf("the program died in its trial, and was started %u times", tries);
    return roll_back(store, name, slot->id, reason);
}

gboolean
vigil_model_source_begin(const VigilSettings *settings, gboolean died)
{
    g_autoptr(VigilModelStore) store = vigil_model_store_open(settings->store_path);
    g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
    gboolean any = FALSE;

    for (guint i = 0; i < settings->cameras->len; i++) {
        const VigilCameraSettings *camera = settings->cameras->pdata[i];

        if (camera->model->name && g_hash_table_add(done, camera->model->name))
            any |= begin(store, camera->model->name, died);
    }
    return any;
}

gboolean
vigil_model_source_fail(const VigilSettings *settings, const gchar *path, const gchar *reason)
{
    g_autoptr(VigilModelStore) store = vigil_model_store_open(settings->store_path);
    gboolean any = FALSE;

    for (guint i = 0; i < settings->cameras->len; i++) {
        const VigilModelSettings *model =
            ((const VigilCameraSettings *)settings->cameras->pdata[i])->model;

        if (model->before && (!path || g_str_equal(path, model->path)))
            any |= roll_back(store, model->name, model->package, reason);
    }
    return any;
}

gboolean
vigil_model_source_pass(const VigilSettings *settings, const gchar *path)
{
    g_autoptr(VigilModelStore) store = vigil_model_store_open(settings->store_path);

    for (guint i = 0; i < settings->cameras->len; i++) {
        const VigilModelSettings *model =
            ((const VigilCameraSettings *)settings->cameras->pdata[i])->model;
        g_autoptr(GError) error = NULL;

        if (!model->before || !g_str_equal(path, model->path))
            continue;
        if (vigil_model_store_mark_healthy(store, model->name, model->package, &error)) {
            g_message("model %s: healthy", model->name);
            return TRUE;
        }
        g_message("model %s: %s", model->name, error->message);
    }
    return FALSE;
}
