/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "models/vigil-model-store.h"
#include "models/vigil-package-files.h"

G_BEGIN_DECLS

/**
 * VigilModelStoreOps:
 *
 * Every system call by which installed models are changed. One table, so that any of them can be made to fail or to be the
 * last. All return -errno on failure; all but sync are tried again after EINTR.
 */
typedef struct {
    gint (*open_at)(gint dir_fd, const gchar *name, gint flags, mode_t mode);
    gint (*mkdir_at)(gint dir_fd, const gchar *name, mode_t mode);
    gssize (*write)(gint fd, gconstpointer data, gsize length);
    gint (*sync)(gint fd);
    gint (*unlink_at)(gint dir_fd, const gchar *name, gint flags);
    gint (*rename_at)(gint dir_fd, const gchar *from, const gchar *to);
    gint (*symlink_at)(const gchar *target, gint dir_fd, const gchar *name);
} VigilModelStoreOps;

extern const VigilModelStoreOps vigil_model_store_ops_system;

/* --- state ------------------------------------------------------------------------------------ */

/**
 * VigilModelState:
 *
 * What the file `state` says, a line "vigil-model-state 1" and for each slot that has been written
 * a line "SLOT ID KEY HEALTH TRIES SINCE VERSION REASON": `a` or `b`, the package's id, the key's id or "-", the
 * health's name, decimal numbers, the version, and what remains of the line. A version of Vigil that knows a
 * later form of it reads this one, too; this one refuses later forms and leaves them alone.
 */
typedef struct {
    VigilModelSlot *slots[2]; /* %NULL: never written; name and path are not set */
} VigilModelState;

#define VIGIL_MODEL_STATE_MAX_BYTES 4096
#define VIGIL_MODEL_REASON_MAX 256

/** vigil_model_state_parse: Errors: %VIGIL_MODEL_ERROR_INVALID, %VIGIL_MODEL_ERROR_UNSUPPORTED (a later form). */
gboolean
vigil_model_state_parse(VigilModelState *self, const gchar *text, gsize length, GError **error);
/** vigil_model_state_write: (transfer full) */
gchar *vigil_model_state_write(const VigilModelState *self);
void vigil_model_state_clear(VigilModelState *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilModelState, vigil_model_state_clear)

VigilModelSlot *vigil_model_slot_copy(const VigilModelSlot *self);

/* --- one model's folder ------------------------------------------------------------------------ */

/**
 * VigilModelFolder:
 * @fd: of STORE/models/NAME
 * @path: of it
 * @state: as it was read, with what a cut-off installation left mended: the slot that is current is not "staged"
 * @current: 0 or 1; -1: none
 */
typedef struct {
    const VigilModelStoreOps *ops;
    gint fd, lock_fd;
    gchar *name, *path;
    VigilModelState state;
    gint current;
} VigilModelFolder;

/** vigil_model_folder_read: Errors: as vigil_model_store_current(); a model without a current slot is not there. */
gboolean vigil_model_folder_read(VigilModelFolder *self, const gchar *models, const gchar *name,
                                 GError **error);
/**
 * vigil_model_folder_lock:
 * @create: make it when it is missing
 *
 * The same for a writer; waits for others, then clears away what one that was cut off left.
 */
gboolean
vigil_model_folder_lock(VigilModelFolder *self, const VigilModelStoreOps *ops, const gchar *store,
                        const gchar *name, gboolean create, GError **error);
/** vigil_model_folder_write_state: on disk when this returns %TRUE. */
gboolean vigil_model_folder_write_state(VigilModelFolder *self, GError **error);
/** vigil_model_folder_fill: writes a whole package into @slot, which is not the current one. */
gboolean vigil_model_folder_fill(VigilModelFolder *self, gint slot, const VigilPackageFiles *files,
                                 GError **error);
/** vigil_model_folder_switch: makes @slot current, by one rename, and syncs it. */
gboolean vigil_model_folder_switch(VigilModelFolder *self, gint slot, GError **error);
/** vigil_model_folder_describe: (transfer full): a slot with name and path. */
VigilModelSlot *vigil_model_folder_describe(const VigilModelFolder *self, gint slot);
void vigil_model_folder_clear(VigilModelFolder *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilModelFolder, vigil_model_folder_clear)

/** vigil_model_folder_tidy: what was in a slot before vigil_model_folder_fill() goes; if not now, then at the next lock. */
void vigil_model_folder_tidy(const VigilModelFolder *self);

struct VigilModelStore {
    gchar *store, *models;
    const VigilModelStoreOps *ops;
};

/** vigil_model_store_open_with: for tests: other operations than the system's. */
VigilModelStore *vigil_model_store_open_with(const gchar *store, const VigilModelStoreOps *ops);

G_END_DECLS
