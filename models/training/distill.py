# SPDX-License-Identifier: Apache-2.0
"""Teach once, train many: writes shards of augmented views with dense targets.

    distill.py DATASET TEACHER.onnx SHARDS [--count N] [--views N]

A shard is a folder with images.npy (uint8 n x h x w x 3), scores.npy (uint8 n x cells x classes) and
distances.npy (float16 n x cells x 4). It appears under its final name when complete, so that a training
run may read along.
"""
import argparse
import os
import time

import numpy as np
import torch

import dataset
import targets
import views
from teacher import Teacher

# The student's shapes and, for each, the teacher's: about 1.3 times as large.
SHAPES = {(320, 192): (416, 256), (256, 256): (352, 352), (352, 224): (448, 288)}


def make_batch(composer, teacher, size, count, plain, rng):
    """`count` views with targets: (images, scores, distances)."""
    teacher_size = SHAPES[size]
    composed = [composer.compose(*size, plain) for _ in range(count)]
    seen = np.stack([views.render(v, *teacher_size) for v in composed])
    levels = [(s.numpy(), b.numpy()) for s, b in teacher.predict(seen)]
    centres, strides = targets.cells(*size)
    scale = np.array(size * 2, np.float32)
    images, all_scores, all_distances = [], [], []
    for item, view in enumerate(composed):
        image = views.render(view, *size)
        images.append(views.degrade(image, rng) if rng.random() < 0.4 else image)
        scores, boxes = targets.from_teacher(levels, item, teacher_size, size)
        truth, ignore = views.labels(view)
        truth[:, 1:5] *= scale
        corrected = targets.correct(
            scores, boxes, centres, strides, truth, views.known(view, centres / scale[:2]), ignore * scale
        )
        packed, distances = targets.pack(*corrected, centres, strides)
        all_scores.append(packed)
        all_distances.append(distances)
    return np.stack(images), np.stack(all_scores), np.stack(all_distances)


def make_shard(folder, composer, teacher, size, count, plain, rng, batch=16):
    """One shard, written as `folder`."""
    cells = len(targets.cells(*size)[0])
    partial = folder + ".partial"
    os.makedirs(partial, exist_ok=True)
    memory = np.lib.format.open_memmap
    images = memory(f"{partial}/images.npy", "w+", np.uint8, (count, size[1], size[0], 3))
    scores = memory(f"{partial}/scores.npy", "w+", np.uint8, (count, cells, 4))
    distances = memory(f"{partial}/distances.npy", "w+", np.float16, (count, cells, 4))
    for start in range(0, count, batch):
        number = min(batch, count - start)
        made = make_batch(composer, teacher, size, number, plain, rng)
        for array, part in zip((images, scores, distances), made):
            array[start : start + number] = part
    for array in (images, scores, distances):
        array.flush()
    os.rename(partial, folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="+", help="folders with annotations.jsonl")
    parser.add_argument("teacher", help="yolox_nano.onnx")
    parser.add_argument("shards", help="folder to write into")
    parser.add_argument("--count", type=int, default=40, help="shards to write in all (default: 40)")
    parser.add_argument("--views", type=int, default=1536, help="views a shard (default: 1536)")
    parser.add_argument("--plain", action="store_true", help="no mosaics, no pastes: for the last part")
    parser.add_argument("--sizes", default="320x192,256x256", help="the shards' shapes, one after another")
    parser.add_argument("--stretched", type=float, default=0.0, help="part of the pictures that take the view's shape")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(args.seed)
    samples = []
    for folder in args.dataset:
        samples += dataset.split(dataset.read(folder))[0]
    composer = views.Composer(samples, rng, args.stretched)
    sizes = [tuple(int(n) for n in text.split("x")) for text in args.sizes.split(",")]
    teacher = Teacher(args.teacher)
    os.makedirs(args.shards, exist_ok=True)
    for number in range(args.count):
        size = sizes[number % len(sizes)]
        kind = "plain" if args.plain else "mixed"
        folder = os.path.join(args.shards, f"{kind}-{args.seed:03d}-{number:04d}-{size[0]}x{size[1]}")
        if os.path.exists(folder):
            continue
        began = time.time()
        make_shard(folder, composer, teacher, size, args.views, args.plain, rng)
        print(f"{time.strftime('%H:%M:%S')} {folder}: {args.views / (time.time() - began):.1f} views/s", flush=True)


if __name__ == "__main__":
    main()
