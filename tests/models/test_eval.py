"""weft eval: perplexities are those that ONNX Runtime's logits give, whatever the chunk, and
distances from another model are those that NumPy computes.

The texts and reference figures are in tests/data/text (see its README.md).

    test_eval.py            the first window of each split
    test_eval.py Slow       all 16 windows, and a window of 512 token by token
"""

import hashlib
import json
import math
import resource
import struct
import sys
import unittest

import numpy

from weft_runs import DATA, WeftTest, model

TEXTS = {split: DATA.parent / "text" / f"wikitext2-{split}.txt" for split in ("test", "valid")}
FIRST_WINDOW = {"test": 2.832029, "valid": 2.751086}
PERPLEXITY = {"test": 29.6020, "valid": 19.7524}
IDS = numpy.load(DATA / "ref_logits_wikitext256.npz")["input_ids"]
CPU = ("--backend", "cpu", "--compute", "f32")


class Evaluations(WeftTest):
    """Runs of eval that succeed."""

    def evaluate(self, *arguments, name="smollm2", text=TEXTS["test"], **options):
        run = self.weft("eval", model(name), "--text", text, "--json", *CPU, *arguments, **options)
        self.assertEqual(run.code, 0, run)
        return json.loads(run.out)


class Perplexity(Evaluations):
    def test_the_first_window_of_each_split_has_the_reference_likelihood(self):
        for split, text in TEXTS.items():
            with self.subTest(split=split):
                got = self.evaluate("--windows", 1, text=text)
                self.assertEqual((got["windows"], got["scored_tokens"]), (1, 511))
                self.assertAlmostEqual(got["mean_nll"], FIRST_WINDOW[split], delta=2e-5)
                self.assertEqual(got["perplexity"], math.exp(got["mean_nll"]))

    def test_every_chunk_gives_the_same_likelihoods(self):
        whole = self.evaluate("--window", 64, "--windows", 2)
        for chunk in (1, 48, 64):
            with self.subTest(chunk=chunk):
                got = self.evaluate("--window", 64, "--windows", 2, "--chunk", chunk)
                self.assertEqual(got["mean_nll_of_windows"], whole["mean_nll_of_windows"])

    def test_windows_are_as_many_as_the_text_fills(self):
        text = self.scratch / "text.txt"
        text.write_bytes(TEXTS["test"].read_bytes()[:2000])
        got = self.evaluate("--window", 100, text=text)
        self.assertGreaterEqual(got["windows"], 3)
        self.assertEqual(got["scored_tokens"], 99 * got["windows"])
        self.assertEqual(len(got["mean_nll_of_windows"]), got["windows"])
        self.assertAlmostEqual(sum(got["mean_nll_of_windows"]) / got["windows"], got["mean_nll"])

    def test_people_get_lines_and_no_progress_in_a_file(self):
        run = self.weft("eval", "-m", model(), "--text", TEXTS["test"], "--window", 32,
                        "--windows", 1)
        self.assertEqual((run.code, run.err), (0, ""), run)
        self.assertRegex(run.out, r"^perplexity +\d+\.\d{4} ± \d+\.\d{4}\nmean NLL +\d+\.\d{6} ")
        self.assertIn("31 tokens in 1 windows of 32", run.out)


class Distance(Evaluations):
    SMALL = ("--window", 8, "--windows", 2)

    def test_a_model_is_at_no_distance_from_itself(self):
        got = self.evaluate("--window", 64, "--windows", 1, "--against", model())
        self.assertEqual(got["against"]["kl_mean"], 0)
        self.assertEqual(got["against"]["kl_largest"], 0)
        self.assertEqual(got["against"]["same_top_token"], 1)
        self.assertEqual(got["against"]["mean_nll"], got["mean_nll"])

    def test_the_float_model_is_at_a_distance_of_rounding(self):
        got = self.evaluate("--window", 64, "--windows", 1, "--no-cache", "--against",
                            model("smollm2-float"))
        self.assertLess(abs(got["against"]["kl_mean"]), 1e-8)
        self.assertAlmostEqual(got["against"]["mean_nll"], got["mean_nll"], delta=1e-5)
        self.assertEqual(got["against"]["same_top_token"], 1)

    def logits(self):
        """The rows of SMALL that count, [14, vocabulary], from `weft run`."""
        rows = []
        for window in IDS[:16].reshape(2, 8):
            out = self.scratch / "logits.npy"
            run = self.weft("run", "-m", model(), *CPU, "-n", 0, "--logits", out,
                            "--prompt-ids", ",".join(map(str, window)))
            self.assertEqual(run.code, 0, run)
            rows.append(numpy.load(out)[:7])
        return numpy.concatenate(rows)

    def saved(self):
        file = self.scratch / "logits.bin"
        run = self.weft("eval", model(), "--text", TEXTS["test"], *CPU, *self.SMALL,
                        "--save-logits", file)
        self.assertEqual(run.code, 0, run)
        self.assertIn("will take 2.6 MiB", run.err)
        return file

    def test_saved_logits_are_those_of_run_and_stand_for_their_model(self):
        file = self.saved()
        content = file.read_bytes()
        self.assertEqual(content[:8], b"WEFTLGT1")
        self.assertEqual(struct.unpack_from("<qqq", content, 8), (49152, 8, 2))
        rows = numpy.frombuffer(content, "<f4", offset=64).reshape(14, 49152)
        self.assertTrue(numpy.array_equal(rows, self.logits()))
        got = self.evaluate(*self.SMALL, "--against", file)
        self.assertEqual((got["against"]["kl_largest"], got["against"]["same_top_token"]), (0, 1))
        self.assertEqual([f.name for f in self.scratch.iterdir() if ".bin" in f.name],
                         ["logits.bin"])

    def test_distances_are_those_that_numpy_computes(self):
        file = self.saved()
        logits = self.logits().astype(numpy.float64)
        noise = numpy.random.default_rng(1).normal(0, 2, logits.shape).astype(numpy.float32)
        other = (logits + noise).astype("<f4")
        file.write_bytes(file.read_bytes()[:64] + other.tobytes())
        got = self.evaluate(*self.SMALL, "--against", file)["against"]

        def log_softmax(rows):
            shifted = rows - rows.max(1, keepdims=True)
            return shifted - numpy.log(numpy.exp(shifted).sum(1, keepdims=True))

        p, q = log_softmax(other.astype(numpy.float64)), log_softmax(logits)
        divergence = (numpy.exp(p) * (p - q)).sum(1)
        nexts = IDS[:16].reshape(2, 8)[:, 1:].reshape(-1).astype(numpy.int64)
        self.assertGreater(divergence.min(), 0.1)
        self.assertAlmostEqual(got["kl_mean"], divergence.mean(), delta=1e-9)
        self.assertAlmostEqual(got["kl_largest"], divergence.max(), delta=1e-9)
        self.assertAlmostEqual(got["kl_99th_percentile"], divergence.max(), delta=1e-9)
        self.assertAlmostEqual(got["mean_nll"], -p[numpy.arange(14), nexts].mean(), delta=1e-9)
        self.assertEqual(got["same_top_token"], (p.argmax(1) == q.argmax(1)).mean())


