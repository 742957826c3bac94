"""What every worker shares: its arguments, its prompts, and the one line of JSON it ends with.

A worker gets `MODEL --threads N --prompts 256,512 --depths 0,1024 --tokens 128` (either list may be
empty), runs every test once unmeasured and once measured, and prints

    {"load_s": 1.2, "peak_rss_mib": 300.0, "cells": {"pp256": {"rate": 900.0, "others": 3.1}, ...}}

with rates in tokens per second and others in percent of all processors.
"""

import argparse
import json

import numpy


def arguments(description):
    def lengths(text):
        return [int(part) for part in text.split(",") if part]

    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prompts", type=lengths, default=[])
    parser.add_argument("--depths", type=lengths, default=[])
    parser.add_argument("--tokens", type=int, default=128)
    return parser.parse_args()


_random = numpy.random.default_rng(0)


def random_ids(count):
    """Ids of ordinary tokens, others at each call: some engines remember the prompts they read."""
    return _random.integers(100, 40000, count)


def peak_rss_mib():
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def report(load_s, options, prefill, decode):
    """Runs all tests and prints the result.

    prefill(n) -> (seconds, others) of reading n tokens from an empty cache;
    decode(depth, n) -> (seconds, others) of n tokens one by one after `depth`.
    """
    cells = {}
    for count in options.prompts:
        prefill(count)
        seconds, others = prefill(count)
        cells[f"pp{count}"] = {"rate": count / seconds, "others": others}
    for depth in options.depths:
        decode(depth, 4)
        seconds, others = decode(depth, options.tokens)
        cells[f"tg{options.tokens}@{depth}"] = {"rate": options.tokens / seconds,
                                                "others": others}
    print(json.dumps({"load_s": load_s, "peak_rss_mib": peak_rss_mib(), "cells": cells}))
