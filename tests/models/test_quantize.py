"""`weft quantize`: what it writes is what it reports, ONNX Runtime and Weft compute the same from
it, and nothing is written where it fails.

WEFT_BIN   the binary (set by CMake)
"""

import json
import re
import resource
import unittest

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from weft_runs import DATA, WeftTest

TINY = DATA.parent / "tiny"
LLAMA = TINY / "genai-fp32" / "llama"
FORMATS = {
    "e0m4": ("--weights", "e0m4", "--group", 32),
    "int4": ("--weights", "int4", "--group", 32),
    "symmetric": ("--weights", "int4", "--group", 32, "--form", "symmetric"),
    "int8": ("--weights", "int8"),
    "int8 blocks": ("--weights", "int8", "--group", 32, "--form", "asymmetric"),
}
IDS = numpy.array([[3, 1, 4, 1, 5, 9, 2, 6]])


def logits_of(folder):
    """Of IDS, by ONNX Runtime: no past, everything attended to. Its further optimizations round
    the activations of products with int8 weights."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    feeds = {}
    for one in session.get_inputs():
        if one.name == "input_ids":
            feeds[one.name] = IDS
        elif one.name == "attention_mask":
            feeds[one.name] = numpy.ones_like(IDS)
        elif one.name == "position_ids":
            feeds[one.name] = numpy.arange(IDS.size)[None]
        else:
            heads, size = (dim if isinstance(dim, int) else otherwise
                           for dim, otherwise in ((one.shape[1], 2), (one.shape[3], 16)))
            feeds[one.name] = numpy.zeros((1, heads, 0, size), "float32")
    return session.run(["logits"], feeds)[0]


def write_small_model(folder, hidden=48, vocabulary=100, tied=True, value=None,
                      dtype="float32"):
    """logits = tanh(table[ids] * up) * table', with a table that is the head transposed."""
    random = numpy.random.default_rng(1)
    tensors = {"table": random.normal(size=(vocabulary, hidden)).astype("float32"),
               "up": random.normal(size=(hidden, hidden)).astype("float32")}
    if value is not None:
        tensors["up"][3, 5] = value
    head = [helper.make_node("Transpose", ["table"], ["head"], perm=[1, 0])]
    if not tied:
        head = []
        tensors["head"] = random.normal(size=(hidden, vocabulary)).astype("float32")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["x"], name="/embed"),
         helper.make_node("MatMul", ["x", "up"], ["y"], name="/up"),
         helper.make_node("Tanh", ["y"], ["z"]), *head,
         helper.make_node("MatMul", ["z", "head"], ["logits"], name="/head")],
        "small", [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ("batch", "seq"))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT,
                                       ("batch", "seq", vocabulary))],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()])
    for one in graph.initializer:
        one.CopyFrom(numpy_helper.from_array(tensors[one.name].astype(dtype), one.name))
    graph.output[0].type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(
        numpy.dtype(dtype))
    folder.mkdir()
    onnx.save(helper.make_model(graph, ir_version=10,
                                opset_imports=[helper.make_opsetid("", 20)]),
              folder / "model.onnx")
    return tensors


def initializers(folder):
    model = onnx.load(folder / "model.onnx")
    return {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}


class Quantize(WeftTest):
    def quantize(self, model, name, *flags):
        out = self.scratch / name.replace(" ", "-")
        run = self.weft("quantize", model, "-o", out, "--json", *flags)
        self.assertEqual(run.code, 0, run)
        self.assertEqual(list(self.scratch.glob("*.partial")), [])
        return out, json.loads(run.out)

    def assert_weft_agrees(self, folder):
        """Weft's logits of the folder's model are ONNX Runtime's."""
        data = folder / "test_data_set_0"
        data.mkdir()
        for name, key, array in (("input_0", "input_ids", IDS),
                                 ("output_0", "logits", logits_of(folder))):
            (data / f"{name}.pb").write_bytes(
                numpy_helper.from_array(array, key).SerializeToString())
        run = self.weft("check", folder)
        self.assertEqual(run.code, 0, run)

    def canonical(self, folder):
        run = self.weft("opt", folder / "model.onnx", "--until", "canonical")
        self.assertEqual(run.code, 0, run)
        return run.out


