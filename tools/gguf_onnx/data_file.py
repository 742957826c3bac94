"""ONNX external data: initializers written straight into their place in the file.

A tensor of a page (4 KiB) or more lies in model.onnx.data at a page-aligned offset, so that a
reader can map it; smaller ones are inside model.onnx. Space is reserved before it is mapped: a
full disk is an error message here, not a bus error later.
"""

import os

import numpy as np
import onnx

PAGE = 4096


class DataFile:
    """A context: leaving it closes the file. `initializers` are complete after finish()."""

    def __init__(self, path):
        self._path, self._end = path, 0
        self._file = open(path, "w+b")
        self._inline = []                  # (TensorProto, array), serialised by finish()
        self.initializers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def new(self, name, dtype, shape):
        """A writable array [shape] that becomes the initializer `name`; drop it when filled."""
        proto = onnx.TensorProto(name=name, dims=shape,
                                 data_type=onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
        self.initializers.append(proto)
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size < PAGE:
            array = np.zeros(shape, dtype)
            self._inline.append((proto, array))
            return array
        offset = -(-self._end // PAGE) * PAGE
        self._end = offset + size
        os.posix_fallocate(self._file.fileno(), offset, size)
        proto.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", self._path.name), ("offset", offset), ("length", size)):
            proto.external_data.add(key=key, value=str(value))
        return np.memmap(self._file, dtype, "r+", offset, tuple(shape))

    def add(self, name, array):
        self.new(name, array.dtype, array.shape)[...] = array
        return name

    def finish(self):
        for proto, array in self._inline:
            proto.raw_data = array.tobytes()
        self._inline = []
        self._file.flush()
