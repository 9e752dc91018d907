#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mca.sh [BUILD]: how near the inner loops for ARM of an arm64 build (default build-arm64, see tests/arm64/run.sh) come to
# what the cores can do, by llvm-mca, and the same of the loops of XNNPACK as Debian packages it for arm64. Fails where
# ours are below the goals: 80 % for matrix products, 45 % for depthwise convolutions.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build-arm64}
suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
cache=${VIGIL_ROOM_CACHE:-/var/cache/vigil-rooms}
xnnpack=$cache/arm64-$suite-xnnpack

if [ ! -e "$xnnpack/usr/lib/aarch64-linux-gnu/libXNNPACK.so.0" ]; then
    rm -rf --one-file-system "$xnnpack"
    mkdir -p "$cache"
    mmdebstrap --quiet --architectures=arm64 --variant=extract --components=main --include=libxnnpack0 \
        --aptopt='Apt::Install-Recommends "false"' --skip=check/qemu "$suite" "$xnnpack" \
        "$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)"
fi

echo "Vigil:"
tests/bench/mca.py "$build"/models/libvigil-isa-neon*.a --function '^gemm' --function '^depthwise' \
    --least cortex-a72:'^gemm_':80 --least neoverse-n1:'^gemm_panel':80 \
    --least cortex-a72:'^depthwise_.x._.$':45 --least neoverse-n1:'^depthwise_.x._.$':45
echo
echo "XNNPACK, matrix products:"
tests/bench/mca.py "$xnnpack/usr/lib/aarch64-linux-gnu/libXNNPACK.so.0" --function \
    '^xnn_qs8_gemm_minmax_fp32_ukernel_(2x8c8__aarch64_neon_mlal|2x8c16__aarch64_neon_mlal|2x8c8__aarch64_neon_mull|4x16__aarch64_neon_mlal_lane_ld64|4x16c4__aarch64_neondot_(ld64|ld128|cortex_a55))$'
echo
# their names are not in the library: what widens sums of products and rounds floats in one loop
echo "XNNPACK, depthwise convolutions:"
tests/bench/mca.py "$xnnpack/usr/lib/aarch64-linux-gnu/libXNNPACK.so.0" --holding saddw,fcvtns
