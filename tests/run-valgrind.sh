#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run-valgrind.sh BUILD: a pipeline from encoder to recorder (the tests of vigilrecord) under valgrind's memcheck. Any wrong
# access and any block that is definitely lost is an error.
set -eu
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
export CK_FORK=no CK_DEFAULT_TIMEOUT=0 CK_TIMEOUT_MULTIPLIER=30 G_SLICE=always-malloc ORC_CODE=backup G_DEBUG=gc-friendly
export LC_ALL=C.UTF-8 TZ=UTC GST_PLUGIN_PATH_1_0="$build/plugins" GST_REGISTRY="$build/tests/registry.bin"
# the registry is made outside
gst-inspect-1.0 vigilrecord >/dev/null
valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
    --suppressions="$here/valgrind.supp" "$build/tests/plugins/test-vigilrecord"
