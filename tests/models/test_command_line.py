"""weft on the command line: what it says when something is missing, damaged or in the way.

Exit codes: 0 ok, 2 usage, 3 model, 4 plugin, 6 placement, 130 interrupted.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import unittest

from weft_runs import BIN, PARIS, PARIS_ANSWER, WeftTest, model


class Prompts(WeftTest):
    """Where the prompt comes from."""

    def test_a_prompt_from_a_file_or_stdin_is_the_same_prompt(self):
        file = self.scratch / "prompt.txt"
        file.write_text(PARIS)
        typed = self.answer("-m", model(), "-n", 2, "-p", PARIS)["prompt_ids"]
        read = self.answer("-m", model(), "-n", 2, "-f", file)["prompt_ids"]
        piped = self.answer("-m", model(), "-n", 2, "-f", "-", input=PARIS)["prompt_ids"]
        self.assertEqual(read, typed)
        self.assertEqual(piped, typed)

    def test_a_raw_prompt_is_fed_as_it_is(self):
        raw = self.answer("-m", model(), "--raw", "-n", 1, "-p", "def f")["prompt_ids"]
        chat = self.answer("-m", model(), "-n", 1, "-p", "def f")["prompt_ids"]
        self.assertEqual(len(raw), 2)
        self.assertGreater(len(chat), 20)
        same = self.answer("-m", model(), "-n", 1, "--prompt-ids", ",".join(map(str, raw)))
        self.assertEqual(same["prompt_ids"], raw)

    def test_a_system_message_stands_before_the_prompt(self):
        plain = self.answer("-m", model(), "-n", 1, "-p", PARIS)["prompt_ids"]
        told = self.answer("-m", model(), "-n", 1, "-p", PARIS, "--system", "Be brief.")
        self.assertNotEqual(told["prompt_ids"], plain)
        self.assertEqual(told["prompt_ids"][-10:], plain[-10:])

    def test_json_is_one_object_and_nothing_else(self):
        run = self.weft("run", "-m", model(), "--temp", 0, "--json", "-p", PARIS)
        self.assertEqual(run.code, 0, run)
        self.assertEqual(run.err, "", run)
        self.assertEqual(json.loads(run.out)["text"], PARIS_ANSWER)

    def test_an_interrupt_ends_the_answer_with_130(self):
        command = [BIN, "run", "-m", model(), "--temp", "0", "--raw", "-n", "1900",
                   "-p", "1, 2, 3, 4, 5, 6, 7, 8,"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment()) as running:
            first = running.stdout.read(1)
            running.send_signal(signal.SIGINT)
            rest, err = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 130, err)
        self.assertTrue((first + rest).endswith(b"\n"), rest)


class Refusals(WeftTest):
    """One sentence and an exit code; nothing on stdout."""

    def test_wrong_flags_are_wrong_usage(self):
        for flags in (["--no-such-flag"], ["-n", "-1"], ["-n", "many"], ["--chunk", "0"],
                      ["--compute", "f64"], ["--cache-type-k", "q4"], ["-t", "-2"], ["-c", "-5"]):
            with self.subTest(flags=flags):
                run = self.weft("run", "-m", model(), "-p", PARIS, *flags)
                self.assertEqual((run.code, run.out), (2, ""), run)
                self.assertTrue(run.err.strip(), run)
        self.assertEqual(self.weft("run", "-p", PARIS).code, 2)
        self.assertEqual(self.weft("no-such-verb").code, 2)
        self.assertEqual(self.weft().code, 2)

    def test_a_missing_model_or_prompt_is_wrong_usage(self):
        nowhere = self.scratch / "nowhere"
        run = self.weft("run", "-m", nowhere, "-p", PARIS)
        self.assert_refused(run, 2, str(nowhere))
        self.assert_refused(self.weft("run", "-m", model(), "-f", nowhere), 2, str(nowhere))

    def test_an_id_outside_the_vocabulary_is_wrong_usage(self):
        for ids in ("49152", "-1", "1,2,99999999999"):
            with self.subTest(ids=ids):
                run = self.weft("run", "-m", model(), f"--prompt-ids={ids}", "-n", 1)
                self.assert_refused(run, 2, "vocabulary")

    def test_a_prompt_longer_than_the_context_is_wrong_usage(self):
        self.assert_refused(self.weft("run", "-m", model(), "-p", PARIS, "-c", 16), 2, "37", "16")
        self.assert_refused(self.weft("run", "-m", model(), "-p", PARIS, "-c", 10**9), 2, "-c")

    def broken_model(self, **files):
        """A copy of the model folder's small files, with `files` (name without dot) replaced."""
        folder = self.scratch / f"model{len(list(self.scratch.iterdir()))}"
        folder.mkdir()
        for file in model().iterdir():
            if file.name != "model.onnx.data":
                shutil.copy(file, folder)
        for name, content in files.items():
            (folder / name.replace("_", ".")).write_bytes(content)
        return folder

    def test_a_truncated_model_file_is_named(self):
        whole = (model() / "model.onnx").read_bytes()
        for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
            with self.subTest(size=size):
                folder = self.broken_model(model_onnx=whole[:size])
                run = self.weft("run", "-m", folder, "-p", PARIS)
                self.assert_refused(run, 3, "model.onnx")

    def test_external_data_that_is_missing_or_short_is_named(self):
        run = self.weft("run", "-m", self.broken_model(), "-p", PARIS)
        self.assert_refused(run, 3, "model.onnx.data")
        short = self.broken_model(model_onnx_data=b"\0" * 4096)
        self.assert_refused(self.weft("run", "-m", short, "-p", PARIS), 3, "model.onnx.data")

    def test_a_broken_tokenizer_is_named(self):
        broken = self.broken_model(tokenizer_json=b'{"model": ')
        run = self.weft("run", "-m", broken, "-p", PARIS)
        self.assertIn(run.code, (2, 3), run)
        self.assertIn("tokenizer", run.err)

    def test_logits_that_cannot_be_written_leave_no_file(self):
        run = self.weft("run", "-m", model(), "-p", PARIS, "-n", 0,
                        "--logits", self.scratch / "no" / "logits.npy")
        self.assert_refused(run, 2, "logits.npy")
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        run = self.weft("run", "-m", model(), "-p", PARIS, "-n", 0, "--no-cache",
                        "--logits", self.scratch / "logits.npy", preexec_fn=limit)
        self.assert_refused(run, 2, "logits.npy")
        self.assertEqual(list(self.scratch.iterdir()), [])


