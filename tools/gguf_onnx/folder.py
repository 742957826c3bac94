"""A model folder that appears under its name only when it is complete.

    OUT.partial/  is written       then OUT (an older model) moves to OUT.replaced
    OUT.partial/  becomes OUT      then OUT.replaced is deleted

Whatever ends the conversion, OUT is either what it was before or the whole new model.
"""

import contextlib
import json
import shutil

from .reading import ConvertError


@contextlib.contextmanager
def complete(target):
    """Yields the folder to write into; renames it to `target` if the block ends well."""
    if target.exists() and not (target / "model.onnx").is_file():
        if not target.is_dir() or any(target.iterdir()):
            raise ConvertError(f"{target}: exists and is not a model folder; name another one")
    partial = target.with_name(target.name + ".partial")
    replaced = target.with_name(target.name + ".replaced")
    for leftover in (partial, replaced):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
        shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        raise ConvertError(f"{target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
