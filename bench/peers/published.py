"""Figures measured elsewhere (published.json), scaled to this machine by the ratio of the limits
that bind: bytes read per second for decoding, the arithmetic an engine uses for prompts.

This is how engines count that are on no registry, or that do not run here. It is a guess, and a
hard one: it takes their share of the limit as given.
"""

import json
import pathlib

FILE = pathlib.Path(__file__).resolve().parent / "published.json"


def _limit(limits, names):
    """The largest of the named limits that a machine has; None if it has none of them."""
    return max((limits[name] for name in names if name in limits), default=None)


def scaled(limits, bits, threads):
    """{cell: [(figure here, label), ...]} for weights of `bits`; `limits` are this machine's."""
    published = json.loads(FILE.read_text(encoding="utf-8"))
    there, here = published["limits"][str(threads)], limits.get(threads, {})
    out = {}
    for row in published["rows"]:
        if (row["bits"], row["threads"]) != (bits, threads):
            continue
        for cell, figure in row["cells"].items():
            names = row["prompt_limit"] if cell.startswith("pp") else row["decode_limit"]
            ours, theirs = _limit(here, names), _limit(there, names)
            if ours and theirs:
                label = f"{row['engine']} {row['weights']}"
                out.setdefault(cell, []).append((figure * ours / theirs, label))
    return out
