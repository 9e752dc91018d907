# SPDX-License-Identifier: Apache-2.0
"""Structured pruning: a narrower network made of the most important channels of a trained one.

    prune.py WEIGHTS OUT.npz --size 256x160 --macs 80

Widths that several blocks share (stages, pyramid, heads) are given; hidden channels of the blocks are then
removed in groups of 16, the group first that matters least for the operations it saves, until the budget is
met. Channels count by the size of the folded weights that make and use them. The result needs fine-tuning:
train.py --init OUT.npz, better with --distill WEIGHTS.
"""
import argparse
import copy

import numpy as np
import torch

import detector

GROUP = 16
# What `tiny` keeps of the shared widths.
TINY = {"stem": 16, "stages": [32, 48, 80, 128], "neck": 64, "head": 48}


def top(scores, count):
    """Indices of the `count` highest scores, in their own order."""
    return torch.sort(torch.topk(scores, count).indices).values


def rows(sequence):
    """How large each output channel of a folded convolution's weights is."""
    return sequence[0].weight.abs().sum((1, 2, 3))


def columns(sequence):
    """How much of each input channel a folded convolution uses."""
    return sequence[0].weight.abs().sum((0, 2, 3))


def hidden_scores(block):
    """The importance of a folded inverted residual's hidden channels, relative to the block's mean."""
    score = rows(block.expand) * rows(block.depthwise) * columns(block.project)
    return score / score.mean()


def shared_choice(folded, widths):
    """The channels kept of every width that several blocks share."""
    keep = {"stem": top(rows(folded.stem[0]), widths["stem"]), "stages": [], "common": [], "classes": [], "boxes": []}
    for index, stage in enumerate(folded.stages):
        score = sum(rows(block.project) for block in stage)
        if index == 0:
            score = score + rows(folded.stem[1])
        keep["stages"].append(top(score, widths["stages"][index]))
    makers = [*folded.lateral, *(s.pointwise for s in folded.down), *(s.pointwise for s in folded.up)]
    keep["neck"] = top(sum(rows(m) for m in makers), widths["neck"])
    for head in folded.heads:
        keep["common"].append(top(rows(head.common.pointwise), widths["head"]))
        classes = rows(head.class_branch.pointwise) * head.scores.weight.abs().sum((0, 2, 3))
        boxes = rows(head.box_branch.pointwise) * head.distances.weight.abs().sum((0, 2, 3))
        keep["classes"].append(top(classes, widths["head"]))
        keep["boxes"].append(top(boxes, widths["head"]))
    return keep


def config_of(net, widths, hidden):
    """The configuration of the narrower network."""
    config = copy.deepcopy(net.config)
    config["stem"], config["neck"], config["head"] = widths["stem"], widths["neck"], widths["head"]
    config["stages"] = [
        (width, list(h), stage[2], stage[3]) for width, h, stage in zip(widths["stages"], hidden, config["stages"])
    ]
    return config


