"""`weft import --emit-onnx`: the graph that a model became, written back as ONNX, gives the model's
logits in ONNX Runtime: prompt and next token, for every exporter and architecture of the small
models.

WEFT_BIN   the binary (set by CMake)
"""

import re
import unittest

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

from weft_runs import DATA, WeftTest

TINY = DATA.parent / "tiny"


def named(path):
    proto = onnx.TensorProto.FromString(path.read_bytes())
    return proto.name, numpy_helper.to_array(proto)


def tensor(path):
    return named(path)[1]


def data_sets(folder):
    """The folders of prompt and next token; exact ones where there are any."""
    for names in (("0_exact", "1_after_exact"), ("0_exact", "1_exact"), ("0", "1"), ("0",)):
        sets = [folder / f"test_data_set_{name}" for name in names]
        if all(one.is_dir() for one in sets):
            return sets
    raise AssertionError(f"no data in {folder}")


class Emitted:
    """A written model in ONNX Runtime, fed as a decoder: ids, positions, caches."""

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options)
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.past, self.caches = 0, {}
        for one in self.session.get_inputs():
            if len(one.shape) == 4:
                self.caches[one.name] = numpy.zeros((1, one.shape[1], 0, one.shape[3]), "float32")

    def feed(self, data):
        given = dict(named(path) for path in data.glob("input_*.pb"))
        count = given["input_ids"].shape[1]
        given["position_ids"] = numpy.arange(self.past, self.past + count)[None]
        given.update(self.caches)
        feeds = {one.name: given[one.name] for one in self.session.get_inputs()}
        got = dict(zip(self.outputs, self.session.run(None, feeds)))
        self.past += count
        for name in self.caches:
            self.caches[name] = got[name.replace("past_key_values", "present")]
        return got["logits"]


class Emit(WeftTest):
    def emit(self, model, *flags):
        out = self.scratch / "written.onnx"
        run = self.weft("import", model, "--emit-onnx", out, *flags)
        self.assertEqual((run.code, run.out), (0, ""), run)
        self.assertEqual(list(self.scratch.glob("*.part")), [])
        return out

    def assert_same_logits(self, folder, written):
        model = Emitted(written)
        for data in data_sets(folder):
            expected = tensor(data / "output_0.pb")
            got = model.feed(data)
            self.assertEqual(got.shape, expected.shape)
            error = numpy.abs(got - expected).max() / numpy.abs(expected).max()
            self.assertLess(error, 1e-4, data)
        return model

    def test_every_small_model_gives_its_logits_in_onnx_runtime(self):
        folders = sorted(path.parent for path in TINY.glob("*/*/model.onnx"))
        self.assertGreater(len(folders), 20)
        for folder in folders:
            with self.subTest(model=f"{folder.parent.name}/{folder.name}"):
                self.assert_same_logits(folder, self.emit(folder))

    def test_other_stages_give_the_same_logits(self):
        folder = TINY / "genai-int4" / "llama"
        self.assert_same_logits(folder, self.emit(folder, "--until", "fused"))

    def test_the_file_is_standard_onnx(self):
        model = onnx.load(self.emit(TINY / "genai-int4" / "llama"))
        self.assertEqual([(o.domain, o.version) for o in model.opset_import], [("", 23)])
        self.assertEqual({node.domain for node in model.graph.node}, {""})
        onnx.checker.check_model(model)
        ops = [node.op_type for node in model.graph.node]
        self.assertIn("Attention", ops)
        self.assertIn("DequantizeLinear", ops)  # 4-bit weights stay 4-bit
        dims = model.graph.input[0].type.tensor_type.shape.dim
        self.assertEqual([d.dim_param or d.dim_value for d in dims], [1, "seq"])
        weights = {i.name: i for i in model.graph.initializer}
        self.assertIn("model.layers.0.input_layernorm.weight", weights)

    def test_large_tensors_are_in_a_file_beside_it(self):
        out = self.emit(TINY / "genai-fp32" / "llama")
        model = onnx.load(out, load_external_data=False)
        external = [i for i in model.graph.initializer
                    if i.data_location == onnx.TensorProto.EXTERNAL]
        self.assertTrue(external)
        places = [{e.key: e.value for e in one.external_data} for one in external]
        self.assertEqual({place["location"] for place in places}, {"written.onnx.data"})
        self.assertTrue(all(int(place["offset"]) % 4096 == 0 for place in places))
        self.assertLess(out.stat().st_size, 64 * 1024)

    def test_what_is_written_imports_again(self):
        for folder in (TINY / "genai-int4" / "llama", TINY / "dynamo-op18" / "gemma2"):
            first = self.emit(folder)
            again = self.scratch / "again.onnx"
            run = self.weft("import", first, "--emit-onnx", again)
            self.assertEqual(run.code, 0, run)
            self.assert_same_logits(folder, again)

    def test_without_a_file_to_write_it_says_what_there_is(self):
        run = self.weft("import", TINY / "genai-fp32" / "llama")
        self.assertEqual(run.code, 0, run)
        self.assertIn("nodes", run.out)

    def test_nothing_is_left_behind_where_it_cannot_be_written(self):
        out = self.scratch / "no" / "out.onnx"
        run = self.weft("import", TINY / "genai-fp32" / "llama", "--emit-onnx", out)
        self.assert_refused(run, 2, "cannot write")
        run = self.weft("import", TINY / "genai-fp32" / "llama", "--emit-onnx", out,
                        "--until", "placed")
        self.assert_refused(run, 2, "--until placed")


class Mixtures(WeftTest):
    def test_every_spelling_of_experts_reads_their_weights_in_place(self):
        folders = sorted([*TINY.glob("*/mixtral"), *TINY.glob("*/gpt_oss")])
        self.assertEqual(len(folders), 6)
        for folder in folders:
            with self.subTest(model=f"{folder.parent.name}/{folder.name}"):
                run = self.weft("opt", folder / "model.onnx", "--until", "fused")
                self.assertEqual(run.code, 0, run)
                nodes = [line for line in run.out.splitlines() if " = " in line]
                products = [line for line in nodes if "= ExpertMatMul(" in line]
                self.assertEqual(len(products), 4, run)  # up and down, of two layers
                # Neither matrices of tokens, nor tokens for all experts.
                moved = [line for line in nodes if re.search(r"= (Gather|Tile|Expand)\(", line)]
                large = re.compile(r"f32\[([^\]]*seq, \d+, \d+|4, seq, \d+|4\*seq, \d+)\]")
                self.assertEqual([line for line in moved if large.search(line)], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
