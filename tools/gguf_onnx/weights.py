"""GGUF tensors as the graph wants them: stacked, rows in Hugging Face's rotary order, in slices.

Several tensors (q, k, v) may be one weight, stacked along their rows. Rows are handed out in
slices of bounded size, so that the peak of memory does not depend on the largest tensor.
"""

import gguf
import numpy as np

from . import codes
from .reading import ConvertError

SLICE_ELEMENTS = 1 << 23


class Weights:
    """`as_float`: every tensor is treated as dense float32, whatever its type."""

    def __init__(self, model, hyper, as_float):
        self._model, self._as_float = model, as_float
        self._heads = {}
        if hyper.rotary_pairs:
            self._heads = {"attn_q": hyper.heads, "attn_k": hyper.kv_heads}

    def has(self, name):
        return self._model.has(name)

    def format(self, names):
        """codes.FORMATS' entry of the stacked tensors, "float", or None when they differ."""
        kinds = {self._model.tensor(name).tensor_type for name in names}
        if self._as_float or kinds <= set(codes.FLOATS):
            return "float"
        for kind in kinds - set(codes.FLOATS) - set(codes.FORMATS):
            known = ", ".join(k.name for k in (*codes.FLOATS, *codes.FORMATS))
            raise ConvertError(f"{self._model.path}: '{names[0]}' is of type {kind.name}, which "
                               "has no lossless ONNX form here; --float writes it as float32 "
                               f"(known: {known})")
        return codes.FORMATS[kinds.pop()] if len(kinds) == 1 else None

    def shape(self, names):
        """[out, in] of the stacked tensors."""
        shapes = [[int(n) for n in reversed(self._model.tensor(name).shape)] for name in names]
        if any(len(s) != 2 or s[1] != shapes[0][1] for s in shapes):
            raise ConvertError(f"{self._model.path}: {', '.join(names)} have shapes {shapes} and "
                               "cannot be stacked")
        return [sum(s[0] for s in shapes), shapes[0][1]]

    def expect(self, names, rows, columns):
        if self.shape(names) != [rows, columns]:
            raise ConvertError(f"{self._model.path}: {', '.join(names)}: [rows, columns] is "
                               f"{self.shape(names)}, the metadata says {[rows, columns]}")

    def blocks(self, names):
        """Yields (first row, codes.Blocks) over the stacked rows; all tensors of one type."""
        for start, rows, tensor in self._slices(names):
            part = codes.split(tensor.tensor_type, rows)
            if not np.isfinite(part.scales).all():
                raise ConvertError(f"{self._model.path}: '{tensor.name}' holds an infinite or NaN "
                                   "scale")
            yield start, part

    def dense(self, names):
        """Yields (first row, float32 [rows, in]) over the stacked rows."""
        for start, rows, tensor in self._slices(names):
            try:
                values = gguf.dequantize(rows, tensor.tensor_type)
            except NotImplementedError as error:
                raise ConvertError(f"{self._model.path}: '{tensor.name}' is of type "
                                   f"{tensor.tensor_type.name}, which cannot be read") from error
            if not np.isfinite(values).all():
                raise ConvertError(f"{self._model.path}: '{tensor.name}' holds an infinite or NaN "
                                   "weight")
            yield start, values

    def vector(self, name, size):
        """A 1-D tensor (a norm, a bias, rope factors) as float32 [size]."""
        tensor = self._model.tensor(name)
        if [int(n) for n in tensor.shape] != [size]:
            raise ConvertError(f"{self._model.path}: '{name}' has shape "
                               f"{[int(n) for n in reversed(tensor.shape)]}, expected [{size}]")
        values = gguf.dequantize(np.asarray(tensor.data), tensor.tensor_type).astype(np.float32)
        return self._reorder(name, values.reshape(size, 1)).reshape(size)

    def _slices(self, names):
        """Yields (first row, raw rows, tensor); slices of q and k are of whole heads."""
        done = 0
        for name in names:
            tensor = self._model.tensor(name)
            data = np.asarray(tensor.data)
            data = data.reshape(-1, data.shape[-1])
            step = max(1, SLICE_ELEMENTS // int(tensor.shape[0]))
            if self._rotary_heads(name):
                step = len(data)
            for start in range(0, len(data), step):
                yield done + start, self._reorder(name, data[start:start + step]), tensor
            done += len(data)

    def _rotary_heads(self, name):
        return self._heads.get(name.split(".")[-2], 0)

    def _reorder(self, name, rows):
        """Brings q and k back from pairs (2i, 2i+1) to halves (i, i + d/2), per head."""
        heads = self._rotary_heads(name)
        if not heads:
            return rows
        if len(rows) % (2 * heads):
            raise ConvertError(f"{self._model.path}: '{name}' has {len(rows)} rows, "
                               f"not a multiple of 2 x {heads} heads")
        return rows.reshape(heads, -1, 2, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape)
