/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-package.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(VigilPackage) package =
        vigil_package_parse("/package", (const gchar *)data, size, NULL);

    return 0;
}
