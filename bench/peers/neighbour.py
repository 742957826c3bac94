"""Weft with a busy neighbour: one process that spins on one of its processors while it reads
prompts and generates. Rounds without and with it alternate, and the drop of the medians is printed.
"""

import contextlib
import os
import statistics
import subprocess
import sys

import rounds


@contextlib.contextmanager
def spinning(cpu):
    """A process that does nothing but use `cpu`, until the end of the block."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"],
                               preexec_fn=lambda: os.sched_setaffinity(0, [cpu]))
    try:
        yield
    finally:
        process.kill()
        process.wait()


def play(options, models, weft):
    """{(threads, cell): {"alone": [rates], "beside": [rates]}} of the Weft engines `weft`."""
    samples = {}
    busy = sorted(options.cpus)[-1]
    for number in range(options.repeats):
        for threads in options.threads:
            for phase in ("prefill", "decode"):
                for company in rounds.rotated(["alone", "beside"], number):
                    beside = spinning(busy) if company == "beside" else contextlib.nullcontext()
                    with beside:
                        turn = rounds.Turn(weft, threads, phase)
                        cells = rounds.take(turn, options, models)["cells"]
                    for cell, sample in cells.items():
                        pair = samples.setdefault((threads, cell), {"alone": [], "beside": []})
                        pair[company].append(sample["rate"])
    return samples


def markdown(samples):
    lines = ["| threads | test | alone tok/s | beside a busy process | drop |",
             "|--:|---|--:|--:|--:|"]
    for (threads, cell), pair in samples.items():
        alone, beside = statistics.median(pair["alone"]), statistics.median(pair["beside"])
        lines.append(f"| {threads} | {cell} | {alone:.0f} | {beside:.0f} | "
                     f"{100 * (1 - beside / alone):.0f}% |")
    return "\n".join(lines)
