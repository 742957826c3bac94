"""What formats of weights cost a model: perplexity, KL divergence and same top token against its
floats, and bits per weight, as one table.

    bench/formats/run MODEL --text FILE [--weft BIN] [--windows 4] [--json FILE]

MODEL holds floats. Each format is made by `weft quantize` in a scratch folder and read by
`weft eval --compute f32` on the cpu plugin, so that activations are floats and the weights alone
differ. Rows named `head kept` leave the weights of the logits, and a table tied to them, as floats.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

GROUPS = (32, 64, 128)
FORMS = {"int4": ("symmetric", "extreme", "asymmetric", "mse"),
         "e0m4": ("edge", "half-cell", "mse")}


def formats(chosen_groups):
    """(name, flags of weft quantize) of each row."""
    yield "int8, a scale per channel", ["--weights", "int8"]
    yield "e0m4 edge 32, head kept", ["--weights", "e0m4", "--form", "edge", "--group", "32",
                                      "--head", "keep"]
    for group in chosen_groups:
        for weights, forms in FORMS.items():
            for form in forms:
                yield (f"{weights} {form} {group}",
                       ["--weights", weights, "--form", form, "--group", str(group)])


def run(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"bench/formats: {' '.join(map(str, command))}\n{done.stderr.strip()}")
    return done.stdout


def evaluate(flags, model, *more):
    return json.loads(run([flags.weft, "eval", "-m", model, "--text", flags.text, "--window", 512,
                           "--windows", flags.windows, "--chunk", 512, "--compute", "f32",
                           "--no-cache", "--json", *more]))


def measure(flags, scratch):
    logits = scratch / "float.logits"
    rows = [{"format": "f32", "bits": 32.0,
             "perplexity": evaluate(flags, flags.model, "--save-logits", logits)["perplexity"]}]
    for name, how in formats(flags.groups):
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            out = pathlib.Path(folder) / "model"
            made = json.loads(run([flags.weft, "quantize", flags.model, *how, "-o", out, "--json"]))
            found = evaluate(flags, out, "--against", logits)
        rows.append({"format": name, "bits": made["bits"], "sqnr_db": made["sqnr_db"],
                     "perplexity": found["perplexity"], "kl": found["against"]["kl_mean"],
                     "same_top": found["against"]["same_top_token"]})
        print(f"{name}: {rows[-1]['perplexity']:.4f}", file=sys.stderr, flush=True)
    return rows


def table(rows):
    lines = ["| format | bits | SQNR dB | perplexity | of floats | mean KL | same top |",
             "|---|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        of_floats = (row["perplexity"] / rows[0]["perplexity"] - 1) * 100
        rest = " | | |" if "kl" not in row else (
            f" {of_floats:+.2f} % | {row['kl']:.5f} | {row['same_top'] * 100:.1f} % |")
        sqnr = row.get("sqnr_db")
        lines.append(f"| {row['format']} | {row['bits']:.3f} | "
                     f"{'' if sqnr is None else f'{sqnr:.2f}'} | {row['perplexity']:.4f} |{rest}")
    return "\n".join(lines)


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="bench/formats/run",
                                     description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("model", type=pathlib.Path, help="a model folder of floats")
    parser.add_argument("--text", type=pathlib.Path, required=True)
    parser.add_argument("--weft", type=pathlib.Path, default=root / "build/main/bin/weft")
    parser.add_argument("--windows", type=int, default=4)
    parser.add_argument("--groups", type=int, nargs="+", default=list(GROUPS))
    parser.add_argument("--json", type=pathlib.Path, help="also write the rows to this file")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weft_formats_") as scratch:
        rows = measure(flags, pathlib.Path(scratch))
    if flags.json:
        flags.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows))

