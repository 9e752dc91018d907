/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-store.h"

G_DEFINE_QUARK(vigil_store_error_quark, vigil_store_error)
