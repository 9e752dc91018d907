/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-model.h"

G_BEGIN_DECLS

/* What tests do with every model of the test data. */

/**
 * vigil_test_models:
 *
 * Returns: (transfer full) (element-type filename): the paths of all `.tflite` files of the test data; none, after a message,
 *   without it
 */
GPtrArray *vigil_test_models(void);

/** vigil_test_fill_inputs: bytes that follow from @seed; FLOAT32 inputs become 0. */
void vigil_test_fill_inputs(const VigilModel *model, VigilSession *session, guint32 seed);

/** vigil_test_append_outputs: all outputs of the last run, one after the other. */
void vigil_test_append_outputs(const VigilModel *model, VigilSession *session, GByteArray *bytes);

G_END_DECLS
