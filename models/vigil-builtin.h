/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-package.h"

G_BEGIN_DECLS

/** vigil_builtin_is: whether @name is that of a model of ours, "default" or "tiny", rather than a path. */
gboolean vigil_builtin_is(const gchar *name);

/**
 * vigil_builtin_load:
 * @name: "default" or "tiny"
 *
 * The package of models/default/NAME, which is in the program (build option `embed_model`): nothing is read from the disk.
 * vigil_package_open() takes such a name for a path, and so do all that open models.
 *
 * Errors: %VIGIL_MODEL_ERROR_IO when the program was built without it.
 */
VigilPackage *vigil_builtin_load(const gchar *name, GError **error);

G_END_DECLS
