#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes what models/default ships: the packages, the figures of the model card, the list of whose pictures were used, and what
# TensorFlow Lite makes of the golden inputs (where its library is given).
#
#   make-package.sh DATASET_DIR PICTURE [MODEL VERSION WEIGHTS]... [-- NAME=FIGURES.json...]
#
# MODEL: default or tiny; one that is not named stays as it is. PICTURE becomes the golden input. More figures (evaluate.py
# --json) are rows of the model card's table.
# Environment: VIGIL (the program), VIGIL_TFLITE_LIBRARY (libtensorflowlite_c.so), SIZE, RESIZE, IMAGES, STEPS, THRESHOLD, IOU, LIFT.
set -eu
dataset=$1 picture=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
packages=$here/../default
export OMP_WAIT_POLICY=PASSIVE

make_one() {
    /usr/bin/python3 "$here/make-package.py" "$3" "$dataset" "$packages/$1" --name "$1" --title "$4" \
        --version "$2" --golden "$picture" --size "$5" --resize "${RESIZE:-letterbox}" --images "${IMAGES:-200}" --steps "${STEPS:-0}" \
        --threshold "${THRESHOLD:-0.40}" --iou "${IOU:-0.5}" ${LIFT:+--lift "$LIFT"}
    if [ -n "${VIGIL_TFLITE_LIBRARY:-}" ]; then
        /usr/bin/python3 "$here/oracle.py" "$VIGIL_TFLITE_LIBRARY" "$packages/$1/detector.tflite" \
            "$packages/$1/golden.raw" "$here/../../tests/models/$1.out.raw"
    fi
}

while [ $# -ge 3 ] && [ "$1" != -- ]; do
    case $1 in
        default) make_one default "$2" "$3" "Vigil's default detector" "${SIZE:-352x224}" ;;
        tiny) make_one tiny "$2" "$3" "Vigil's detector for many cameras on a small board" "${SIZE:-256x160}" ;;
        *) echo "make-package: no model \"$1\": default or tiny" >&2; exit 2 ;;
    esac
    shift 3
done
[ "${1:-}" != -- ] || shift
/usr/bin/python3 "$here/card.py" "$packages/MODEL_CARD.md" "default=$packages/default.json" "tiny=$packages/tiny.json" "$@"
/usr/bin/python3 "$here/attribution.py" "$dataset" "$packages/ATTRIBUTION.md"
