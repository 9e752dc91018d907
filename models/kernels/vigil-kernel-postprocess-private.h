/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/** vigil_kernel_postprocess_n_classes: of the graph's TFLite_Detection_PostProcess; 0 when it has none. */
guint vigil_kernel_postprocess_n_classes(const VigilGraph *graph);

G_END_DECLS
