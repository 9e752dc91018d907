#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What TensorFlow Lite itself, with its XNNPACK delegate, makes of an input: all outputs' bytes, one after another.

    oracle.py LIBTENSORFLOWLITE_C MODEL.tflite INPUT.raw OUT.raw

LIBTENSORFLOWLITE_C: libtensorflowlite_c.so 2.9 with the delegate in it. Tests compare Vigil with what this wrote.
"""
import ctypes
import sys

SIGNED_8_BIT = 1  # the delegate takes INT8 only when told so


class DelegateOptions(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int32), ("flags", ctypes.c_uint32), ("cache", ctypes.c_void_p)]


def load(path):
    library = ctypes.CDLL(path)
    pointers = ("ModelCreate", "InterpreterOptionsCreate", "InterpreterCreate", "XNNPackDelegateCreate")
    for name in (*pointers, "InterpreterGetInputTensor", "InterpreterGetOutputTensor", "TensorData"):
        getattr(library, "TfLite" + name).restype = ctypes.c_void_p
    library.TfLiteXNNPackDelegateOptionsDefault.restype = DelegateOptions
    library.TfLiteTensorByteSize.restype = ctypes.c_size_t
    return library


def run(library, model, data):
    """The outputs' bytes."""
    pointer = ctypes.c_void_p
    loaded = pointer(library.TfLiteModelCreate(model, ctypes.c_size_t(len(model))))
    options = pointer(library.TfLiteInterpreterOptionsCreate())
    delegate_options = library.TfLiteXNNPackDelegateOptionsDefault()
    delegate_options.flags = SIGNED_8_BIT
    delegate = pointer(library.TfLiteXNNPackDelegateCreate(ctypes.byref(delegate_options)))
    library.TfLiteInterpreterOptionsAddDelegate(options, delegate)
    interpreter = pointer(library.TfLiteInterpreterCreate(loaded, options))
    if not interpreter or library.TfLiteInterpreterAllocateTensors(interpreter) != 0:
        sys.exit("TensorFlow Lite does not take the model")
    tensor = pointer(library.TfLiteInterpreterGetInputTensor(interpreter, 0))
    if library.TfLiteTensorByteSize(tensor) != len(data):
        sys.exit(f"the input has {len(data)} bytes, the model takes {library.TfLiteTensorByteSize(tensor)}")
    ctypes.memmove(library.TfLiteTensorData(tensor), data, len(data))
    if library.TfLiteInterpreterInvoke(interpreter) != 0:
        sys.exit("TensorFlow Lite failed")
    outputs = b""
    for i in range(library.TfLiteInterpreterGetOutputTensorCount(interpreter)):
        tensor = pointer(library.TfLiteInterpreterGetOutputTensor(interpreter, i))
        outputs += ctypes.string_at(library.TfLiteTensorData(tensor), library.TfLiteTensorByteSize(tensor))
    return outputs


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    with open(sys.argv[2], "rb") as file:
        model = file.read()
    with open(sys.argv[3], "rb") as file:
        data = file.read()
    outputs = run(load(sys.argv[1]), model, data)
    with open(sys.argv[4], "wb") as file:
        file.write(outputs)


if __name__ == "__main__":
    main()
