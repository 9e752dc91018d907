/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-model.h"

G_BEGIN_DECLS

/**
 * VigilModelHealth:
 * @VIGIL_MODEL_HEALTH_STAGED: written, never switched to: an installation ended between the two
 * @VIGIL_MODEL_HEALTH_NEW: switched to; nobody has said yet whether it works here
 * @VIGIL_MODEL_HEALTH_GOOD: vigil_model_store_mark_healthy() was called
 * @VIGIL_MODEL_HEALTH_BAD: vigil_model_store_rollback() left it; it is not installed again by itself
 */
typedef enum {
    VIGIL_MODEL_HEALTH_STAGED,
    VIGIL_MODEL_HEALTH_NEW,
    VIGIL_MODEL_HEALTH_GOOD,
    VIGIL_MODEL_HEALTH_BAD,
} VigilModelHealth;

/** vigil_model_health_get_name: "staged", "new", "good" or "bad". */
const gchar *vigil_model_health_get_name(VigilModelHealth health);

/**
 * VigilModelSlot:
 * @name: of the model
 * @path: absolute: STORE/models/NAME/a or …/b, a package directory; what vigil_detector_open() takes
 * @version: of the package
 * @id: of the package: SHA-256 of its `package.sums`, so of every byte of it; lower-case hexadecimal
 * @key: (nullable): id of the key that signed it; %NULL: installed unsigned
 * @health: see #VigilModelHealth
 * @tries: vigil_model_store_begin_try() calls since it became current
 * @since_us: wall time at which it was installed or rolled back to, microseconds since 1970
 * @reason: (nullable): why it is bad
 *
 * What one slot of a model holds.
 */
typedef struct {
    gchar *name, *path, *version, *id, *key;
    VigilModelHealth health;
    guint tries;
    gint64 since_us;
    gchar *reason;
} VigilModelSlot;

void vigil_model_slot_free(VigilModelSlot *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilModelSlot, vigil_model_slot_free)

/**
 * VigilModelStore:
 *
 * The installed packages of a store: STORE/models/NAME/ with the slots `a` and `b` (each a whole package or absent), `current` (a
 * symbolic link to one of them, replaced by one rename) and `state` (what is known of each slot). Whoever writes holds a lock on
 * STORE/models/NAME/lock; readers need none and see the old or the new, never a mixture. kill -9 or a power cut at any moment leaves
 * `current` leading to a whole package. Any thread, one at a time for one object; any number of processes.
 */
typedef struct VigilModelStore VigilModelStore;

/**
 * vigil_model_store_open:
 * @store: the store's directory (beside events.db); `models` in it is made by the first installation
 *
 * Touches no disk. Returns: (transfer full): never %NULL
 */
VigilModelStore *vigil_model_store_open(const gchar *store);
void vigil_model_store_free(VigilModelStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilModelStore, vigil_model_store_free)

/** vigil_model_store_is_name: whether @name can be that of an installed model: 1 to 64 of `a-z 0-9 . _ -`, a letter or digit first. */
gboolean vigil_model_store_is_name(const gchar *name);

/** vigil_model_store_list: (transfer full): names of the installed models, sorted; empty when there are none. */
gchar **vigil_model_store_list(VigilModelStore *self);

/**
 * vigil_model_store_current:
 *
 * The slot that is in use. Its health may be %VIGIL_MODEL_HEALTH_BAD, when a rollback was cut off in the middle:
 * vigil_model_store_rollback() ends it.
 *
 * Errors: %VIGIL_MODEL_ERROR_NOT_FOUND (no such model), %VIGIL_MODEL_ERROR_IO, %VIGIL_MODEL_ERROR_INVALID
 * Returns: (transfer full): the slot, or %NULL
 */
VigilModelSlot *vigil_model_store_current(VigilModelStore *self, const gchar *name, GError **error);

/**
 * vigil_model_store_previous:
 *
 * The slot that vigil_model_store_rollback() would go back to. Errors: as vigil_model_store_current();
 * %VIGIL_MODEL_ERROR_NOT_FOUND also when there is none that is not bad.
 */
VigilModelSlot *
vigil_model_store_previous(VigilModelStore *self, const gchar *name, GError **error);

/** vigil_model_store_other: (nullable): the slot that is not in use, whatever its health; %NULL without an error: it is empty. */
VigilModelSlot *vigil_model_store_other(VigilModelStore *self, const gchar *name, GError **error);

/**
 * VigilModelInstall:
 * @keys: (nullable): directory of the trusted public keys, `*.pub`; %NULL: /etc/vigil/keys
 * @allow_unsigned: take a package that nobody signed (one signed by a key that is not trusted is refused all the same)
 * @allow_downgrade: take a version that is not higher than the current one's, or a package that was rolled back
 */
typedef struct {
    const gchar *keys;
    gboolean allow_unsigned;
    gboolean allow_downgrade;
} VigilModelInstall;

/**
 * vigil_model_store_install:
 * @package: path of a package directory or of a `.vigil` archive
 *
 * Verifies signature and hashes, then loads the model and checks its golden boxes, then writes the package into the slot that is
 * not in use (the one before the current is lost then), syncs it and switches `current`. A package that is current already
 * changes nothing.
 *
 * Errors: %VIGIL_MODEL_ERROR_UNTRUSTED, %VIGIL_MODEL_ERROR_DOWNGRADE, %VIGIL_MODEL_ERROR_TOO_LARGE,
 * %VIGIL_MODEL_ERROR_INVALID, %VIGIL_MODEL_ERROR_UNSUPPORTED, %VIGIL_MODEL_ERROR_IO
 * Returns: (transfer full): the slot that is current now, or %NULL; then what was current still is
 */
VigilModelSlot *vigil_model_store_install(VigilModelStore *self, const gchar *package,
                                          const VigilModelInstall *options, GError **error);

/**
 * vigil_model_store_rollback:
 * @id: (nullable): only when this package is the current one, so that two who roll back at once go back by one
 * @reason: one line, kept with the slot that is left; line ends in it become spaces
 *
 * Marks the current slot bad and switches to the other one, after its files were compared with their hashes.
 *
 * Errors: %VIGIL_MODEL_ERROR_NOT_FOUND (no slot to go back to, or @id is not current), %VIGIL_MODEL_ERROR_UNTRUSTED (its files are
 * damaged), %VIGIL_MODEL_ERROR_IO
 * Returns: (transfer full): the slot that is current now, or %NULL
 */
VigilModelSlot *vigil_model_store_rollback(VigilModelStore *self, const gchar *name,
                                           const gchar *id, const gchar *reason, GError **error);

/**
 * vigil_model_store_begin_try:
 * @id: of the slot that is about to be used
 * @tries: (out): how often it was tried, this time included
 *
 * Counts, on disk, that a program begins to use a slot which is not known to be good, so that one that kills its program is
 * noticed by the next start. Does not count a good one.
 *
 * Errors: %VIGIL_MODEL_ERROR_NOT_FOUND (@id is not current any more), %VIGIL_MODEL_ERROR_IO
 */
gboolean vigil_model_store_begin_try(VigilModelStore *self, const gchar *name, const gchar *id,
                                     guint *tries, GError **error);

/** vigil_model_store_mark_healthy: the current slot, if it is still @id, is good. Errors: as vigil_model_store_begin_try(). */
gboolean vigil_model_store_mark_healthy(VigilModelStore *self, const gchar *name, const gchar *id,
                                        GError **error);

G_END_DECLS
