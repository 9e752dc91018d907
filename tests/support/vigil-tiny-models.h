/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-model.h"

G_BEGIN_DECLS

#define VIGIL_N_TINY_MODELS 9

/** vigil_tiny_model_name: of model @index, below %VIGIL_N_TINY_MODELS. */
const gchar *vigil_tiny_model_name(guint index);

/** vigil_tiny_model: Returns: (transfer full): a small sound `.tflite` file, each with other operators. */
GBytes *vigil_tiny_model(guint index);

/**
 * vigil_exercise_model:
 * @data: any bytes
 *
 * What a test of hostile files does with each: it is loaded from memory of exactly its size; when that works, it is described and,
 * unless that would take long, run twice on input that is not constant.
 *
 * Returns: whether it loaded; a refusal that has no message is a failure of its own (abort)
 */
gboolean vigil_exercise_model(const guint8 *data, gsize size);

G_END_DECLS
