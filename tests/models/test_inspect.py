"""weft inspect: what it says of whole models, broken ones, and what they need."""

import json
import pathlib
import re
import shutil
import unittest

from weft_runs import PARIS, WeftTest, model

TINY = pathlib.Path(__file__).resolve().parent.parent / "data" / "tiny"


class InspectTest(WeftTest):
    def inspect(self, *arguments, code=0):
        """The JSON object of an inspection that ends with `code`."""
        run = self.weft("inspect", *arguments, "--json")
        self.assertEqual(run.code, code, run)
        return json.loads(run.out)


class WholeModels(InspectTest):
    def test_a_real_model_is_what_its_card_says(self):
        got = self.inspect(model())
        self.assertEqual(got["architecture"],
                         {"layers": 30, "hidden": 576, "heads": 9, "kv_heads": 3, "head_size": 64,
                          "feed_forward": 1536, "vocabulary": 49152, "context": 8192})
        self.assertEqual(got["weights"]["parameters"], 134515008)
        self.assertEqual(got["end_tokens"], [2])
        self.assertIn("tokenizer.json", got["beside"])
        self.assertEqual(got["file"]["external"][0]["name"], "model.onnx.data")
        self.assertEqual(got["placement"]["backends"][0]["backend"], "cpu")
        self.assertIsNone(got["error"])

    def test_the_memory_of_the_plan_is_that_of_a_run(self):
        got = self.inspect(model(), "-c", 1024, "--chunk", 64)["memory"]
        self.assertEqual((got["capacity"], got["chunk"]), (1024, 64))
        # 30 layers, keys and values, 1024 positions, 3 heads of 64, 2 bytes each.
        self.assertEqual(got["cache_bytes"], 30 * 2 * 1024 * 3 * 64 * 2)
        self.assertEqual(got["cache_bytes_per_1024"], got["cache_bytes"])
        run = self.answer("-m", model(), "-p", PARIS, "-n", 1, "-c", 1024, "--chunk", 64)
        self.assertEqual(run["memory"]["cache_bytes"], got["cache_bytes"])
        self.assertEqual(run["memory"]["arena_bytes"], got["arena_bytes"])
        # Packed weights are shorter than the file's, whose scales and zero points are floats.
        self.assertLess(run["memory"]["weights_bytes"], got["weights_bytes"])
        self.assertGreater(run["memory"]["weights_bytes"], got["weights_bytes"] * 0.8)
        self.assertEqual(got["total_bytes"],
                         got["weights_bytes"] + got["cache_bytes"] + got["arena_bytes"])
        self.assertLess(run["memory"]["peak_rss_bytes"], got["first_start_bytes"])

    def test_nothing_is_compiled_and_no_cache_is_made(self):
        cache = self.scratch / "cache"
        run = self.weft("inspect", model(), cache=cache)
        self.assertEqual((run.code, run.err), (0, ""), run)
        self.assertFalse(cache.exists())

    def test_the_text_says_the_same_under_labels_that_stand_once(self):
        run = self.weft("inspect", "-m", model())
        self.assertEqual((run.code, run.err), (0, ""), run)
        for part in ("parameters    134515008", "30 layers, hidden 576", "vocabulary 49152",
                     "nodes on cpu", "KV cache 45.0 MiB for 2048 positions, 22.5 MiB per 1024"):
            self.assertIn(part, run.out)
        labels = re.findall(r"^([a-z][a-z ]*[a-zA-Z])  ", run.out, re.M)
        self.assertEqual(labels[0], "file")
        self.assertEqual(len(labels), len(set(labels)), "a label stands once")

    def test_small_models_of_several_kinds_have_their_shapes(self):
        for name in ("llama", "qwen2", "phi3", "granite", "llama3_rope"):
            with self.subTest(model=name):
                got = self.inspect(TINY / "genai-fp32" / name)
                self.assertEqual(got["architecture"]["layers"], 2)
                self.assertEqual(got["architecture"]["vocabulary"], 320)
                self.assertEqual(got["beside"], [])
                self.assertEqual(len(got["file"]["inputs"]), 6)
                self.assertGreater(got["file"]["ops"]["com.microsoft"]["GroupQueryAttention"], 0)
                ops = got["ops_to_run"]  # over a cache of halves it is SinkAttention
                self.assertGreater(ops.get("Attention", 0) + ops.get("SinkAttention", 0), 0)

    def test_packed_weights_count_as_the_reals_they_stand_for(self):
        plain = self.inspect(TINY / "genai-fp32" / "llama")["weights"]
        packed = self.inspect(TINY / "genai-int4" / "llama")["weights"]
        self.assertEqual([row["format"] for row in plain["formats"]], ["f32"])
        self.assertIn("u4, blocks of 32", [row["format"] for row in packed["formats"]])
        self.assertEqual(packed["parameters"], plain["parameters"])
        self.assertLess(sum(row["bytes"] for row in packed["formats"]),
                        sum(row["bytes"] for row in plain["formats"]))

    def test_a_second_backend_and_its_reasons_show(self):
        got = self.inspect(TINY / "genai-fp32" / "llama", "--backend", "null,reference")
        self.assertIn("reference", [row["backend"] for row in got["placement"]["backends"]])
        self.assertTrue(any("null: " in reason for reason in got["placement"]["reasons"]))


