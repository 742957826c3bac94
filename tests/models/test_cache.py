"""The preparation cache from the command line: the second start compiles nothing, a damaged entry
is made again, two starts at once agree, the limit holds, and `weft cache` lists and clears.

WEFT_BIN   the binary (set by CMake)
"""

import json
import os
import shutil
import subprocess
import unittest

from weft_runs import BIN, DATA, WeftTest

TINY = DATA.parent / "tiny"
LLAMA = TINY / "genai-fp32" / "llama"
GPT2 = TINY / "optimum" / "gpt2"


class Cache(WeftTest):
    def setUp(self):
        super().setUp()
        self.cache = self.scratch / "cache"

    def check(self, model, **variables):
        run = self.weft("check", model, "--backend", "cpu", variables=variables)
        self.assertEqual(run.code, 0, run)

    def list(self, **variables):
        run = self.weft("cache", "list", "--json", variables=variables)
        self.assertEqual(run.code, 0, run)
        return json.loads(run.out)

    def entries(self):
        return sorted(self.cache.glob("*.weftblob"))

    def test_the_reference_files_nothing(self):
        run = self.weft("check", LLAMA, "--backend", "reference")
        self.assertEqual(run.code, 0, run)
        self.assertEqual(self.entries(), [])

    def test_a_second_start_makes_no_entry_and_notes_the_use(self):
        self.check(LLAMA)
        first = self.entries()
        self.assertTrue(first)
        for entry in first:
            os.utime(entry, (0, 1_000_000_000))
        written = [entry.stat().st_ino for entry in first]
        self.check(LLAMA)
        self.assertEqual([entry.stat().st_ino for entry in self.entries()], written)
        self.assertGreater(self.entries()[0].stat().st_mtime, 1_500_000_000)

    def test_entries_are_listed_with_model_plugin_and_size(self):
        self.check(LLAMA)
        self.check(GPT2)
        listed = self.list()
        self.assertEqual(listed["version"], 1)
        self.assertEqual({entry["model"] for entry in listed["entries"]},
                         {str(LLAMA), str(GPT2)})
        for entry in listed["entries"]:
            self.assertTrue(entry["plugin"].startswith("cpu"), entry)
            self.assertGreater(entry["nodes"], 0)
        self.assertEqual(listed["total_bytes"],
                         sum(entry.stat().st_size for entry in self.entries()))
        self.assertEqual(listed["limit_bytes"], 4 << 30)
        self.assertEqual(self.list(WEFT_CACHE_LIMIT="500M")["limit_bytes"], 500 << 20)
        self.assertNotIn("limit_bytes", self.list(WEFT_CACHE_LIMIT="none"))
        text = self.weft("cache", "list").out
        for words in ("gpt2", "cpu (", "entries in", "4.00 GiB at most"):
            self.assertIn(words, text)

    def test_a_model_or_everything_is_cleared(self):
        self.check(LLAMA)
        self.check(GPT2)
        run = self.weft("cache", "clear", GPT2)
        self.assertEqual(run.code, 0, run)
        self.assertIn("removed", run.out)
        self.assertEqual({entry["model"] for entry in self.list()["entries"]}, {str(LLAMA)})
        run = self.weft("cache", "clear", GPT2)
        self.assert_refused(run, 2, "gpt2", "weft cache list")
        run = self.weft("cache", "clear", "llama", "--json")
        self.assertGreater(json.loads(run.out)["removed"], 0)
        self.check(GPT2)
        self.assertEqual(self.weft("cache", "clear").code, 0)
        self.assertEqual(list(self.cache.iterdir()), [])
        self.assertIn("0 entries", self.weft("cache", "list").out)

    def test_a_damaged_entry_is_made_again(self):
        self.check(LLAMA)
        entry = max(self.entries(), key=lambda path: path.stat().st_size)
        whole = entry.read_bytes()
        for place in (0, 8, 20, 40, 60, 70, 130, len(whole) // 2, len(whole) - 1):
            with self.subTest(flipped=place):
                damaged = bytearray(whole)
                damaged[place] ^= 0x10
                entry.write_bytes(damaged)
                self.check(LLAMA)
                self.assertEqual(len(entry.read_bytes()), len(whole))
                self.assertNotEqual(entry.read_bytes(), bytes(damaged))
        for length in (0, 1, 63, 64, 200, len(whole) // 2, len(whole) - 1):
            with self.subTest(length=length):
                entry.write_bytes(whole[:length])
                self.check(LLAMA)
                self.assertEqual(len(entry.read_bytes()), len(whole))

    def test_an_entry_under_another_name_is_not_used(self):
        self.check(LLAMA)
        self.check(GPT2)
        entries = {entry["model"]: entry["file"] for entry in self.list()["entries"]
                   if entry["nodes"] > 3}
        shutil.copyfile(entries[str(GPT2)], entries[str(LLAMA)])
        self.check(LLAMA)
        models = {entry["file"]: entry["model"] for entry in self.list()["entries"]}
        self.assertEqual(models[entries[str(LLAMA)]], str(LLAMA))

    def test_a_copy_of_a_model_shares_its_entries(self):
        folder = self.scratch / "first"
        folder.mkdir()
        run = self.weft("import", LLAMA, "--emit-onnx", folder / "model.onnx")
        self.assertEqual(run.code, 0, run)
        self.assertTrue((folder / "model.onnx.data").is_file())
        first = lambda where: self.weft("verify", where, "--backend", "cpu")
        self.assertEqual(first(folder).code, 0)
        entries = self.entries()
        self.assertTrue(entries)
        copy = shutil.copytree(folder, self.scratch / "second", copy_function=shutil.copyfile)
        self.assertEqual(first(copy).code, 0)
        self.assertEqual(self.entries(), entries)
        # Other weights are another model.
        data = bytearray((copy / "model.onnx.data").read_bytes())
        data[3] ^= 1
        (copy / "model.onnx.data").write_bytes(data)
        self.assertEqual(first(copy).code, 0)
        self.assertGreater(len(self.entries()), len(entries))

    def test_another_build_of_a_plugin_has_entries_of_its_own(self):
        binary = self.install("cpu")
        plugin = binary.parent.parent / "lib" / "weft" / "plugins" / "weft_cpu.so"
        check = lambda: self.weft("check", LLAMA, "--backend", "cpu", binary=binary)
        self.assertEqual(check().code, 0)
        first = self.entries()
        with plugin.open("ab") as file:
            file.write(b"\0")  # behind the last section: the same code
        self.assertEqual(check().code, 0)
        self.assertEqual(len(self.entries()), 2 * len(first))

    def test_what_was_used_least_recently_goes_first(self):
        self.check(LLAMA)
        self.check(GPT2)
        old = [entry for entry in self.list()["entries"] if entry["model"] == str(LLAMA)]
        recent = [entry for entry in self.list()["entries"] if entry["model"] == str(GPT2)]
        for entry in old:
            os.utime(entry["file"], (0, 1_000_000_000))
        total = self.list()["total_bytes"]
        # A third model needs room; that of the old one is enough.
        third = TINY / "optimum" / "qwen2"
        self.check(third, WEFT_CACHE_LIMIT="none")
        grown = self.list()["total_bytes"] - total
        for entry in self.list()["entries"]:
            if entry["model"] == str(third):
                os.unlink(entry["file"])
        limit = total + grown - 1
        self.check(third, WEFT_CACHE_LIMIT=str(limit))
        listed = self.list()
        files = {entry["file"] for entry in listed["entries"]}
        self.assertLessEqual(listed["total_bytes"], limit)
        self.assertFalse({entry["file"] for entry in old} <= files)
        self.assertTrue({entry["file"] for entry in recent} <= files)

    def test_an_entry_larger_than_the_limit_is_not_kept_and_that_is_said(self):
        run = self.weft("check", LLAMA, "--backend", "cpu", variables={"WEFT_CACHE_LIMIT": "1K"})
        self.assertEqual(run.code, 0, run)
        self.assertIn("WEFT_CACHE_LIMIT", run.err)
        for entry in self.entries():
            self.assertLessEqual(entry.stat().st_size, 1024)
        self.assertEqual(list(self.cache.glob("*.partial")), [])

    def test_a_limit_that_is_no_size_is_said(self):
        run = self.weft("cache", "list", variables={"WEFT_CACHE_LIMIT": "lots"})
        self.assertEqual(run.code, 0, run)
        self.assertIn("WEFT_CACHE_LIMIT", run.err)
        self.assertIn("4.00 GiB at most", run.out)

    def test_starts_at_once_share_what_they_make(self):
        command = [str(BIN), "check", str(LLAMA), str(GPT2), "--backend", "cpu"]
        for limit in ("none", "100K"):
            with self.subTest(limit=limit):
                environment = self.environment(WEFT_CACHE_LIMIT=limit)
                runs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True) for _ in range(4)]
                for run in runs:
                    out, err = run.communicate()
                    self.assertEqual(run.returncode, 0, out + err)
                self.assertEqual(list(self.cache.glob("*.partial")), [])
                for entry in self.list()["entries"]:
                    self.assertTrue(entry["readable"])
        self.check(LLAMA)


if __name__ == "__main__":
    unittest.main(verbosity=2)
