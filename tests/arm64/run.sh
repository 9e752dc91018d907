#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [BUILD]: builds the whole tree for arm64 in BUILD (default build-arm64) and runs tests under qemu-user: those of
# models, events and storage as a Cortex-A72, and what computes (kernels, and whole models against TensorFlow Lite's results)
# also as a Cortex-A76, which has dot products, and as qemu's "max", which has all there is.
# The sysroot is kept in $VIGIL_ROOM_CACHE (default /var/cache/vigil-rooms). Needs configs/install-packages.sh arm64.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath -m "${1:-build-arm64}")
sysroot=${VIGIL_ROOM_CACHE:-/var/cache/vigil-rooms}/arm64-$(. /etc/os-release; echo "$VERSION_CODENAME")
data=${VIGIL_TESTDATA:-$(realpath -m ../shared/testdata)}
# whole models are slow here: the small ones
small=(blazeface_128_int8 coral_mobilenet_v1_0.25_128_quant mlperf_vww_96_int8)
# a process of another architecture is not traced, killing one at hundreds of points takes minutes, as does a model in every
# order of its parts, and the memory of an emulator is not the program's
native_only='backup|clock|disk-full|flow|kill|memory|mutated|power-cut|rebuild|recovery|retention-rules|system-calls'
computes='golden|isa-kernels|kernels.*|operators'

tests/arm64/sysroot.sh "$sysroot"

# test data with these models alone
mkdir -p "$build"
rm -rf "$build/testdata"
if [ -d "$data" ]; then
    mkdir -p "$build/testdata/models"
    for entry in "$data"/*; do [ "${entry##*/}" = models ] || ln -s "$entry" "$build/testdata/"; done
    for model in "${small[@]}"; do ln -s "$data/models/$model.tflite" "$build/testdata/models/"; done
fi

[ -f "$build/build.ninja" ] ||
    VIGIL_TESTDATA=$build/testdata meson setup "$build" --cross-file "$sysroot.ini" --werror >"$build/setup.log" ||
    { cat "$build/setup.log"; exit 1; }
ninja -C "$build" >"$build/ninja.log" || { grep -vE '^\[[0-9]+/[0-9]+\] (Compiling|Linking)' "$build/ninja.log"; exit 1; }

# the tests of models, events and storage whose names match $1 and not $2
names() {
    meson test -C "$build" --no-rebuild --list --suite models --suite events --suite storage 2>/dev/null |
        sed -n 's|^vigil:[a-z+]* / ||p' | grep -Ex "$1" | grep -Exv "$2"
}

as() {
    local cpu=$1; shift
    echo "$cpu:"
    QEMU_CPU=$cpu tests/run-tests.sh "$build" --timeout-multiplier 10 "$@" >"$build/$cpu.log" 2>&1 ||
        { cat "$build/$cpu.log"; exit 1; }
    grep -E '^ *[0-9]+/[0-9]+ |^[0-9]+%' "$build/$cpu.log"
}

as cortex-a72 $(names '.*' "$native_only")
as cortex-a76 $(names "$computes" '')
as max $(names "$computes" '')
