# SPDX-License-Identifier: Apache-2.0
"""Trains the detector on shards of taught views; see README.md for the whole recipe.

    train.py DATASET SHARDS RUN --minutes 85 [--resume [--anew]] [--init WEIGHTS]

RUN gets last.pt (a full state: resume continues it), best.pt and log. The learning rate follows the time
trained, not a number of epochs, since what counts on a shared machine is when it ends. That time is the steps' alone:
neither validation nor a pause in which the process was stopped counts. With --anew the schedule of --minutes and
--rate begins where the run stands: to end a long one early, or to go on after its end.
"""
import argparse
import math
import os
import random
import time

import numpy as np
import torch
from torch.nn import functional as F

import augment
import dataset
import detector
import metrics
import speed

BOX_WEIGHT = 2.0
GUIDE_SHARE = 0.5  # the part of a larger network's scores in the targets, with --distill


class Clock:
    """The seconds trained: of the steps alone, and of one that was stopped meanwhile only what steps take."""

    STOPPED = 20  # times the usual; a loaded machine makes steps a few times as long
    FIRST = 60.0  # seconds; the first step of a process may take long

    def __init__(self):
        self.usual = 0.0

    def of_step(self, seconds):
        """What counts of a step that took so many seconds."""
        longest = self.STOPPED * self.usual if self.usual else self.FIRST
        if seconds > longest:
            return self.usual
        self.usual = 0.95 * self.usual + 0.05 * seconds if self.usual else seconds
        return seconds


class Shards:
    """Batches of one shape, from a random one of the shards that exist by now."""

    def __init__(self, folder, batch, rng):
        self.folder, self.batch, self.rng = folder, batch, rng
        self.open = {}
        self.orders = {}
        self.photometric = augment.Photometric(rng)

    def names(self, prefix):
        found = [n for n in sorted(os.listdir(self.folder)) if not n.endswith(".partial")]
        chosen = [n for n in found if n.startswith(prefix)]
        return chosen or found

    def arrays(self, name):
        if name not in self.open:
            load = lambda part: np.load(os.path.join(self.folder, name, part + ".npy"), mmap_mode="r")
            self.open[name] = (load("images"), load("scores"), load("distances"))
        return self.open[name]

    def next(self, prefix=""):
        """(images uint8, scores, mask, distances) of a batch, as arrays."""
        names = self.names(prefix)
        name = names[self.rng.integers(len(names))]
        images, scores, distances = self.arrays(name)
        rows = np.sort(self.rng.choice(len(images), self.batch, replace=False))
        images, scores = self.photometric(images[rows]), scores[rows]
        distances = distances[rows].astype(np.float32)
        size = (images.shape[2], images.shape[1])
        if size not in self.orders:
            self.orders[size] = augment.flip_order(*size)
        chosen = np.flatnonzero(self.rng.random(self.batch) < 0.5)
        augment.mirror(images, scores, distances, self.orders[size], chosen)
        return (images, *augment.unpack(scores), distances)


def to_input(images, dtype=torch.float32):
    """uint8 n x h x w x 3 to the network's input, channels last in memory; exact in bfloat16 too."""
    return torch.from_numpy(images).to(dtype).sub_(128).mul_(1 / 128).permute(0, 3, 1, 2)


def giou(a, b):
    """GIoU of boxes given as distances from the same centres (n x 4)."""
    inter = torch.minimum(a, b)
    outer = torch.maximum(a, b)
    area = lambda d: (d[:, 0] + d[:, 2]).clamp(min=0) * (d[:, 1] + d[:, 3]).clamp(min=0)
    common = area(inter)
    union = area(a) + area(b) - common
    hull = area(outer)
    return common / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def loss_of(outputs, targets, mask, distances):
    """(class loss, box loss): quality focal BCE against soft targets; GIoU weighted by the best target."""
    logits, predicted = detector.flatten(outputs)
    best = (targets * mask).amax(2)
    total = best.sum().clamp(min=1.0)
    focus = (targets - logits.detach().sigmoid()).abs().pow(2) * mask
    classes = (F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * focus).sum() / total
    positive = best > 0.08
    if not positive.any():
        return classes, classes * 0
    weight = best[positive]
    boxes = ((1 - giou(predicted[positive], distances[positive])) * weight).sum() / total
    return classes, boxes


