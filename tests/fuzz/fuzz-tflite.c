/* SPDX-License-Identifier: Apache-2.0 */
/* Model files: whatever loads must also run. */
#include <glib.h>

#include "tests/support/vigil-tiny-models.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    vigil_exercise_model(data, size);
    return 0;
}