class Backends(WeftTest):
    """Which plugin runs what is never silent."""

    def test_without_the_fast_backend_the_reference_answers_and_says_so(self):
        binary = self.install("reference")
        run = self.weft("run", "-m", model(), "--temp", 0, "-n", 2, "-p", PARIS, binary=binary)
        self.assertEqual((run.code, run.out), (0, "The capital\n"), run)
        self.assertIn("'cpu' is asked for but cannot be used", run.err)
        self.assertIn("nodes on reference", run.err)

    def test_a_plugin_path_brings_a_plugin_back(self):
        binary = self.install("reference")
        plugins = BIN.parent.parent / "lib" / "weft" / "plugins"
        for path in (plugins / "weft_cpu.so", f"/nowhere:{plugins}"):
            with self.subTest(path=path):
                got = self.answer("-m", model(), "-n", 2, "-p", PARIS, binary=binary,
                                  variables={"WEFT_PLUGIN_PATH": str(path)})
                self.assertEqual([r["backend"] for r in got["placement"]["backends"]], ["cpu"])

    def test_without_any_plugin_nothing_runs(self):
        run = self.weft("run", "-m", model(), "-p", PARIS, binary=self.install())
        self.assert_refused(run, 4, "none of the backends")
        run = self.weft("run", "-m", model(), "-p", PARIS, "--backend", "nonesuch")
        self.assert_refused(run, 4, "nonesuch")

    def test_a_backend_that_cannot_run_the_model_alone_is_refused(self):
        run = self.weft("run", "-m", model(), "-p", PARIS, "--backend", "null")
        self.assert_refused(run, 4, "is claimed by no backend", "null: ")

    def test_a_required_backend_that_is_not_first_is_refused(self):
        run = self.weft("run", "-m", model(), "-p", PARIS, "--backend", "cpu,reference",
                        "--require", "reference")
        self.assert_refused(run, 6, "--require reference", "cpu")
        got = self.answer("-m", model(), "-n", 1, "-p", PARIS, "--require", "cpu")
        self.assertEqual([r["backend"] for r in got["placement"]["backends"]], ["cpu"])