@torch.no_grad()
def detect(net, images, size, threshold=0.02, overlap=0.5):
    """Detections (n x 6: class, score, box in pixels of the canvas) of each picture of a batch."""
    centres, strides = detector.cell_centres(*size)
    logits, distances = detector.flatten(net(to_input(images)))
    boxes = detector.boxes_of(distances, centres, strides).numpy()
    scores = logits.sigmoid().numpy()
    result = []
    for item in range(len(images)):
        found = []
        for group in range(scores.shape[2]):
            rows = np.flatnonzero(scores[item, :, group] > threshold)
            kept = rows[metrics.nms(boxes[item, rows], scores[item, rows, group], overlap)] if len(rows) else rows
            for row in kept:
                found.append([group, scores[item, row, group], *boxes[item, row]])
        result.append(np.array(found, np.float32).reshape(-1, 6))
    return result


def validate(net, samples, size, resize="letterbox", batch=32):
    """The figures of a network on resized samples."""
    net.eval()
    evaluation = metrics.Evaluation(detector.CLASSES)
    for start in range(0, len(samples), batch):
        part = samples[start : start + batch]
        pictures = [s.load() for s in part]
        boxed = [dataset.RESIZES[resize](p, *size) for p in pictures]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = detect(net, np.stack([b[0] for b in boxed]), size)
        for sample, picture, (_, (scale, left, top)), detections in zip(part, pictures, boxed, found):
            shift = np.array([left, top, left, top], np.float32)
            extent = np.array([picture.width, picture.height] * 2, np.float32) * scale
            detections[:, 2:] = np.clip((detections[:, 2:] - shift) / extent, 0, 1)
            evaluation.add(sample, detections)
    return evaluation.results()


