#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh BUILD: a recorded scene through the whole pipeline into BUILD/demo: detection, tracking, events, clips, database.
# The model and the video are test data ($VIGIL_TESTDATA, else testdata in the folder "shared" beside this tree).
set -eu
cd "$(dirname "$0")/.."
build=$1
demo=$(realpath -m "$build")/demo
data=$(realpath -m "${VIGIL_TESTDATA:-../shared/testdata}")
model=models/ssd_mobilenet_v1_coco_quant_300.tflite
labels=labels/coco_labels_90_coral.txt
video=videos/one-by-one-person-detection.mp4
vigil=$build/pipeline/vigil

live_hint() {
    cat <<TEXT

With a camera of your own, put its address into the config and run the daemon:
    source: v4l2:/dev/video0            a webcam
    source: rtsp://user:password@host/path
    $vigil run $1
TEXT
}

missing=
for file in $model $labels $video; do [ -f "$data/$file" ] || missing="$missing $file"; done
if [ -n "$missing" ]; then
    echo 'No default model ships with this version, and the test data that the demo would use is not there:'
    for file in $missing; do echo "    $data/$file"; done
    echo 'So nothing is detected now. Any SSD MobileNet v1 (COCO, quantised) as .tflite, its label file and a video of people'
    echo 'will do: lay them out as above, set VIGIL_TESTDATA to that folder, and run `make demo` again.'
    echo
    echo "What works without them, the check of the sample configuration:"
    "$vigil" check configs/vigil.yaml || true
    live_hint configs/vigil.yaml
    exit 0
fi

rm -rf "$demo"
mkdir -p "$demo"
cat >"$demo/demo.yaml" <<YAML
# written by configs/demo.sh
store: {path: "$demo/store"}
model: {path: "$data/$model", labels: "$data/$labels"}
cameras:
  - name: hall
    source: "file://$data/$video"
    rules:
      - name: visitor
        classes: [person]
        min_score: 0.5
        end_after: 1.5s
        record: {pre: 3s, post: 3s}
YAML
echo "Replaying $video (2 min 19 s of video) with SSD MobileNet v1 ..."
begin=$(date +%s)
"$vigil" replay "$demo/demo.yaml" >"$demo/events.jsonl"
echo "Done in $(($(date +%s) - begin)) s. The events:"
echo
"$vigil" events --store "$demo/store"
echo
echo "Clips:         $(find "$demo/store/clips" -name '*.mp4' | wc -l) in $build/demo/store/clips"
echo "Event lines:   $build/demo/events.jsonl"
echo "Configuration: $build/demo/demo.yaml"
echo "Ask again:     $vigil events --store $build/demo/store --class person --format json"
live_hint "$build/demo/demo.yaml"
