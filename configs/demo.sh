#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh BUILD [FOLDER]: the sample clip through the whole pipeline into FOLDER (BUILD/demo): detection by the default
# model, tracking, events, clips, snapshots, database. Nothing but this tree and its build is needed.
set -eu
cd "$(dirname "$0")/.."
build=$1
demo=$(realpath -m "${2:-$build/demo}")
clip=$(realpath configs/demo/yard.mp4)
vigil=$build/pipeline/vigil

# the clip's own program says where the yard is in the picture
zone=$(sed -n 's/.*"zone": \(.*\),$/\1/p' configs/demo/visits.json)

rm -rf "$demo"
mkdir -p "$demo/snapshots"
cat >"$demo/demo.yaml" <<YAML
# written by configs/demo.sh
store: {path: "$demo/store"}
model: default
cameras:
  - name: yard
    source: "file://$clip"
    # less than the standard 0.5 is enough here
    detect: {threshold: 0.4}
    zones: {yard: $zone}
    rules:
      - {name: visitor, classes: [person], min_score: 0.4, zones: [yard], end_after: 1.5s, record: {pre: 3s, post: 3s}}
      - {name: car, classes: [vehicle], zones: [yard], end_after: 1.5s, record: {pre: 3s, post: 3s}}
YAML

echo 'Replaying configs/demo/yard.mp4 with the default model: 66 s of a rendered yard, no real people or cars.'
begin=$(date +%s)
failed=$demo/failed
{ "$vigil" replay "$demo/demo.yaml" || touch "$failed"; } | tee "$demo/events.jsonl" | sed -n -u \
    -e 's/.*"type":"begin".*"rule":"\([^"]*\)","label":"\([^"]*\)".*"start_s":\([0-9]*\.[0-9]\).*/    at \3 s  \1: a \2 comes/p' \
    -e 's/.*"type":"end".*"rule":"\([^"]*\)","label":"\([^"]*\)".*"end_s":\([0-9]*\.[0-9]\).*/    at \3 s  \1: the \2 is gone/p'
[ ! -e "$failed" ] || { echo 'demo: the replay failed' >&2; exit 1; }
echo "Done in $(($(date +%s) - begin)) s. The events:"
echo
"$vigil" events --store "$demo/store"
for id in $(sed -n 's/^{"id":"\([^"]*\)","type":"end".*/\1/p' "$demo/events.jsonl"); do
    "$vigil" clip "$id" --store "$demo/store" --snapshot -o "$demo/snapshots/$id.jpg"
done
cat <<TEXT

Clips:         $(find "$demo/store/clips" -name '*.mp4' | wc -l) in $demo/store/clips
Snapshots:     $(find "$demo/snapshots" -name '*.jpg' | wc -l) in $demo/snapshots
Event lines:   $demo/events.jsonl
Configuration: $demo/demo.yaml
Ask again:     $vigil events --store $demo/store --class person --format json

With a camera of your own, put its address into the configuration and run the daemon:
    source: v4l2:/dev/video0                        a webcam
    source: rtsp://user:password@host/path          a camera on the network
    $vigil run $demo/demo.yaml
TEXT
