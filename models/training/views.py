# SPDX-License-Identifier: Apache-2.0
"""Augmented views of labelled images, composed so that they can be rendered at any size.

A view is a canvas onto which pieces of images are laid. Everything is kept in canvas coordinates from
0 to 1, so that the student's picture and the teacher's larger one are both rendered from the source
images directly. Kinds of views: fitted (as at deployment), zoomed, mosaic of four, pasted objects.
"""
import math
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from dataset import Sample

# How often a source is drawn, against its share of the images: many frames of few cameras count less.
SOURCE_WEIGHT = {
    "walk_cam": 0.5,
    "office_cam": 0.6,
    "atl_traffic": 0.8,
    "empty_rooms": 0.6,
    "coco128": 3.0,
    "tiny_coco": 3.0,
    "coco_more": 3.0,
    "cctv_video": 1.5,
    "construction": 1.3,
    "manaus_traffic": 1.3,
    "street_lowcam": 1.0,
    "rendered": 1.5,
}


@dataclass
class Piece:
    """A sample's picture laid at `place` (x0, y0, x1, y1 of the whole picture), seen within `clip`."""

    sample: Sample
    place: tuple
    clip: tuple = (0.0, 0.0, 1.0, 1.0)
    feather: bool = False
    only: np.ndarray = None  # boxes that count (pasted objects); None: the sample's


@dataclass
class View:
    """A composed picture; `fill` is the colour of what no piece covers."""

    pieces: list
    fill: int = 114
    ignore: list = field(default_factory=list)


@lru_cache(maxsize=None)
def _pixels(path):
    with Image.open(path) as image:
        return image.convert("RGB")


