"""Makes one model of another (runs in the venv):

    make_model.py requantize SOURCE.gguf OUT.gguf Q4_0|Q4_1|Q8_0 TABLE
    make_model.py ort SOURCE.gguf OUT_FOLDER

`requantize` keeps metadata and float tensors; the token table, which is the head too, gets the type
TABLE. `ort` is tools/gguf_to_onnx with
accuracy_level 4 (int8 activations) on every MatMulNBits: what onnxruntime runs fastest.
"""

import pathlib
import sys

import gguf
import numpy
import onnx

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from gguf_onnx.cli import convert  # noqa: E402

FILE_TYPES = {"Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0, "Q4_1": gguf.LlamaFileType.MOSTLY_Q4_1,
              "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
FLOATS = (gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.F16)
# The writer makes these itself.
OWN_KEYS = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")


def _copy_metadata(reader, writer):
    for field in reader.fields.values():
        if field.name.startswith(OWN_KEYS):
            continue
        inner = field.types[1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)


def requantize(source, out, kind, table):
    reader = gguf.GGUFReader(source)
    partial = pathlib.Path(f"{out}.partial")
    writer = gguf.GGUFWriter(partial, reader.get_field("general.architecture").contents())
    _copy_metadata(reader, writer)
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for tensor in reader.tensors:
        name = table if tensor.name == "token_embd.weight" else kind
        wanted = gguf.GGMLQuantizationType[name]
        data = numpy.asarray(tensor.data)
        if tensor.tensor_type in FLOATS or tensor.tensor_type == wanted:
            writer.add_tensor(tensor.name, data, raw_dtype=tensor.tensor_type)
            continue
        dense = gguf.dequantize(data, tensor.tensor_type)
        writer.add_tensor(tensor.name, gguf.quantize(dense, wanted), raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.rename(out)


def for_ort(source, out):
    partial = pathlib.Path(f"{out}.partial")
    convert(pathlib.Path(source), partial)
    path = partial / "model.onnx"
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        if node.op_type == "MatMulNBits":
            node.attribute.append(onnx.helper.make_attribute("accuracy_level", 4))
    onnx.save_model(model, path)
    partial.rename(out)


if __name__ == "__main__":
    {"requantize": requantize, "ort": for_ort}[sys.argv[1]](*sys.argv[2:])
