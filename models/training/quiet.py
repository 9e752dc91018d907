#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts false events on ten minutes of empty rooms and streets, through the program as users run it.

    quiet.py DATASET_DIR MODEL [--videos TESTDATA_DIR] [--keep FILM.mp4]

The film is made of pictures that were kept out of training and are known to hold nothing of a group, each shown
for some seconds with a camera's noise and drifting light, and of the spans of the test video in which nobody is
there. `vigil replay` then runs it with one rule a group and nothing else set. An event is false if its group is
known to be absent from the picture where it begins. Needs ffmpeg and a built vigil program.

With --shadow something moves all the time that is nothing: a soft shadow that wanders about in each picture, at 1280 x 720 unless said
otherwise, so that with --regions true parts of frames are looked at, which shows noise and texture larger than ever before.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import numpy as np
from PIL import Image

import dataset
from detector import CLASSES
from program import find_vigil

GROUPS = CLASSES[:3]
WIDTH, HEIGHT, RATE = 640, 360, 5
SHADOW_SIZE = (1280, 720)
VIDEO = "videos/one-by-one-person-detection.mp4"
TRUTH = "reference/video_ground_truth.json"
# Streets and sites whose labels of persons can be relied on where they say "none". Vehicles and bicycles cannot in any source
# (parked and far ones are left out), nor persons where a rider and the bike share one box.
STREETS = ("highway_tidar", "forklift", "construction")
MARGIN = 1.0  # seconds kept away from a visit's ends
CONFIG = """store: {{path: '{folder}/store'}}
model: {{path: '{model}'}}
cameras:
  - name: quiet
    source: 'file://{film}'
    motion: {{enabled: {motion}, regions: {regions}}}
    rules:
{rules}
"""


@dataclass
class Span:
    """A part of the film, in seconds, and the groups that are not in it."""

    begin: float
    end: float
    absent: frozenset
    name: str


def absent_from(sample):
    """The groups that are known not to be in a picture; a room without people holds no traffic either."""
    if sample.source == "empty_rooms":
        return frozenset(GROUPS)
    free = sample.labelled[0] and not (sample.boxes[:, 0] == 0).any() and not len(sample.ignore)
    return frozenset(("person",) if sample.source in STREETS and free else ())


def cropped(image):
    """The middle of a picture in the film's shape."""
    scale = max(WIDTH / image.width, HEIGHT / image.height)
    size = (max(WIDTH, round(image.width * scale)), max(HEIGHT, round(image.height * scale)))
    left, top = (size[0] - WIDTH) // 2, (size[1] - HEIGHT) // 2
    return image.resize(size, Image.BILINEAR).crop((left, top, left + WIDTH, top + HEIGHT))


def still(sample, seconds, rng):
    """Frames of a picture as a fixed camera sees it: noise, and light that drifts."""
    picture = np.asarray(cropped(sample.load()), np.float32)
    phase, depth = rng.uniform(0, 6.28), rng.uniform(0, 0.08)
    for frame in range(round(seconds * RATE)):
        light = 1 + depth * np.sin(phase + frame / RATE * 0.8)
        noise = rng.normal(0, 2.0, (HEIGHT, WIDTH, 1)) + rng.normal(0, 1.0, picture.shape)
        yield np.clip(picture * light + noise, 0, 255).astype(np.uint8)


def shaded(frames, rng):
    """The frames with a soft shadow in them, an eighth of their width wide, that wanders about."""
    size = WIDTH // 8
    far = np.hypot(*(np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1))
    shade = (1 - 0.35 * np.clip(1.2 - far, 0, 1))[..., None]
    phase = rng.uniform(0, 6.28, 2)
    for number, frame in enumerate(frames):
        way = 0.5 + 0.45 * np.sin(phase + number / RATE * np.array((0.23, 0.31)))
        x, y = (way * (WIDTH - size, HEIGHT - size)).astype(int)
        frame = frame.copy()
        frame[y : y + size, x : x + size] = frame[y : y + size, x : x + size] * shade
        yield frame


