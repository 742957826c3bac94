"""`weft quantize --w8a8`: what it writes computes the same in ONNX Runtime and Weft and is close to
the floats, and the statistics it reports are those of the text.

WEFT_BIN   the binary (set by CMake)
"""

import json
import unittest

import numpy
import onnx

from test_quantize import IDS, LLAMA, TINY, Quantize, logits_of, write_small_model



def write_tokenizer(folder):
    """A token for each byte: the tiny models have none of their own."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    letters.update({byte: chr(256 + i) for i, byte in enumerate(others)})
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": None, "post_processor": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                          "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                    "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False,
                  "vocab": {letters[byte]: byte for byte in range(256)}, "merges": []}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")


class W8A8(Quantize):
    def source(self, folder):
        """A copy of a model with a tokenizer beside it."""
        copy = self.scratch / f"{folder.parent.name}-{folder.name}-source"
        if not copy.exists():
            copy.mkdir()
            for file in folder.glob("model.onnx*"):
                (copy / file.name).write_bytes(file.read_bytes())
            write_tokenizer(copy)
        return copy

    def text(self, seed=3, count=600):
        path = self.scratch / "text.txt"
        letters = numpy.random.default_rng(seed).integers(97, 123, count)
        path.write_bytes(bytes(letters.tolist()))
        return path

    def w8a8(self, model, name, *flags):
        return self.quantize(model, name, "--w8a8", "--calibrate", self.text(), "--window", 64,
                             "--windows", 4, *flags)


class Models(W8A8):
    def test_weft_and_onnx_runtime_compute_the_same(self):
        for folder in (LLAMA, TINY / "optimum" / "qwen2", TINY / "dynamo-op23" / "gemma2",
                       TINY / "genai-int4" / "llama", TINY / "optimum" / "gpt2"):
            model = self.source(folder)
            floats = logits_of(model)
            for name, flags in (("default", ()), ("shadows", ("--shadow", "all", "--no-rotate")),
                                ("tensor", ("--weights-scale", "tensor", "--clip", "max"))):
                with self.subTest(model=folder, flags=flags):
                    out, report = self.w8a8(model, f"{folder.parent.name}-{folder.name}-{name}",
                                            *flags)
                    self.assertGreater(report["int8_share"], 0.85)
                    nodes = [node.op_type for node in onnx.load(out / "model.onnx").graph.node]
                    self.assertIn("MatMulInteger", nodes)
                    self.assertEqual("OutlierMatMul" in nodes, any(
                        one["as"] == "shadow" for one in report["linears"]))
                    self.assert_weft_agrees(out)
                    error = logits_of(out) - floats
                    self.assertGreater(numpy.abs(error).max(), 0)
                    self.assertLess(error.std() / floats.std(), 0.1)

    def test_a_rotation_alone_changes_nothing_but_rounding(self):
        model = self.source(LLAMA)
        out, report = self.w8a8(model, "rotated", "--keep", "MatMul")
        self.assertEqual({one["as"] for one in report["linears"]}, {"float"})
        self.assertEqual(report["left"], [])
        names = [node.name for node in onnx.load(out / "model.onnx").graph.node]
        self.assertEqual(sum(name.endswith("/rotation") for name in names), 2)
        floats = logits_of(model)
        self.assertLess(numpy.abs(logits_of(out) - floats).max(), 1e-4 * numpy.abs(floats).max())

    def test_a_model_without_such_a_stream_is_left_as_it_is_and_told(self):
        _, report = self.w8a8(self.source(TINY / "optimum" / "gpt2"), "gpt2")
        self.assertTrue(any("residual stream is not rotated" in left for left in report["left"]),
                        report["left"])


class Statistics(W8A8):
    def test_they_are_those_of_the_text(self):
        folder = self.scratch / "small"
        tensors = write_small_model(folder, hidden=48, vocabulary=256)
        write_tokenizer(folder)
        tensors["table"][:, 5] *= 30  # a hot channel
        model = onnx.load(folder / "model.onnx")
        for one in model.graph.initializer:
            if one.name == "table":
                one.CopyFrom(onnx.numpy_helper.from_array(tensors["table"], "table"))
        onnx.save(model, folder / "model.onnx")
        out, report = self.w8a8(folder, "out", "--no-rotate", "--shadow", "all")
        ids = numpy.frombuffer(self.text().read_bytes(), "uint8")[:256].astype(int)
        x = tensors["table"][ids]
        up = next(one for one in report["linears"] if "up" in one["name"])
        self.assertEqual(up["rows"], 256)
        self.assertAlmostEqual(up["largest"] / numpy.abs(x).max(), 1, places=6)
        percentile = numpy.quantile(numpy.abs(x), 0.999, method="inverted_cdf")
        self.assertAlmostEqual(up["percentile_99_9"] / percentile, 1, delta=1 / 64)
        beyond = (numpy.abs(x) > 127.5 * up["step"]).sum(axis=0)
        self.assertEqual(up["hot_channels"], numpy.flatnonzero(beyond).tolist())
        self.assertEqual(up["hot_channels"], [5])
        self.assertEqual(up["outlier_channels"], 1)
        self.assertEqual(up["hot_counts"], [up["outliers"]])
        self.assertAlmostEqual(up["outliers"] / beyond[5], 1, delta=0.15)
        # Error of the product, with codes of any size.
        step = up["step"]
        codes = numpy.round(x / step) * step
        lost = ((codes - x) ** 2 @ (tensors["up"] ** 2).sum(axis=1)).sum()
        kept = (x ** 2 @ (tensors["up"] ** 2).sum(axis=1)).sum()
        self.assertAlmostEqual(up["sqnr_db"], 10 * numpy.log10(kept / lost), delta=0.3)
        call = next(node for node in onnx.load(out / "model.onnx").graph.node
                    if node.op_type == "OutlierMatMul")
        self.assertEqual(list(call.attribute[0].ints), [5])


class Refusals(W8A8):
    def test_wrong_flags_are_a_sentence_and_leave_nothing(self):
        model = self.source(LLAMA)
        for flags, word in (((), "--calibrate"),
                            (("--calibrate", self.text(), "--shadow", "some"), "--shadow"),
                            (("--calibrate", self.text(), "--clip", "p50"), "--clip"),
                            (("--calibrate", self.text(), "--weights", "int4"), "--weights"),
                            (("--calibrate", self.text(), "--window", 4096), "tokens"),
                            (("--calibrate", self.text(), "--window", 64, "--keep", "nothing"),
                             "nothing")):
            with self.subTest(flags=flags):
                out = self.scratch / "out"
                run = self.weft("quantize", model, "-o", out, "--w8a8", *flags)
                self.assertEqual(run.code, 2, run)
                self.assertIn(word, run.err)
                self.assertFalse(out.exists())
                self.assertEqual(list(self.scratch.glob("*.partial")), [])


# Only what this file adds: the module it builds on has tests of its own.
def load_tests(loader, _tests, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(case)
                              for case in (Models, Statistics, Refusals))


if __name__ == "__main__":
    unittest.main()
