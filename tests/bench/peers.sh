#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peers.sh FOLDER: puts the runtimes that Vigil is compared with into FOLDER, once: the packages tfjs-tflite-node (TensorFlow
# Lite's C library) and onnxruntime-node. Nothing of them is built, and nothing goes into the tree.
set -eu
folder=$1
[ ! -f "$folder/complete" ] || exit 0
command -v npm >/dev/null || { echo "no npm: the benchmark goes without other runtimes (apt install npm)"; exit 0; }
mkdir -p "$folder"
echo '{"private": true}' >"$folder/package.json"
if npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
    tfjs-tflite-node@0.0.2 onnxruntime-node@1.30.0 >"$folder/npm.log" 2>&1; then
    touch "$folder/complete"
else
    tail -n 5 "$folder/npm.log"
    echo "the benchmark goes without other runtimes"
fi