def choose_hidden(net, folded, widths, size, budget):
    """Hidden widths a block that meet the budget of multiply-accumulates."""
    scores = [[torch.sort(hidden_scores(b), descending=True).values for b in stage] for stage in folded.stages]
    hidden = [[len(s) // GROUP * GROUP for s in stage] for stage in scores]
    cost = lambda: detector.count(detector.Detector(config_of(net, widths, hidden)), *size)[0]
    current = cost()
    savings = {}
    for i, stage in enumerate(hidden):
        for j in range(len(stage)):
            stage[j] -= GROUP
            savings[i, j] = current - cost()
            stage[j] += GROUP
    while current > budget:
        candidates = [(i, j) for i, stage in enumerate(hidden) for j, h in enumerate(stage) if h > widths["stages"][i]]
        if not candidates:
            raise ValueError("the budget cannot be met with these shared widths")
        loss = lambda c: float(scores[c[0]][c[1]][hidden[c[0]][c[1]] - GROUP : hidden[c[0]][c[1]]].sum()) / savings[c]
        i, j = min(candidates, key=loss)
        hidden[i][j] -= GROUP
        current -= savings[i, j]
    return hidden


def copy_conv(target, source, out, inputs):
    """Convolution and batch norm: the chosen output and, unless depthwise, input channels."""
    weight = source[0].weight.data[out]
    if source[0].groups == 1:
        weight = weight[:, inputs]
    target[0].weight.data.copy_(weight)
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(target[1], name).data.copy_(getattr(source[1], name).data[out])


def copy_separable(target, source, inputs, out):
    copy_conv(target.depthwise, source.depthwise, inputs, None)
    copy_conv(target.pointwise, source.pointwise, out, inputs)


def copy_last(target, source, inputs):
    target.weight.data.copy_(source.weight.data[:, inputs])
    target.bias.data.copy_(source.bias.data)


def prune(net, widths=None, size=(256, 160), budget=80e6):
    """The narrower network with the weights it keeps."""
    widths = widths or TINY
    folded = detector.fuse(net)
    with torch.no_grad():
        keep = shared_choice(folded, widths)
        hidden = choose_hidden(net, folded, widths, size, budget)
        result = detector.Detector(config_of(net, widths, hidden))
        copy_backbone(result, net, folded, keep, hidden)
        copy_pyramid(result, net, keep)
    return result.eval()


def copy_backbone(result, net, folded, keep, hidden):
    copy_conv(result.stem[0], net.stem[0], keep["stem"], torch.arange(3))
    copy_conv(result.stem[1], net.stem[1], keep["stages"][0], keep["stem"])
    inputs = keep["stages"][0]
    for index, stage in enumerate(net.stages):
        out = keep["stages"][index]
        for position, block in enumerate(stage):
            target = result.stages[index][position]
            inner = top(hidden_scores(folded.stages[index][position]), hidden[index][position])
            copy_conv(target.expand, block.expand, inner, inputs)
            copy_conv(target.depthwise, block.depthwise, inner, None)
            copy_conv(target.project, block.project, out, inner)
            inputs = out


def copy_pyramid(result, net, keep):
    neck = keep["neck"]
    for target, source, inputs in zip(result.lateral, net.lateral, keep["stages"][1:]):
        copy_conv(target, source, neck, inputs)
    for name in ("down", "up"):
        for target, source in zip(getattr(result, name), getattr(net, name)):
            copy_separable(target, source, neck, neck)
    for target, source in zip(result.shrink, net.shrink):
        copy_conv(target, source, neck, None)
    for index, (target, source) in enumerate(zip(result.heads, net.heads)):
        common, classes, boxes = keep["common"][index], keep["classes"][index], keep["boxes"][index]
        copy_separable(target.common, source.common, neck, common)
        copy_separable(target.class_branch, source.class_branch, common, classes)
        copy_separable(target.box_branch, source.box_branch, common, boxes)
        copy_last(target.scores, source.scores, classes)
        copy_last(target.distances, source.distances, boxes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", help=".npz or .pt of the network to prune")
    parser.add_argument("out", help=".npz to write")
    parser.add_argument("--size", default="256x160", help="input size the budget is for (default: 256x160)")
    parser.add_argument("--macs", type=float, default=80, help="million multiply-accumulates (default: 80)")
    parser.add_argument("--random", action="store_true", help="random weights instead: to compare with")
    args = parser.parse_args()
    size = tuple(int(v) for v in args.size.split("x"))
    result = prune(detector.load(args.weights), size=size, budget=args.macs * 1e6)
    if args.random:
        result = detector.Detector(result.config)
    macs, parameters = detector.count(result, *size)
    print(f"{macs / 1e6:.1f} M MACs at {args.size}, {parameters / 1e6:.3f} M parameters")
    for width, hidden, _, kernel in result.config["stages"]:
        print(f"  stage {width}, hidden {np.array(hidden).tolist()}, kernel {kernel}")
    detector.save(result, args.out)


if __name__ == "__main__":
    main()
