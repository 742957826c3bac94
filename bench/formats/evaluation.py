"""How the tables of this folder are measured: commands of weft that print JSON, and models of one
scratch folder against the floats they come from."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile


def weft_json(flags, *arguments):
    """What `weft ... --json` prints; ends the program with its complaint when it fails."""
    command = [str(part) for part in (flags.weft, *arguments, "--json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def evaluate(flags, model, *more):
    """`weft eval` in floats on the cpu plugin, so that the model's own codes alone differ."""
    return weft_json(flags, "eval", "-m", model, "--text", flags.text, "--window", 512, "--windows",
                     flags.windows, "--chunk", 512, "--compute", "f32", "--no-cache", *more)


class Floats:
    """The float model, evaluated once, and what is made of it, evaluated against it."""

    def __init__(self, flags, scratch):
        self.flags, self.scratch = flags, pathlib.Path(scratch)
        self.logits = self.scratch / "float.logits"
        found = evaluate(flags, flags.model, "--save-logits", self.logits)
        self.perplexity = found["perplexity"]

    def quantized(self, *how):
        """What `weft quantize` and `weft eval` say of a form."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            out = pathlib.Path(folder) / "model"
            made = weft_json(self.flags, "quantize", self.flags.model, *how, "-o", out)
            found = evaluate(self.flags, out, "--against", self.logits)
        return made, {"perplexity": found["perplexity"], "kl": found["against"]["kl_mean"],
                      "same_top": found["against"]["same_top_token"]}


def arguments(name, about, windows):
    """A parser with what every table takes."""
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog=name, description=about.split("\n\n", maxsplit=1)[0])
    parser.add_argument("model", type=pathlib.Path, help="a model folder of floats")
    parser.add_argument("--text", type=pathlib.Path, required=True)
    parser.add_argument("--weft", type=pathlib.Path, default=root / "build/release/bin/weft")
    parser.add_argument("--windows", type=int, default=windows)
    parser.add_argument("--json", type=pathlib.Path, help="also write the rows to this file")
    return parser


def report(flags, measure, table):
    """Measures, writes the rows where --json says, and prints the table."""
    with tempfile.TemporaryDirectory(prefix="weft_formats_") as scratch:
        rows = measure(flags, Floats(flags, scratch))
    if flags.json:
        flags.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
