# SPDX-License-Identifier: Apache-2.0
"""The reader of a labelled data set and its split into training and validation by scene.

A data set is a folder with `annotations.jsonl` (one image a line: file, width, height, source, scene,
boxes [[class, x0, y0, x1, y1] normalised], labelled [groups], ignore) and `CLASSMAP.json` (class name to
group). A group that is not in `labelled` says nothing: neither its presence nor its absence is known.
"""
import hashlib
import json
import os
from dataclasses import dataclass

import numpy as np
from PIL import Image

from detector import CLASSES

SPLIT_SALT = 321
VALIDATION_PERMILLE = 130


@dataclass
class Sample:
    """One image and what is known of it; coordinates are normalised."""

    path: str
    source: str
    scene: str
    boxes: np.ndarray  # n x 5: class index, x0, y0, x1, y1
    ignore: np.ndarray  # n x 4
    labelled: np.ndarray  # one bool a class

    def load(self):
        """The picture, RGB."""
        with Image.open(self.path) as image:
            return image.convert("RGB")


def is_validation(scene):
    """Whether a scene is kept for validation: fixed by its number alone, the same for ever."""
    digest = hashlib.sha256(f"{SPLIT_SALT}:{scene}".encode()).hexdigest()
    return int(digest[:8], 16) % 1000 < VALIDATION_PERMILLE


def read(root):
    """All samples of the data set in the folder `root`."""
    groups = class_groups(root)
    samples = []
    with open(os.path.join(root, "annotations.jsonl"), encoding="utf-8") as file:
        for line in file:
            if line.strip():
                samples.append(sample_of(root, json.loads(line), groups))
    return samples


def class_groups(root):
    """Class name to group; a data set without CLASSMAP.json names the groups themselves and cars."""
    path = os.path.join(root, "CLASSMAP.json")
    if not os.path.exists(path):
        return {"car": "vehicle", "truck": "vehicle", "bus": "vehicle", "bicycle": "two_wheeler", "motorcycle": "two_wheeler"}
    with open(path, encoding="utf-8") as file:
        return json.load(file)["groups"]


def sample_of(root, entry, groups):
    """A Sample from one line of annotations.jsonl; classes of no group are regions to ignore."""
    boxes = []
    ignore = [box[-4:] for box in entry.get("ignore", [])]
    for name, *box in entry["boxes"]:
        group = groups.get(name, name)
        if group in CLASSES:
            boxes.append([CLASSES.index(group), *box])
        else:
            ignore.append(box)
    labelled = entry.get("labelled")
    return Sample(
        path=os.path.join(root, entry["file"]),
        source=entry.get("source", ""),
        scene=str(entry.get("scene", entry["file"])),
        boxes=np.array(boxes, np.float32).reshape(-1, 5),
        ignore=np.array(ignore, np.float32).reshape(-1, 4),
        labelled=np.array([labelled is None or c in labelled for c in CLASSES]),
    )


def split(samples):
    """(training, validation) samples."""
    training = [s for s in samples if not is_validation(s.scene)]
    validation = [s for s in samples if is_validation(s.scene)]
    return training, validation


def letterbox(image, width, height, fill=114):
    """The picture scaled to fit, centred on a filled canvas: (uint8 array, (scale, left, top))."""
    scale = min(width / image.width, height / image.height)
    new = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    left, top = (width - new[0]) // 2, (height - new[1]) // 2
    canvas = np.full((height, width, 3), fill, np.uint8)
    canvas[top : top + new[1], left : left + new[0]] = np.asarray(image.resize(new, Image.BILINEAR))
    return canvas, (scale, left, top)


def stretch(image, width, height):
    """The picture over the whole canvas, whatever its shape: (uint8 array, (scales of x and y, left, top))."""
    scale = np.array([width / image.width, height / image.height] * 2)
    return np.array(image.resize((width, height), Image.BILINEAR)), (scale, 0, 0)


RESIZES = {"letterbox": letterbox, "stretch": stretch}
