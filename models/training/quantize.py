# SPDX-License-Identifier: Apache-2.0
"""From float weights to INT8: folding, calibration, simulation and fine-tuning.

`trace()` turns a network of convolutions, batch norms, ReLUs, additions and nearest-neighbour upsampling into a
`QuantNet`: a list of steps with batch norms folded and ReLUs fused, whatever the network's structure, so that
pruned ones need nothing of their own. It runs in three ways: as floats, observing ranges (`calibrate()`), and with
weights and activations rounded as INT8 will (`simulate`), through which gradients pass as if nothing was rounded.

Weights: symmetric, one scale an output channel. Activations: one scale and zero point a tensor. Biases: int32.
"""
import dataclasses
import operator

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional as F

from detector import SameConv2d

INPUT_SCALE, INPUT_ZERO_POINT = 1 / 128, 0
BINS = 2048
# Scores below sigmoid(-8) = 0.03 % are of no use: the levels are better spent above.
LOWEST_LOGIT = -8.0


@dataclasses.dataclass
class Step:
    """One operator: `kind` input, conv, add or upsample; `sources` numbers of earlier steps."""

    kind: str
    name: str
    sources: list
    relu: bool = False
    stride: int = 1
    groups: int = 1
    padding: tuple = (0, 0)  # before, after; of both axes
    factor: int = 1
    role: str = ""  # "scores" or "distances" where it is an output


class Tracer(fx.Tracer):
    """Takes convolutions as they are, whatever class of its own a network has for them."""

    def is_leaf_module(self, module, name):
        return isinstance(module, (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Identity))


def fold(conv, norm):
    """(weight, bias) of a convolution with the batch norm after it."""
    weight = conv.weight.detach().clone()
    bias = conv.bias.detach().clone() if conv.bias is not None else torch.zeros(len(weight))
    if norm is not None:
        scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
        weight = weight * scale[:, None, None, None]
        bias = (bias - norm.running_mean) * scale + norm.bias.detach()
    return weight, bias


def conv_padding(conv):
    """(before, after) of both axes."""
    kernel = conv.kernel_size[0]
    if isinstance(conv, SameConv2d):
        return kernel // 2 - 1, kernel // 2
    return conv.padding[0], conv.padding[0]


class Builder:
    """Walks the traced graph and collects steps."""

    def __init__(self, net):
        self.modules = dict(net.named_modules())
        self.graph = Tracer().trace(net)
        self.steps, self.weights, self.place = [], {}, {}
        self.outputs = []

    def add(self, node, step):
        self.steps.append(step)
        self.place[node] = len(self.steps) - 1

    def build(self):
        for node in self.graph.nodes:
            if node.op == "placeholder":
                self.add(node, Step("input", "image", []))
            elif node.op == "call_module":
                self.module(node, self.modules[node.target])
            elif node.op == "call_function":
                self.function(node)
            elif node.op == "output":
                self.outputs = [[self.place[n] for n in level] for level in node.args[0]]
            elif node.op != "get_attr":
                raise ValueError(f"{node.op} {node.target}: no INT8 form of it is known")

    def module(self, node, module):
        source = self.place[node.args[0]]
        if isinstance(module, nn.Conv2d):
            step = Step("conv", node.target, [source], stride=module.stride[0], groups=module.groups)
            step.padding = conv_padding(module)
            self.weights[len(self.steps)] = [module, None]
            self.add(node, step)
        elif isinstance(module, nn.BatchNorm2d):
            assert self.weights[source][1] is None and not self.steps[source].relu, node.target
            self.weights[source][1] = module
            self.place[node] = source
        elif isinstance(module, nn.ReLU):
            self.steps[source].relu = True
            self.place[node] = source
        else:
            self.place[node] = source

    def function(self, node):
        if node.target in (operator.add, torch.add):
            self.add(node, Step("add", node.name, [self.place[n] for n in node.args]))
        elif node.target in (F.relu, torch.relu):
            self.steps[self.place[node.args[0]]].relu = True
            self.place[node] = self.place[node.args[0]]
        elif node.target is F.interpolate:
            factor = node.kwargs.get("scale_factor") or node.args[2]
            assert node.kwargs.get("mode", "nearest") == "nearest", node.name
            self.add(node, Step("upsample", node.name, [self.place[node.args[0]]], factor=int(factor)))
        else:
            raise ValueError(f"{node.target}: no INT8 form of it is known")


def trace(net):
    """A QuantNet with the weights of `net`, whose forward() gives [(logits, distances), ...] a level."""
    builder = Builder(net.eval())
    builder.build()
    for scores, distances in builder.outputs:
        builder.steps[scores].role, builder.steps[distances].role = "scores", "distances"
    folded = {at: fold(*modules) for at, modules in builder.weights.items()}
    return QuantNet(builder.steps, folded, builder.outputs)


class Round(torch.autograd.Function):
    """Rounds to the nearest even; the gradient passes."""

    @staticmethod
    def forward(_, x):
        return torch.round(x)

    @staticmethod
    def backward(_, gradient):
        return gradient


def choose_range(histogram, low, high, two_sided):
    """The (low, high) that rounds the histogram's values with the least mean square error."""
    centres = low + (np.arange(BINS) + 0.5) * (high - low) / BINS
    best, chosen = np.inf, (low, high)
    for part in np.linspace(0.3, 1.0, 29):
        ends = (low * part if two_sided else low, high * part)
        step = max((ends[1] - ends[0]) / 255, 1e-9)
        rounded = np.clip(np.round((centres - ends[0]) / step), 0, 255) * step + ends[0]
        error = float((histogram * (centres - rounded) ** 2).sum())
        if error < best:
            best, chosen = error, ends
    return chosen


