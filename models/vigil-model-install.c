/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glib/gstdio.h>

#include "models/vigil-detector.h"
#include "models/vigil-model-store-private.h"
#include "models/vigil-package.h"
#include "models/vigil-version.h"

/* What is about to be installed. */
typedef struct {
    VigilPackageFiles *files;
    VigilModelSlot slot; /* name, version, id, key */
} Arrival;

static void
arrival_clear(Arrival *self)
{
    g_clear_pointer(&self->files, vigil_package_files_unref);
    g_free(self->slot.name);
    g_free(self->slot.version);
    g_free(self->slot.id);
    g_free(self->slot.key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arrival, arrival_clear)

static gboolean
take_manifest(Arrival *self, const VigilPackage *package, GError **error)
{
    if (!vigil_model_store_is_name(package->name)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "[model] name: \"%s\": an installed model is named by 1 to %d of a-z, 0-9, "
                    "\".\", \"_\" and \"-\", a letter or digit first",
                    package->name, VIGIL_PACKAGE_MAX_NAME);
        return FALSE;
    }
    if (!package->version || !vigil_version_is(package->version)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "[model] version: \"%s\": to be installed, a package needs a version of 1 to 4 "
                    "numbers, as 1.0.2",
                    package->version ? package->version : "");
        return FALSE;
    }
    self->slot.name = g_strdup(package->name);
    self->slot.version = g_strdup(package->version);
    self->slot.id = g_strdup(package->sealed.id);
    self->slot.key = *package->sealed.key ? g_strdup(package->sealed.key) : NULL;
    self->files = vigil_package_files_ref(package->sealed.files);
    return TRUE;
}

/* A package without a seal gets hashes, so that damage shows later. */
static VigilPackage *
open_package(const gchar *path, const VigilModelInstall *options, GError **error)
{
    g_autoptr(VigilKeys) keys = vigil_keys_load(options->keys, error);
    g_autoptr(VigilPackage) package = NULL;
    g_autoptr(VigilPackageFiles) files = NULL;
    g_auto(VigilSealed) sealed = {0};

    if (!keys)
        return NULL;
    package = vigil_package_open(
        path, keys, options->allow_unsigned ? VIGIL_PACKAGE_UNSIGNED : VIGIL_PACKAGE_SIGNED, error);
    if (!package || package->sealed.files)
        return g_steal_pointer(&package);
    files = vigil_package_read_directory(path, error);
    if (!files || !vigil_package_seal(files, NULL, error) ||
        !vigil_sealed_check(&sealed, files, path, NULL, VIGIL_PACKAGE_UNSIGNED, error))
        return NULL;
    return vigil_package_new(&sealed, path, error);
}

/* Verified, read, and run once. */
static gboolean
receive(Arrival *self, const gchar *path, const VigilModelInstall *options, GError **error)
{
    const VigilDetectorOptions defaults = vigil_detector_options_defaults();
    g_autoptr(VigilPackage) package = open_package(path, options, error);
    g_autoptr(VigilDetector) detector = NULL;

    if (!package)
        return FALSE;
    if (take_manifest(self, package, error))
        detector = vigil_detector_open_package(g_steal_pointer(&package), &defaults, error);
    if (detector)
        return TRUE;
    g_prefix_error(error, "%s: ", path);
    return FALSE;
}

static gboolean
check_version(const VigilModelFolder *folder, const VigilModelSlot *arrival, GError **error)
{
    const VigilModelSlot *current = folder->state.slots[folder->current];

    for (guint i = 0; i < G_N_ELEMENTS(folder->state.slots); i++) {
        const VigilModelSlot *slot = folder->state.slots[i];

        if (slot && slot->health == VIGIL_MODEL_HEALTH_BAD && g_str_equal(slot->id, arrival->id)) {
            g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_DOWNGRADE,
                        "%s %s was rolled back here because of: %s; --allow-downgrade installs it "
                        "again",
                        arrival->name, arrival->version, slot->reason ? slot->reason : "-");
            return FALSE;
        }
    }
    if (vigil_version_compare(arrival->version, current->version) > 0)
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_DOWNGRADE,
                "%s %s is installed, %s is not higher; --allow-downgrade installs it all the same",
                arrival->name, current->version, arrival->version);
    return FALSE;
}

/* A rollback that was cut off leaves a bad slot current; that one is to be overwritten, not the other. */
static gboolean
finish_rollback(VigilModelFolder *folder, GError **error)
{
    const VigilModelSlot *current = folder->state.slots[folder->current];
    const VigilModelSlot *other = folder->state.slots[1 - folder->current];

    if (current->health != VIGIL_MODEL_HEALTH_BAD || !other ||
        other->health == VIGIL_MODEL_HEALTH_BAD || other->health == VIGIL_MODEL_HEALTH_STAGED)
        return TRUE;
    return vigil_model_folder_switch(folder, 1 - folder->current, error);
}

static gboolean
write_slot(VigilModelFolder *folder, const Arrival *arrival, GError **error)
{
    const gint target = folder->current < 0 ? 0 : 1 - folder->current;
    VigilModelSlot *slot = vigil_model_slot_copy(&arrival->slot);

    g_clear_pointer(&slot->name, g_free);
    slot->health = VIGIL_MODEL_HEALTH_STAGED;
    slot->since_us = g_get_real_time();
    g_clear_pointer(&folder->state.slots[target], vigil_model_slot_free);
    folder->state.slots[target] = slot;
    if (!vigil_model_folder_write_state(folder, error) ||
        !vigil_model_folder_fill(folder, target, arrival->files, error) ||
        !vigil_model_folder_switch(folder, target, error))
        return FALSE;
    slot->health = VIGIL_MODEL_HEALTH_NEW;
    return vigil_model_folder_write_state(folder, error);
}

VigilModelSlot *
vigil_model_store_install(VigilModelStore *self, const gchar *package,
                          const VigilModelInstall *options, GError **error)
{
    g_auto(Arrival) arrival = {0};
    g_auto(VigilModelFolder) folder = {0};

    if (!receive(&arrival, package, options, error))
        return NULL;
    if (g_mkdir_with_parents(self->store, 0755) != 0) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO, "%s: %s", self->store,
                    g_strerror(errno));
        return NULL;
    }
    if (!vigil_model_folder_lock(&folder, self->ops, self->store, arrival.slot.name, TRUE, error))
        return NULL;
    if (folder.current >= 0) {
        const VigilModelSlot *current = folder.state.slots[folder.current];

        if (current->health != VIGIL_MODEL_HEALTH_BAD && g_str_equal(current->id, arrival.slot.id))
            return vigil_model_folder_describe(&folder, folder.current);
        if (!finish_rollback(&folder, error) ||
            (!options->allow_downgrade && !check_version(&folder, &arrival.slot, error)))
            return NULL;
    }
    if (!write_slot(&folder, &arrival, error))
        return NULL;
    vigil_model_folder_tidy(&folder);
    return vigil_model_folder_describe(&folder, folder.current);
}
