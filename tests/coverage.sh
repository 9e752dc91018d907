#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# coverage.sh [MINIMUM]: builds apart with coverage, runs the tests but those of the whole program and the long ones, prints the line coverage of the layers that hold the
# logic, file by file, and fails below the minimum (percent, default 85).
set -eu
cd "$(dirname "$0")/.."
minimum=${1:-85}
build=build-coverage
[ -f $build/build.ninja ] || meson setup $build -Db_coverage=true -Dbuildtype=debug -Doptimization=1 >$build.log 2>&1 || { cat $build.log; exit 1; }
ninja -C $build >$build.log || { tail -n 40 $build.log; exit 1; }
find $build -name '*.gcda' -delete
meson test -C $build --no-rebuild --no-suite lint --no-suite pipeline --no-suite long --timeout-multiplier 4 >$build/tests.log 2>&1 || { tail -n 40 $build/tests.log; exit 1; }
gcovr --root . --filter models/ --filter events/ --filter storage/ --exclude-unreachable-branches \
    --gcov-ignore-parse-errors --fail-under-line "$minimum" $build
