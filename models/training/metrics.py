# SPDX-License-Identifier: Apache-2.0
"""Quality of detections: AP50, recall at 80 % precision, false positives on empty pictures.

Boxes lower than `minimum` of the picture's height are neither wanted nor punished: such labels become
regions to ignore, as do the labelled regions to ignore, and such detections that match nothing are left
out. A group counts only in images where it is labelled.
"""
import numpy as np

MINIMUM_HEIGHT = 0.05


def iou_matrix(a, b):
    """IoU of n x 4 with m x 4 boxes."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a = np.prod(np.clip(a[:, 2:] - a[:, :2], 0, None), axis=1)
    area_b = np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1)
    return inter / (area_a[:, None] + area_b[None] - inter + 1e-9)


def covered(boxes, regions):
    """For each box the largest part of it that lies in one region."""
    if not len(regions) or not len(boxes):
        return np.zeros(len(boxes))
    low = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=2)
    area = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)
    return (inter / (area[:, None] + 1e-9)).max(1)


def nms(boxes, scores, threshold=0.5, limit=100):
    """Indices kept by greedy non-maximum suppression, best first."""
    order = np.argsort(-scores, kind="stable")[:1000]
    kept = []
    while len(order) and len(kept) < limit:
        best = order[0]
        kept.append(best)
        order = order[1:]
        if len(order):
            order = order[iou_matrix(boxes[best : best + 1], boxes[order])[0] <= threshold]
    return np.array(kept, int)


class Evaluation:
    """Collects the detections of images, then gives the figures of each class."""

    def __init__(self, classes, minimum=MINIMUM_HEIGHT):
        self.classes = classes
        self.minimum = minimum
        self.hits = [[] for _ in classes]  # (score, is true)
        self.wanted = [0] * len(classes)
        self.empty = [[] for _ in classes]  # best score in each image that is known not to hold the class

    def add(self, sample, detections):
        """`sample` as of dataset.py; `detections` n x 6: class, score, x0, y0, x1, y1 normalised."""
        for index in range(len(self.classes)):
            if not sample.labelled[index]:
                continue
            found = detections[detections[:, 0] == index]
            found = found[np.argsort(-found[:, 1], kind="stable")]
            truth = sample.boxes[sample.boxes[:, 0] == index][:, 1:]
            large = truth[:, 3] - truth[:, 1] >= self.minimum
            self.match(index, found, truth[large], np.concatenate([truth[~large], sample.ignore]))
            if not len(truth):
                tall = found[found[:, 5] - found[:, 3] >= self.minimum]
                self.empty[index].append(tall[0, 1] if len(tall) else 0.0)

    def match(self, index, found, truth, regions):
        """Each detection takes the free label it overlaps most, best scores first."""
        self.wanted[index] += len(truth)
        free = np.ones(len(truth), bool)
        overlap = iou_matrix(found[:, 2:], truth) if len(truth) else np.zeros((len(found), 0))
        inside = covered(found[:, 2:], regions)
        for row, detection in enumerate(found):
            candidates = np.where(free, overlap[row], 0) if len(truth) else np.zeros(1)
            best = int(candidates.argmax())
            if candidates[best] >= 0.5:
                free[best] = False
                self.hits[index].append((detection[1], True))
            elif detection[5] - detection[3] >= self.minimum and inside[row] < 0.5:
                self.hits[index].append((detection[1], False))

    def curve(self, index):
        """(scores, precision, recall) over descending scores."""
        hits = sorted(self.hits[index], key=lambda h: -h[0])
        true = np.cumsum([h[1] for h in hits])
        scores = np.array([h[0] for h in hits])
        precision = true / np.arange(1, len(hits) + 1)
        return scores, precision, true / max(1, self.wanted[index])

    def result(self, index):
        """The figures of one class, a dict."""
        scores, precision, recall = self.curve(index)
        result = {"labels": self.wanted[index], "ap50": 0.0, "recall_at_p80": 0.0, "threshold_at_p80": 1.0}
        if len(scores) and self.wanted[index]:
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            result["ap50"] = float(np.sum(np.diff(np.concatenate([[0], recall])) * envelope))
            good = np.flatnonzero(precision >= 0.8)
            if len(good):
                result["recall_at_p80"] = float(recall[good[-1]])
                result["threshold_at_p80"] = float(scores[good[-1]])
        empty = np.array(self.empty[index])
        result["empty_images"] = len(empty)
        for threshold in (0.3, 0.5):
            result[f"false_on_empty_{threshold}"] = int((empty >= threshold).sum())
        return result

    def results(self):
        """The figures of all classes by name."""
        return {name: self.result(i) for i, name in enumerate(self.classes)}


def table(results):
    """The figures as lines of text."""
    lines = [f"{'class':<12} labels  AP50  R@P80  thr@P80  false@0.3  false@0.5  empty images"]
    for name, r in results.items():
        lines.append(
            f"{name:<12} {r['labels']:>6}  {r['ap50']:.3f} {r['recall_at_p80']:.3f}  {r['threshold_at_p80']:.3f}"
            f"    {r['false_on_empty_0.3']:>6}     {r['false_on_empty_0.5']:>6}     {r['empty_images']:>6}"
        )
    return "\n".join(lines)
