"""Makes small models with random weights, as exporters write them, with test data beside each.

    make_more.py ROUTE OUT [--hidden 64] [--vocabulary 320] [ARCHITECTURE...]

writes OUT/<route>/<architecture>/ with model.onnx, test_data_set_0 (7 tokens into an empty cache)
and test_data_set_1 (1 token after those 7; not for encoders). The outputs are ONNX Runtime's for
the same file. Without architectures all are made; one that a route cannot export is reported.

Two environments, because exporters disagree about the version of transformers (python 3.11):

A   torch==2.11.0 transformers==4.57.6 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.31.1
    optimum==2.1.0 optimum-onnx==0.1.0 (these two with --no-deps)
B   the same without optimum, and transformers==5.23.0 onnxruntime-genai==0.18.0

    route                        environment
    optimum, optimum-op<N>       A   TorchScript, opset 18 or N
    dynamo-op18, dynamo-op23     B   torch.export; also with -fp16 or -bf16 behind
    genai-fp32, -int4, -fp16     B   ONNX Runtime GenAI's builder, for its cpu provider
    tools                        A   models of the optimum route after ONNX Runtime's own tools

The models here that this made have --hidden 32 --vocabulary 96 (genai-fp32: --vocabulary 96 alone,
as its kernels take rotary sizes in steps of 8); those of tools are made of such a folder.

Weights are seeded; windows are 4 positions long, so that 7 tokens exceed them; mixtures have 4
experts of which 2 are used. Outputs are PyTorch's where ONNX Runtime has no kernels (bfloat16).
"""

import argparse
import contextlib
import inspect
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback
import warnings

import numpy
import onnx
import onnxruntime
import tokenizers
import torch
import transformers
from onnx import numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from more_architectures import ARCHITECTURES, ENCODERS, build  # noqa: E402

PREFILL = [[11, 57, 3, 88, 41, 19, 64]]
DECODE = [[23]]
WINDOW_CACHE = 16
TYPES = {1: numpy.float32, 6: numpy.int32, 7: numpy.int64, 9: numpy.bool_, 10: numpy.float16}


# --- Test data -------------------------------------------------------------------------------

