"""The machine's limits, by bench/limits.cpp: {threads: {"read_98MiB": 31.0, ...}} and its name.

The best of the repeats counts: a limit is what the machine can do, not what others leave of it.
"""

import json
import subprocess
import sys

from environment import HOME, ROOT
from rounds import run_pinned

SOURCE = ROOT / "bench" / "limits.cpp"
FLAGS = ["-O3", "-std=c++20", "-pthread", "-w"]


def measure(cpus):
    """(name of the processor, limits); (None, {}) with a sentence on stderr where that fails."""
    program = HOME / "limits"
    if not program.exists() or program.stat().st_mtime < SOURCE.stat().st_mtime:
        subprocess.run(["c++", *FLAGS, SOURCE, "-o", program], check=True)
    try:
        measured = json.loads(run_pinned([program], cpus))
    except RuntimeError as error:
        print(f"peers: the limits of this machine are not known: {error}", file=sys.stderr)
        return None, {}
    limits = {}
    for limit in measured["limits"]:
        limits.setdefault(limit["threads"], {})[limit["name"]] = limit["max"]
    return measured["cpu"], limits


def better(one, other):
    """Of two measurements of the same machine the larger limits."""
    out = {}
    for limits in (one, other):
        for threads, by_name in limits.items():
            best = out.setdefault(threads, {})
            for name, rate in by_name.items():
                best[name] = max(rate, best.get(name, 0))
    return out
