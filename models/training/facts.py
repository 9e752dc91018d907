# SPDX-License-Identifier: Apache-2.0
"""What a model costs: multiply-accumulates of one inference, and bytes.

Of a .tflite or a package they are what Vigil's core counts and the file's size; of weights in floats four bytes a
parameter; of an .onnx the convolutions that are run, and the file's size.
"""
import configparser
import os
import re
import subprocess

from program import find_vigil

ONNX_SIZE = (416, 416)


def of(model, size, vigil=None):
    """(multiply-accumulates, bytes) of a model as evaluate.py takes it; `size` is that of float weights, `vigil` the program."""
    if model.endswith((".npz", ".pt")):
        import detector

        macs, parameters = detector.count(detector.load(model), *size)
        return macs, 4 * parameters
    if model.endswith(".onnx"):
        return of_onnx(model), os.path.getsize(model)
    path = file_of(model)
    run = subprocess.run([find_vigil(vigil), "model", "inspect", path], stdout=subprocess.PIPE, text=True, check=True)
    return macs_of(run.stdout), os.path.getsize(path)


def file_of(model):
    """The .tflite itself: of a package, what its manifest names."""
    if not os.path.isdir(model):
        return model
    manifest = configparser.ConfigParser(interpolation=None)
    manifest.read(os.path.join(model, "manifest.ini"), encoding="utf-8")
    return os.path.join(model, manifest["model"]["file"])


def macs_of(report):
    """The sum in the report of `vigil model inspect`."""
    return int(re.search(r"^multiply-accumulates: (\d+)$", report, re.MULTILINE).group(1))


def of_onnx(path):
    """Multiply-accumulates of the convolutions of YOLOX-nano, counted while it runs."""
    import numpy as np
    import torch

    import teacher

    class Counter(teacher.Teacher):
        macs = 0

        def step(self, op, inputs, attributes, values):
            result = super().step(op, inputs, attributes, values)
            if op == "Conv":
                self.macs += result.numel() * self.weights[inputs[1]][0].numel()
            return result

    counter = Counter(path, torch.float32)
    counter.maps(np.zeros((1, ONNX_SIZE[1], ONNX_SIZE[0], 3), np.float32))
    return counter.macs
