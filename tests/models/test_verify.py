"""`weft verify`: backends that are right pass; one that computes an op wrong is caught, the node is
named, and what is written shows the fault under `weft check`.

WEFT_BIN           the binary, WEFT_BAD_PLUGINS the folder of broken plugins (set by CMake)
"""

import json
import os
import pathlib
import unittest

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from weft_runs import DATA, WeftTest

TINY = DATA.parent / "tiny"
LLAMA = TINY / "genai-fp32" / "llama"
INT4 = TINY / "genai-int4" / "llama"
BERT = TINY / "optimum" / "bert"
WRONG = pathlib.Path(os.environ["WEFT_BAD_PLUGINS"]) / "wrong_op.so"


class Verify(WeftTest):
    def verify(self, *arguments, code=0, **options):
        run = self.weft("verify", "--json", *arguments, **options)
        self.assertEqual(run.code, code, run)
        document = json.loads(run.out)
        self.assertEqual(document["version"], 1)
        return document

    def wrong(self, model, op, *arguments, code=1, **variables):
        """The document of a run on the plugin that computes `op` wrong."""
        return self.verify(model, "--plugin", WRONG, "--backend", "wrong_op", *arguments, code=code,
                           variables={"WEFT_WRONG_OP": op, **variables})

    def check(self, folder, op, *arguments):
        return self.weft("check", folder, "--plugin", WRONG, *arguments,
                         variables={"WEFT_WRONG_OP": op})

    def test_small_models_are_right_on_the_fast_backend(self):
        for model in (LLAMA, INT4, TINY / "dynamo-op23" / "gemma2", BERT):
            with self.subTest(model=str(model)):
                document = self.verify(model, "--backend", "cpu")
                self.assertEqual(document["verdict"], "right")
                self.assertNotIn("finding", document)
                for step in document["steps"]:
                    for island in step["islands"]:
                        # Sums in float are not those in double, so something was compared.
                        self.assertGreater(island["own"]["max_absolute_error"], 0)
                        self.assertGreater(island["inherited"]["max_absolute_error"], 0)
                        self.assertLess(island["own"]["max_relative_error"], 1e-5)

    def test_a_decoder_reads_a_prompt_and_a_token(self):
        document = self.verify(LLAMA, "--prompt-ids", "3,5,7,9,11", "--backend", "cpu")
        self.assertEqual(document["way"], "session")
        self.assertEqual([step["phase"] for step in document["steps"]], ["prefill", "decode"])

    def test_a_plain_graph_gets_inputs_of_chance_or_of_a_data_set(self):
        document = self.verify(BERT, "--backend", "cpu", "--seed", 7)
        self.assertEqual(document["way"], "graph")
        other = self.verify(BERT, "--backend", "cpu", "--seed", 8)
        self.assertNotEqual(document["steps"][0]["islands"], other["steps"][0]["islands"])
        for data in (LLAMA, LLAMA / "test_data_set_1"):
            document = self.verify(LLAMA, "--data", data, "--backend", "cpu")
            self.assertEqual(document["way"], "graph")
        self.assertEqual(document["steps"][0]["name"], "test_data_set_1")

    def test_one_wrong_op_among_right_ones_is_found_in_every_model(self):
        for model, op in ((LLAMA, "MatMul"), (LLAMA, "Add"), (LLAMA, "Attention"),
                          (LLAMA, "TensorScatter"), (INT4, "MatMul"), (BERT, "LayerNormalization"),
                          (TINY / "optimum" / "gemma2", "RMSNormalization")):
            with self.subTest(model=str(model), op=op):
                out = self.scratch / f"{model.parent.name}_{op}"
                document = self.wrong(model, op, "--out", out)
                self.assertEqual(document["verdict"], "wrong")
                finding = document["finding"]
                self.assertEqual(finding["extent"], "node")
                self.assertEqual([node["op"] for node in finding["nodes"]], [op])
                self.assertAlmostEqual(finding["error"]["max_absolute_error"], 0.1, 5)
                # A small model of its own, with data: wrong there, right on others.
                self.assertTrue(finding["reproducer"]["fails"], finding)
                names = {node.op_type for node in onnx.load(out / "model.onnx").graph.node}
                self.assertIn(op, names)
                run = self.check(out, op, "--backend", "wrong_op")
                self.assertEqual(run.code, 1, run)
                self.assertIn("mismatch", run.out)
                for backend in ("cpu", "reference"):
                    run = self.check(out, op, "--backend", backend)
                    self.assertEqual(run.code, 0, run)

    def test_the_first_of_several_wrong_nodes_is_named(self):
        document = self.wrong(LLAMA, "MatMul")
        self.assertEqual(document["finding"]["nodes"][0]["name"],
                         "/model/layers.0/attn/qkv_proj/MatMul")

    def test_the_fault_is_seen_in_the_step_that_has_it(self):
        # A Slice keeps the rows whose logits are asked for: it reads a prompt and a token alike.
        document = self.wrong(LLAMA, "Slice")
        self.assertEqual(document["finding"]["step"], document["steps"][0]["name"])
        self.assertEqual([node["op"] for node in document["finding"]["nodes"]], ["Slice"])

    def test_without_a_fault_the_same_plugin_is_right(self):
        self.assertEqual(self.wrong(LLAMA, "none", code=0)["verdict"], "right")

    def test_an_island_that_gets_wrong_inputs_is_not_blamed(self):
        variables = {"WEFT_WRONG_OP": "Sigmoid"}
        folder = self.scratch / "chain"
        nodes = [helper.make_node("Sigmoid", ["x"], ["a"], name="first"),
                 helper.make_node("Add", ["a", "a"], ["b"], name="second"),
                 helper.make_node("Exp", ["b"], ["y"], name="third")]
        self.write_model(folder, nodes)
        document = self.verify(folder, "--plugin", WRONG, "--backend", "wrong_op", code=1,
                               variables=variables)
        self.assertEqual(document["finding"]["nodes"], [{"name": "first", "op": "Sigmoid"}])
        # `null` runs Add alone, in memory of its own: three islands.
        document = self.verify(folder, "--plugin", WRONG, "--backend", "null,wrong_op", code=1,
                               variables=variables)
        islands = document["steps"][0]["islands"]
        self.assertEqual([island["verdict"] for island in islands],
                         ["wrong", "inherits", "inherits"])
        self.assertEqual(islands[1]["backend"], "null")
        self.assertLess(islands[1]["own"]["max_absolute_error"], 1e-6)
        self.assertGreater(islands[1]["inherited"]["max_absolute_error"], 0.01)

    def test_nodes_that_are_wrong_only_together_are_found_together(self):
        folder = self.scratch / "together"
        nodes = [helper.make_node("Exp", ["x"], ["a"], name="one"),
                 helper.make_node("Neg", ["a"], ["b"], name="two"),
                 helper.make_node("Sigmoid", ["b"], ["c"], name="three"),
                 helper.make_node("Tanh", ["c"], ["y"], name="four")]
        self.write_model(folder, nodes)
        out = self.scratch / "out"
        document = self.wrong(folder, "Sigmoid", "--out", out, WEFT_WRONG_FROM="1")
        finding = document["finding"]
        self.assertEqual(finding["extent"], "range")
        self.assertEqual([node["name"] for node in finding["nodes"]], ["two", "three"])
        self.assertTrue(finding["reproducer"]["fails"], finding)

    def write_model(self, folder, nodes):
        port = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3])
        graph = helper.make_graph(nodes, "g", [port("x")], [port("y")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(model.SerializeToString())

    def test_the_tolerance_decides(self):
        document = self.wrong(LLAMA, "Add", "--atol", 1000, code=0)
        self.assertEqual(document["verdict"], "right")
        # What is asked beyond floats' precision no backend has.
        document = self.verify(LLAMA, "--backend", "cpu", "--rtol", 0, "--atol", 0, code=1)
        self.assertEqual(document["finding"]["extent"], "node")

    def test_the_text_names_node_error_and_command(self):
        out = self.scratch / "out"
        run = self.weft("verify", LLAMA, "--plugin", WRONG, "--backend", "wrong_op", "--out", out,
                        variables={"WEFT_WRONG_OP": "Mul"})
        self.assertEqual(run.code, 1, run)
        for words in ("first wrong node: node '/model/layers.0/mlp/Mul' (Mul)", "prompt of 8",
                      "token after it", f"weft check {out} --backend wrong_op", "fails there"):
            self.assertIn(words, run.out)
        run = self.weft("verify", LLAMA, "--backend", "cpu")
        self.assertEqual(run.code, 0, run)
        self.assertIn("all 2 islands compute what the reference computes", run.out)

    def test_a_reproducer_replaces_the_one_before(self):
        out = self.scratch / "out"
        self.wrong(LLAMA, "Add", "--out", out)
        self.wrong(LLAMA, "MatMul", "--out", out)
        data = sorted(path.name for path in (out / "test_data_set_0").iterdir())
        self.assertEqual(data, ["input_0.pb", "output_0.pb"])
        tensor = onnx.TensorProto.FromString((out / "test_data_set_0/output_0.pb").read_bytes())
        self.assertEqual(numpy_helper.to_array(tensor).dtype, numpy.float32)

    def test_what_cannot_be_run_has_the_usual_codes(self):
        self.assert_refused(self.weft("verify", self.scratch / "no"), 3)
        self.assert_refused(self.weft("verify", LLAMA, "--backend", "no"), 4, "no")
        self.assert_refused(self.weft("verify", LLAMA, "--rtol", -1), 2, "--rtol")
        self.assert_refused(self.weft("verify", LLAMA, "--prompt-ids", 99999999), 2, "vocabulary")
        self.assert_refused(self.weft("verify", LLAMA, "--data", self.scratch), 2, "test data")
        self.assert_refused(self.weft("verify", BERT, "--as", "session"), 3)
        self.assert_refused(self.weft("verify", LLAMA, "--size", "seq"), 2, "NAME=N")
        self.assert_refused(self.weft("verify", LLAMA, "--backend", "null,reference",
                                      "--require", "null"), 6)

    def test_a_folder_that_cannot_be_written_is_said(self):
        (self.scratch / "file").write_text("")
        document = self.wrong(LLAMA, "Add", "--out", self.scratch / "file" / "out")
        reproducer = document["finding"]["reproducer"]
        self.assertFalse(reproducer["fails"])
        self.assertIn("cannot write", reproducer["reason"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