class Models(Quantize):
    def test_weft_and_onnx_runtime_compute_the_same_from_every_format(self):
        for folder in (LLAMA, TINY / "optimum" / "gemma2", TINY / "dynamo-op23" / "llama",
                       TINY / "genai-int4" / "llama"):
            floats = logits_of(folder)
            for name, flags in FORMATS.items():
                with self.subTest(model=folder, format=name):
                    out, report = self.quantize(
                        folder, f"{folder.parent.name}-{folder.name}-{name}", *flags)
                    self.assertGreater(len(report["layers"]), 8)
                    self.assert_weft_agrees(out)
                    error = logits_of(out) - floats
                    self.assertGreater(numpy.abs(error).max(), 0)
                    limit = 0.05 if "int8" in name else 0.5
                    self.assertLess(error.std() / floats.std(), limit)

    def test_mixtures_of_experts_are_quantized_as_far_as_they_are_products(self):
        for folder in (TINY / "optimum" / "gpt_oss", TINY / "dynamo-op18" / "mixtral"):
            out, report = self.quantize(folder, folder.name, *FORMATS["e0m4"])
            self.assertTrue(any("stack" in left for left in report["left"]), report["left"])
            self.assert_weft_agrees(out)
            self.assertIn("quant(e0m4, block 32", self.canonical(out))

    def test_the_canonical_graph_differs_in_its_weights_alone(self):
        source = [line for line in self.canonical(LLAMA).splitlines() if " = " in line]
        out, _ = self.quantize(LLAMA, "out", *FORMATS["e0m4"])
        ours = [line for line in self.canonical(out).splitlines() if " = " in line]
        ops = [[line.split(" = ")[1].split("(")[0] for line in lines if "const" not in line]
               for lines in (source, ours)]
        self.assertEqual(ops[0], ops[1])

    def test_e0m4_stays_e0m4_when_it_is_written_again(self):
        out, _ = self.quantize(LLAMA, "first", *FORMATS["e0m4"])
        again, report = self.quantize(out, "again", "--weights", "m0e4", "--form", "edge",
                                      "--group", 32)
        self.assertTrue(all(layer["same"] for layer in report["layers"]))
        self.assertTrue(all(layer["sqnr_db"] is None for layer in report["layers"]))
        numpy.testing.assert_array_equal(logits_of(out), logits_of(again))
        written = self.scratch / "written.onnx"
        run = self.weft("import", again, "--emit-onnx", written)
        self.assertEqual(run.code, 0, run)
        ops = [node.op_type for node in onnx.load(written).graph.node]
        self.assertIn("DequantizeE0M4", ops)

    def test_4_bit_blocks_become_e0m4_edge_without_a_change(self):
        int4, _ = self.quantize(LLAMA, "int4", *FORMATS["int4"])
        e0m4, report = self.quantize(int4, "e0m4", "--weights", "e0m4", "--form", "edge",
                                     "--group", 32)
        self.assertTrue(all(layer["same"] and layer["sqnr_db"] is None
                            for layer in report["layers"]))
        codes = [array.tobytes() for name, array in initializers(int4).items()
                 if name.endswith("/packed")]
        self.assertGreater(len(codes), 8)
        data = (e0m4 / "model.onnx.data").read_bytes()
        self.assertEqual([data.count(one) for one in codes], [1] * len(codes))
        self.assertLess(numpy.abs(logits_of(e0m4) - logits_of(int4)).max(), 1e-5)

    def test_floats_that_were_4_bit_blocks_get_the_same_reals_back(self):
        random = numpy.random.default_rng(2)
        source = self.scratch / "source"
        write_small_model(source)
        model = onnx.load(source / "model.onnx")
        codes = random.integers(0, 16, size=(48, 64))  # up, by columns, two blocks each
        codes[:, (3, 40)], codes[:, (7, 43)] = 0, 15
        scale = random.uniform(0.01, 0.1, size=(48, 2)).astype("float16").astype("float32")
        zero = random.integers(0, 16, size=(48, 2))
        reals = ((codes.reshape(48, 2, 32) - zero[..., None]) * scale[..., None]).reshape(48, 64)
        up = numpy.ascontiguousarray(reals[:, :48].T.astype("float32"))
        for one in model.graph.initializer:
            if one.name == "up":
                one.CopyFrom(numpy_helper.from_array(up, "up"))
        onnx.save(model, source / "model.onnx")
        _, report = self.quantize(source, "out", "--weights", "e0m4", "--form", "edge",
                                  "--group", 32)
        layer = next(layer for layer in report["layers"] if layer["name"] == "/up")
        self.assertFalse(layer["same"])
        self.assertIsNone(layer["sqnr_db"])  # nothing is lost

    def test_halves_stay_halves(self):
        source = self.scratch / "source"
        write_small_model(source, dtype="float16")
        for name, flags in FORMATS.items():
            with self.subTest(format=name):
                out, report = self.quantize(source, name, *flags)
                self.assertEqual(len(report["layers"]), 2)
                self.assertRegex(self.canonical(out), r"quant\((e0m4|u4|u8), block")
                self.assert_weft_agrees(out)

    def test_side_files_go_with_the_model(self):
        source = self.scratch / "source"
        write_small_model(source)
        for name in ("tokenizer.json", "config.json", "chat_template.jinja"):
            (source / name).write_text("{}")
        (source / "notes.bin").write_text("not a model's")
        out, _ = self.quantize(source, "out")
        self.assertEqual(sorted(path.name for path in out.iterdir()),
                         ["chat_template.jinja", "config.json", "model.onnx", "model.onnx.data",
                          "tokenizer.json"])


