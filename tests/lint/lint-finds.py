#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lint-finds.py LINT: plants one fault a check in a small tree and sees that the lint names it, and nothing without it."""
import pathlib
import subprocess
import sys
import tempfile

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"

# check -> file, text, what the lint must say
PLANTED = {
    "layers": [
        ("events/a.c", SPDX + '#include "storage/s.h"\n', "events may not include storage/s.h"),
        ("models/a.c", SPDX + "#include <gst/gst.h>\n", "models may not use <gst/gst.h>"),
        ("models/b.c", SPDX + '#include "m.h"\n', "give the path from the root"),
        ("plugins/a.c", SPDX + '#include "storage/s-private.h"\n', "private to storage"),
    ],
    "licence": [("tests/x.py", "print()\n", "no SPDX")],
    "functions": [
        ("pipeline/a.c", SPDX + "int\nf(void)\n{\n    return system(0);\n}\n", "system()"),
        ("models/c.c", SPDX + "void\nf(char *a)\n{\n    strcpy (a, a);\n}\n", "strcpy()"),
    ],
    "length": [("models/d.c", SPDX + "void\nlong_one(void)\n{\n" + "    ;\n" * 200 + "}\n", "long_one() has 203 lines")],
}
GOOD = {
    "events/good.c": SPDX + '#include "models/m.h"\n#include <glib.h>\n/* system() is not called */\n',
    "pipeline/good.c": SPDX + '#include <gst/gst.h>\nconst char *s = "popen(";\n',
    "models/m.h": SPDX, "storage/s.h": SPDX, "plugins/p.h": SPDX, "tests/t.c": SPDX, "configs/c.yaml": "# " + SPDX,
    ".ci/run": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n",
    "meson.build": "# " + SPDX, "meson_options.txt": "# " + SPDX, "Makefile": "# " + SPDX,
}


def lint(program, check, root):
    done = subprocess.run([sys.executable, program, check, root], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def write(root, name, text):
    path = pathlib.Path(root) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def main(program):
    wrong = 0
    with tempfile.TemporaryDirectory() as root:
        for name, text in GOOD.items():
            write(root, name, text)
        for check, cases in PLANTED.items():
            status, output = lint(program, check, root)
            if status:
                print(f"{check}: finds something in a good tree: {output}")
                wrong += 1
            for name, text, expected in cases:
                path = write(root, name, text)
                status, output = lint(program, check, root)
                path.unlink()
                if status != 1 or expected not in output:
                    print(f"{check}: did not say \"{expected}\" of {name}: {output}")
                    wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
