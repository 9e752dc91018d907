# SPDX-License-Identifier: Apache-2.0
"""The default detector: a small anchor-free, fully convolutional network.

The operators are those that an INT8 core runs well: ordinary and depthwise convolutions, ReLU,
ADD and nearest-neighbour upsampling. All channel counts are multiples of 16. Per level (strides 8,
16, 32) the network returns class logits and the distances of the box's four sides from the cell's
centre in units of the stride:

    left, top, right, bottom  >= 0;   x0 = (column + 0.5 - left) * stride, and so on

Input: N x 3 x H x W, RGB, (pixel - 128) / 128; H and W multiples of 32.
"""
import copy

import torch
from torch import nn
from torch.nn import functional as F

CLASSES = ("person", "vehicle", "two_wheeler", "animal")
STRIDES = (8, 16, 32)

# Widths and depths. `stages`, at strides 4, 8, 16 and 32: (channels, hidden channels of each block or of
# all, blocks, depthwise kernel). A stage's first block works at the finer level's cost, so it is narrower.
CONFIGS = {
    "default": {
        "stem": 16,
        "stages": [
            (32, 64, 1, 3),
            (48, [96, 144, 144], 3, 3),
            (96, [192, 288, 288, 288], 4, 3),
            (160, [288, 480, 480], 3, 5),
        ],
        "neck": 80,
        "head": 64,
        "classes": len(CLASSES),
    },
}


class SameConv2d(nn.Conv2d):
    """A convolution of stride 2 that pads even inputs as TensorFlow Lite's SAME does: less at the left and top."""

    def __init__(self, inputs, outputs, kernel, groups):
        super().__init__(inputs, outputs, kernel, 2, 0, groups=groups, bias=False)

    def forward(self, x):
        after = self.kernel_size[0] // 2
        return super().forward(F.pad(x, (after - 1, after, after - 1, after)))