class Run:
    """A training run's whole state."""

    def __init__(self, args):
        self.args = args
        self.rng = np.random.default_rng(args.seed)
        torch.manual_seed(args.seed)
        random.seed(args.seed)
        self.net = detector.load(args.init) if args.init else detector.Detector(args.config)
        self.net = self.net.to(memory_format=torch.channels_last).train()
        decayed = [p for p in self.net.parameters() if p.dim() > 1]
        plain = [p for p in self.net.parameters() if p.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": args.decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=args.rate)
        self.ema = detector.Detector(self.net.config).to(memory_format=torch.channels_last).eval()
        self.ema.load_state_dict(self.net.state_dict())
        self.guide = detector.fuse(detector.load(args.distill)) if args.distill else None
        if self.guide:
            self.guide = self.guide.to(memory_format=torch.channels_last)
        self.step, self.elapsed, self.best = 0, 0.0, 0.0
        self.began = 0.0  # where the schedule begins, in seconds trained

    def state(self):
        return {
            "config": self.net.config,
            "net": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
            "best": self.best,
            "began": self.began,
            "numpy": self.rng.bit_generator.state,
            "torch": torch.get_rng_state(),
        }

    def save(self, name):
        path = os.path.join(self.args.run, name)
        torch.save(self.state(), path + ".new")
        os.replace(path + ".new", path)

    def resume(self):
        state = torch.load(os.path.join(self.args.run, "last.pt"), map_location="cpu")
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.elapsed, self.best = state["step"], state["elapsed"], state["best"]
        self.began = state.get("began", 0.0)
        self.rng.bit_generator.state = state["numpy"]
        torch.set_rng_state(state["torch"])

    def begin_anew(self):
        """A new schedule from here on; what is best in it is told apart from what was before."""
        self.began, self.best = self.elapsed, 0.0

    def progress(self):
        """The part of the plan that is done, 0 to 1."""
        if self.args.steps:
            return min(1.0, self.step / self.args.steps)
        return min(1.0, (self.elapsed - self.began) / (self.args.minutes * 60))

    def set_rate(self):
        """Warm-up by steps, then half a cosine over the time."""
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress()))
        rate = self.args.rate * min(1.0, (self.step + 1) / 200) * (cosine * 0.985 + 0.015)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def average(self):
        """The running average of weights and statistics."""
        keep = min(self.args.average, (self.step + 1) / (self.step + 20))
        mine = [v for v in self.ema.state_dict().values() if v.is_floating_point()]
        new = [v for v in self.net.state_dict().values() if v.is_floating_point()]
        torch._foreach_mul_(mine, keep)
        torch._foreach_add_(mine, new, alpha=1 - keep)

    @torch.no_grad()
    def guided(self, x, targets, distances):
        """Targets mixed with what a larger network of the same kind says of the very same picture."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, boxes = detector.flatten(self.guide(x))
        scores = logits.sigmoid()
        unsure = (targets.amax(2, keepdim=True) < 0.3) & (scores.amax(2, keepdim=True) > 0.1)
        mixed = (1 - GUIDE_SHARE) * targets + GUIDE_SHARE * scores
        return mixed, torch.where(unsure, boxes, distances)

    def train_step(self, batch):
        images, (targets, mask, distances) = batch[0], (torch.from_numpy(a) for a in batch[1:])
        x = to_input(images, torch.bfloat16)
        self.set_rate()
        if self.guide:
            targets, distances = self.guided(x, targets, distances)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = self.net(x)
        classes, boxes = loss_of(outputs, targets, mask, distances)
        self.optimizer.zero_grad(set_to_none=True)
        (classes + BOX_WEIGHT * boxes).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.optimizer.step()
        self.average()
        self.step += 1
        return float(classes), float(boxes)


def log(run, text):
    line = f"{time.strftime('%H:%M:%S')} {text}"
    print(line, flush=True)
    with open(os.path.join(run, "log"), "a", encoding="utf-8") as file:
        file.write(line + "\n")


def report(run, samples):
    """Validates the averaged weights at each size, logs the figures, keeps the best."""
    total = 0.0
    for size in (tuple(int(v) for v in s.split("x")) for s in run.args.sizes.split(",")):
        results = validate(run.ema, samples, size, run.args.resize)
        figures = "  ".join(
            f"{n} {r['ap50']:.3f}/{r['recall_at_p80']:.3f}/{r['false_on_empty_0.5']}" for n, r in results.items()
        )
        log(run.args.run, f"  {size[0]}x{size[1]} AP50/R@P80/false@0.5: {figures}")
        total += results["person"]["ap50"] + results["vehicle"]["ap50"] + 0.5 * results["two_wheeler"]["ap50"]
    if total > run.best:
        run.best = total
        run.save("best.pt")


def loop(run, shards, samples):
    """Trains until the planned time is over."""
    args = run.args
    began = time.time()
    clock = Clock()
    next_save, next_report = began + args.save * 60, began + args.report * 60
    sums, count = np.zeros(2), 0
    while run.progress() < 1:
        prefix = "plain" if run.progress() > args.plain_from else ""
        before = time.time()
        sums += run.train_step(shards.next(prefix))
        count += 1
        now = time.time()
        run.elapsed += clock.of_step(now - before)
        if run.step % 100 == 0:
            speed = count * args.batch / (now - began)
            log(
                args.run,
                f"step {run.step} {run.elapsed / 60:.1f} min rate {run.optimizer.param_groups[0]['lr']:.5f} "
                f"class {sums[0] / count:.4f} box {sums[1] / count:.4f} {speed:.1f} images/s "
                f"{len(shards.names(''))} shards",
            )
            sums, count, began = np.zeros(2), 0, now
        if now > next_save:
            run.save("last.pt")
            next_save = now + args.save * 60
        if now > next_report:
            report(run, samples)
            next_report = time.time() + args.report * 60
    run.save("last.pt")
    report(run, samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", help="folder with annotations.jsonl: its validation scenes are used")
    parser.add_argument("shards", help="folder that distill.py writes into")
    parser.add_argument("run", help="folder for the log and checkpoints")
    parser.add_argument("--minutes", type=float, default=90, help="time to train, since --anew if that was given")
    parser.add_argument("--steps", type=int, help="steps to train in all, instead of minutes: for comparisons")
    parser.add_argument("--config", default="default", choices=sorted(detector.CONFIGS))
    parser.add_argument("--init", help="weights (.npz or .pt) to begin with; default: random")
    parser.add_argument("--distill", help="weights of a larger network whose outputs join the targets")
    parser.add_argument("--sizes", default="320x192,256x256", help="input sizes to validate at")
    parser.add_argument("--resize", default="letterbox", choices=dataset.RESIZES, help="of the pictures to validate")
    parser.add_argument("--resume", action="store_true", help="continue RUN/last.pt")
    parser.add_argument("--anew", action="store_true", help="with --resume: the schedule begins here")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--decay", type=float, default=0.02)
    parser.add_argument("--average", type=float, default=0.998)
    parser.add_argument("--plain-from", type=float, default=0.87, help="part of the time after which plain shards")
    parser.add_argument("--save", type=float, default=4, help="minutes between checkpoints")
    parser.add_argument("--report", type=float, default=10, help="minutes between validations")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    os.makedirs(args.run, exist_ok=True)
    run = Run(args)
    if args.resume:
        run.resume()
    if args.anew:
        run.begin_anew()
    macs, parameters = detector.count(run.net, 320, 192)
    speed.quicken(run.net)
    samples = dataset.split(dataset.read(args.dataset))[1]
    shards = Shards(args.shards, args.batch, run.rng)
    while not shards.names(""):
        time.sleep(5)
    log(args.run, f"{macs / 1e6:.1f} M MACs at 320x192, {parameters / 1e6:.3f} M parameters, {len(samples)} to validate")
    loop(run, shards, samples)


if __name__ == "__main__":
    main()