class PreparationCache(WeftTest):
    """What the first start leaves for the second."""

    def start(self, cache, **options):
        got = self.answer("-m", model(), "-p", PARIS, "-n", 32, cache=cache, **options)
        self.assertEqual(got["text"], PARIS_ANSWER)
        return got["programs"]["cached"], got["programs"]["compiled"]

    def test_a_second_start_compiles_nothing(self):
        cache = self.scratch / "cache"
        self.assertEqual(self.start(cache), (0, 1))
        self.assertEqual(self.start(cache), (1, 0))
        self.assertEqual(len(list(cache.glob("*.weftblob"))), 1)

    def test_a_damaged_entry_is_rebuilt(self):
        cache = self.scratch / "cache"
        self.assertEqual(self.start(cache), (0, 1))
        (entry,) = cache.glob("*.weftblob")
        size = entry.stat().st_size
        for damage in (0, 9, 40, size // 2, size - 1):
            with self.subTest(flipped_byte=damage):
                with open(entry, "r+b") as file:
                    file.seek(damage)
                    byte = file.read(1)[0]
                    file.seek(damage)
                    file.write(bytes([byte ^ 0x10]))
                self.assertEqual(self.start(cache), (0, 1))
                self.assertEqual(self.start(cache), (1, 0))
        for length in (0, 64, size // 2, size + 1):
            with self.subTest(length=length):
                os.truncate(entry, length)
                self.assertEqual(self.start(cache), (0, 1))
                self.assertEqual(self.start(cache), (1, 0))
        self.assertEqual(list(cache.glob("*.weftblob")), [entry])

    def test_no_cache_reads_and_writes_none(self):
        cache = self.scratch / "cache"
        got = self.answer("-m", model(), "-p", PARIS, "-n", 1, "--no-cache", cache=cache)
        self.assertEqual(got["programs"], {"cached": 0, "compiled": 1})
        self.assertFalse(cache.exists())

    def test_a_cache_folder_that_cannot_be_made_costs_only_time(self):
        (self.scratch / "file").write_text("in the way")
        cache = self.scratch / "file" / "cache"
        run = self.weft("run", "-m", model(), "--temp", 0, "-p", PARIS, cache=cache)
        self.assertEqual((run.code, run.out), (0, PARIS_ANSWER + "\n"), run)
        self.assertIn("cannot make the cache folder", run.err)

    def small_disk(self):
        """A folder on a disk of 8 MB and no options, or where none can be mounted, any folder and
        a limit on the size of files."""
        folder = self.scratch / "disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder]
        if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
            self.addCleanup(subprocess.run, ["umount", folder], check=True)
            return folder, {}
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))
        return folder, {"preexec_fn": limit}

    def test_a_full_disk_costs_only_time_and_leaves_nothing(self):
        folder, options = self.small_disk()
        for _ in range(2):
            run = self.weft("run", "-m", model(), "--temp", 0, "-p", PARIS, cache=folder,
                            **options)
            self.assertEqual((run.code, run.out), (0, PARIS_ANSWER + "\n"), run)
            self.assertIn("the next start will compile again: cannot write", run.err)
            self.assertEqual([path for path in folder.iterdir() if path.suffix != ".content"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