class Reports(Quantize):
    def setUp(self):
        super().setUp()
        self.source = self.scratch / "source"
        self.tensors = write_small_model(self.source)

    def test_groups_may_end_within_a_line(self):
        for name, flags in FORMATS.items():  # 48 is a group and a half of 32
            with self.subTest(format=name):
                out, _ = self.quantize(self.source, name, *flags)
                self.assert_weft_agrees(out)

    def test_a_tied_table_stays_one_copy(self):
        for name, flags in FORMATS.items():
            with self.subTest(format=name):
                out, report = self.quantize(self.source, name, *flags)
                self.assertEqual([layer["name"] for layer in report["layers"]],
                                 ["/embed", "/up"])
                model = onnx.load(out / "model.onnx", load_external_data=False)
                places = {}
                for one in model.graph.initializer:
                    entries = {entry.key: entry.value for entry in one.external_data}
                    if entries:
                        places.setdefault(entries["offset"], []).append(one.name)
                # Codes of 100 lines are read by the table and by the head.
                self.assertIn(2, [len(names) for names in places.values()], places)

    def test_a_table_and_its_head_are_the_same_constants_when_they_are_read(self):
        source = self.scratch / "large"
        write_small_model(source, hidden=64, vocabulary=400)
        for name, flags in FORMATS.items():
            with self.subTest(format=name):
                out, _ = self.quantize(source, f"large-{name}", *flags)
                lines = self.canonical(out).splitlines()
                ids = {line.split()[1]: line.split()[-1] for line in lines if "const %" in line}
                readers = [line for line in lines if "[64, 400]" in line or "[400, 64]" in line]
                weights = [line for line in readers if "quant(" in line]
                self.assertEqual(len(weights), 2)
                self.assertEqual(len({line.split()[-1] for line in weights}), 1)
                scales = {ids[re.search(r"scale (\S+?)[,)]", line)[1]] for line in weights}
                self.assertEqual(len(scales), 1)

    def test_the_loss_is_that_of_what_is_written(self):
        out, report = self.quantize(self.source, "out", "--weights", "int8")
        stored = initializers(out)
        found = {layer["name"]: layer for layer in report["layers"]}
        for name, wish in (("/embed", "table"), ("/up", "up/columns")):
            codes, scale, zero = (stored[f"{wish}/{part}"].astype("float64")
                                  for part in ("codes", "scale", "zero"))
            decoded = (codes - zero[:, None]) * scale[:, None]
            reals = self.tensors[wish.split("/", maxsplit=1)[0]].astype("float64")
            reals = reals.T if "columns" in wish else reals
            noise = ((decoded - reals) ** 2).sum()
            self.assertAlmostEqual(found[name]["sqnr_db"],
                                   10 * numpy.log10((reals ** 2).sum() / noise), places=2)
            worst = (numpy.abs(decoded - reals).max(axis=1) / numpy.ptp(reals, axis=1)).max()
            self.assertAlmostEqual(found[name]["largest_error_of_range"], worst, places=4)

    def test_smaller_groups_and_the_search_lose_less(self):
        def sqnr(name, *flags):
            return self.quantize(self.source, name, *flags)[1]["sqnr_db"]
        edge = {group: sqnr(f"e{group}", "--weights", "e0m4", "--form", "edge", "--group", group)
                for group in (16, 32)}
        self.assertGreater(edge[16], edge[32])
        self.assertGreater(sqnr("m32", "--weights", "e0m4", "--group", 32), edge[32])

    def test_bits_count_scales_and_zero_points(self):
        wanted = {"e0m4": 4 + 32 * 2 / 48, "int4": 4 + 20 * 2 / 48, "symmetric": 4 + 16 * 2 / 48,
                  "int8": 8 + 16 / 48}
        for name, bits in wanted.items():
            _, report = self.quantize(self.source, name, *FORMATS[name])
            self.assertAlmostEqual(report["bits"], bits, places=6)

    def test_the_head_and_named_weights_may_stay_or_differ(self):
        untied = self.scratch / "untied"
        write_small_model(untied, tied=False)
        _, report = self.quantize(untied, "head", "--head", "int8")
        self.assertEqual({layer["name"]: layer["format"] for layer in report["layers"]},
                         {"/embed": "e0m4 mse 64", "/up": "e0m4 mse 64",
                          "/head": "int8 symmetric"})
        out, report = self.quantize(untied, "kept", "--head", "keep", "--keep", "/up")
        self.assertEqual([layer["name"] for layer in report["layers"]], ["/embed"])
        self.assertEqual(len(report["left"]), 2)
        self.assert_weft_agrees(out)

    def test_what_is_written_does_not_depend_on_the_number_of_threads(self):
        files = [(out / "model.onnx.data").read_bytes() for out in (
            self.quantize(self.source, f"t{n}", "--threads", n)[0] for n in (1, 2, 7))]
        self.assertEqual(len(set(files)), 1)

    def test_people_get_a_table(self):
        run = self.weft("quantize", self.source, "-o", self.scratch / "out")
        self.assertEqual(run.code, 0, run)
        self.assertRegex(run.out, r"/up +48 x 48 +e0m4 mse 64 +4\.667 +2\d\.\d\d +0\.\d{4}\n")
        self.assertRegex(run.out, r"7104 weights of 2 layers: 4\.667 bits each, SQNR 2\d\.\d\d dB")


