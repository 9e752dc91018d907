#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Quantizes a detector's weights and writes an INT8 .tflite.

    export.py WEIGHTS DATASET_DIR OUT.tflite [--size 320x192] [--images 240] [--steps 0]
"""
import argparse
import random
import sys

import numpy as np
import torch

import dataset
import detector
import quantize
from tflite_writer import Graph, same_padding


def to_input(image, width, height, resize="letterbox"):
    """A picture as the network's input: resized, (pixel - 128) / 128."""
    pixels = dataset.RESIZES[resize](image, width, height)[0]
    return (torch.from_numpy(pixels).permute(2, 0, 1).float() - 128) / 128


def batches_of(samples, width, height, size, resize="letterbox"):
    """The samples in batches, loaded when asked for."""
    return [
        torch.stack([to_input(s.load(), width, height, resize) for s in samples[i : i + size]])
        for i in range(0, len(samples), size)
    ]


def add_conv(graph, quant, at, step, source):
    weight, scales, bias = quant.integers(at)
    scale, zero_point = quant.quantization[at]
    for size in graph.info[source][1][1:3]:
        assert same_padding(size, weight.shape[2], step.stride) == tuple(step.padding), step.name
    arguments = (bias, scales, step.stride, step.relu, scale, zero_point, step.name)
    if step.groups == 1:
        return graph.conv2d(source, weight.transpose(0, 2, 3, 1), *arguments)
    assert step.groups == len(weight) and weight.shape[1] == 1, step.name
    return graph.depthwise(source, weight.transpose(1, 2, 3, 0), *arguments)


def to_tflite(quant, width, height, description):
    """The file of a calibrated QuantNet: outputs scores, distances of each level."""
    graph = Graph("detector", description)
    image = graph.tensor("image", (1, height, width, 3), "int8", *quant.quantization[0])
    graph.inputs, tensors = [image], {0: image}
    for at, step in enumerate(quant.steps[1:], 1):
        sources = [tensors[s] for s in step.sources]
        if step.kind == "conv":
            tensors[at] = add_conv(graph, quant, at, step, sources[0])
        elif step.kind == "add":
            tensors[at] = graph.add(*sources, step.relu, *quant.quantization[at], step.name)
        else:
            tensors[at] = graph.upsample(sources[0], step.factor, step.name)
    graph.outputs = [tensors[n] for level in quant.outputs for n in level]
    return graph.to_bytes()


def quantize_net(net, samples, width, height, images, steps, rate=1e-4, batch=8, log=print, resize="letterbox"):
    """Calibrates on `images` of the samples and fine-tunes for `steps` batches of others."""
    chosen = list(samples)
    random.Random(1).shuffle(chosen)
    quant = quantize.trace(net)
    quant.calibrate(batches_of(chosen[:images], width, height, batch, resize))
    if steps:
        more = (chosen * (1 + images // len(chosen) + steps * batch // len(chosen)))[images:]
        reference = quantize.trace(net)
        quantize.finetune(quant, reference, Batches(more[: steps * batch], width, height, batch, resize), rate, log)
    return quant


class Batches:
    """As batches_of(), each made when it is its turn, half of them mirrored."""

    def __init__(self, samples, width, height, size, resize="letterbox"):
        self.samples, self.width, self.height, self.size, self.resize = samples, width, height, size, resize

    def __len__(self):
        return len(self.samples) // self.size

    def __iter__(self):
        for i in range(len(self)):
            part = self.samples[i * self.size : (i + 1) * self.size]
            batch = batches_of(part, self.width, self.height, self.size, self.resize)[0]
            yield batch.flip(3) if i % 2 else batch


def parse_size(text):
    width, height = (int(n) for n in text.split("x"))
    if width % 32 or height % 32 or not 32 <= width <= 4096 or not 32 <= height <= 4096:
        raise argparse.ArgumentTypeError("WIDTHxHEIGHT, both multiples of 32")
    return width, height


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("weights")
    parser.add_argument("dataset")
    parser.add_argument("out")
    parser.add_argument("--size", type=parse_size, default=(320, 192), help="WIDTHxHEIGHT")
    parser.add_argument("--images", type=int, default=240, help="for calibration")
    parser.add_argument("--steps", type=int, default=0, help="of fine-tuning, 8 images each")
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate of fine-tuning")
    parser.add_argument("--resize", default="letterbox", choices=dataset.RESIZES, help="how pictures come to that size")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    training, _ = dataset.split(dataset.read(options.dataset))
    net = detector.load(options.weights)
    quant = quantize_net(net, training, *options.size, options.images, options.steps, options.rate, resize=options.resize)
    data = to_tflite(quant, *options.size, "Vigil detector")
    with open(options.out, "wb") as file:
        file.write(data)
    print(f"{options.out}: {len(data)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
