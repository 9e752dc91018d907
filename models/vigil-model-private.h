/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/backends/vigil-backend-private.h"
#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/** vigil_model_get_graph: for the session, the description and tests; borrowed. Empty when another backend runs the model. */
const VigilGraph *vigil_model_get_graph(const VigilModel *self);

/** vigil_model_get_foreign: (nullable): the backend, unless the kernels of this core run the model; @model: (out): its model */
const VigilBackend *vigil_model_get_foreign(const VigilModel *self, gpointer *model);

G_END_DECLS
