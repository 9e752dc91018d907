/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/vigil-settings.h"

G_BEGIN_DECLS

/** vigil_model_source_is_ours: "default" and "tiny", which need not be installed. */
gboolean vigil_model_source_is_ours(const gchar *name);

/**
 * vigil_model_source_resolve:
 *
 * Finds what the names of all cameras' models stand for: the package that is installed in the store under this name, else a
 * model of ours. A package that nobody has found healthy yet comes with the one of before.
 *
 * Errors: %VIGIL_SETTINGS_ERROR_WRONG: what is named and is not there, each in a line
 */
gboolean vigil_model_source_resolve(VigilSettings *settings, GError **error);

/**
 * vigil_model_source_begin: for the program that runs the cameras, before it opens their models.
 * @died: the last run did not end by itself
 *
 * Counts the starts of packages on trial. One with which the program died and that was started more than 3 times is rolled
 * back, and so is one whose rollback was cut off.
 *
 * Returns: whether something was rolled back; then everything is to be resolved anew
 */
gboolean vigil_model_source_begin(const VigilSettings *settings, gboolean died);

/**
 * vigil_model_source_fail:
 * @path: of the package on trial that is at fault; %NULL: all that are on trial
 *
 * Returns: whether something was rolled back, with a message
 */
gboolean
vigil_model_source_fail(const VigilSettings *settings, const gchar *path, const gchar *reason);

/** vigil_model_source_pass: the package on trial at @path is healthy. Returns: whether that was noted, with a message */
gboolean vigil_model_source_pass(const VigilSettings *settings, const gchar *path);

G_END_DECLS
