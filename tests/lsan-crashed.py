#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lsan-crashed.py TESTLOG.json: names the tests of a log of `meson test` that failed as LeakSanitizer itself did.

Fails, and names none, when a test failed otherwise.
"""
import json
import sys

CRASHED = "LeakSanitizer has encountered a fatal error"


def main(path):
    names = []
    with open(path, encoding="utf-8", errors="replace") as log:
        for test in (json.loads(line) for line in log if line.strip()):
            if test["result"] in ("OK", "SKIP", "EXPECTEDFAIL"):
                continue
            if CRASHED not in (test.get("stderr") or "") + (test.get("stdout") or ""):
                return 1
            names.append(test["name"].split(" / ")[-1])
    print(" ".join(names))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
