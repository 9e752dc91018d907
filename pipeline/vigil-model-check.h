/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/vigil-settings.h"

G_BEGIN_DECLS

/**
 * vigil_model_check:
 *
 * Loads every model that the cameras use, each once, and compares the classes in the rules with what it knows: a rule for
 * "persn" would never fire and never say so. Where a threshold is not given, the model's own is filled in. Errors: %VIGIL_SETTINGS_ERROR_WRONG, with one line for each mistake.
 */
gboolean vigil_model_check(VigilSettings *settings, GError **error);

G_END_DECLS
