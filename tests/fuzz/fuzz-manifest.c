/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-package.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    vigil_package_free(
        vigil_package_parse("/package", size > 0 ? (const gchar *)data : "", size, NULL));
    return 0;
}
