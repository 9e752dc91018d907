# SPDX-License-Identifier: Apache-2.0
"""Where the vigil program is."""
import os
import shutil
import sys


def find_vigil(given):
    """The program: as given, of a build in the source tree, or installed."""
    here = os.path.dirname(os.path.abspath(__file__))
    for path in (given, os.environ.get("VIGIL"), os.path.join(here, "../../build/pipeline/vigil")):
        if path and os.path.exists(path):
            return path
    path = shutil.which("vigil")
    if not path:
        sys.exit("no vigil program: build it, or name it by --vigil")
    return path
