#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures a detector on labelled images: AP50, recall at 80 % precision, false alarms on empty images.

    evaluate.py DATASET_DIR [NAME=]MODEL... [--all] [--size 320x192] [--detail] [--labels TXT] [--json OUT]

MODEL is
- a package or a .tflite: run by Vigil's own core, as it is shipped (`vigil detect`, one process);
- weights of ours in floats (.npz, or a checkpoint .pt), at --size, or at several: WEIGHTS@320x192,256x256;
- YOLOX-nano's .onnx, at 416x416 in floats.
Several models end in one table, under their NAMEs, with multiply-accumulates and bytes (facts.py); --labels is for
those that are a .tflite without labels of its own. All that this project ships or compares with, in one call:

    evaluate.py --resize stretch DATASET_DIR weights/default.npz@320x256 ../default/default ssd_mobilenet_v1.tflite yolox_nano.onnx

Images are those of the validation split (dataset.py), or all with --all: for data that the model has not seen.
Only boxes of at least 5 % of the image's height are wanted, smaller ones are neither wanted nor punished; groups
that are not labelled in an image and its regions to ignore do not count (metrics.py).
"""
import argparse
import dataclasses
import json
import os
import subprocess
import sys

import numpy as np

import dataset
import facts
import metrics
from detector import CLASSES
from program import find_vigil

LOWEST_SCORE = 0.01
NMS_IOU = 0.5
BANDS = (("5-15 %", 0.05, 0.15), ("15-40 %", 0.15, 0.4), ("over 40 %", 0.4, 10.0))


def detect_by_vigil(samples, model, options, groups):
    """Boxes of a model in Vigil's core, its labels turned into groups."""
    command = [find_vigil(options.vigil), "detect", "-m", model, "-t", str(LOWEST_SCORE)]
    if options.labels and model.endswith(".tflite"):
        command += ["-l", options.labels]
    by_name = {c.lower(): groups.get(c, c) for c in (*groups, *CLASSES)}
    run = subprocess.run(command + [s.path for s in samples], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        sys.exit(f"evaluate.py: vigil detect could not run {model} (exit code {run.returncode})")
    found = {}
    for line in run.stdout.splitlines():
        entry = json.loads(line)
        rows = []
        for detection in entry["detections"]:
            group = by_name.get(detection["label"].lower())
            if group in CLASSES:
                rows.append([CLASSES.index(group), detection["score"], *detection["box"]])
        found[entry["file"]] = np.array(rows, np.float32).reshape(-1, 6)
    return [found[s.path] for s in samples]


def keep_best(scores, boxes):
    """Rows (class, score, box) of dense predictions after suppression in each class."""
    rows = []
    for index in range(scores.shape[1]):
        chosen = scores[:, index] >= LOWEST_SCORE
        kept = metrics.nms(boxes[chosen], scores[chosen, index], NMS_IOU)
        for k in kept:
            rows.append([index, scores[chosen, index][k], *boxes[chosen][k]])
    return np.array(rows, np.float32).reshape(-1, 6)


def to_picture(rows, place, size, image):
    """Boxes in pixels of the resized input as parts of the picture."""
    scale, left, top = place
    rows[:, 2:] = (rows[:, 2:] - (left, top, left, top)) / scale
    rows[:, 2:] /= (image.width, image.height, image.width, image.height)
    return rows


def detect_by_torch(samples, net, size, resize="letterbox"):
    """Boxes of a float network (or a simulated INT8 one)."""
    import torch

    import detector

    centres, strides = detector.cell_centres(*size)
    result = []
    for sample in samples:
        image = sample.load()
        pixels, place = dataset.RESIZES[resize](image, *size)
        x = (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() - 128) / 128
        with torch.no_grad():
            logits, distances = detector.flatten(net(x))
        boxes = detector.boxes_of(distances, centres, strides)[0].numpy()
        rows = keep_best(torch.sigmoid(logits)[0].numpy(), boxes)
        result.append(to_picture(rows, place, size, image))
    return result


def detect_by_yolox(samples, path, size=facts.ONNX_SIZE):
    import torch

    import teacher

    net = teacher.Teacher(path, torch.float32)
    result = []
    for sample in samples:
        image = sample.load()
        pixels, place = dataset.letterbox(image, *size)
        levels = net.predict(pixels[None].astype(np.float32))
        scores = np.concatenate([s[0].flatten(1).T.numpy() for s, _ in levels])
        boxes = np.concatenate([b[0].flatten(1).T.numpy() for _, b in levels])
        result.append(to_picture(keep_best(scores, boxes), place, size, image))
    return result


def detect(samples, options):
    model = options.model
    if model.endswith(".onnx"):
        return detect_by_yolox(samples, model)
    if model.endswith((".npz", ".pt")):
        import detector

        return detect_by_torch(samples, detector.load(model), options.size, options.resize)
    with open(os.path.join(options.dataset, "CLASSMAP.json"), encoding="utf-8") as file:
        groups = json.load(file)["groups"]
    return detect_by_vigil(samples, model, options, groups)


def within(sample, found, low, high):
    """The sample and its detections with only boxes of some heights: other labels become regions to ignore."""
    height = sample.boxes[:, 4] - sample.boxes[:, 2]
    inside = (height >= low) & (height < high)
    other = np.concatenate([sample.ignore, sample.boxes[~inside][:, 1:]])
    tall = found[:, 5] - found[:, 3] if len(found) else np.zeros(0)
    # a detection somewhat over the limit may still belong to a box within it
    near = tall < high * 1.5
    return dataclasses.replace(sample, boxes=sample.boxes[inside], ignore=other), found[near]


def measure(samples, detections, low=metrics.MINIMUM_HEIGHT):
    evaluation = metrics.Evaluation(CLASSES, low)
    for sample, found in zip(samples, detections):
        evaluation.add(sample, found)
    return evaluation


def light_of(sample):
    """"gray", "dark" or "day", by what the picture looks like."""
    pixels = np.asarray(sample.load().resize((64, 64)), np.float32)
    spread = (pixels.max(2) - pixels.min(2)).mean()
    if spread < 4:
        return "gray"
    return "dark" if pixels.mean() < 70 else "day"


def summary(evaluation, threshold):
    """Measures of each class; false alarms are images a thousand that are known not to hold the class."""
    result = evaluation.results()
    for index, name in enumerate(CLASSES):
        empty = np.array(evaluation.empty[index])
        at = threshold if threshold is not None else result[name]["threshold_at_p80"]
        result[name]["threshold"] = at
        result[name]["false_per_1000"] = float(1000 * (empty >= at).mean()) if len(empty) else float("nan")
    return result


def print_table(title, results):
    print(f"{title}\n  class        boxes  AP50   recall at 80 % (score)  false a 1000 empty (images, score)")
    for name, r in results.items():
        if not r["labels"]:
            continue
        print(
            f"  {name:<12} {r['labels']:>5}  {r['ap50']:.3f}  {r['recall_at_p80']:.3f} ({r['threshold_at_p80']:.2f})"
            f"            {r['false_per_1000']:>6.1f} ({r['empty_images']}, {r['threshold']:.2f})"
        )


def detail(samples, detections, threshold):
    """Measures by size of the box, by light and by source."""
    result = {}
    for label, low, high in BANDS:
        pairs = [within(s, d, low, high) for s, d in zip(samples, detections)]
        result["size " + label] = summary(measure(*zip(*pairs), low), threshold)
    tags = [(("light " + light_of(s), "source " + s.source)) for s in samples]
    for tag in sorted({t for pair in tags for t in pair}):
        chosen = [i for i, pair in enumerate(tags) if tag in pair]
        part = measure([samples[i] for i in chosen], [detections[i] for i in chosen])
        result[f"{tag} ({len(chosen)} images)"] = summary(part, threshold)
    return result


def parse_size(text):
    width, height = (int(n) for n in text.split("x"))
    if width % 32 or height % 32:
        raise argparse.ArgumentTypeError("WIDTHxHEIGHT, both multiples of 32")
    return width, height


def runs_of(options):
    """(title, options of its own) of each model at each size."""
    for text in options.models:
        name, _, place = text.rpartition("=")
        model, _, sizes = place.partition("@")
        floats = model.endswith((".npz", ".pt"))
        for size in [parse_size(t) for t in sizes.split(",")] if sizes else [options.size]:
            title = f"{name or model} {size[0]}x{size[1]}" if floats else name or model
            yield title, argparse.Namespace(**{**vars(options), "model": model, "size": size})


def evaluate_one(samples, title, options):
    detections = detect(samples, options)
    results = {"all": summary(measure(samples, detections), options.threshold)}
    if options.detail:
        results.update(detail(samples, detections, options.threshold))
    for part_title, part in results.items():
        print_table(f"{title}: all ({len(samples)} images)" if part_title == "all" else part_title, part)
    sys.stdout.flush()
    macs, size = facts.of(options.model, options.size, options.vigil)
    return {"facts": {"macs": macs, "bytes": size}, **results}


def comparison(runs):
    """Lines of a table of all models: what they cost and, of each group, the three figures of `summary()`."""
    groups = [c for c in CLASSES if next(iter(runs.values()))["all"][c]["labels"]]
    lines = [
        "AP50, recall at 80 % precision, and how many of a thousand pictures without the group get a false box",
        "",
        "| model | M MACs | bytes | " + " | ".join(groups) + " |",
        "|---" * (len(groups) + 3) + "|",
    ]
    for title, results in runs.items():
        cost = f"{results['facts']['macs'] / 1e6:.1f} | {results['facts']['bytes']:,}"
        parts = [results["all"][g] for g in groups]
        cells = [f"{r['ap50']:.3f}, {r['recall_at_p80']:.3f}, {r['false_per_1000']:.0f}" for r in parts]
        lines.append(f"| {title} | {cost} | " + " | ".join(cells) + " |")
    return lines


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--all", action="store_true", help="all images, not just our validation split")
    parser.add_argument("--size", type=parse_size, default=(320, 192), help="of float weights, WIDTHxHEIGHT")
    parser.add_argument("--resize", default="letterbox", choices=dataset.RESIZES, help="of float weights")
    parser.add_argument("--labels", help="the classes' names, for a .tflite that has none")
    parser.add_argument("--threshold", type=float, help="for false alarms; else the score of 80 %% precision")
    parser.add_argument("--detail", action="store_true", help="also by size, light and source")
    parser.add_argument("--vigil", help="the program that runs .tflite files and packages")
    parser.add_argument("--json", help="also write the figures to this file")
    options = parser.parse_args()
    samples = dataset.read(options.dataset)
    if not options.all:
        samples = dataset.split(samples)[1]
    runs = {title: evaluate_one(samples, title, one) for title, one in runs_of(options)}
    if len(runs) > 1:
        print("\n" + "\n".join(comparison(runs)))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(runs if len(runs) > 1 else next(iter(runs.values())), file, indent=1)


if __name__ == "__main__":
    main()
