# SPDX-License-Identifier: Apache-2.0
"""Dense targets: at every cell of the student a soft score a class and a box.

The teacher's maps give both everywhere, labels or not. Labels then correct them: what agrees with a label
is raised and takes the label's box, what a labelled group does not hold is lowered, and labels that the
teacher missed get positives around their centre. Where a group is not labelled, the teacher stands.

Stored as uint8 scores (0..254 for 0..1, 255: leave this cell and class out) and float16 distances
(left, top, right, bottom in strides).
"""
import numpy as np

from detector import STRIDES
from metrics import iou_matrix

IGNORED = 255
LEVEL_SIZES = (0, 44, 104, 1e9)  # the longer side in pixels for positives around a centre


def cells(width, height):
    """(centres n x 2 in pixels, strides n) of all levels, rows first."""
    points, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[0 : height // stride, 0 : width // stride]
        points.append(np.stack([(x.ravel() + 0.5) * stride, (y.ravel() + 0.5) * stride], 1))
        strides.append(np.full(x.size, stride))
    return np.concatenate(points).astype(np.float32), np.concatenate(strides).astype(np.float32)


def from_teacher(levels, item, teacher_size, size):
    """(scores n x classes, boxes n x 4 in the student's pixels) at the student's cells."""
    ratio = np.array(teacher_size, np.float32) / np.array(size, np.float32)
    all_scores, all_boxes = [], []
    for (scores, boxes), stride in zip(levels, STRIDES):
        rows, columns = size[1] // stride, size[0] // stride
        scores, boxes = scores[item], boxes[item]
        y = (np.arange(rows) + 0.5) * ratio[1] - 0.5
        x = (np.arange(columns) + 0.5) * ratio[0] - 0.5
        best = scores.max(0)
        candidates = []
        for dy in (0, 1):
            for dx in (0, 1):
                iy = np.clip(np.floor(y).astype(int) + dy, 0, best.shape[0] - 1)
                ix = np.clip(np.floor(x).astype(int) + dx, 0, best.shape[1] - 1)
                candidates.append((iy[:, None] + 0 * ix[None], ix[None] + 0 * iy[:, None]))
        iy = np.stack([c[0] for c in candidates])
        ix = np.stack([c[1] for c in candidates])
        pick = best[iy, ix].argmax(0)[None]
        iy = np.take_along_axis(iy, pick, 0)[0].ravel()
        ix = np.take_along_axis(ix, pick, 0)[0].ravel()
        all_scores.append(scores[:, iy, ix].T)
        all_boxes.append(boxes[:, iy, ix].T / np.tile(ratio, 2))
    return np.concatenate(all_scores), np.concatenate(all_boxes)


def correct(scores, boxes, centres, strides, truth, known, ignore):
    """Teacher's targets corrected by labels.

    truth: n x 6 (class, box in pixels, visible part); known: cells x classes; ignore: m x 4 in pixels.
    Returns (scores, boxes, left-out mask cells x classes)."""
    result, boxes = scores.copy(), boxes.copy()
    original = boxes.copy()
    left_out = np.zeros(scores.shape, bool)
    excused = _inside(centres, ignore).any(1)
    overlap = iou_matrix(original, truth[:, 1:5]) if len(truth) else np.zeros((len(boxes), 0))
    hard = _hard(truth)
    for group in range(scores.shape[1]):
        mine = np.flatnonzero(truth[:, 0] == group)
        best = overlap[:, mine].max(1) if len(mine) else np.zeros(len(boxes))
        factor = np.where(best >= 0.5, 1.0, np.where(best >= 0.35, 0.6, 0.3))
        doubtful = known[:, group] & (scores[:, group] > 0.02)
        left_out[:, group] = doubtful & excused & (best < 0.5)
        change = doubtful & ~excused
        result[change, group] *= factor[change]
        for label in mine:
            if hard[label]:
                _raise(result, boxes, scores, overlap, truth, label, group, centres, strides)
    return np.clip(result, 0, 1), boxes, left_out


def _hard(truth):
    """Labels seen well enough to insist on."""
    high = truth[:, 4] - truth[:, 2]
    wide = truth[:, 3] - truth[:, 1]
    return (truth[:, 5] > 0.45) & (high >= 7) & (wide >= 3)


def _inside(points, boxes):
    if not len(boxes):
        return np.zeros((len(points), 1), bool)
    return np.all((points[:, None] > boxes[None, :, :2]) & (points[:, None] < boxes[None, :, 2:]), axis=2)


def _raise(result, boxes, scores, overlap, truth, label, group, centres, strides):
    """The cells of one label: those of the teacher that agree, or, if it saw nothing, the centre's."""
    box = truth[label, 1:5]
    agree = (overlap[:, label] >= 0.5) & (overlap.argmax(1) == label) & (scores[:, group] > 0.02)
    top = scores[agree, group].max() if agree.any() else 0.0
    if top >= 0.08:
        result[agree, group] = np.maximum(result[agree, group], scores[agree, group] * max(1.0, 0.8 / top))
        boxes[agree] = box
        return
    longer = max(box[2] - box[0], box[3] - box[1])
    level = next(i for i in range(3) if longer < LEVEL_SIZES[i + 1])
    middle = (box[:2] + box[2:]) / 2
    distance = np.abs(centres - middle).max(1) / strides
    near = (strides == STRIDES[level]) & (distance < 1.5) & _inside(centres, box[None])[:, 0]
    near |= (strides == STRIDES[level]) & (distance <= 0.5)
    value = np.clip(0.85 - 0.4 * distance, 0.2, 0.8)
    result[near, group] = np.maximum(result[near, group], value[near])
    boxes[near] = box


def pack(scores, boxes, left_out, centres, strides):
    """(uint8 scores, float16 distances) as stored."""
    packed = np.round(scores * 254).astype(np.uint8)
    packed[left_out] = IGNORED
    distances = np.concatenate([centres - boxes[:, :2], boxes[:, 2:] - centres], 1) / strides[:, None]
    return packed, np.clip(distances, -8, 60).astype(np.float16)
