"""Models whole on OpenCL, in floats and in 4 bits: the same tokens, on memory that is shared with
the host and on memory of its own; each island by itself; and what is said without a device.

WEFT_REQUIRE_DEVICES   a list; with `opencl` in it a missing device is a failure, else a skip
"""

import json
import unittest

import numpy

from weft_runs import DATA, PARIS, WeftTest, model

GOLDENS = json.loads((DATA / "goldens.json").read_text())["goldens"]
GOLDEN = GOLDENS[0]
MIXED = ("--backend", "opencl,cpu")
NO_DRIVER = {"OCL_ICD_VENDORS": "/nonexistent"}


class NoDevice(WeftTest):
    """No driver: one sentence, and the other backends go on."""

    def test_the_sentence_says_what_is_missing(self):
        run = self.weft("run", "-m", model("smollm2-float"), "-p", PARIS, "--backend", "opencl",
                        variables=NO_DRIVER)
        self.assert_refused(run, 4, "no OpenCL platform is installed")
        self.assertEqual(len(run.err.strip().splitlines()), 1, run)

    def test_the_next_backend_answers(self):
        run = self.weft("run", "-m", model(), "--temp", 0, "-n", 2, "-p", PARIS, *MIXED,
                        variables=NO_DRIVER)
        self.assertEqual((run.code, run.out), (0, "The capital\n"), run)
        self.assertIn("'opencl' is asked for but cannot be used", run.err)

    def test_a_cache_folder_that_cannot_be_written_is_no_crash(self):
        run = self.weft("run", "-m", model(), "-p", PARIS, "--backend", "opencl",
                        variables={"POCL_CACHE_DIR": str(DATA / "goldens.json" / "cache")})
        self.assertEqual(run.code, 4, run)


class OnDevice(WeftTest):
    """Skipped without a device, unless one is required."""

    def setUp(self):
        super().setUp()
        self.require_device("opencl")


class Whole(OnDevice):
    """Every node on OpenCL; only tokens go in and logits come out."""

    def golden(self, options, name="smollm2-float", flags=(), **kwargs):
        got = self.answer("-m", model(name), "--backend", "opencl", "-p", GOLDEN["prompt"],
                          "-n", len(GOLDEN["new_ids"]), *flags,
                          variables={"WEFT_OPENCL": options}, **kwargs)
        self.assertEqual(got["output_ids"], GOLDEN["new_ids"])
        backends = got["placement"]["backends"]
        self.assertEqual([row["backend"] for row in backends], ["opencl"])
        ops = backends[0]["ops"]  # SinkAttention reads caches that are not f32
        self.assertEqual(ops.get("Attention", 0) + ops.get("SinkAttention", 0), 30)
        return got

    def test_on_shared_memory_nothing_is_copied(self):
        got = self.golden("memory=shared")
        self.assertEqual(got["counters"]["bytes_copied"], 0)

    def test_on_memory_of_its_own_only_tokens_and_logits_cross(self):
        counters = self.golden("memory=own")["counters"]
        logits = 49152 * 4
        self.assertLessEqual(counters["bytes_copied"], counters["tokens"] * (logits + 64))
        self.assertGreater(counters["bytes_copied"], 0)

    def test_the_kernels_of_gpus_give_the_same_tokens(self):
        self.golden("family=gpu,memory=own")

    def test_blocks_of_4_bits_give_the_tokens_of_the_floats_they_stand_for(self):
        for options in ("memory=own", "family=gpu", "family=gpu,dot=1"):
            with self.subTest(options=options):
                self.golden(options, name="smollm2")

    def test_every_golden_prompt_has_its_tokens(self):
        for golden in GOLDENS:
            with self.subTest(prompt=golden["prompt"]):
                raw = ("--raw",) if golden["kind"] == "raw" else ()
                got = self.answer("-m", model("smollm2"), "--backend", "opencl", "--compute", "f32",
                                  "-p", golden["prompt"], "-n", len(golden["new_ids"]), *raw)
                self.assertEqual(got["output_ids"], golden["new_ids"])

    def test_e0m4_of_blocks_of_4_bits_gives_their_tokens(self):
        made = self.scratch / "e0m4"
        run = self.weft("quantize", model("smollm2"), "--weights", "e0m4", "--group", 32,
                        "--form", "edge", "--head", "keep", "-o", made)
        self.assertEqual(run.code, 0, run)
        for options in ("", "family=gpu,memory=own"):
            with self.subTest(options=options):
                got = self.answer("-m", made, "--backend", "opencl", "-p", GOLDEN["prompt"],
                                  "-n", len(GOLDEN["new_ids"]), "--compute", "f32",
                                  variables={"WEFT_OPENCL": options})
                self.assertEqual(got["output_ids"], GOLDEN["new_ids"])

    def test_strict_logits_are_bitwise_equal_over_chunks(self):
        ids = ",".join(map(str, GOLDEN["input_ids"]))

        def logits(chunk):
            out = self.scratch / f"{chunk}.npy"
            run = self.weft("run", "-m", model("smollm2"), "--backend", "opencl", "--strict",
                            "-n", 0, "--prompt-ids", ids, "--chunk", chunk, "--logits", out,
                            variables={"WEFT_OPENCL": "family=cpu"})
            self.assertEqual(run.code, 0, run)
            return numpy.load(out).view(numpy.uint32)

        whole = logits(64)
        self.assertGreater(len(numpy.unique(whole[-1])), 10_000)
        for chunk in (9, 1):
            with self.subTest(chunk=chunk):
                self.assertTrue(numpy.array_equal(logits(chunk), whole))

    def test_a_second_start_compiles_nothing(self):
        cache = self.scratch / "cache"
        first = self.golden("memory=own", cache=cache)["programs"]
        second = self.golden("memory=own", cache=cache)["programs"]
        self.assertEqual((first["cached"], second["compiled"]), (0, 0))
        self.assertEqual(first["compiled"], second["cached"])

    def test_every_export_gives_the_same_tokens(self):
        for name in ("optimum", "dynamo-op18", "dynamo-op23", "genai-fp32"):
            with self.subTest(model=name):
                self.golden("memory=own", name, ("--no-cache",))

    def test_a_cache_of_halves_or_of_codes_answers_too(self):
        for kind in ("f16", "q8_0"):
            for family in ("cpu", "gpu"):
                with self.subTest(cache=kind, family=family):
                    self.golden(f"family={family}",
                                flags=("--cache-type-k", kind, "--cache-type-v", kind))


