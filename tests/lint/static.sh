#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# static.sh BUILD: cppcheck and clang-tidy over the sources of a build folder; every finding is an error.
set -u
build=$1
cd "$(dirname "$0")/../.."
status=0

cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr -j2 \
    --suppressions-list=tests/lint/cppcheck.suppressions --library=gtk -I . -I "$build" \
    -DG_LOG_DOMAIN='"vigil"' -D_GNU_SOURCE models events storage plugins pipeline || status=1

# kernels for another processor cannot be parsed here
other=arm
[ "$(uname -m)" = x86_64 ] || other=x86
# nor what needs a library that this build has not
onnx='vigil-onnx*'
grep -q '^#define HAVE_ONNXRUNTIME' "$build/vigil-config.h" && onnx=''
# what gcc alone knows would only be noise to clang-tidy
find models events storage plugins pipeline -name '*.c' ! -path "models/kernels/$other/*" ! -path "models/backends/$onnx" | sort |
    xargs -P2 -n4 clang-tidy --quiet -p "$build" 2>"$build/clang-tidy.log" || status=1
grep -E '(warning|error):' "$build/clang-tidy.log" && status=1

[ $status = 0 ] && echo 'static: nothing found'
exit $status
