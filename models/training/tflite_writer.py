# SPDX-License-Identifier: Apache-2.0
"""Writes INT8 TensorFlow Lite files: a small FlatBuffer writer and the few operators of the detector.

    graph = Graph("name")
    image = graph.tensor("image", (1, 192, 320, 3), "int8", scale=1 / 128, zero_point=0)
    graph.inputs = [image]
    y = graph.conv2d(image, weights, bias, stride=2, ...)
    graph.outputs = [y]
    data = graph.to_bytes()

Layout as in TensorFlow Lite's schema.fbs, version 3; field numbers are those of its tables.
"""
import struct

import numpy as np

TYPES = {"float32": 0, "int32": 2, "int8": 9}
ADD, CONV_2D, DEPTHWISE_CONV_2D, RESIZE_NEAREST_NEIGHBOR = 0, 3, 4, 97
# Lowest operator version that has INT8.
VERSIONS = {ADD: 2, CONV_2D: 3, DEPTHWISE_CONV_2D: 3, RESIZE_NEAREST_NEIGHBOR: 2}
# Member of the union BuiltinOptions.
OPTIONS = {ADD: 11, CONV_2D: 1, DEPTHWISE_CONV_2D: 2, RESIZE_NEAREST_NEIGHBOR: 74}
SAME = 0
NONE, RELU = 0, 1


class Scalar:
    """A number in a table, by struct's format letter."""

    def __init__(self, letter, value):
        self.letter, self.value = letter, value


class Vector:
    """Numbers, by numpy type, their first byte at a multiple of `align`."""

    def __init__(self, values, dtype, align=4):
        self.values = np.ascontiguousarray(values, dtype)
        self.align = max(align, self.values.dtype.itemsize)


class Table(dict):
    """Field number to Scalar, Vector, str, Table, or list of tables; None is left out."""


class FlatBuffer:
    """Writes an object and then what it refers to, so that all offsets point forward."""

    def __init__(self):
        self.data = bytearray()

    def finish(self, root, identifier):
        self.data += b"\0\0\0\0" + identifier
        pending = [(0, root)]
        while pending:
            at, item = pending.pop(0)
            start, more = self.write(item)
            struct.pack_into("<I", self.data, at, start - at)
            pending = more + pending
        self.align(16)
        return bytes(self.data)

    def align(self, to, ahead=0):
        """Fills up until `ahead` bytes further on is a multiple of `to`."""
        self.data += bytes(-(len(self.data) + ahead) % to)

    def write(self, item):
        """(where it begins, [(place of an offset, what it is to point to)])"""
        if isinstance(item, Table):
            return self.write_table(item)
        if isinstance(item, Vector):
            self.align(item.align, 4)
            start = len(self.data)
            self.data += struct.pack("<I", len(item.values)) + item.values.tobytes()
            return start, []
        if isinstance(item, str):
            text = item.encode()
            self.align(4)
            start = len(self.data)
            self.data += struct.pack("<I", len(text)) + text + b"\0"
            return start, []
        self.align(4)
        start = len(self.data)
        self.data += struct.pack("<I", len(item)) + bytes(4 * len(item))
        return start, [(start + 4 + 4 * i, table) for i, table in enumerate(item)]

    def write_table(self, table):
        """Its vtable, then the fields, largest first, so that each is aligned."""
        fields = {number: value for number, value in table.items() if value is not None}
        size = {n: struct.calcsize(v.letter) if isinstance(v, Scalar) else 4 for n, v in fields.items()}
        order = sorted(fields, key=lambda n: (-size[n], n))
        offsets, end = {}, 4
        for number in order:
            end += -end % size[number]
            offsets[number] = end
            end += size[number]
        slots = max(fields, default=-1) + 1
        self.align(2)
        vtable = len(self.data)
        self.data += struct.pack("<HH", 4 + 2 * slots, end)
        self.data += b"".join(struct.pack("<H", offsets.get(n, 0)) for n in range(slots))
        self.align(8)
        start = len(self.data)
        self.data += struct.pack("<i", start - vtable) + bytes(end - 4)
        more = []
        for number in order:
            value = fields[number]
            if isinstance(value, Scalar):
                struct.pack_into("<" + value.letter, self.data, start + offsets[number], value.value)
            else:
                more.append((start + offsets[number], value))
        return start, more


def integer(value):
    return Scalar("i", int(value))


def byte(value):
    return Scalar("b", int(value))