class Mixed(OnDevice):
    """What OpenCL is not asked for or refuses, the processor runs; each island by itself."""

    def test_every_island_is_right_by_itself_on_either_memory(self):
        for name in ("smollm2-float", "smollm2"):
            for options in ("memory=shared", "memory=own", "family=gpu,memory=own"):
                with self.subTest(model=name, options=options):
                    run = self.weft("verify", model(name), *MIXED, "--json", "--length", 3,
                                    variables={"WEFT_OPENCL": options})
                    self.assertEqual(run.code, 0, run)
                    document = json.loads(run.out)
                    self.assertEqual(document["verdict"], "right")
                    backends = {island["backend"] for step in document["steps"]
                                for island in step["islands"]}
                    self.assertIn("opencl", backends)

    def test_a_priority_is_a_wish_that_no_plugin_complains_of(self):
        run = self.weft("run", "-m", model(), "--temp", 0, "-n", 2, "-p", PARIS,
                        "--priority", "high", "--backend", "vulkan_npu,opencl,cpu,reference")
        self.assertEqual((run.code, run.out), (0, "The capital\n"), run)
        self.assertNotIn("priority", run.err)

    def test_a_device_that_is_not_there_or_not_asked_for_is_named(self):
        for device, code, words in (("opencl=9", 4, "no OpenCL device 9"),
                                    ("cuda=0", 2, "not asked for"),
                                    ("opencl", 2, "opencl=1")):
            with self.subTest(device=device):
                run = self.weft("run", "-m", model(), "-p", PARIS, "--backend", "opencl",
                                "--device", device)
                self.assert_refused(run, code, words)

    def test_an_option_that_is_not_known_is_named(self):
        run = self.weft("run", "-m", model("smollm2-float"), "-p", PARIS, "--backend", "opencl",
                        variables={"WEFT_OPENCL": "family=npu"})
        self.assert_refused(run, 4, "family=npu", "cpu or gpu")


if __name__ == "__main__":
    unittest.main(verbosity=2)
