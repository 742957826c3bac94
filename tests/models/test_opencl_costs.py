"""What a token costs on OpenCL: bytes that cross, programs that are compiled, memory of the cache;
and what a throttle does to the work, not to the answer."""

import json
import re
import unittest

from weft_runs import DATA, WeftTest, model

GOLDEN = json.loads((DATA / "goldens.json").read_text())["goldens"][0]
LAYERS, KEY_HEADS, HEAD, VOCABULARY, F32, I64 = 30, 3, 64, 49152, 4, 8


class Costs(WeftTest):

    def setUp(self):
        super().setUp()
        self.require_device("opencl")

    def golden(self, *arguments, options="", **variables):
        """The answer's JSON and the plugin's report, for the golden prompt."""
        run = self.weft("run", "-m", model(), "--backend", "opencl", "--compute", "f32",
                        "-p", GOLDEN["prompt"], "-n", len(GOLDEN["new_ids"]), "--temp", 0, "--json",
                        *arguments, variables={"WEFT_OPENCL": "report=1" + options,
                                               "WEFT_LOG": "info", **variables})
        self.assertEqual(run.code, 0, run)
        got = json.loads(run.out)
        self.assertEqual(got["output_ids"], GOLDEN["new_ids"])
        report = re.search(r"opencl report: (.*)", run.err)[1]
        return got, {name: int(n) for name, n in re.findall(r"([a-z][a-z ]*) (\d+)", report)}

    def test_a_token_and_its_logits_cross_and_nothing_else(self):
        counted = self.golden(options=",memory=own")[0]["counters"]
        self.assertGreater(counted["tokens"], 0)
        self.assertEqual(counted["bytes_copied"], counted["tokens"] * (I64 + VOCABULARY * F32))

    def test_nothing_crosses_where_memory_is_shared(self):
        self.assertEqual(self.golden()[0]["counters"]["bytes_copied"], 0)

    def test_a_cache_is_keys_and_values_and_no_more(self):
        halves = ("--cache-type-k", "f16", "--cache-type-v", "f16")
        for options, element in (((), F32), (halves, 2)):
            with self.subTest(options=options):
                memory = self.golden("-c", 1024, *options)[0]["memory"]
                self.assertEqual(memory["cache_bytes"],
                                 2 * LAYERS * 1024 * KEY_HEADS * HEAD * element)

    def test_no_length_compiles_anything(self):
        """Chunks of 1 to 7 tokens, then tokens one by one: one program, and no new file of the
        driver after the first run."""
        drivers = self.scratch / "drivers"
        drivers.mkdir()
        for chunk in (7, 5, 3, 1):
            report = self.golden("-u", chunk, POCL_CACHE_DIR=str(drivers))[1]
            files = sorted(path for path in drivers.rglob("*.so"))
            self.assertEqual(report["programs built"], 1)
            self.assertEqual(report["programs built after the first run"], 0)
            if chunk == 7:
                first = files
            self.assertEqual(files, first)
        self.assertTrue(first)

    def test_what_was_measured_is_not_measured_again(self):
        self.assertEqual(self.golden(options=",tune=0")[1]["choices measured"], 0)
        cache = str(self.scratch / "tuned")
        self.assertGreater(self.golden(WEFT_CACHE_DIR=cache)[1]["choices measured"], 0)
        self.assertEqual(self.golden(WEFT_CACHE_DIR=cache)[1]["choices measured"], 0)

    def test_most_arguments_stay_as_they_are(self):
        report = self.golden()[1]
        self.assertGreater(report["arguments kept"], 3 * report["arguments set"])

    def test_a_throttle_takes_kernels_apart_and_leaves_the_answer(self):
        free = self.golden()[1]
        bound = self.golden("--throttle", 0.5)[1]
        self.assertEqual((free["pieces"], free["pauses"]), (0, 0))
        self.assertGreater(bound["pauses"], 0)
        self.assertGreater(bound["pieces"], 0)
        self.assertGreater(bound["kernels enqueued"], free["kernels enqueued"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
