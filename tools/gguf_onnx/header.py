"""A first walk over a GGUF's header that believes no length in it.

The gguf package trusts counts: an array said to have 2^60 numbers makes it fill the memory. Here
every string, array and tensor is checked to lie inside the file first.

    "GGUF", version u32, tensor count u64, pair count u64
    pairs:    key, type u32, value           a string is a length u64 and its bytes
    tensors:  name, rank u32, dims u64 each, type u32, offset u64 into the data section
Source: docs/gguf.md of the ggml repository.
"""

import mmap
import struct

STRING, ARRAY = 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
MAX_RANK, MAX_NESTING = 4, 4


class Damaged(Exception):
    """Where the header contradicts the file's size."""


class _Walk:
    def __init__(self, data):
        self.data, self.at = data, 0

    def skip(self, size, what):
        if size > len(self.data) - self.at:
            raise Damaged(f"{what} at byte {self.at} reaches beyond the end of the file")
        self.at += size

    def number(self, form, what):
        start = self.at
        self.skip(struct.calcsize(form), what)
        return struct.unpack_from(form, self.data, start)[0]

    def string(self, what):
        self.skip(self.number("<Q", what), what)

    def value(self, kind, nesting=0):
        if kind == STRING:
            self.string("a metadata string")
        elif kind in SIZES:
            self.skip(SIZES[kind], "a metadata value")
        elif kind == ARRAY and nesting < MAX_NESTING:
            inner, count = self.number("<I", "an array"), self.number("<Q", "an array")
            if inner in SIZES:
                self.skip(SIZES[inner] * count, "a metadata array")
                return
            for _ in range(count):
                self.value(inner, nesting + 1)
        else:
            raise Damaged(f"a metadata value before byte {self.at} has the unknown type {kind}")


def check(path):
    """Raises Damaged when the header of the GGUF at `path` cannot be true."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        walk = _Walk(data)
        walk.skip(4, "the magic")
        version = walk.number("<I", "the version")
        if version not in (2, 3):
            raise Damaged(f"version {version} of the format is not known (2 and 3 are)")
        tensors, pairs = walk.number("<Q", "the counts"), walk.number("<Q", "the counts")
        for _ in range(pairs):
            walk.string("a metadata key")
            walk.value(walk.number("<I", "a metadata type"))
        last = 0
        for _ in range(tensors):
            walk.string("a tensor's name")
            rank = walk.number("<I", "a tensor's rank")
            if rank > MAX_RANK:
                raise Damaged(f"a tensor before byte {walk.at} has rank {rank}")
            dims = [walk.number("<Q", "a tensor's shape") for _ in range(rank)]
            walk.skip(4, "a tensor's type")
            last = max(last, walk.number("<Q", "a tensor's offset"))
            if any(not 0 < dim <= len(data) * 8 for dim in dims):
                raise Damaged(f"a tensor before byte {walk.at} has the shape {dims}")
        if tensors and last >= len(data) - walk.at:
            raise Damaged("a tensor's data begins beyond the end of the file")
