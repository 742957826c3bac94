"""SmolLM2-135M-Instruct answers as PyTorch and ONNX Runtime do, and keeps its promises doing it.

The references are in tests/data/smollm2 (see its goldens.json and ref_logits_wikitext256.npz):
greedy tokens of three prompts from PyTorch in float32, and the 32 best logits of 256 positions of
WikiText-2 from ONNX Runtime.
"""

import json
import unittest

import numpy

from weft_runs import DATA, PARIS, PARIS_ANSWER, WeftTest, model

GOLDENS = json.loads((DATA / "goldens.json").read_text())["goldens"]
REFERENCE = numpy.load(DATA / "ref_logits_wikitext256.npz")
CPU = ("--backend", "cpu", "--compute", "f32")


def wikitext_ids(count=256):
    return ",".join(str(i) for i in REFERENCE["input_ids"][:count])


class Answers:
    """What holds for every form of the model; `name` and `flags` say which."""

    name = ""
    flags = ()

    def check_golden(self, golden, *flags):
        prompt = ("--raw",) if golden["kind"] == "raw" else ()
        got = self.answer("-m", model(self.name), *flags, *self.flags, *prompt,
                          "-p", golden["prompt"], "-n", len(golden["new_ids"]))
        self.assertEqual(got["prompt_ids"], golden["input_ids"])
        self.assertEqual(got["output_ids"], golden["new_ids"])
        self.assertEqual(got["stop"], "end_token" if golden["new_ids"][-1] == 2 else "length")
        return got

    def test_every_golden_prompt_gives_the_reference_tokens(self):
        for golden in GOLDENS:
            with self.subTest(prompt=golden["prompt"]):
                got = self.check_golden(golden, *CPU)
                self.assertEqual([r["backend"] for r in got["placement"]["backends"]], ["cpu"])

    def test_logits_of_256_positions_agree_with_onnx_runtime(self):
        out = self.scratch / "logits.npy"
        run = self.weft("run", "-m", model(self.name), *CPU, *self.flags, "-n", 0,
                        "--prompt-ids", wikitext_ids(), "--logits", out)
        self.assertEqual((run.code, run.out), (0, ""), run)
        logits = numpy.load(out).astype(numpy.float64)
        self.assertEqual(logits.shape, (256, 49152))
        self.assertTrue(numpy.isfinite(logits).all())
        top = numpy.take_along_axis(logits, REFERENCE["top_ids"].astype(numpy.int64), 1)
        self.assertLess(numpy.abs(top - REFERENCE["top_logits"]).max(), 1e-3)
        # The largest, ties apart, are the same ones: nothing outside the 32 is above them.
        best = numpy.sort(numpy.partition(logits, -32, 1)[:, -32:], 1)[:, ::-1]
        self.assertLess(numpy.abs(best - REFERENCE["top_logits"]).max(), 1e-3)
        peak = logits.max(1, keepdims=True)
        total = peak[:, 0] + numpy.log(numpy.exp(logits - peak).sum(1))
        log_probability = top - total[:, None]
        expected = REFERENCE["top_logits"] - REFERENCE["logsumexp"][:, None]
        self.assertLess(numpy.abs(log_probability - expected).max(), 1e-3)


