/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-model-store.h"

#include <string.h>

#include "models/vigil-model-store-private.h"
#include "models/vigil-package-seal.h"

VigilModelStore *
vigil_model_store_open_with(const gchar *store, const VigilModelStoreOps *ops)
{
    VigilModelStore *self = g_new0(VigilModelStore, 1);

    self->store = g_canonicalize_filename(store, NULL);
    self->models = g_build_filename(self->store, "models", NULL);
    self->ops = ops;
    return self;
}

VigilModelStore *
vigil_model_store_open(const gchar *store)
{
    return vigil_model_store_open_with(store, &vigil_model_store_ops_system);
}

void
vigil_model_store_free(VigilModelStore *self)
{
    if (!self)
        return;
    g_free(self->store);
    g_free(self->models);
    g_free(self);
}

gboolean
vigil_model_store_is_name(const gchar *name)
{
    for (const gchar *at = name; *at; at++) {
        if (g_ascii_isupper(*at))
            return FALSE;
    }
    return vigil_package_files_is_name(name);
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const gchar *const *)a, *(const gchar *const *)b);
}

gchar **
vigil_model_store_list(VigilModelStore *self)
{
    g_autoptr(GDir) dir = g_dir_open(self->models, 0, NULL);
    GPtrArray *names = g_ptr_array_new();
    const gchar *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_auto(VigilModelFolder) folder = {0};

        if (vigil_model_folder_read(&folder, self->models, name, NULL))
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, by_name);
    g_ptr_array_add(names, NULL);
    return (gchar **)g_ptr_array_free(names, FALSE);
}

VigilModelSlot *
vigil_model_store_current(VigilModelStore *self, const gchar *name, GError **error)
{
    g_auto(VigilModelFolder) folder = {0};

    if (!vigil_model_folder_read(&folder, self->models, name, error))
        return NULL;
    return vigil_model_folder_describe(&folder, folder.current);
}

/* Whether there is a slot to go back to. */
static gboolean
check_previous(const VigilModelFolder *folder, GError **error)
{
    const VigilModelSlot *slot = folder->state.slots[1 - folder->current];

    if (slot && slot->health != VIGIL_MODEL_HEALTH_STAGED && slot->health != VIGIL_MODEL_HEALTH_BAD)
        return TRUE;
    if (slot && slot->health == VIGIL_MODEL_HEALTH_BAD)
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND,
                    "%s: nothing to go back to: version %s was left because of: %s", folder->name,
                    slot->version, slot->reason ? slot->reason : "no reason given");
    else
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND,
                    "%s: nothing to go back to: there was no version before this one",
                    folder->name);
    return FALSE;
}

VigilModelSlot *
vigil_model_store_previous(VigilModelStore *self, const gchar *name, GError **error)
{
    g_auto(VigilModelFolder) folder = {0};

    if (!vigil_model_folder_read(&folder, self->models, name, error) ||
        !check_previous(&folder, error))
        return NULL;
    return vigil_model_folder_describe(&folder, 1 - folder.current);
}

VigilModelSlot *
vigil_model_store_other(VigilModelStore *self, const gchar *name, GError **error)
{
    g_auto(VigilModelFolder) folder = {0};

    if (!vigil_model_folder_read(&folder, self->models, name, error) ||
        !folder.state.slots[1 - folder.current])
        return NULL;
    return vigil_model_folder_describe(&folder, 1 - folder.current);
}

/* The folder locked, and @id, where one is given, still the current package. */
static VigilModelSlot *
lock_current(VigilModelStore *self, VigilModelFolder *folder, const gchar *name, const gchar *id,
             GError **error)
{
    VigilModelSlot *slot;

    if (!vigil_model_folder_lock(folder, self->ops, self->store, name, FALSE, error))
        return NULL;
    slot = folder->state.slots[folder->current];
    if (!id || g_str_equal(slot->id, id))
        return slot;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND,
                "%s: version %s is in use by now, not the package %.16s…", name, slot->version, id);
    return NULL;
}

static gboolean
check_files(const VigilModelFolder *folder, gint index, GError **error)
{
    g_autoptr(VigilModelSlot) slot = vigil_model_folder_describe(folder, index);
    g_auto(VigilSealed) sealed = {0};

    if (!vigil_sealed_open(&sealed, slot->path, NULL, VIGIL_PACKAGE_ANY, error))
        return FALSE;
    if (g_str_equal(sealed.id, slot->id))
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNTRUSTED,
                "%s: not the package that was installed there", slot->path);
    return FALSE;
}

VigilModelSlot *
vigil_model_store_rollback(VigilModelStore *self, const gchar *name, const gchar *id,
                           const gchar *reason, GError **error)
{
    g_auto(VigilModelFolder) folder = {0};
    VigilModelSlot *current = lock_current(self, &folder, name, id, error);
    gint target;

    if (!current || !check_previous(&folder, error))
        return NULL;
    target = 1 - folder.current;
    if (!check_files(&folder, target, error))
        return NULL;
    if (current->health != VIGIL_MODEL_HEALTH_BAD) {
        current->health = VIGIL_MODEL_HEALTH_BAD;
        g_free(current->reason);
        current->reason = g_strdup(reason);
    }
    folder.state.slots[target]->since_us = g_get_real_time();
    folder.state.slots[target]->tries = 0;
    /* first the mark: a current slot that is bad says that a rollback was cut off, the other way round it would be forgotten */
    if (!vigil_model_folder_write_state(&folder, error) ||
        !vigil_model_folder_switch(&folder, target, error))
        return NULL;
    return vigil_model_folder_describe(&folder, target);
}

gboolean
vigil_model_store_begin_try(VigilModelStore *self, const gchar *name, const gchar *id, guint *tries,
                            GError **error)
{
    g_auto(VigilModelFolder) folder = {0};
    VigilModelSlot *current = lock_current(self, &folder, name, id, error);

    if (!current)
        return FALSE;
    if (current->health != VIGIL_MODEL_HEALTH_GOOD && current->tries < G_MAXUINT) {
        current->tries++;
        if (!vigil_model_folder_write_state(&folder, error))
            return FALSE;
    }
    *tries = current->tries;
    return TRUE;
}

gboolean
vigil_model_store_mark_healthy(VigilModelStore *self, const gchar *name, const gchar *id,
                               GError **error)
{
    g_auto(VigilModelFolder) folder = {0};
    VigilModelSlot *current = lock_current(self, &folder, name, id, error);

    if (!current || current->health == VIGIL_MODEL_HEALTH_GOOD)
        return current != NULL;
    current->health = VIGIL_MODEL_HEALTH_GOOD;
    g_clear_pointer(&current->reason, g_free);
    return vigil_model_folder_write_state(&folder, error);
}