class Trouble(InspectTest):
    """What can be told is told, then the sentence and the exit code."""

    def copy(self, name="llama"):
        return pathlib.Path(shutil.copytree(TINY / "genai-fp32" / name, self.scratch / name))

    def test_an_op_nobody_knows_is_named_and_the_file_is_still_described(self):
        folder = self.copy()
        file = folder / "model.onnx"
        file.write_bytes(file.read_bytes().replace(b"GroupQueryAttention", b"GroupQuestAttention"))
        got = self.inspect(folder, code=3)
        self.assertEqual(got["file"]["ops"]["com.microsoft"]["GroupQuestAttention"], 2)
        self.assertIn("GroupQuestAttention", " ".join(got["warnings"]))
        self.assertIn("GroupQuestAttention", got["error"])
        self.assertIsNone(got["placement"])
        run = self.weft("inspect", folder)
        self.assertEqual(run.code, 3, run)
        self.assertIn("inputs        input_ids", run.out)
        self.assertIn("op 'GroupQuestAttention' of domain com.microsoft is not supported (2 nodes)",
                      run.out)
        self.assertTrue(run.err.startswith("weft: "), run)
        self.assertEqual(len(run.err.splitlines()), 1, run)

    def test_missing_external_data_is_a_warning_and_an_error(self):
        folder = self.copy()
        (folder / "model.onnx.data").unlink()
        got = self.inspect(folder, code=3)
        self.assertIsNone(got["file"]["external"][0]["size_bytes"])
        self.assertIn("the file model.onnx.data is missing", got["warnings"])
        self.assertIn("model.onnx.data", got["error"])

    def test_a_damaged_file_is_named_whatever_is_left_of_it(self):
        folder = self.copy()
        file = folder / "model.onnx"
        whole = file.read_bytes()
        for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
            with self.subTest(size=size):
                file.write_bytes(whole[:size])
                run = self.weft("inspect", folder)
                self.assertEqual(run.code, 3, run)
                self.assertIn("model.onnx", run.err)
                self.assertEqual(run.out.splitlines()[0][:10], "file      ", run)

    def test_backends_that_are_not_there_end_with_their_own_codes(self):
        llama = TINY / "genai-fp32" / "llama"
        got = self.inspect(llama, "--backend", "nonesuch", code=4)
        self.assertIn("nonesuch", got["error"])
        self.assertGreater(got["weights"]["parameters"], 0)
        self.assertIn("nonesuch", " ".join(
            self.inspect(llama, "--backend", "nonesuch,cpu")["warnings"]))
        self.inspect(llama, "--backend", "cpu,reference", "--require", "reference", code=6)

    def test_wrong_usage_says_nothing_on_stdout(self):
        self.assert_refused(self.weft("inspect"), 2, "model folder or file")
        self.assert_refused(self.weft("inspect", self.scratch / "no"), 2, "no model at")
        self.assert_refused(self.weft("inspect", self.scratch), 3, "no .onnx file")
        self.assert_refused(self.weft("inspect", model(), "--strict"), 2, "--strict")


if __name__ == "__main__":
    unittest.main(verbosity=2)
