/* SPDX-License-Identifier: Apache-2.0 */
/* spot-package FOLDER: a model package for tests that are no C programs: objects of the class "light" are where it is bright. */
#include "tests/support/vigil-spot-model.h"

int
main(int argc, char **argv)
{
    const VigilSpot spot = {160, 96, VIGIL_SPOT_BRIGHT, 2, 0};

    if (argc != 2)
        return 64;
    vigil_spot_package(&spot, argv[1], "spot", "1.0.0", "light\nb\n");
    return 0;
}
