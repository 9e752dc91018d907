/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/**
 * vigil_test_data_path:
 * @relative: for instance "models/blazeface_128_int8.tflite"
 *
 * Finds a file of the test data, which is not part of the repository.
 *
 * Returns: (transfer full) (nullable): its path, or %NULL after a message on stderr that says
 *   what is skipped for want of it
 */
gchar *vigil_test_data_path(const gchar *relative);