class Refusals(WeftTest):
    """One sentence and an exit code; nothing on stdout."""

    def refused(self, code, *arguments, words=(), text=TEXTS["test"], **options):
        run = self.weft("eval", "-m", model(), "--text", text, *arguments, **options)
        self.assert_refused(run, code, *words)

    def test_a_text_that_is_missing_or_too_short_is_named(self):
        nowhere = self.scratch / "nowhere"
        self.refused(2, text=nowhere, words=[str(nowhere)])
        self.refused(2, text=self.scratch, words=[str(self.scratch)])
        short = self.scratch / "short.txt"
        for content in ("", "Few words."):
            short.write_text(content)
            self.refused(2, text=short, words=["short.txt", "0 windows of 512"])
        self.refused(2, "--windows", 1000, words=["16 windows of 512, not 1000"])
        self.refused(2, "--window", 1, words=["--window"])
        self.refused(2, "--window", 10**6, words=["windows of 1000000"])
        run = self.weft("eval", "--text", TEXTS["test"])
        self.assert_refused(run, 2, "-m")

    def test_logits_of_another_text_or_window_are_refused(self):
        file = self.scratch / "logits.bin"
        flags = ("--window", 8, "--windows", 2)
        run = self.weft("eval", "-m", model(), "--text", TEXTS["valid"], *flags,
                        "--save-logits", file)
        self.assertEqual(run.code, 0, run)
        self.refused(2, *flags, "--against", file, words=["of other tokens"])
        self.refused(2, "--window", 16, "--windows", 1, "--against", file,
                     words=["2 windows of 8 tokens, not 1 of 16"])
        whole = file.read_bytes()
        for damaged in (whole[:-1], whole[:64], whole + b"\0",
                        whole[:8] + struct.pack("<q", 1 << 62) + whole[16:]):
            file.write_bytes(damaged)
            self.refused(2, *flags, "--against", file, words=["logits.bin is damaged"])
        narrow = hashlib.sha256(b"x").digest()  # a file of noise is taken for a model
        file.write_bytes(narrow)
        self.refused(2, *flags, "--against", self.scratch / "nowhere", words=["nowhere"])
        self.assertNotEqual(self.weft("eval", "-m", model(), "--text", TEXTS["test"], *flags,
                                      "--against", file).code, 0)

    def test_logits_that_cannot_be_written_leave_no_file(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        run = self.weft("eval", "-m", model(), "--text", TEXTS["test"], "--window", 8, "--windows",
                        2, "--no-cache", "--save-logits", self.scratch / "logits.bin",
                        preexec_fn=limit)
        self.assertEqual((run.code, run.out), (2, ""), run)
        self.assertIn("cannot write", run.err)
        self.assertEqual(list(self.scratch.iterdir()), [])


class Slow(Evaluations):
    """The whole figures of the references."""

    def check_perplexity(self, name, *flags):
        for split, text in TEXTS.items():
            with self.subTest(split=split):
                got = self.evaluate("--windows", 16, *flags, name=name, text=text)
                self.assertEqual(got["scored_tokens"], 8176)
                self.assertAlmostEqual(got["perplexity"], PERPLEXITY[split], delta=0.001)
                self.assertAlmostEqual(got["mean_nll_of_windows"][0], FIRST_WINDOW[split],
                                       delta=2e-5)

    def test_the_lossless_model_has_the_reference_perplexity(self):
        self.check_perplexity("smollm2")

    def test_the_float_model_has_the_reference_perplexity(self):
        self.check_perplexity("smollm2-float", "--no-cache")

    def test_a_window_read_token_by_token_has_the_reference_likelihood(self):
        for split, text in TEXTS.items():
            with self.subTest(split=split):
                got = self.evaluate("--windows", 1, "--chunk", 1, text=text)
                self.assertAlmostEqual(got["mean_nll"], FIRST_WINDOW[split], delta=2e-5)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        del Slow
    unittest.main(verbosity=2)
