/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/** vigil_model_get_graph: for the session, the description and tests; borrowed. */
const VigilGraph *vigil_model_get_graph(const VigilModel *self);

G_END_DECLS
