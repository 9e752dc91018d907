#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-sanitized.sh BUILD [ARGUMENT...]: the tests of a build by clang with
# -Db_sanitize=address,undefined; any report is a failure.
set -eu
here=$(realpath "$(dirname "$0")")
build=$(realpath "$1"); shift
# GStreamer's registry scanner is not built with the sanitizer and cannot load the plugin
export GST_REGISTRY_FORK=no
# whole stacks (the libraries have no frame pointers), for the suppression to find its function
export ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0:abort_on_error=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export LSAN_OPTIONS=suppressions=$here/lsan.supp:print_suppressions=0
export G_SLICE=always-malloc
# libproxy, which GIO asks, throws exceptions, which the runtime of a C program has no function for
export GIO_USE_PROXY_RESOLVER=dummy

# The registry is made here once, so that no test loads every plugin of the system, with what their libraries leak.
# gst-inspect-1.0 is not built with the sanitizer either: its runtime is loaded into it.
runtime=$(clang -print-file-name=libclang_rt.asan-$(uname -m).so)
GST_REGISTRY=$build/tests/registry.bin GST_PLUGIN_PATH_1_0=$build/plugins ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$runtime \
    gst-inspect-1.0 vigildetect >"$build/registry.log" 2>&1 || { cat "$build/registry.log"; exit 1; }

if "$here/run-tests.sh" "$build" --timeout-multiplier 5 "$@"; then
    exit 0
fi
# The thread that looks for leaks crashes itself now and then, which says nothing of the program: those tests are run again.
again=$(python3 "$here/lsan-crashed.py" "$build/meson-logs/testlog.json") && [ -n "$again" ] || exit 1
echo "LeakSanitizer itself failed, once more: $again"
# shellcheck disable=SC2086
"$here/run-tests.sh" "$build" --timeout-multiplier 5 $again
