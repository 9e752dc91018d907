/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-test-data.h"

gchar *
vigil_test_data_path(const gchar *relative)
{
    const gchar *root = g_getenv("VIGIL_TESTDATA");
    g_autofree gchar *path = g_build_filename(root ? root : "../shared/testdata", relative, NULL);

    if (g_file_test(path, G_FILE_TEST_EXISTS))
        return g_steal_pointer(&path);
    g_printerr("SKIP: no test data %s (set VIGIL_TESTDATA)\n", path);
    return NULL;
}