def scale_of(low, high):
    """(scale, zero point) of a range, which is made to hold 0, and 0 to be exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max((high - low) / 255, 1e-6)
    zero_point = int(np.clip(round(-128 - low / scale), -128, 127))
    return float(np.float32(scale)), zero_point


class QuantNet(nn.Module):
    """The steps of a network, runnable as floats or as INT8 is going to be."""

    def __init__(self, steps, folded, outputs):
        super().__init__()
        self.steps, self.outputs = steps, outputs
        self.weights = nn.ParameterDict({str(at): nn.Parameter(w) for at, (w, _) in folded.items()})
        self.biases = nn.ParameterDict({str(at): nn.Parameter(b) for at, (_, b) in folded.items()})
        self.quantization = {0: (INPUT_SCALE, INPUT_ZERO_POINT)}  # step: (scale, zero point)
        self.simulate = False
        self.last_use = {}
        for at, step in enumerate(steps):
            for source in step.sources:
                self.last_use[source] = at

    def weight_scales(self, at):
        """One an output channel; a channel of zeros gets one too."""
        largest = self.weights[str(at)].detach().flatten(1).abs().max(1).values
        return torch.clamp(largest / 127, min=1e-8)

    def conv(self, at, step, x):
        weight = self.weights[str(at)]
        if self.simulate:
            scales = self.weight_scales(at)[:, None, None, None]
            weight = torch.clamp(Round.apply(weight / scales), -127, 127) * scales
        before, after = step.padding
        if before == after:
            return F.conv2d(x, weight, self.biases[str(at)], step.stride, before, 1, step.groups)
        x = F.pad(x, (before, after, before, after))
        return F.conv2d(x, weight, self.biases[str(at)], step.stride, 0, 1, step.groups)

    def compute(self, at, step, inputs):
        if step.kind == "conv":
            y = self.conv(at, step, inputs[0])
        elif step.kind == "add":
            y = inputs[0] + inputs[1]
        else:
            return F.interpolate(inputs[0], scale_factor=step.factor, mode="nearest")
        return F.relu(y) if step.relu else y

    def round_activation(self, at, y):
        scale, zero_point = self.quantization[at]
        return (torch.clamp(Round.apply(y / scale), -128 - zero_point, 127 - zero_point)) * scale

    def forward(self, x, watch=None):
        """`watch(step number, tensor)` sees every result."""
        values = {0: x}
        wanted = {n for level in self.outputs for n in level}
        for at, step in enumerate(self.steps[1:], 1):
            y = self.compute(at, step, [values[s] for s in step.sources])
            if watch:
                watch(at, y)
            if self.simulate and step.kind != "upsample":
                y = self.round_activation(at, y)
            values[at] = y
            for source in set(step.sources):
                if self.last_use[source] == at and source not in wanted:
                    del values[source]
        return [tuple(values[n] for n in level) for level in self.outputs]

    def calibrate(self, batches):
        """Chooses the scale of every tensor from images as the network takes them."""
        self.simulate = False
        limits, histograms = {}, {}

        def watch_limits(at, y):
            low, high = limits.get(at, (0.0, 0.0))
            limits[at] = min(low, float(y.min())), max(high, float(y.max()))

        def watch_values(at, y):
            low, high = limits[at]
            counts = np.histogram(y.numpy(), BINS, (low, max(high, low + 1e-6)))[0]
            histograms[at] = histograms.get(at, 0) + counts.astype(np.float64)

        with torch.no_grad():
            for watch in (watch_limits, watch_values):
                for batch in batches:
                    self(batch, watch)
        for at, step in enumerate(self.steps[1:], 1):
            if step.kind == "upsample":
                self.quantization[at] = self.quantization[step.sources[0]]
                continue
            low, high = limits[at]
            if step.role == "scores":
                low = max(low, LOWEST_LOGIT)
            elif step.role != "distances":
                low, high = choose_range(histograms[at], low, high, not step.relu)
            self.quantization[at] = scale_of(low, high)

    def integers(self, at):
        """(int8 weights [out, in, h, w], scales, int32 biases) of a convolution."""
        scales = self.weight_scales(at)
        weight = torch.round(self.weights[str(at)].detach() / scales[:, None, None, None])
        source_scale = self.quantization[self.steps[at].sources[0]][0]
        scales = scales.double().numpy()
        bias = np.round(self.biases[str(at)].detach().double().numpy() / (scales * source_scale))
        limit = 2**30
        return weight.clamp(-127, 127).to(torch.int8).numpy(), scales, np.clip(bias, -limit, limit).astype(np.int32)


def finetune(quant, reference, batches, rate, log=print):
    """Teaches the rounded network to give what the float one gives, on the images of `batches`, without labels."""
    parameters = list(quant.parameters())
    optimizer = torch.optim.Adam(parameters, rate)
    quant.simulate = True
    total = len(batches)
    for number, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + np.cos(np.pi * number / total))
        with torch.no_grad():
            wanted = reference(batch)
        loss = sum(imitation(found, target) for found, target in zip(quant(batch), wanted))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if number % 20 == 0:
            log(f"fine-tuning {number}/{total}: loss {float(loss):.4f}")
    quant.simulate = False


def imitation(found, target):
    """Cross entropy of the classes and relative error of the boxes, weighed by how likely there is something."""
    logits, distances = found
    scores, boxes = torch.sigmoid(target[0]), target[1]
    weight = scores.max(1, keepdim=True).values
    classes = F.binary_cross_entropy_with_logits(logits, scores, reduction="none")
    floor = F.binary_cross_entropy_with_logits(target[0], scores, reduction="none")
    error = (distances - boxes).abs() / (boxes + 0.5)
    return ((classes - floor).sum() + (error * weight).sum()) / weight.sum().clamp(min=1.0)
