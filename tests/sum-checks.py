#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sum-checks.py TESTLOG.json: adds up the closing lines of check's test programs in a log of `meson test`.

A program that failed without a closing line of its own (it crashed, it hung) counts as one check and one error. What long tests measured
is repeated.
"""
import json
import re
import sys

CLOSING = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.MULTILINE)
FAILED = re.compile(r"^.*:[FE]:.*$", re.MULTILINE)
FIGURE = re.compile(r"^FIGURE: .*$", re.MULTILINE)
SKIPPED = re.compile(r"^(?:.*: )?SKIP: .*$", re.MULTILINE)


def main(path):
    checks = failures = errors = 0
    skipped, failed_checks, figures = [], [], []
    with open(path, encoding="utf-8", errors="replace") as log:
        tests = [json.loads(line) for line in log if line.strip()]
    for test in tests:
        lines = CLOSING.findall(test.get("stdout") or "")
        for count, failed, wrong in lines:
            checks += int(count)
            failures += int(failed)
            errors += int(wrong)
        bad = test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")
        if bad and not any(int(f) or int(e) for _, f, e in lines):
            checks += 1
            errors += 1
        output = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
        if bad:
            failed_checks.append(f"FAILED: {test['name']}: {test['result']} after {test['duration']:.1f} s")
            failed_checks += [f"    {line}" for line in FAILED.findall(output) or output.splitlines()[-5:]]
        if test["name"].endswith("-nightly"):
            figures += [f"{test['name']}: {line}" for line in FIGURE.findall(output)]
        skipped += [f"{test['name']}: {line}" for line in SKIPPED.findall(output)]
        if test["result"] == "SKIP" and not SKIPPED.search(output):
            skipped.append(f"{test['name']}: skipped")
    for line in figures:
        print(line)
    for line in sorted(set(skipped)):
        print(line)
    for line in failed_checks:  # last: some see only the end of a log
        print(line)
    good = checks - failures - errors
    print(f"{100 * good // checks if checks else 0}%: Checks: {checks}, Failures: {failures}, Errors: {errors}")
    return 0 if checks and not failures and not errors else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
