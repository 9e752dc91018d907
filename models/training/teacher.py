# SPDX-License-Identifier: Apache-2.0
"""The teacher: YOLOX-nano (Apache-2.0, COCO) from its ONNX file, run by torch at any input size.

The graph is executed node by node up to the three per-level maps (4 box numbers, objectness, 80
classes), so that neither the input size nor a head's reshaping is fixed. COCO's classes become the
detector's groups by the maximum over a group's classes. Input: RGB uint8; the model itself wants BGR.
"""
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

STRIDES = (8, 16, 32)
GROUPS = ((0,), (2, 5, 7), (1, 3), (14, 15, 16, 17, 18, 19, 20, 21, 22, 23))


class Teacher:
    """Runs the graph in float32 or bfloat16, channels last."""

    def __init__(self, path, dtype=torch.bfloat16):
        graph = onnx.load(path).graph
        self.dtype = dtype
        self.nodes = []
        self.constants = {}
        self.input = graph.input[0].name
        for tensor in graph.initializer:
            self.constants[tensor.name] = numpy_helper.to_array(tensor)
        self.outputs = [n.input[0] for n in graph.node if n.op_type == "Reshape"]
        for node in graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            elif node.op_type == "Reshape":
                continue
            else:
                attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
                self.nodes.append((node.op_type, list(node.input), list(node.output), attributes))
        self.weights = {}
        for op, inputs, _, _ in self.nodes:
            if op == "Conv":
                for name in inputs[1:]:
                    weight = torch.from_numpy(self.constants[name].copy()).to(dtype)
                    if weight.dim() == 4:
                        weight = weight.contiguous(memory_format=torch.channels_last)
                    self.weights[name] = weight
        self.last_use = {}
        for index, (_, inputs, _, _) in enumerate(self.nodes):
            for name in inputs:
                self.last_use[name] = index

    def step(self, op, inputs, attributes, values):
        """One node's result."""
        x = values[inputs[0]]
        if op == "Conv":
            weight = self.weights[inputs[1]]
            bias = self.weights[inputs[2]] if len(inputs) > 2 else None
            pads = attributes["pads"]
            return F.conv2d(x, weight, bias, attributes["strides"], pads[:2], 1, attributes.get("group", 1))
        if op == "Sigmoid":
            return torch.sigmoid(x)
        if op == "Mul":
            return x * values[inputs[1]]
        if op == "Add":
            return x + values[inputs[1]]
        if op == "Concat":
            return torch.cat([values[name] for name in inputs], attributes["axis"])
        if op == "MaxPool":
            kernel = attributes["kernel_shape"][0]
            return F.max_pool2d(x, kernel, attributes["strides"][0], attributes["pads"][0])
        if op == "Resize":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        if op == "Slice":
            starts, ends, axes, steps = (self.constants[name].tolist() for name in inputs[1:5])
            for start, end, axis, stride in zip(starts, ends, axes, steps):
                index = [slice(None)] * x.dim()
                index[axis] = slice(start, min(end, x.shape[axis]), stride)
                x = x[tuple(index)]
            return x
        raise NotImplementedError(f"the teacher's graph has an operator this runner does not know: {op}")

    @torch.no_grad()
    def maps(self, images):
        """Per level: N x 85 x h x w float32 (objectness and classes are already probabilities)."""
        x = torch.from_numpy(np.ascontiguousarray(images[..., ::-1])).permute(0, 3, 1, 2)
        values = {self.input: x.to(self.dtype).contiguous(memory_format=torch.channels_last)}
        wanted = set(self.outputs)
        for index, (op, inputs, outputs, attributes) in enumerate(self.nodes):
            if op in ("Concat", "Transpose") and not all(name in values for name in inputs):
                continue  # behind the heads: the reshaping that is left out
            values[outputs[0]] = self.step(op, inputs, attributes, values)
            for name in inputs:
                if self.last_use[name] == index and name not in wanted:
                    values.pop(name, None)
        return [values[name].float() for name in self.outputs]

    def predict(self, images):
        """Per level: (scores N x classes x h x w, boxes N x 4 x h x w in pixels of this input)."""
        result = []
        for level, stride in zip(self.maps(images), STRIDES):
            rows, columns = level.shape[2:]
            y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
            grid = torch.stack([x, y]).float()
            centre = (level[:, 0:2] + grid) * stride
            half = level[:, 2:4].clamp(max=8).exp() * stride / 2
            classes = torch.stack([level[:, [5 + c for c in g]].amax(1) for g in GROUPS], 1)
            result.append((classes * level[:, 4:5], torch.cat([centre - half, centre + half], 1)))
        return result