def conv_bn(inputs, outputs, kernel=1, stride=1, groups=1, relu=True):
    """Convolution, batch norm and, unless told otherwise, ReLU."""
    if stride == 2:
        conv = SameConv2d(inputs, outputs, kernel, groups)
    else:
        conv = nn.Conv2d(inputs, outputs, kernel, 1, kernel // 2, groups=groups, bias=False)
    layers = [conv, nn.BatchNorm2d(outputs)]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """1x1 up to `hidden`, depthwise, 1x1 down; the input is added where the shapes allow it."""

    def __init__(self, inputs, outputs, hidden, stride, kernel):
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        self.expand = conv_bn(inputs, hidden)
        self.depthwise = conv_bn(hidden, hidden, kernel, stride, hidden)
        self.project = conv_bn(hidden, outputs, relu=False)

    def forward(self, x):
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class Separable(nn.Module):
    """Depthwise kernel x kernel, then 1x1; ReLU after both."""

    def __init__(self, inputs, outputs, kernel=3, stride=1):
        super().__init__()
        self.depthwise = conv_bn(inputs, inputs, kernel, stride, inputs)
        self.pointwise = conv_bn(inputs, outputs)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class Head(nn.Module):
    """One level's head: a common step, then a branch for classes and one for boxes."""

    def __init__(self, inputs, width, classes):
        super().__init__()
        self.common = Separable(inputs, width, 5)
        self.class_branch = Separable(width, width, 5)
        self.box_branch = Separable(width, width, 5)
        self.scores = nn.Conv2d(width, classes, 1)
        self.distances = nn.Conv2d(width, 4, 1)
        nn.init.constant_(self.scores.bias, -4.6)
        nn.init.constant_(self.distances.bias, 2.0)

    def forward(self, x):
        x = self.common(x)
        return self.scores(self.class_branch(x)), F.relu(self.distances(self.box_branch(x)))


class Detector(nn.Module):
    """Backbone, feature pyramid (down and up again, by ADD), one head a level."""

    def __init__(self, config="default"):
        super().__init__()
        config = copy.deepcopy(CONFIGS[config] if isinstance(config, str) else config)
        self.config = config
        channels = config["stem"]
        first = config["stages"][0][0]
        self.stem = nn.Sequential(conv_bn(3, channels, 3, 2), conv_bn(channels, first, 3, 2))
        self.stages = nn.ModuleList()
        channels = first
        for level, (outputs, hidden, blocks, kernel) in enumerate(config["stages"]):
            hidden = [hidden] * blocks if isinstance(hidden, int) else hidden
            stage = []
            for block in range(blocks):
                stride = 2 if block == 0 and level > 0 else 1
                stage.append(InvertedResidual(channels, outputs, hidden[block], stride, kernel))
                channels = outputs
            self.stages.append(nn.Sequential(*stage))
        neck = config["neck"]
        self.lateral = nn.ModuleList(conv_bn(s[0], neck) for s in config["stages"][1:])
        self.down = nn.ModuleList(Separable(neck, neck, 3) for _ in range(2))
        self.shrink = nn.ModuleList(conv_bn(neck, neck, 3, 2, neck, relu=False) for _ in range(2))
        self.up = nn.ModuleList(Separable(neck, neck, 3) for _ in range(2))
        self.heads = nn.ModuleList(Head(neck, config["head"], config["classes"]) for _ in STRIDES)

    def features(self, x):
        """The pyramid's three maps."""
        x = self.stages[0](self.stem(x))
        maps = []
        for stage, lateral in zip(self.stages[1:], self.lateral):
            x = stage(x)
            maps.append(lateral(x))
        fine, middle, coarse = maps
        middle = self.down[0](middle + F.interpolate(coarse, scale_factor=2, mode="nearest"))
        fine = self.down[1](fine + F.interpolate(middle, scale_factor=2, mode="nearest"))
        middle = self.up[0](middle + self.shrink[0](fine))
        coarse = self.up[1](coarse + self.shrink[1](middle))
        return [fine, middle, coarse]

    def forward(self, x):
        """A list of (logits, distances), one a level."""
        return [head(f) for head, f in zip(self.heads, self.features(x))]


def fuse(net):
    """A copy without batch norm: each one folded into the convolution before it."""
    net = copy.deepcopy(net).eval()
    for module in net.modules():
        if not (isinstance(module, nn.Sequential) and len(module) > 1):
            continue
        conv, norm = module[0], module[1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            conv.weight.data = conv.weight.data * scale[:, None, None, None]
            bias = norm.bias - norm.running_mean * scale
            conv.bias = nn.Parameter(bias.detach().clone())
            module[1] = nn.Identity()
    return net


def count(net, width, height):
    """(multiply-accumulates, parameters of the fused net) at an input size, counted by running it."""
    net = fuse(net)
    macs = []

    def hook(module, _, output):
        per_output = module.weight[0].numel()
        macs.append(per_output * output[0].numel())

    handles = [m.register_forward_hook(hook) for m in net.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        net(torch.zeros(1, 3, height, width))
    for handle in handles:
        handle.remove()
    return sum(macs), sum(p.numel() for p in net.parameters())


def cell_centres(width, height):
    """(cells x 2 centres in pixels, cells strides) for all levels, rows first."""
    points, strides = [], []
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        points.append(torch.stack([(x.flatten() + 0.5) * stride, (y.flatten() + 0.5) * stride], 1))
        strides.append(torch.full((rows * columns,), float(stride)))
    return torch.cat(points), torch.cat(strides)


def flatten(outputs):
    """Per-level maps to (N x cells x classes logits, N x cells x 4 distances) in float32."""
    logits = torch.cat([o[0].float().flatten(2).transpose(1, 2) for o in outputs], 1)
    distances = torch.cat([o[1].float().flatten(2).transpose(1, 2) for o in outputs], 1)
    return logits, distances


def boxes_of(distances, centres, strides):
    """Distances in strides to x0, y0, x1, y1 in pixels."""
    offsets = distances * strides[:, None]
    return torch.cat([centres - offsets[..., :2], centres + offsets[..., 2:]], -1)


def save(net, path):
    """The network as float16 weights with its configuration (a zip that numpy reads too)."""
    import json

    import numpy as np

    arrays = {k: v.half().numpy() if v.is_floating_point() else v.numpy() for k, v in net.state_dict().items()}
    arrays = {k: v for k, v in arrays.items() if not k.endswith("num_batches_tracked")}
    with open(path, "wb") as file:
        np.savez(file, config=np.frombuffer(json.dumps(net.config).encode(), np.uint8), **arrays)


def load(path):
    """A network from what save() wrote, or from a training checkpoint (its averaged weights)."""
    import json

    import numpy as np

    if str(path).endswith(".npz"):
        with np.load(path) as file:
            net = Detector(json.loads(file["config"].tobytes()))
            state = {k: torch.from_numpy(file[k].astype(np.float32)) for k in file.files if k != "config"}
    else:
        checkpoint = torch.load(path, map_location="cpu")
        net = Detector(checkpoint["config"])
        state = checkpoint["ema"]
    missing, unexpected = net.load_state_dict(state, strict=False)
    missing = [k for k in missing if not k.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"{path}: the weights do not fit: missing {missing}, unexpected {unexpected}")
    return net.eval()
