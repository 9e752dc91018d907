/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "vigil-config.h"

int
main(int argc, char **argv)
{
    g_print("vigil %s\n", VIGIL_VERSION);
    return 0;
}
