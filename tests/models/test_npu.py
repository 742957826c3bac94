"""SmolLM2 with int8 linears, its prompts on the NPU and its tokens on the processor, from the
command line.

    test_npu.py        lengths about a chunk, faults            (minutes)
    test_npu.py Slow   a prompt of 2,048 tokens
"""

import json
import pathlib
import unittest

import numpy
from weft_runs import DATA, WeftTest, model

TEXT = DATA.parent / "text" / "wikitext2-valid.txt"
CHUNK = 256
NPU = ("--prefill", "vulkan_npu,cpu", "--decode", "cpu")
# The same chunks on the processor; one kind of arithmetic whatever the number of rows.
CPU = ("--backend", "cpu", "--chunk", CHUNK)
EXACT = ("--strict", "--compute", "f32")


class Npu(WeftTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = pathlib.Path(cls._class_folder.name) / "w8a8"
        quantizer = cls("setUp")
        run = quantizer.weft("quantize", model("smollm2-float"), "-o", cls.model, "--w8a8",
                             "--calibrate", TEXT, "--windows", 4)
        if run.code != 0:
            raise AssertionError(run)

    def setUp(self):
        super().setUp()
        self.require_device("vulkan_npu")

    def ids(self, count):
        numbers = numpy.random.RandomState(1).randint(100, 40000, count)
        return ",".join(map(str, numbers))

    def of(self, count, *arguments, tokens=6, **options):
        return self.answer("-m", self.model, "--prompt-ids", self.ids(count), "-n", tokens, "-c",
                           2304, *arguments, **options)

    def logits_of(self, count, *arguments):
        path = self.scratch / "logits.npy"
        path.unlink(missing_ok=True)
        answer = self.of(count, *arguments, *EXACT, "--logits", path)
        return answer, numpy.load(path)

    # Integer sums are exact on both, and so is what leaves them; floats are the same kernels' work.
    def assert_same(self, count):
        on_npu, npu = self.logits_of(count, *NPU)
        on_cpu, cpu = self.logits_of(count, *CPU)
        self.assertEqual(npu.shape, (count, 49152))
        self.assertEqual(npu.tobytes(), cpu.tobytes(), f"{count} tokens")
        self.assertEqual(on_npu["output_ids"], on_cpu["output_ids"])
        self.assertEqual(on_npu["failures"], [])


class Prompts(Npu):

    def test_of_every_length_have_the_processors_logits(self):
        for count in (1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 600):
            with self.subTest(count=count):
                self.assert_same(count)

    def test_are_multiplied_on_the_npu_and_tokens_are_not(self):
        linears = self.of(40, *NPU, tokens=1)["linears"]
        shares = {row["backend"]: row["share"] for row in linears["prefill"]}
        self.assertGreaterEqual(shares["vulkan_npu"], 0.8, shares)
        self.assertEqual([row["backend"] for row in linears["decode"]], ["cpu"])

    def test_a_failing_device_changes_no_token(self):
        want = self.of(300, *NPU)["output_ids"]
        for fault in ("lost:0", "lost:150", "execute:200", "memory:3", "compile"):
            with self.subTest(fault=fault):
                run = self.weft("run", "--temp", 0, "--json", "-m", self.model, "--prompt-ids",
                                self.ids(300), "-n", 6, "-c", 2304, *NPU,
                                variables={"WEFT_VULKAN_NPU": "fail=" + fault})
                self.assertEqual(run.code, 0, run)
                answer = json.loads(run.out)
                self.assertEqual(answer["output_ids"], want)
                told = answer["failures"] + answer["placement"]["missing"]
                self.assertEqual(len(told), 1, told)
                self.assertIn("'vulkan_npu' has failed", told[0])
                self.assertEqual(run.err.count("is given up"), 1, run.err)


class Slow(Npu):

    def test_a_long_prompt_has_the_processors_logits(self):
        self.assert_same(2048)


if __name__ == "__main__":
    import sys
    unittest.main(defaultTest=sys.argv[1:] or ["Prompts"], argv=sys.argv[:1])
