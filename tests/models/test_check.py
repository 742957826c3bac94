"""`weft check`: the test data beside the small models agrees, and what is wrong is told.

WEFT_BIN   the binary (set by CMake)
"""

import json
import pathlib
import shutil
import unittest

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from weft_runs import DATA, WeftTest

TINY = DATA.parent / "tiny"
LLAMA = TINY / "genai-fp32" / "llama"
INT4 = TINY / "genai-int4" / "llama"


def write_tensor(path, array, name):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(numpy_helper.from_array(array, name).SerializeToString())


def write_model(folder, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


class Check(WeftTest):
    def check(self, *arguments):
        run = self.weft("check", "--json", *arguments)
        self.assertTrue(run.out, run)
        return run, json.loads(run.out)["checks"]

    def copy(self, source, name="model"):
        return pathlib.Path(shutil.copytree(source, self.scratch / "copies" / name))

    def alter(self, file, change):
        tensor = onnx.TensorProto.FromString(file.read_bytes())
        array = change(numpy_helper.to_array(tensor).copy())
        write_tensor(file, array, tensor.name)

    def test_every_small_model_agrees_on_every_backend(self):
        run, checks = self.check(TINY, "--backend", "cpu", "--backend", "reference")
        self.assertEqual(run.code, 0, run)
        self.assertEqual(len(checks), 2 * len(list(TINY.glob("*/*/model.onnx"))))
        for check in checks:
            for one in check["sets"]:
                self.assertTrue(one["outputs"], check)
        # Whatever else there is: decoders of llama's kind run as they generate text.
        for check in checks:
            if check["folder"].endswith(("llama", "gpt2", "qwen2")):
                self.assertEqual({one["way"] for one in check["sets"]}, {"session"}, check)

    def test_caches_are_loaded_and_read_back(self):
        _, checks = self.check(LLAMA, "--backend", "cpu")
        for one in checks[0]["sets"]:
            names = [output["name"] for output in one["outputs"]]
            self.assertIn("logits", names)
            self.assertIn("present.1.value", names)
        self.assertEqual([one["name"] for one in checks[0]["sets"]],
                         ["test_data_set_0", "test_data_set_1"])

    def test_exact_sets_are_preferred(self):
        _, checks = self.check(INT4, "--backend", "cpu")
        exact = {one["name"]: one["exact"] for one in checks[0]["sets"]}
        self.assertNotIn("test_data_set_0", exact)
        self.assertTrue(exact["test_data_set_0_exact"])
        line = self.weft("check", INT4, "--backend", "cpu")
        self.assertIn("exact", line.out)

    def test_a_decoder_agrees_as_a_graph_too(self):
        for folder in (LLAMA, INT4):
            sets = self.copy(folder, folder.parent.name)
            for partial in sets.glob("*_after_exact"):
                shutil.rmtree(partial)  # gives no caches, so it can only follow in a session
            run, checks = self.check(sets, "--backend", "reference", "--as", "graph")
            self.assertEqual(run.code, 0, run)
            self.assertEqual({one["way"] for one in checks[0]["sets"]}, {"graph"})

    def padded(self, model):
        """A copy of a model whose one data set masks the last two of seven tokens."""
        folder = self.scratch / "padded" / model.parent.name / model.name
        folder.mkdir(parents=True)
        shutil.copyfile(model / "model.onnx", folder / "model.onnx")
        session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        sizes = {"batch": 1, "batch_size": 1, "sequence_length": 7}
        feeds = {}
        for value in session.get_inputs():
            shape = [d if isinstance(d, int) else sizes.get(d, 7 if "+" in d else 0)
                     for d in value.shape]
            real = "float" in value.type
            feeds[value.name] = numpy.zeros(shape, numpy.float32 if real else numpy.int64)
        feeds["input_ids"][0] = numpy.arange(3, 10)
        feeds["attention_mask"][0] = [1, 1, 1, 1, 1, 0, 0]
        if "position_ids" in feeds:
            feeds["position_ids"][0] = numpy.arange(7)
        data = folder / "test_data_set_0"
        for i, value in enumerate(session.get_inputs()):
            write_tensor(data / f"input_{i}.pb", feeds[value.name], value.name)
        results = session.run(None, feeds)
        for i, (value, array) in enumerate(zip(session.get_outputs(), results)):
            write_tensor(data / f"output_{i}.pb", array, value.name)
        return folder

    def test_a_mask_that_hides_tokens_is_obeyed(self):
        for model in (TINY / "optimum" / "bert", TINY / "optimum" / "llama"):
            with self.subTest(model=model.name):
                run, checks = self.check(self.padded(model))
                self.assertEqual(run.code, 0, run)
                self.assertEqual(checks[0]["sets"][0]["way"], "graph")

    def test_a_wrong_output_is_a_mismatch_with_its_place(self):
        folder = self.copy(LLAMA)

        def change(logits):
            logits[0, 3, 17] += 0.5
            return logits

        self.alter(folder / "test_data_set_0" / "output_0.pb", change)
        run = self.weft("check", folder, "--backend", "cpu")
        self.assertEqual(run.code, 1, run)
        self.assertEqual(len(run.out.splitlines()), 1, run)
        for words in ("mismatch", "logits of test_data_set_0", "[0, 3, 17]", "0.5"):
            self.assertIn(words, run.out)
        self.assertEqual(self.weft("check", folder, "--backend", "cpu", "--atol", 0.6).code, 0)

    def test_a_wrong_cache_is_a_mismatch(self):
        folder = self.copy(LLAMA)
        self.alter(folder / "test_data_set_1" / "output_1.pb", lambda cache: cache * 1.01)
        run = self.weft("check", folder, "--backend", "cpu")
        self.assertEqual(run.code, 1, run)
        self.assertIn("present.0.key of test_data_set_1", run.out)

    def test_only_valid_positions_are_compared(self):
        folder = self.copy(LLAMA)

        def change(cache):
            cache[:, :, 5:] = numpy.nan
            return cache

        self.alter(folder / "test_data_set_0" / "output_1.pb", change)
        self.assertEqual(self.weft("check", folder, "--backend", "cpu").code, 1)
        (folder / "check.json").write_text(json.dumps(
            {"outputs": "present.*", "axis": 2, "valid": {"test_data_set_0": 5}}))
        self.assertEqual(self.weft("check", folder, "--backend", "cpu").code, 0)
        (folder / "check.json").write_text("[]")
        run = self.weft("check", folder, "--backend", "cpu")
        self.assertEqual(run.code, 3, run)
        self.assertIn("check.json", run.out)

    def test_a_broken_model_is_not_importable(self):
        folder = self.copy(LLAMA)
        (folder / "model.onnx").write_bytes((LLAMA / "model.onnx").read_bytes()[:2000])
        run = self.weft("check", folder, "--backend", "cpu")
        self.assertEqual(run.code, 3, run)
        self.assertIn("not importable", run.out)
        both = self.weft("check", folder, INT4, "--backend", "cpu")
        self.assertEqual((both.code, len(both.out.splitlines())), (3, 2), both)

    def test_a_damaged_data_file_is_named(self):
        folder = self.copy(LLAMA)
        (folder / "test_data_set_0" / "output_0.pb").write_bytes(b"\xff\xff\xff")
        run = self.weft("check", folder, "--backend", "cpu")
        self.assertEqual(run.code, 3, run)
        self.assertIn("output_0.pb", run.out)

    def test_a_folder_without_data_is_wrong_usage(self):
        self.assert_refused(self.weft("check", self.scratch), 2, "no test data")
        self.assert_refused(self.weft("check", self.scratch / "no"), 2, "no folder")


class CheckOfGraphs(WeftTest):
    """Models that are no decoders, of many element types."""

    def one_op(self, op, dtype, arrays, expected, out_dtype=None, **attributes):
        folder = self.scratch / op
        names = [f"x{i}" for i in range(len(arrays))]
        kind = helper.np_dtype_to_tensor_dtype(numpy.dtype(dtype))
        out = helper.np_dtype_to_tensor_dtype(numpy.dtype(out_dtype or dtype))
        inputs = [helper.make_tensor_value_info(n, kind, ["N"] + list(a.shape[1:]))
                  for n, a in zip(names, arrays)]
        outputs = [helper.make_tensor_value_info("y", out, None)]
        write_model(folder, [helper.make_node(op, names, ["y"], **attributes)], inputs, outputs)
        for i, array in enumerate(arrays):
            write_tensor(folder / "test_data_set_0" / f"input_{i}.pb", array, names[i])
        write_tensor(folder / "test_data_set_0" / "output_0.pb", expected, "y")
        return self.weft("check", folder, "--backend", "reference")

    def test_element_types_pass_and_fail(self):
        for dtype in ("float32", "float64", "float16", "int8", "uint8", "int16", "uint16",
                      "int32", "uint32", "int64", "uint64"):
            with self.subTest(dtype=dtype):
                a = numpy.arange(6).reshape(2, 3).astype(dtype)
                run = self.one_op("Add", dtype, [a, a], a + a)
                self.assertEqual(run.code, 0, run)
                self.assertIn("as a graph", run.out)
                wrong = a + a
                wrong[1, 2] += 1
                run = self.one_op("Add", dtype, [a, a], wrong)
                self.assertEqual(run.code, 1, run)
                self.assertIn("[1, 2]", run.out)

    def test_booleans_are_compared(self):
        a = numpy.array([[True, False], [True, True]])
        self.assertEqual(self.one_op("Not", "bool", [a], ~a).code, 0)
        self.assertEqual(self.one_op("Not", "bool", [a], a).code, 1)

    def test_neighbouring_large_integers_differ(self):
        a = numpy.array([[2**62]], dtype="int64")
        self.assertEqual(self.one_op("Abs", "int64", [a], a).code, 0)
        self.assertEqual(self.one_op("Abs", "int64", [a], a + 1).code, 1)

    def test_nan_equals_nan_only(self):
        a = numpy.array([[1, numpy.nan]], dtype="float32")
        self.assertEqual(self.one_op("Abs", "float32", [a], a).code, 0)
        self.assertEqual(self.one_op("Abs", "float32", [a], numpy.nan_to_num(a)).code, 1)

    def test_a_type_without_arithmetic_is_named(self):
        folder = self.scratch / "text"
        text = helper.make_tensor_value_info("x", onnx.TensorProto.STRING, [1])
        out = helper.make_tensor_value_info("y", onnx.TensorProto.STRING, [1])
        write_model(folder, [helper.make_node("Identity", ["x"], ["y"])], [text], [out])
        write_tensor(folder / "test_data_set_0" / "output_0.pb", numpy.array(["a"], object), "y")
        run = self.weft("check", folder, "--backend", "reference")
        self.assertEqual(run.code, 3, run)
        self.assertIn("STRING", run.out)

    def test_a_missing_input_and_a_wrong_shape_are_told(self):
        a = numpy.ones((2, 3), "float32")
        self.assertEqual(self.one_op("Add", "float32", [a, a], a + a).code, 0)
        data = self.scratch / "Add" / "test_data_set_0"
        write_tensor(data / "input_1.pb", numpy.ones((2, 4), "float32"), "x1")
        run = self.weft("check", self.scratch / "Add", "--backend", "reference")
        self.assertEqual(run.code, 3, run)
        self.assertIn("'x1'", run.out)
        (data / "input_1.pb").unlink()
        run = self.weft("check", self.scratch / "Add", "--backend", "reference")
        self.assertIn("no file has a value for the input 'x1'", run.out)

    def test_markdown_has_a_row_and_a_reason(self):
        a = numpy.ones((2, 3), "float32")
        self.one_op("Add", "float32", [a, a], a)
        run = self.weft("check", self.scratch, "--backend", "reference", "--markdown")
        self.assertEqual(run.code, 1, run)
        self.assertIn("| Add |", run.out)
        self.assertIn("* " + self.scratch.name + "/Add: mismatch", run.out)
        self.assertIn("0 of 1 pass", run.out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
