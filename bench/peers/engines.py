"""Who is compared: one line per engine and weights. How one turn of each is run, as a command, and
how its output is read.

A turn is one process: an engine, a number of threads, and either prompts or decoding. Its result is
{"load_s", "peak_rss_mib", "cells": {"pp512": {"rate", "others"}, "tg128@1024": ...}}.
"""

import dataclasses
import json
import pathlib

from environment import PYTHON

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Engine:
    name: str      # as in PEERS of environment.py, or "weft"
    weights: str   # as the engine calls them
    bits: int      # which engines it is compared with: 4 or 8
    model: str     # a name of models.py
    worker: str = ""

    @property
    def label(self):
        return f"{self.name} {self.weights}"


# The first Weft of each number of bits is the one whose ratios are taken.
ENGINES = [
    Engine("weft", "Q4_0", 4, "weft-Q4_0"),
    Engine("weft", "Q4_1", 4, "weft-Q4_1"),
    Engine("llama.cpp", "Q4_0", 4, "Q4_0", "worker_llama.py"),
    Engine("llama.cpp", "Q4_1", 4, "Q4_1", "worker_llama.py"),
    Engine("openvino-genai", "Q4_0", 4, "Q4_0", "worker_openvino.py"),
    Engine("onnxruntime-genai", "int4", 4, "ort-int4", "worker_ort.py"),
    Engine("weft", "Q8_0", 8, "weft-Q8_0"),
    Engine("llama.cpp", "Q8_0", 8, "Q8_0", "worker_llama.py"),
    Engine("openvino-genai", "Q8_0", 8, "Q8_0", "worker_openvino.py"),
    Engine("onnxruntime-genai", "int8", 8, "ort-int8", "worker_ort.py"),
]


def joined(numbers):
    return ",".join(map(str, numbers))


def command(engine, model, weft, threads, prompts, depths, tokens):
    """The command of one turn; one of `prompts` and `depths` is empty."""
    if engine.name != "weft":
        return [PYTHON, HERE / engine.worker, model, "--threads", threads,
                "--prompts", joined(prompts), "--depths", joined(depths), "--tokens", tokens]
    return [*weft, "bench", "-m", model, "-t", threads, "-r", 1, "-o", "json",
            "-p", joined(prompts) or 0, "-n", tokens if depths else 0, "-d", joined(depths) or 0]


def read_result(engine, output):
    """The result of a turn from what it printed. Raises ValueError, KeyError or IndexError."""
    if engine.name != "weft":
        return json.loads(output.splitlines()[-1])
    run = json.loads(output)["runs"][0]
    cells = {}
    for test in run["tests"]:
        name = f"pp{test['tokens']}"
        if test["tpot_ms"] is not None:
            name = f"tg{test['tokens']}@{test['depth']}"
        cells[name] = {"rate": test["tokens_per_s"], "others": test["others_percent"]}
    return {"load_s": (run["import_ms"] + run["prepare_ms"]) / 1000,
            "peak_rss_mib": run["peak_rss_bytes"] / 2**20, "cells": cells}
