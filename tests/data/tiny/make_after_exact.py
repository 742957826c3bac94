"""Makes genai-int4/*/test_data_set_1_after_exact: the decode step that follows test_data_set_0_exact.

The data sets _exact come from ONNX Runtime on these models without their `accuracy_level`, so that
activations stay float32. But the past that test_data_set_1_exact starts from is the one that
test_data_set_0 (activations in int8) left, which no run of prefill and decode in floats arrives at.
Here the same token is decoded from the exact past.

  python make_after_exact.py        needs onnx, onnxruntime and numpy
"""

import pathlib

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper


def read(path):
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return tensor.name, numpy_helper.to_array(tensor)


def read_all(folder, kind):
    count = len(list(folder.glob(f"{kind}_*.pb")))
    return dict(read(folder / f"{kind}_{i}.pb") for i in range(count))


def exact_session(folder):
    model = onnx.load(folder / "model.onnx")
    for node in model.graph.node:
        kept = [a for a in node.attribute if a.name != "accuracy_level"]
        del node.attribute[:]
        node.attribute.extend(kept)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def main():
    here = pathlib.Path(__file__).resolve().parent
    for folder in sorted((here / "genai-int4").iterdir()):
        session = exact_session(folder)
        names = [output.name for output in session.get_outputs()]
        prefill = read_all(folder / "test_data_set_0_exact", "input")
        after = dict(zip(names, session.run(None, prefill)))
        known = read_all(folder / "test_data_set_0_exact", "output")
        assert all(numpy.allclose(after[n], known[n], atol=1e-5) for n in names), folder
        decode = read_all(folder / "test_data_set_1_exact", "input")
        for name in decode:
            if name.startswith("past_key_values"):
                decode[name] = after[name.replace("past_key_values", "present")]
        logits = session.run(["logits"], decode)[0]
        out = folder / "test_data_set_1_after_exact"
        out.mkdir(exist_ok=True)
        for file, name, array in (("input_0", "input_ids", decode["input_ids"]),
                                  ("output_0", "logits", logits)):
            (out / f"{file}.pb").write_bytes(
                numpy_helper.from_array(array, name).SerializeToString())
        print(folder.name, float(abs(logits).max()))


if __name__ == "__main__":
    main()