class LosslessModel(Answers, WeftTest):
    """The 4-bit codes of the source, decoded exactly."""

    name = "smollm2"

    def test_the_reference_backend_gives_the_reference_tokens(self):
        self.check_golden(GOLDENS[0], "--backend", "reference")

    def test_a_decoded_token_copies_nothing_and_allocates_nothing(self):
        got = self.check_golden(GOLDENS[2], *CPU)
        self.assertTrue(got["counters"]["counts_allocations"])
        self.assertEqual(got["counters"]["tokens"], len(GOLDENS[2]["new_ids"]) - 2)
        self.assertEqual(got["counters"]["bytes_copied"], 0)
        self.assertEqual(got["counters"]["heap_allocations"], 0)

    def logits(self, tokens, *flags):
        out = self.scratch / "logits.npy"
        run = self.weft("run", "-m", model(), "--strict", "-n", 0, *flags,
                        "--prompt-ids", wikitext_ids(tokens), "--logits", out)
        self.assertEqual(run.code, 0, run)
        return numpy.load(out).view(numpy.uint32)

    def test_strict_logits_are_bitwise_equal_over_threads_and_chunks(self):
        for compute in ("auto", "f32"):
            with self.subTest(compute=compute):
                self.check_strict("--compute", compute)

    def check_strict(self, *flags):
        whole = self.logits(256, *flags, "-t", 2, "--chunk", 256)
        self.assertGreater(len(numpy.unique(whole[0])), 10_000)
        for threads in (1, 4):
            with self.subTest(threads=threads):
                same = self.logits(256, *flags, "-t", threads, "--chunk", 256)
                self.assertTrue(numpy.array_equal(same, whole))
        for chunk in (64, 100, 512):
            with self.subTest(chunk=chunk):
                same = self.logits(256, *flags, "-t", 2, "--no-cache", "--chunk", chunk)
                self.assertTrue(numpy.array_equal(same, whole))
        one_by_one = self.logits(16, *flags, "-t", 2, "--no-cache", "--chunk", 1)
        self.assertTrue(numpy.array_equal(one_by_one, whole[:16]))

    def test_caches_are_of_halves_where_activations_are_codes(self):
        got = self.answer("-m", model(), "-p", PARIS, "-n", 1)["memory"]
        self.assertEqual(got["cache_bytes"], 30 * 2 * got["capacity"] * 3 * 64 * 2)

    def test_a_cache_of_halves_takes_half_the_bytes_and_copies_nothing(self):
        floats = ("--compute", "f32")
        halves = (*floats, "-ctk", "f16", "-ctv", "f16")
        wide = self.check_golden(GOLDENS[2], *floats)
        got = self.check_golden(GOLDENS[2], *halves)
        self.assertEqual(got["memory"]["capacity"], wide["memory"]["capacity"])
        self.assertEqual(2 * got["memory"]["cache_bytes"], wide["memory"]["cache_bytes"])
        self.assertEqual(got["counters"]["bytes_copied"], 0)
        self.assertEqual(got["counters"]["heap_allocations"], 0)
        whole = self.logits(128, "-t", 2, "--chunk", 128, *floats)
        narrow = self.logits(128, "-t", 2, "--chunk", 128, *halves)
        error = numpy.abs(narrow.view(numpy.float32) - whole.view(numpy.float32)).max()
        self.assertGreater(error, 0)
        self.assertLess(error, 0.05)
        for flags in (("-t", 1, "--chunk", 50), ("-t", 4, "--chunk", 128)):
            with self.subTest(flags=flags):
                self.assertTrue(numpy.array_equal(self.logits(128, *flags, *halves), narrow))

    def test_a_cache_of_codes_takes_about_a_quarter_and_is_strict(self):
        codes = ("-ctk", "q8_0", "-ctv", "q8_0")
        got = self.answer("-m", model(), "-p", PARIS, "-n", 24, *codes)
        row = 3 * (64 + 4)  # 3 heads of 64 codes with two halves
        self.assertEqual(got["memory"]["cache_bytes"], 30 * 2 * got["memory"]["capacity"] * row)
        self.assertEqual(got["counters"]["bytes_copied"], 0)
        self.assertEqual(got["counters"]["heap_allocations"], 0)
        self.check_strict(*codes)
        self.check_strict("--compute", "f32", *codes)
        whole = self.logits(128, "-t", 2, "--compute", "f32").view(numpy.float32)
        narrow = self.logits(128, "-t", 2, "--compute", "f32", *codes).view(numpy.float32)
        self.assertGreater(numpy.abs(narrow - whole).max(), 0)
        self.assertLess(numpy.abs(narrow - whole).max(), 1)

    def test_the_first_start_stays_within_twice_the_model(self):
        files = sum((model() / name).stat().st_size for name in ("model.onnx", "model.onnx.data"))
        got = self.answer("-m", model(), "-p", PARIS, "-n", 4, cache=self.scratch / "cache")
        self.assertEqual(got["programs"], {"cached": 0, "compiled": 1})
        self.assertLess(got["memory"]["peak_rss_bytes"], 2 * files + 150 * 10**6)
        self.assertGreater(got["memory"]["peak_rss_bytes"], got["memory"]["weights_bytes"])

    def test_stdout_carries_the_answer_alone(self):
        run = self.weft("run", "-m", model(), "--temp", 0, "-p", PARIS)
        self.assertEqual((run.code, run.out, run.err), (0, PARIS_ANSWER + "\n", ""), run)
        with_stats = self.weft("run", "-m", model(), "--temp", 0, "-p", PARIS, "--stats")
        self.assertEqual((with_stats.code, with_stats.out), (0, PARIS_ANSWER + "\n"), with_stats)
        self.assertIn("nodes on cpu", with_stats.err)


class FloatModel(Answers, WeftTest):
    """The same weights in f32: half a gigabyte, which is not worth a cache entry here."""

    name = "smollm2-float"
    flags = ("--no-cache",)


if __name__ == "__main__":
    unittest.main(verbosity=2)
