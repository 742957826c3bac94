"""What formats of weights cost a model: perplexity, KL divergence and same top token against its
floats, and bits per weight, as one table.

    bench/formats/run MODEL --text FILE [--weft BIN] [--windows 4] [--json FILE]

MODEL holds floats. Each format is made by `weft quantize` in a scratch folder and read by
`weft eval --compute f32` on the cpu plugin, so that activations are floats and the weights alone
differ. Rows named `head kept` leave the weights of the logits, and a table tied to them, as floats.
"""

import sys

import evaluation

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


def measure(flags, floats):
    rows = [{"format": "f32", "bits": 32.0, "perplexity": floats.perplexity}]
    for name, how in formats(flags.groups):
        made, found = floats.quantized(*how)
        rows.append({"format": name, "bits": made["bits"], "sqnr_db": made["sqnr_db"], **found})
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
    parser = evaluation.arguments("bench/formats/run", __doc__, windows=4)
    parser.add_argument("--groups", type=int, nargs="+", default=list(GROUPS))
    evaluation.report(parser.parse_args(), measure, table)