def render(view, width, height):
    """The view as a uint8 array of height x width x 3."""
    canvas = Image.new("RGB", (width, height), (view.fill,) * 3)
    size = np.array([width, height, width, height])
    for piece in view.pieces:
        image = _pixels(piece.sample.path)
        place = np.array(piece.place) * size
        low = np.ceil(np.maximum(place[:2], np.array(piece.clip[:2]) * size[:2]) - 0.5).astype(int)
        high = np.floor(np.minimum(place[2:], np.array(piece.clip[2:]) * size[:2]) + 0.5).astype(int)
        low, high = np.clip(low, 0, size[:2]), np.clip(high, 0, size[:2])
        if np.any(high - low < 2):
            continue
        scale = np.array(image.size) / (place[2:] - place[:2])
        box = np.concatenate([(low - place[:2]) * scale, (high - place[:2]) * scale])
        box = np.clip(box, 0, np.tile(image.size, 2))
        if np.any(box[2:] - box[:2] < 1):
            continue
        part = image.resize(tuple(high - low), Image.BILINEAR, box=tuple(box))
        mask = None
        if piece.feather:
            mask = Image.new("L", part.size, 0)
            border = max(1, min(part.size) // 12)
            mask.paste(255, (border, border, part.size[0] - border, part.size[1] - border))
            mask = mask.filter(ImageFilter.BoxBlur(border * 0.7))
        canvas.paste(part, tuple(int(v) for v in low), mask)
    return np.asarray(canvas)


def _onto(boxes, place):
    """Normalised boxes of a picture onto the canvas."""
    place = np.asarray(place)
    size = np.tile(place[2:] - place[:2], 2)
    return boxes * size + np.tile(place[:2], 2)


def labels(view):
    """(boxes n x 6: class, x0, y0, x1, y1, visible part; ignore m x 4) on the canvas."""
    boxes, ignore = [], [np.array(r, np.float32) for r in view.ignore]
    for index, piece in enumerate(view.pieces):
        source = piece.sample.boxes if piece.only is None else piece.only
        if len(source):
            whole = _onto(source[:, 1:], piece.place)
            clip = np.array(piece.clip)
            low = np.maximum(whole[:, :2], np.maximum(clip[:2], 0))
            high = np.minimum(whole[:, 2:], np.minimum(clip[2:], 1))
            seen = np.prod(np.clip(high - low, 0, None), axis=1)
            for later in view.pieces[index + 1 :]:
                seen -= _overlap(low, high, later)
            part = seen / (np.prod(whole[:, 2:] - whole[:, :2], axis=1) + 1e-9)
            for row in np.flatnonzero(part > 0.05):
                boxes.append([source[row, 0], *low[row], *high[row], part[row]])
        if piece.only is None and len(piece.sample.ignore):
            ignore += list(np.clip(_onto(piece.sample.ignore, piece.place), 0, 1))
    return np.array(boxes, np.float32).reshape(-1, 6), np.array(ignore, np.float32).reshape(-1, 4)


def _overlap(low, high, piece):
    place = np.array(piece.place)
    clip = np.array(piece.clip)
    start = np.maximum(np.maximum(place[:2], clip[:2]), low)
    end = np.minimum(np.minimum(place[2:], clip[2:]), high)
    return np.prod(np.clip(end - start, 0, None), axis=1)


def known(view, points):
    """Which groups are labelled at points (n x 2, canvas coordinates): n x classes bool. Fill is known."""
    result = np.ones((len(points), len(view.pieces[0].sample.labelled)), bool)
    for piece in view.pieces:
        low = np.maximum(piece.place[:2], piece.clip[:2])
        high = np.minimum(piece.place[2:], piece.clip[2:])
        inside = np.all((points >= low) & (points < high), axis=1)
        if piece.only is None:
            result[inside] = piece.sample.labelled
    return result


class Composer:
    """Draws samples and composes views of them for one canvas shape at a time.

    `stretched`: the part of the pictures that take the canvas's shape, as at deployment with `resize=stretch`."""

    def __init__(self, samples, rng, stretched=0.0):
        self.rng = rng
        self.stretched = stretched
        self.samples = samples
        weights = np.array([SOURCE_WEIGHT.get(s.source, 1.0) for s in samples])
        self.chances = weights / weights.sum()
        self.queue = []
        self.empty = [s for s in samples if s.source == "empty_rooms"]
        self.donors = [s for s in samples if len(s.boxes) and s.source != "atl_traffic"]

    def draw(self):
        """The next sample: low-discrepancy over the weights, so that all images are seen."""
        if not self.queue:
            count = len(self.samples)
            step = (np.arange(count) + self.rng.random()) / count
            picked = np.searchsorted(np.cumsum(self.chances), step).clip(max=count - 1)
            self.queue = list(self.rng.permutation(picked))
        return self.samples[self.queue.pop()]

    def shape_of(self, sample, width, height):
        """Width and height of a sample's picture: its own, or those of the canvas."""
        if self.stretched and self.rng.random() < self.stretched:
            return width, height
        return _pixels(sample.path).size

    def compose(self, width, height, plain=False):
        """A view for a canvas of this shape; `plain`: half of them fitted, no mosaics, no pastes."""
        kind = self.rng.random()
        fill = 114 if self.rng.random() < 0.6 else int(self.rng.integers(0, 200))
        if kind < (0.5 if plain else 0.25):
            return View([self.fitted(width, height)], 114)
        if plain or kind < 0.68:
            return View([self.zoomed(width, height)], fill)
        if kind < 0.92 or not self.empty:
            return View(self.mosaic(width, height), fill)
        return View(self.pasted(width, height), fill)

    def fitted(self, width, height):
        """Letterboxed, at most a few percent smaller or shifted."""
        sample = self.draw()
        wide, high = self.shape_of(sample, width, height)
        scale = min(width / wide, height / high)
        w, h = wide * scale / width, high * scale / height
        shift = self.rng.uniform(0, 1) if self.rng.random() < 0.3 else 0.5
        x, y = (1 - w) * shift, (1 - h) * shift
        return Piece(sample, (x, y, x + w, y + h))

    def zoomed(self, width, height):
        """Scaled by 0.4 to 2.2 of the fitting size, stretched a little, anywhere or about an object."""
        sample = self.draw()
        wide, high = self.shape_of(sample, width, height)
        stretch = math.exp(self.rng.uniform(-0.12, 0.12))
        fit = min(width / wide, height / high)
        scale = fit * math.exp(self.rng.uniform(math.log(0.45), math.log(2.2)))
        w, h = wide * scale * stretch / width, high * scale / stretch / height
        x, y = self.rng.uniform(min(0, 1 - w), max(0, 1 - w)), self.rng.uniform(min(0, 1 - h), max(0, 1 - h))
        if len(sample.boxes) and (w > 1.2 or h > 1.2) and self.rng.random() < 0.6:
            box = sample.boxes[self.rng.integers(len(sample.boxes)), 1:]
            x = self.rng.uniform(0.2, 0.8) - (box[0] + box[2]) / 2 * w
            y = self.rng.uniform(0.3, 0.7) - (box[1] + box[3]) / 2 * h
            x, y = np.clip(x, min(0, 1 - w), max(0, 1 - w)), np.clip(y, min(0, 1 - h), max(0, 1 - h))
        return Piece(sample, (x, y, x + w, y + h))

    def mosaic(self, width, height):
        """Four pictures around a random point, each covering its quarter."""
        cx, cy = self.rng.uniform(0.3, 0.7, 2)
        pieces = []
        for clip in ((0, 0, cx, cy), (cx, 0, 1, cy), (0, cy, cx, 1), (cx, cy, 1, 1)):
            sample = self.draw()
            wide, high = self.shape_of(sample, width, height)
            cw, ch = (clip[2] - clip[0]) * width, (clip[3] - clip[1]) * height
            scale = max(cw / wide, ch / high) * math.exp(self.rng.uniform(-0.35, 0.5))
            w, h = wide * scale / width, high * scale / height
            spare_x, spare_y = clip[2] - clip[0] - w, clip[3] - clip[1] - h
            x = clip[0] + self.rng.uniform(min(0, spare_x), max(0, spare_x))
            y = clip[1] + self.rng.uniform(min(0, spare_y), max(0, spare_y))
            pieces.append(Piece(sample, (x, y, x + w, y + h), clip))
        return pieces

    def pasted(self, width, height):
        """Labelled objects with a soft edge onto an empty room."""
        room = self.empty[self.rng.integers(len(self.empty))]
        image = _pixels(room.path)
        scale = max(width / image.width, height / image.height)
        w, h = image.width * scale / width, image.height * scale / height
        x, y = self.rng.uniform(min(0, 1 - w), 0.001), self.rng.uniform(min(0, 1 - h), 0.001)
        pieces = [Piece(room, (x, y, x + w, y + h))]
        for _ in range(self.rng.integers(1, 4)):
            donor = self.donors[self.rng.integers(len(self.donors))]
            box = donor.boxes[self.rng.integers(len(donor.boxes))]
            pixels = _pixels(donor.path)
            tall = (box[4] - box[2]) * pixels.height
            wide = (box[3] - box[1]) * pixels.width
            if tall < 30 or wide < 12:
                continue
            scale = height * math.exp(self.rng.uniform(math.log(0.15), math.log(0.9))) / tall
            scale = min(scale, 0.9 * width / wide)
            w, h = pixels.width * scale / width, pixels.height * scale / height
            cx, cy = self.rng.uniform(0.1, 0.9), self.rng.uniform(0.3, 0.8)
            x, y = cx - (box[1] + box[3]) / 2 * w, cy - (box[2] + box[4]) / 2 * h
            place = (x, y, x + w, y + h)
            clip = _onto(box[1:] + np.array([-0.12, -0.12, 0.12, 0.12]) * np.tile(box[3:] - box[1:3], 2), place)
            pieces.append(Piece(donor, place, tuple(clip), True, box[None]))
        return pieces


def degrade(image, rng):
    """What cheap cameras do to a picture: low resolution, motion blur, compression."""
    picture = Image.fromarray(image)
    if rng.random() < 0.3:
        factor = rng.uniform(0.45, 0.9)
        small = (max(8, int(picture.width * factor)), max(8, int(picture.height * factor)))
        picture = picture.resize(small, Image.BILINEAR).resize(picture.size, Image.BILINEAR)
    if rng.random() < 0.3:
        length = int(rng.integers(3, 8))
        stacked = np.asarray(picture).astype(np.float32)
        axis = int(rng.random() < 0.25)
        total = sum(np.roll(stacked, k - length // 2, 1 - axis) for k in range(length))
        picture = Image.fromarray((total / length).astype(np.uint8))
    if rng.random() < 0.6:
        memory = BytesIO()
        picture.save(memory, "JPEG", quality=int(rng.integers(15, 70)))
        picture = Image.open(memory).convert("RGB")
    return np.asarray(picture)
