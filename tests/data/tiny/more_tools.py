"""Models of the optimum route after ONNX Runtime's own tools; see make_more.py.

    make_more.py tools OUT [VARIANT...]

reads OUT/optimum/<architecture>/model.onnx (and opset variants of that route) and writes
OUT/tools/<variant>/.
"""

import contextlib
import pathlib
import shutil
import types

import numpy
import onnx
import onnxruntime

CONFIG = types.SimpleNamespace(head_dim=16)

# ONNX Runtime fuses these into products that quantize activations too; here it runs them unfused.
EXACT = ("llama_qdq_int4", "llama_qdq_uint4")


def dynamic(path, out, kind="QInt8"):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    quantize_dynamic(path, out, weight_type=getattr(QuantType, kind))


class Calibration:
    """One prompt into an empty cache."""

    def __init__(self, path):
        model = onnx.load(path)
        feed = {}
        for value in model.graph.input:
            dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
            if value.name.startswith("past"):
                feed[value.name] = numpy.zeros((1, dims[1], 0, dims[3]), numpy.float32)
            else:
                row = {"input_ids": [5, 77, 31, 8, 60, 12], "attention_mask": [1] * 6,
                       "position_ids": list(range(6)), "token_type_ids": [0] * 6}[value.name]
                feed[value.name] = numpy.array([row], numpy.int64)
        self.feeds = [feed]

    def get_next(self):
        return self.feeds.pop() if self.feeds else None


def static(path, out, form="QDQ", activations="QUInt8"):
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    quantize_static(path, out, Calibration(path), quant_format=getattr(QuantFormat, form),
                    activation_type=getattr(QuantType, activations), weight_type=QuantType.QInt8,
                    op_types_to_quantize=["MatMul", "Gather", "Gemm"])


def four_bits(path, out, form="QDQ", symmetric=True):
    from onnxruntime.quantization import QuantFormat
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    model = onnx.load(path)
    tool = MatMulNBitsQuantizer(model, bits=4, block_size=32, is_symmetric=symmetric,
                                quant_format=getattr(QuantFormat, form))
    tool.process()
    onnx.save(tool.model.model, out)


def fused(path, out, kind, only_onnxruntime=False):
    from onnxruntime.transformers import optimizer
    model = optimizer.optimize_model(str(path), model_type=kind, num_heads=0, hidden_size=0,
                                     opt_level=0, use_gpu=False,
                                     only_onnxruntime=only_onnxruntime)
    model.save_model_to_file(str(out))


def saved(path, out, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(out)
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def half(path, out):
    from onnxruntime.transformers.float16 import convert_float_to_float16
    model = convert_float_to_float16(onnx.load(path), keep_io_types=True)
    onnx.save(model, out)


# Variant -> (architecture of the optimum route, function, arguments).
VARIANTS = {
    "llama_dynamic_int8": ("llama", dynamic, {}),
    "llama_dynamic_uint8": ("llama", dynamic, dict(kind="QUInt8")),
    "gpt2_dynamic_int8": ("gpt2", dynamic, {}),
    "bert_dynamic_int8": ("bert", dynamic, {}),
    "llama_qdq_int8": ("llama", static, {}),
    "llama_qoperator_int8": ("llama", static, dict(form="QOperator")),
    "bert_qdq_int8": ("bert", static, dict(activations="QInt8")),
    "llama_qdq_int4": ("llama", four_bits, {}),
    "llama_qdq_uint4": ("llama", four_bits, dict(symmetric=False)),
    "llama_nbits": ("llama", four_bits, dict(form="QOperator")),
    "bert_fused": ("bert", fused, dict(kind="bert")),
    "roberta_fused": ("roberta", fused, dict(kind="bert")),
    "distilbert_fused": ("distilbert", fused, dict(kind="bert")),
    "gpt2_fused": ("gpt2", fused, dict(kind="gpt2")),
    "llama_fused": ("llama", fused, dict(kind="gpt2")),
    "phi_fused": ("phi", fused, dict(kind="phi")),
    "llama_saved_basic": ("llama", saved, dict(level="ORT_ENABLE_BASIC")),
    "llama_saved_extended": ("llama", saved, dict(level="ORT_ENABLE_EXTENDED")),
    "llama_saved_all": ("llama", saved, dict(level="ORT_ENABLE_ALL")),
    "gpt2_saved_extended": ("gpt2", saved, dict(level="ORT_ENABLE_EXTENDED")),
    "bert_saved_extended": ("bert", saved, dict(level="ORT_ENABLE_EXTENDED")),
    "bert_saved_all": ("bert", saved, dict(level="ORT_ENABLE_ALL")),
    "gemma3_saved_extended": ("gemma3_text", saved, dict(level="ORT_ENABLE_EXTENDED")),
    "phi_saved_extended": ("phi", saved, dict(level="ORT_ENABLE_EXTENDED")),
    "llama_half": ("llama", half, {}),
}


def make_all(out, write_sets, names):
    for name in names or VARIANTS:
        architecture, tool, options = VARIANTS[name]
        folder = pathlib.Path(out) / "tools" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        source = pathlib.Path(out) / "optimum" / architecture / "model.onnx"
        try:
            with open("/dev/null", "w") as sink, contextlib.redirect_stdout(sink):
                tool(source, folder / "model.onnx", **options)
                largest = write_sets(folder, CONFIG, exact=name in EXACT)
            print(f"tools/{name}: largest logit {largest:.3g}", flush=True)
        except Exception as error:
            shutil.rmtree(folder)
            reason = " ".join(str(error).split())[-300:]
            print(f"tools/{name}: not made: {type(error).__name__}: {reason}", flush=True)
