#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a model package from a detector's weights: quantizes, measures, chooses the threshold, writes all files.

    make-package.py WEIGHTS DATASET_DIR OUT_DIR --name default --golden PICTURE [--size 320x192] [--steps 0] ...

OUT_DIR gets manifest.ini, detector.tflite, labels.txt, golden.raw and golden.tsv (what must come out of it); OUT_DIR.json
the measured figures. The golden picture must be free of others' rights and show
something that the model finds. Needs a built vigil program.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import torch
from PIL import Image

import dataset
import detector
import evaluate
import export
from program import find_vigil

MANIFEST = """# SPDX-License-Identifier: Apache-2.0
# {title}
[model]
name={name}
version={version}
file=detector.tflite
labels=labels.txt
licence=Apache-2.0
sha256={sha256}
provenance=trained from random weights by models/training; see MODEL_CARD.md
decoder=anchor-free

[input]
resize={resize}
colour=rgb
pad=114

[detect]
threshold={threshold:.2f}
iou_threshold={iou:.2f}
max_detections=100
{golden}"""
GOLDEN = """
[golden]
input=golden.raw
boxes=golden.tsv
"""


def write(folder, name, content):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def write_manifest(options, data, threshold, golden):
    text = MANIFEST.format(
        title=options.title,
        name=options.name,
        version=options.version,
        sha256=hashlib.sha256(data).hexdigest(),
        resize=options.resize,
        threshold=threshold,
        iou=options.iou,
        golden=GOLDEN if golden else "",
    )
    write(options.out, "manifest.ini", text)


def parse_lift(text):
    """"vehicle=0.3,animal=-0.2" as a dict."""
    pairs = [part.split("=") for part in text.split(",")]
    if any(len(p) != 2 or p[0] not in detector.CLASSES for p in pairs):
        raise argparse.ArgumentTypeError(f"GROUP=NUMBER,... of {', '.join(detector.CLASSES)}")
    return {group: float(number) for group, number in pairs}


def lift(net, by):
    """Adds to the logits of groups, which changes none of their figures but at what score they are: one threshold fits all."""
    for head in net.heads:
        for group, number in by.items():
            head.scores.bias.data[detector.CLASSES.index(group)] += number


def choose_threshold(results):
    """The score at which persons and vehicles both have 80 % precision, at most 0.6."""
    wanted = [results[name]["threshold_at_p80"] for name in ("person", "vehicle")]
    return min(max(*wanted, 0.3), 0.6)


def write_golden(options, threshold):
    """The golden picture as the input tensor, and the boxes that Vigil finds in it."""
    width, height = options.size
    with Image.open(options.golden) as image:
        pixels = dataset.RESIZES[options.resize](image.convert("RGB"), width, height)[0]
    write(options.out, "golden.raw", (pixels.astype(np.int16) - 128).astype(np.int8).tobytes())
    picture = os.path.join(options.out, "golden.png")
    Image.fromarray(pixels).save(picture)
    command = [find_vigil(options.vigil), "detect", "-m", options.out, "-t", f"{threshold:.2f}", picture]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    os.unlink(picture)
    found = json.loads(run.stdout)["detections"]
    if not found:
        sys.exit(f"{options.golden}: nothing is found in it; a golden picture must show something")
    lines = ["\t".join([d["label"], f"{d['score']:.4f}", *(f"{x:.4f}" for x in d["box"])]) for d in found]
    write(options.out, "golden.tsv", "# label, score, x0, y0, x1, y1\n" + "\n".join(lines) + "\n")
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights")
    parser.add_argument("dataset")
    parser.add_argument("out")
    parser.add_argument("--name", default="default")
    parser.add_argument("--title", default="Vigil's default detector")
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--golden", required=True, help="a picture")
    parser.add_argument("--size", type=export.parse_size, default=(320, 192), help="WIDTHxHEIGHT")
    parser.add_argument("--resize", default="letterbox", choices=dataset.RESIZES, help="how pictures come to that size")
    parser.add_argument("--images", type=int, default=200, help="for calibration")
    parser.add_argument("--steps", type=int, default=0, help="of fine-tuning with rounded numbers, 8 images each")
    parser.add_argument("--threshold", type=float, help="else by measurement: that of 80 %% precision")
    parser.add_argument("--iou", type=float, default=0.5, help="overlap over which the lesser of two boxes goes")
    parser.add_argument("--lift", type=parse_lift, default={}, help="added to groups' logits, as vehicle=0.3")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vigil", help="the program")
    options = parser.parse_args()
    options.labels = None
    torch.set_num_threads(options.threads)
    training, validation = dataset.split(dataset.read(options.dataset))
    net = detector.load(options.weights)
    lift(net, options.lift)
    quant = export.quantize_net(net, training, *options.size, options.images, options.steps, resize=options.resize)
    data = export.to_tflite(quant, *options.size, options.title)
    os.makedirs(options.out, exist_ok=True)
    write(options.out, "detector.tflite", data)
    write(options.out, "labels.txt", "\n".join(detector.CLASSES[: net.config["classes"]]) + "\n")
    write_manifest(options, data, 0.5, False)
    options.model = options.out
    detections = evaluate.detect(validation, options)
    threshold = options.threshold
    if threshold is None:
        threshold = choose_threshold(evaluate.measure(validation, detections).results())
    threshold = round(threshold, 2)
    results = {"all": evaluate.summary(evaluate.measure(validation, detections), threshold)}
    results.update(evaluate.detail(validation, detections, threshold))
    evaluate.print_table(f"{options.out}: INT8, {len(validation)} images", results["all"])
    macs, parameters = detector.count(net, *options.size)
    facts = {
        "size": options.size,
        "macs": macs,
        "parameters": parameters,
        "bytes": len(data),
        "images": len(validation),
        "threshold": threshold,
        "results": results,
    }
    write("", options.out.rstrip("/") + ".json", json.dumps(facts, indent=1, default=float) + "\n")
    write_manifest(options, data, threshold, False)
    found = write_golden(options, threshold)
    write_manifest(options, data, threshold, True)
    print(f"{options.out}: {len(data)} bytes, {macs / 1e6:.1f} M MACs, threshold {threshold}, golden boxes: {found}")


if __name__ == "__main__":
    main()