def session_of(path, exact=False):
    """A session that runs what the file says; exact: without activations quantized to int8."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.enable_mem_pattern = False
    options.enable_mem_reuse = False
    if not exact:
        return onnxruntime.InferenceSession(str(path), options)
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [a for a in node.attribute if a.name != "accuracy_level"]
        del node.attribute[:]
        node.attribute.extend(kept)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def has_window_cache(model):
    return any(a.name == "sliding_window_cache" and a.i for n in model.graph.node
               for a in n.attribute)


def empty_past(value, capacity, config):
    shape = []
    for axis, dim in enumerate(value.type.tensor_type.shape.dim):
        size = dim.dim_value
        if not size:
            if axis == 0:
                size = 1
            elif "past" in dim.dim_param or axis == len(value.type.tensor_type.shape.dim) - 2:
                size = capacity
            else:
                size = config.head_dim
        shape.append(size)
    return numpy.zeros(shape, TYPES[value.type.tensor_type.elem_type])


def feed_of(model, ids, past, caches):
    total = past + ids.shape[1]
    known = {"input_ids": ids, "attention_mask": numpy.ones((1, total), numpy.int64),
             "position_ids": numpy.arange(past, total, dtype=numpy.int64)[None],
             "token_type_ids": numpy.zeros_like(ids)}
    feed = {}
    for value in model.graph.input:
        array = caches[value.name] if value.name in caches else known[value.name]
        feed[value.name] = array.astype(TYPES[value.type.tensor_type.elem_type])
    return feed


def write_set(folder, model, feed, outputs):
    folder.mkdir(parents=True, exist_ok=True)
    names = [v.name for v in model.graph.output]
    for kind, values in (("input", [(v.name, feed[v.name]) for v in model.graph.input]),
                         ("output", list(zip(names, outputs)))):
        for i, (name, array) in enumerate(values):
            tensor = array if isinstance(array, onnx.TensorProto) else numpy_helper.from_array(
                numpy.ascontiguousarray(array), name)
            tensor.name = name
            (folder / f"{kind}_{i}.pb").write_bytes(tensor.SerializeToString())


def write_sets(folder, config, suffix="", exact=False):
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    session = session_of(folder / "model.onnx", exact=exact or suffix == "_exact")
    window = WINDOW_CACHE if has_window_cache(model) else 0
    caches = {v.name: empty_past(v, window, config) for v in model.graph.input
              if v.name.startswith("past")}
    names = [v.name for v in model.graph.output]
    past = 0
    for index, ids in enumerate((PREFILL, DECODE)):
        ids = numpy.array(ids, numpy.int64)
        feed = feed_of(model, ids, past, caches)
        outputs = session.run(names, feed)
        past += ids.shape[1]
        for i, name in enumerate(names):
            if window and name.startswith("present"):
                outputs[i][:, :, past:] = 0
        write_set(folder / f"test_data_set_{index}{suffix}", model, feed, outputs)
        if not caches:
            break
        assert all(numpy.isfinite(x.astype(numpy.float32)).all() for x in outputs), "not finite"
        after = dict(zip(names, outputs))
        caches = {name: after[name.replace("past_key_values", "present")] for name in caches}
    if window:
        (folder / "check.json").write_text(json.dumps({
            "comment": "only the first `valid` positions of present.* along `axis` mean anything",
            "outputs": "present.*", "axis": 2,
            "valid": {f"test_data_set_{i}": n for i, n in ((0, 7), (1, 8))}}, indent=1))
    return float(abs(outputs[0].astype(numpy.float32)).max())


def strip(path):
    """Drops what names the exporting machine; inlines small external data."""
    model = onnx.load(path)
    external = path.with_name(path.name + ".data")
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in list(model.graph.value_info) + list(model.graph.input):
        del value.metadata_props[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    external.unlink(missing_ok=True)
    onnx.save(model, path)


# --- Exporters -------------------------------------------------------------------------------

def export_optimum(name, model, folder, opset=18):
    from optimum.exporters.onnx import model_configs, onnx_export_from_model
    from optimum.exporters.tasks import TasksManager

    kind = model.config.model_type
    known = TasksManager._SUPPORTED_MODEL_TYPE.get(kind, {})
    if "onnx" not in known:
        encoder = name in ENCODERS
        base = model_configs.BertOnnxConfig if encoder else model_configs.LlamaOnnxConfig
        tasks = ["fill-mask"] if encoder else ["text-generation", "text-generation-with-past"]
        TasksManager.create_register("onnx")(kind, *tasks)(type("Config", (base,), {}))
    task = "fill-mask" if name in ENCODERS else "text-generation-with-past"
    onnx_export_from_model(model, folder, opset=opset, task=task, do_validation=False)
    for file in folder.iterdir():
        if file.name != "model.onnx":
            file.unlink()


class Flat(torch.nn.Module):
    """A decoder whose caches are a flat list of tensors."""

    def __init__(self, model):
        super().__init__()
        self.m = model
        taken = inspect.signature(model.forward).parameters
        self.takes = [n for n in ("position_ids",) if n in taken]

    def forward(self, input_ids, attention_mask, position_ids, past):
        cache = transformers.DynamicCache(list(zip(past[::2], past[1::2])))
        named = {"position_ids": position_ids} if self.takes else {}
        out = self.m(input_ids=input_ids, attention_mask=attention_mask, past_key_values=cache,
                     use_cache=True, **named)
        flat = []
        for layer in out.past_key_values.layers:
            flat += [layer.keys, layer.values]
        return out.logits, *flat


class FlatEncoder(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.m = model

    def forward(self, input_ids, attention_mask):
        return self.m(input_ids=input_ids, attention_mask=attention_mask).logits


def export_dynamo(name, model, folder, opset):
    ids = torch.randint(3, 90, (2, 3))
    if name in ENCODERS:
        names = ["input_ids", "attention_mask"]
        shapes = [{0: "batch", 1: "seq"}] * 2
        args, flat, outputs = (ids, torch.ones_like(ids)), FlatEncoder(model), ["logits"]
    else:
        seen = model(input_ids=ids, use_cache=True).past_key_values.layers
        past = [torch.randn(2, t.shape[1], 5, t.shape[3]).to(t.dtype)
                for layer in seen for t in (layer.keys, layer.values)]
        caches = [f"{i // 2}.{'value' if i % 2 else 'key'}" for i in range(len(past))]
        names = ["input_ids", "attention_mask", "position_ids"]
        names += [f"past_key_values.{c}" for c in caches]
        outputs = ["logits"] + [f"present.{c}" for c in caches]
        positions = torch.arange(5, 8)[None].repeat(2, 1)
        args = (ids, torch.ones(2, 8, dtype=torch.int64), positions, past)
        shapes = [{0: "batch", 1: "seq"}, {0: "batch", 1: "total"}, {0: "batch", 1: "seq"},
                  [{0: "batch", 2: "past"}] * len(past)]
        flat = Flat(model)
    with torch.no_grad():
        torch.onnx.export(flat.eval(), args, str(folder / "model.onnx"), dynamo=True,
                          opset_version=opset, input_names=names, output_names=outputs,
                          dynamic_shapes=tuple(shapes), verbose=False)
    strip(folder / "model.onnx")


def export_genai(name, model, folder, precision):
    if model.config.architectures is None:
        model.config.architectures = [type(model).__name__]
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch + "/in")
        words = tokenizers.models.WordLevel({"<unk>": 0, "<s>": 1, "</s>": 2}, unk_token="<unk>")
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizers.Tokenizer(words)).save_pretrained(scratch + "/in")
        done = subprocess.run(
            [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", scratch + "/in", "-o",
             str(folder), "-p", precision, "-e", "cpu", "-c", scratch + "/cache"],
            capture_output=True, text=True)
    if not (folder / "model.onnx").exists():
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])
    for file in folder.iterdir():
        if not file.name.startswith("model.onnx"):
            file.unlink()


def torch_sets(folder, model):
    """Test data of a decoder by PyTorch, for what ONNX Runtime has no kernels of (bfloat16)."""
    proto = onnx.load(folder / "model.onnx")
    names = [v.name for v in proto.graph.output]
    flat = Flat(model)
    past = [torch.zeros(1, v.type.tensor_type.shape.dim[1].dim_value, 0,
                        v.type.tensor_type.shape.dim[3].dim_value, dtype=model.dtype)
            for v in proto.graph.input if v.name.startswith("past")]

    def tensor(t, name):
        raw = t.detach().contiguous()
        if raw.dtype != torch.bfloat16:
            return numpy_helper.from_array(raw.numpy(), name)
        return onnx.helper.make_tensor(name, onnx.TensorProto.BFLOAT16, raw.shape,
                                       raw.view(torch.int16).numpy().tobytes(), raw=True)

    seen = 0
    for index, ids in enumerate((PREFILL, DECODE)):
        ids = torch.tensor(ids)
        total = seen + ids.shape[1]
        args = (ids, torch.ones(1, total, dtype=torch.int64), torch.arange(seen, total)[None])
        with torch.no_grad():
            outputs = flat(*args, past)
        feed = {v.name: tensor(t, v.name) for v, t in zip(proto.graph.input, [*args, *past])}
        write_set(folder / f"test_data_set_{index}", proto, feed,
                  [tensor(t, n) for t, n in zip(outputs, names)])
        past, seen = list(outputs[1:]), total
    return float(abs(outputs[0].float()).max())


def make(route, name, folder, hidden, vocabulary):
    eager = name in ("gemma2", "gpt_oss") or (route.startswith("dynamo-op23") and "falcon" in name)
    eager = eager or name.endswith("_eager") or route in ("optimum-op11", "optimum-op13")
    mixture = route.startswith("dynamo")
    model = build(name, hidden, vocabulary, eager=eager, batched_experts=mixture)
    if route.startswith("optimum"):
        opset = int(route.partition("-op")[2] or 18)
        export_optimum(name, model, folder, opset)
    elif route.startswith("dynamo"):
        _, opset, *kind = route.split("-")
        if kind:
            model = model.to({"fp16": torch.float16, "bf16": torch.bfloat16}[kind[0]])
        export_dynamo(name, model, folder, int(opset[2:]))
        if kind == ["bf16"] or name == "falcon_alibi":
            return torch_sets(folder, model)
    elif route.startswith("genai"):
        export_genai(name, model, folder, route[6:])
    else:
        sys.exit(f"make_more: '{route}' is no route")
    return write_sets(folder, model.config, "_exact" if route == "genai-int4" else "")


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("route")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("architectures", nargs="*")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--vocabulary", type=int, default=320)
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args()
    if given.route == "tools":
        import more_tools
        return more_tools.make_all(given.out, write_sets, given.architectures)
    for name in given.architectures or ARCHITECTURES:
        folder = given.out / given.route / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        quiet = open("/dev/null", "w") if not given.verbose else contextlib.nullcontext(sys.stderr)
        try:
            with quiet as sink, contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                largest = make(given.route, name, folder, given.hidden, given.vocabulary)
            print(f"{given.route}/{name}: largest logit {largest:.3g}", flush=True)
        except Exception as error:
            if given.verbose:
                traceback.print_exc()
            shutil.rmtree(folder)
            reason = " ".join(str(error).split())[-300:]
            print(f"{given.route}/{name}: not exported: {type(error).__name__}: {reason}", flush=True)


if __name__ == "__main__":
    main()