def video_frames(path, begin, end):
    """Frames of a span of a video."""
    command = ["ffmpeg", "-v", "error", "-ss", str(begin), "-t", str(end - begin), "-i", path]
    command += ["-vf", f"fps={RATE},scale={WIDTH}:{HEIGHT}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


def empty_spans(testdata):
    """(begin, end) of the spans of the test video between the visits."""
    with open(os.path.join(testdata, TRUTH), encoding="utf-8") as file:
        visits = find_visits(json.load(file))
    spans, last = [], 0.0
    for begin, end in visits:
        if begin - last > 2 * MARGIN:
            spans.append((last + (MARGIN if last else 0), begin - MARGIN))
        last = end
    return spans


def find_visits(truth):
    """The list of [begin, end] of the video with one person after another."""
    return [(v["start"], v["end"]) for v in truth["videos"][VIDEO]["events"]]


def make_film(path, samples, testdata, seconds, shadow, rng):
    """Writes the film; returns its spans."""
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}"]
    command += ["-r", str(RATE), "-i", "-", "-c:v", "libx264", "-preset", "veryfast", "-crf", "24"]
    command += ["-pix_fmt", "yuv420p", "-g", str(RATE * 2), path]
    encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
    spans, now = [], 0.0
    parts = [(s.path, absent_from(s), s) for s in samples]
    if testdata:
        parts += [(VIDEO, frozenset(GROUPS), span) for span in empty_spans(testdata)]
    filmed = sum(p[2][1] - p[2][0] for p in parts if isinstance(p[2], tuple))
    each = (seconds - filmed) / len(samples)
    for name, absent, source in parts:
        if isinstance(source, tuple):
            frames = video_frames(os.path.join(testdata, name), *source)
        else:
            frames = still(source, each, rng)
        if shadow:
            frames = shaded(frames, rng)
        begin = now
        for frame in frames:
            encoder.stdin.write(frame.tobytes())
            now += 1 / RATE
        spans.append(Span(begin, now, absent, os.path.basename(name)))
    encoder.stdin.close()
    if encoder.wait():
        sys.exit("quiet.py: ffmpeg failed")
    return spans


def replay(film, model, motion, options):
    """The ends of all events that Vigil reports."""
    with tempfile.TemporaryDirectory() as folder:
        rules = "\n".join(f"      - {{name: {g}, classes: [{g}]}}" for g in GROUPS)
        config = os.path.join(folder, "quiet.yaml")
        model = os.path.abspath(model) if os.path.exists(model) else model
        with open(config, "w", encoding="utf-8") as file:
            values = {"folder": folder, "model": model, "film": os.path.abspath(film), "motion": motion}
            values["regions"] = options.regions
            file.write(CONFIG.format(rules=rules, **values))
        command = [find_vigil(options.vigil), "replay", config]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    events = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    return [e for e in events if e.get("type") == "end"]


def judge(events, spans):
    """(false events with their spans, events of groups that may be there)."""
    false, others = [], 0
    for event in events:
        span = max((s for s in spans if s.begin <= event["start_s"] + 1e-3), key=lambda s: s.begin)
        if event["label"] in span.absent:
            false.append((event, span))
        else:
            others += 1
    return false, others


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("model", help="a package, or the name of one that is built in")
    parser.add_argument("--videos", help="folder of the test data, for the empty spans of its video")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--keep", help="where to leave the film")
    parser.add_argument("--motion", default="true", choices=("true", "false"), help="look only where something moves")
    parser.add_argument("--regions", default="false", choices=("true", "false"), help="and at the part that moves")
    parser.add_argument("--shadow", action="store_true", help="a shadow wanders about all the time")
    parser.add_argument("--vigil", help="the program")
    parser.add_argument("--most", type=int, default=1, help="more false events than this are a failure")
    options = parser.parse_args()
    if options.shadow:
        global WIDTH, HEIGHT
        WIDTH, HEIGHT = SHADOW_SIZE
    held_out = dataset.split(dataset.read(options.dataset))[1]
    samples = [s for s in held_out if absent_from(s)]
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        film = options.keep or os.path.join(folder, "quiet.mp4")
        spans = make_film(film, samples, options.videos, options.minutes * 60, options.shadow, rng)
        events = replay(film, options.model, options.motion, options)
    false, others = judge(events, spans)
    for group in GROUPS:
        length = sum(s.end - s.begin for s in spans if group in s.absent)
        count = sum(e["label"] == group for e, _ in false)
        print(f"{group:<12} {length / 60:.1f} min without one: {count} false events")
    for event, span in false:
        print(f"  false: {event['label']} at {event['start_s']:.1f} s, score {event['score']:.2f}, in {span.name}")
    print(f"{len(samples)} pictures, {spans[-1].end / 60:.1f} min: {len(false)} false events; {others} others")
    sys.exit(len(false) > options.most)


if __name__ == "__main__":
    main()