class Refusals(Quantize):
    def setUp(self):
        super().setUp()
        self.source = self.scratch / "source"
        write_small_model(self.source)

    def refused(self, code, flags, *words, model=None):
        out = self.scratch / "out"
        run = self.weft("quantize", model or self.source, "-o", out, *flags)
        self.assert_refused(run, code, *words)
        self.assertFalse(out.exists())
        self.assertEqual(list(self.scratch.glob("*.partial")), [])

    def test_what_is_not_known_is_named_with_what_is(self):
        self.refused(2, ("--weights", "int3"), "int3", "e0m4", "int8")
        self.refused(2, ("--form", "best"), "--form best", "half-cell")
        self.refused(2, ("--weights", "int4", "--form", "edge"), "edge", "asymmetric")
        self.refused(2, ("--group", "48"), "--group 48", "64")
        self.refused(2, ("--group", "0"), "--group 0")
        self.refused(2, ("--head", "f7"), "--head", "f7")
        self.refused(2, ("--keep", "nothing"), "--keep nothing")
        self.refused(2, (), "there is no model", model=self.scratch / "none")

    def test_values_that_are_not_finite_are_named(self):
        for i, value in enumerate((numpy.nan, numpy.inf, -numpy.inf)):
            bad = self.scratch / f"bad{i}"
            write_small_model(bad, value=value)
            for weights in ("e0m4", "int4", "int8"):
                self.refused(3, ("--weights", weights), "'up'", "line 5", "NaN", model=bad)

    def test_a_folder_that_exists_is_left_alone(self):
        out = self.scratch / "there"
        out.mkdir()
        run = self.weft("quantize", self.source, "-o", out)
        self.assert_refused(run, 2, "cannot write", "it exists")
        self.assertEqual(list(out.iterdir()), [])
        run = self.weft("quantize", self.source, "-o", self.scratch / "no" / "out")
        self.assert_refused(run, 2, "cannot write")

    def test_a_full_disk_leaves_nothing(self):
        out = self.scratch / "out"
        run = self.weft("quantize", LLAMA, "-o", out, preexec_fn=limit_files)
        self.assert_refused(run, 2, "cannot write")
        self.assertFalse(out.exists())
        self.assertEqual(list(self.scratch.glob("*.partial")), [])

    def test_a_damaged_e0m4_weight_is_refused(self):
        good, _ = self.quantize(self.source, "good", "--group", 32)
        for name, change, words in (
                ("columns", lambda node: node.attribute[0].CopyFrom(
                    helper.make_attribute(node.attribute[0].name, 4000)), ["bytes"]),
                ("input", lambda node: node.input.__setitem__(0, "input_ids"), ["constants"]),
                ("scales as codes", lambda node: node.input.__setitem__(0, node.input[1]),
                 ["u4"])):
            with self.subTest(name=name):
                model = onnx.load(good / "model.onnx")
                node = next(n for n in model.graph.node if n.op_type == "DequantizeE0M4")
                node.attribute.sort(key=lambda a: a.name)  # columns, to
                change(node)
                bad = self.scratch / f"bad-{name.replace(' ', '-')}"
                bad.mkdir()
                onnx.save(model, bad / "model.onnx")
                self.refused(3, (), "DequantizeE0M4", *words, model=bad)


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))


if __name__ == "__main__":
    unittest.main(verbosity=2)