def same_padding(size, kernel, stride):
    """What TensorFlow's SAME puts (before, after) one axis."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Graph:
    """A graph under construction: tensors by number, operators in the order in which they run."""

    def __init__(self, name, description=""):
        self.name, self.description = name, description
        self.inputs, self.outputs = [], []
        self.tensors, self.operators, self.codes = [], [], []
        self.buffers = [b""]  # the first is that of all tensors without data
        self.info = []  # (name, shape, scale, zero_point) of each tensor

    def tensor(self, name, shape, kind, scale=None, zero_point=0, data=None, axis=0):
        """A new tensor's number; `scale` may be one number a channel of `axis`."""
        buffer = 0
        if data is not None:
            data = np.ascontiguousarray(data)
            assert data.shape == tuple(shape) and str(data.dtype) == kind, (name, data.shape, data.dtype)
            self.buffers.append(data.tobytes())
            buffer = len(self.buffers) - 1
        quantization = None
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            assert np.isfinite(scales).all() and (scales > 0).all(), name
            zeros = np.full(len(scales), zero_point, np.int64)
            quantization = Table({2: Vector(scales, np.float32), 3: Vector(zeros, np.int64)})
            if len(scales) > 1:
                quantization[6] = integer(axis)
        self.tensors.append(
            Table(
                {
                    0: Vector(shape, np.int32),
                    1: byte(TYPES[kind]),
                    2: Scalar("I", buffer),
                    3: name,
                    4: quantization,
                }
            )
        )
        self.info.append((name, tuple(int(s) for s in shape), scale, zero_point))
        return len(self.tensors) - 1

    def operator(self, code, inputs, outputs, options):
        if code not in self.codes:
            self.codes.append(code)
        self.operators.append(
            Table(
                {
                    0: Scalar("I", self.codes.index(code)),
                    1: Vector(inputs, np.int32),
                    2: Vector(outputs, np.int32),
                    3: Scalar("B", OPTIONS[code]),
                    4: Table(options),
                }
            )
        )

    def conv2d(self, source, weights, bias, scales, stride, relu, scale, zero_point, name):
        """`weights` int8 [out, h, w, in], `scales` one an output channel, `bias` int32 in units of both scales."""
        _, height, width, _ = self.info[source][1]
        out = len(weights)
        w = self.tensor(name + "/weights", weights.shape, "int8", scales, 0, weights, 0)
        b = self.tensor(name + "/bias", (out,), "int32", self.info[source][2] * scales, 0, bias, 0)
        y = self.tensor(
            name,
            (1, -(-height // stride), -(-width // stride), out),
            "int8",
            scale,
            zero_point,
        )
        options = {0: byte(SAME), 1: integer(stride), 2: integer(stride), 3: byte(RELU if relu else NONE)}
        options.update({4: integer(1), 5: integer(1)})
        self.operator(CONV_2D, [source, w, b], [y], options)
        return y

    def depthwise(self, source, weights, bias, scales, stride, relu, scale, zero_point, name):
        """As conv2d, with `weights` int8 [1, h, w, channels]."""
        _, height, width, channels = self.info[source][1]
        w = self.tensor(name + "/weights", weights.shape, "int8", scales, 0, weights, 3)
        b = self.tensor(name + "/bias", (channels,), "int32", self.info[source][2] * scales, 0, bias, 0)
        y = self.tensor(
            name,
            (1, -(-height // stride), -(-width // stride), channels),
            "int8",
            scale,
            zero_point,
        )
        options = {0: byte(SAME), 1: integer(stride), 2: integer(stride), 3: integer(1)}
        options.update({4: byte(RELU if relu else NONE), 5: integer(1), 6: integer(1)})
        self.operator(DEPTHWISE_CONV_2D, [source, w, b], [y], options)
        return y

    def add(self, a, b, relu, scale, zero_point, name):
        y = self.tensor(name, self.info[a][1], "int8", scale, zero_point)
        self.operator(ADD, [a, b], [y], {0: byte(RELU if relu else NONE)})
        return y

    def upsample(self, source, factor, name):
        """Nearest neighbour; scale and zero point stay."""
        _, height, width, channels = self.info[source][1]
        size = np.array([height * factor, width * factor], np.int32)
        s = self.tensor(name + "/size", (2,), "int32", data=size)
        y = self.tensor(name, (1, *size, channels), "int8", self.info[source][2], self.info[source][3])
        self.operator(RESIZE_NEAREST_NEIGHBOR, [source, s], [y], {0: byte(0), 1: byte(0)})
        return y

    def to_bytes(self):
        codes = [
            Table({0: byte(min(code, 127)), 2: integer(VERSIONS[code]), 3: integer(code)}) for code in self.codes
        ]
        subgraph = Table(
            {
                0: self.tensors,
                1: Vector(self.inputs, np.int32),
                2: Vector(self.outputs, np.int32),
                3: self.operators,
                4: self.name,
            }
        )
        buffers = [
            Table({0: Vector(np.frombuffer(data, np.uint8), np.uint8, 16)}) if data else Table()
            for data in self.buffers
        ]
        model = Table({0: Scalar("I", 3), 1: codes, 2: [subgraph], 3: self.description, 4: buffers})
        return FlatBuffer().finish(model, b"TFL3")
