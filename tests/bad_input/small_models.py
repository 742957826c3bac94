"""Models of two nodes, right in everything, for tests that spoil one thing.

    logits[1, seq, 8] = MatMul(Gather(embed[8, 4], input_ids), head[4, 8])
"""

import json

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

VOCABULARY, HIDDEN = 8, 4

# Eight tokens: a to h, with "ab" merged nowhere, so that any text of these letters has ids.
TOKENIZER = {"model": {"type": "BPE", "vocab": {c: i for i, c in enumerate("abcdefgh")},
                       "merges": []}}


def tensor(name, array):
    return numpy_helper.from_array(numpy.asarray(array), name)


def weight(rows, columns, seed):
    return numpy.random.default_rng(seed).normal(size=(rows, columns)).astype(numpy.float32)


def node(op, inputs, outputs, name=None, **attributes):
    return helper.make_node(op, inputs, outputs, name=name or "/" + op.lower(), **attributes)


def embed():
    return node("Gather", ["embed", "input_ids"], ["x"])


def head(source="x"):
    return node("MatMul", [source, "head"], ["logits"], name="/head")


def model(nodes=None, *more, logits=("batch", "seq", VOCABULARY), ids=("batch", "seq")):
    """The model, or one of other nodes, with further initializers (name, array)."""
    tensors = [("embed", weight(VOCABULARY, HIDDEN, 1)), ("head", weight(HIDDEN, VOCABULARY, 2))]
    graph = helper.make_graph(
        nodes or [embed(), head()], "small",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ids)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, logits)],
        [tensor(name, array) for name, array in [*tensors, *more]])
    return helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])


def between(*nodes, result="y"):
    """Nodes between the embedding's x and the head."""
    return [embed(), *nodes, head(result)]


def with_tensor(name, array):
    """The model with other values (and perhaps another shape) in one initializer."""
    made = model()
    for initializer in made.graph.initializer:
        if initializer.name == name:
            initializer.CopyFrom(tensor(name, array))
    return made


def external(made, name, **entries):
    """Moves an initializer's data out of the file; `entries` say where it is."""
    for initializer in made.graph.initializer:
        if initializer.name == name:
            initializer.ClearField("raw_data")
            initializer.data_location = TensorProto.EXTERNAL
            for key, value in entries.items():
                initializer.external_data.append(
                    onnx.StringStringEntryProto(key=key, value=str(value)))
    return made


def write(folder, content, tokenizer=None, **files):
    """A model folder: `content` is a model or bytes (None: no model.onnx); other files by name,
    with __ for the dot."""
    folder.mkdir(parents=True)
    if content is not None:
        data = content if isinstance(content, bytes) else content.SerializeToString()
        (folder / "model.onnx").write_bytes(data)
    (folder / "tokenizer.json").write_bytes(
        json.dumps(TOKENIZER).encode() if tokenizer is None else tokenizer)
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder
