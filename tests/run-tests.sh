#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-tests.sh BUILD [ARGUMENT...]: `meson test` with the arguments, and then what the test programs themselves reported,
# added up in one closing line (meson shows how many programs passed, not how many checks). Fails when a program failed, or
# when there was nothing to run.
set -u
build=$1; shift
meson test -C "$build" --no-rebuild --print-errorlogs "$@"
status=$?
python3 "$(dirname "$0")/sum-checks.py" "$build/meson-logs/testlog.json" || status=1
exit $status
