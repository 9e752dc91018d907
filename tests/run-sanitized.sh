#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-sanitized.sh BUILD [ARGUMENT...]: the tests of a build with -Db_sanitize=address,undefined; any report is a failure.
set -eu
here=$(realpath "$(dirname "$0")")
build=$1; shift
# GStreamer's registry scanner is not built with the sanitizer and cannot load the plugin
export GST_REGISTRY_FORK=no
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export LSAN_OPTIONS=suppressions=$here/lsan.supp:print_suppressions=0
export G_SLICE=always-malloc
exec "$here/run-tests.sh" "$build" --timeout-multiplier 5 "$@"
