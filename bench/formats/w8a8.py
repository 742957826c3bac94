"""What int8 activations and weights cost a model: perplexity, KL divergence and same top token
against its floats, and the share of the linears' operations that are int8, as one table.

    bench/formats/w8a8 MODEL --calibrate FILE --text FILE [--weft BIN] [--windows 6] [--json FILE]

MODEL holds floats. Each variant is made by `weft quantize --w8a8` in a scratch folder, calibrated
on one text and read by `weft eval --compute f32` on another, so that all but the int8 products are
floats. Each is made with a weight scale per output channel and with one per tensor.
"""

import json
import pathlib
import sys

import evaluation

PLAIN = ["--no-rotate"]
SHADOW = [*PLAIN, "--clip", "max", "--shadow"]
VARIANTS = (
    ("absmax", [*PLAIN, "--clip", "max", "--shadow", "none"]),
    ("clip at p99.9", [*PLAIN, "--clip", "p99.9", "--shadow", "none"]),
    ("clip of least error", [*PLAIN, "--clip", "mse", "--shadow", "none"]),
    ("shadow on all", [*SHADOW, "all"]),
    ("shadow, 50 % pruned", [*SHADOW, "0.5"]),
    ("shadow, 70 % pruned", [*SHADOW, "0.7"]),
    ("shadow, 85 % pruned", [*SHADOW, "0.85"]),
    ("shadow by calibration", [*PLAIN]),
    ("migration 0.5", [*PLAIN, "--migrate", "0.5", "--shadow", "none"]),
    ("migration 0.5, shadow by calibration", [*PLAIN, "--migrate", "0.5"]),
    ("rotation", ["--rotate", "--shadow", "none"]),
    ("rotation, down_proj kept", ["--rotate", "--shadow", "none", "--keep", "down_proj"]),
    ("rotation, shadow on all", ["--rotate", "--shadow", "all"]),
    ("rotation, migration 0.5, shadow by calibration", ["--rotate", "--migrate", "0.5"]),
    ("rotation, shadow by calibration (default)", []),
)


def measure(flags, floats):
    rows = [{"variant": "f32", "scales": "", "perplexity": floats.perplexity}]
    for name, how in VARIANTS:
        if flags.only and not any(part in name for part in flags.only):
            continue
        for scales in flags.scales:
            made, found = floats.quantized("--w8a8", "--calibrate", flags.calibrate, "--windows",
                                           flags.calibration_windows, "--weights-scale", scales,
                                           *how)
            rows.append({"variant": name, "scales": scales, "int8_share": made["int8_share"],
                         "pruned": made["pruned"], **found})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def table(rows):
    lines = ["| variant | weight scales | in int8 | without shadow | perplexity | of floats | "
             "mean KL | same top |",
             "|---|---|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        if "kl" not in row:
            lines.append(f"| {row['variant']} | | | | {row['perplexity']:.3f} | | | |")
            continue
        of_floats = (row["perplexity"] / rows[0]["perplexity"] - 1) * 100
        lines.append(f"| {row['variant']} | {row['scales']} | {row['int8_share'] * 100:.1f} % | "
                     f"{row['pruned'] * 100:.0f} % | {row['perplexity']:.3f} | "
                     f"{of_floats:+.2f} % | {row['kl']:.4f} | {row['same_top'] * 100:.1f} % |")
    return "\n".join(lines)


def main():
    parser = evaluation.arguments("bench/formats/w8a8", __doc__, windows=6)
    parser.add_argument("--calibrate", type=pathlib.Path, required=True)
    parser.add_argument("--calibration-windows", type=int, default=8)
    parser.add_argument("--scales", nargs="+", default=["channel", "tensor"])
    parser.add_argument("--only", nargs="+", help="variants with one of these in their name")
    evaluation.report(parser.parse_args(), measure, table)
