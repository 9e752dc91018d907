/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-model.h"

G_DEFINE_QUARK(vigil_model_error_quark, vigil_model_error)
