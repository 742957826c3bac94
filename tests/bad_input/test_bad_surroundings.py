"""What is beside a model, or around the program, is bad: tokenizers, chat templates, prompts,
plugins. One sentence each; a backend less never costs the answer another could give."""

import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
from weft_runs import BIN, WeftTest

from small_models import TOKENIZER, model, write

BAD_PLUGINS = BIN.parent.parent / "tests" / "bad"


class SurroundingsTest(WeftTest):
    def folder(self, tokenizer=None, **files):
        return write(self.scratch / f"m{len(list(self.scratch.iterdir()))}", model(), tokenizer,
                     **files)

    def refused(self, code, words, *arguments, **options):
        run = self.weft("run", *arguments, **options)
        self.assert_refused(run, code, *words)
        self.assertEqual(len(run.err.strip().splitlines()), 1, run)


class Tokenizers(SurroundingsTest):
    def bad(self, content, *words):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        folder = self.folder(tokenizer=data)
        self.refused(3, ["tokenizer.json", *words], "-m", folder, "--raw", "-p", "abc")

    def test_a_tokenizer_cut_off_anywhere_is_named(self):
        whole = json.dumps(TOKENIZER).encode()
        for size in range(len(whole)):
            with self.subTest(size=size):
                self.bad(whole[:size])

    def test_broken_merges_are_named(self):
        def with_merges(merges):
            return {"model": {**TOKENIZER["model"], "merges": merges}}
        self.bad(with_merges([["a", "b"]]), "ab")            # joined, they are no token
        self.bad(with_merges([["a", "z"]]), "z")             # half of it is no token
        self.bad(with_merges(["ab"]), "merges")              # no pair
        self.bad(with_merges([["a", "b", "c"]]), "merges")
        self.bad(with_merges([[1, 2]]), "merges")
        self.bad(with_merges("a b"), "merges")

    def test_vocabularies_that_are_none_are_named(self):
        for vocabulary in ({"a": -1}, {"a": 1.5}, {"a": 1, "b": 1}, {"a": 1 << 60}, 7):
            with self.subTest(vocabulary=vocabulary):
                self.bad({"model": {"type": "BPE", "vocab": vocabulary, "merges": []}})
        self.bad({"model": {"type": "Unigram", "vocab": []}}, "Unigram")
        self.bad(b"[]")
        self.bad(b"[" * 100000)

    def test_a_missing_tokenizer_is_named(self):
        folder = self.folder()
        (folder / "tokenizer.json").unlink()
        run = self.weft("run", "-m", folder, "--raw", "-p", "abc")
        self.assertIn(run.code, (2, 3), run)
        self.assertIn("tokenizer.json", run.err)


class Templates(SurroundingsTest):
    def bad(self, template, *words):
        folder = self.folder(chat_template__jinja=template.encode())
        self.refused(3, ["chat template", *words], "-m", folder, "-p", "abc")

    def test_a_template_that_loops_for_ever_is_ended(self):
        self.bad("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}")
        loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
        self.bad(loop, "line 1")

    def test_a_template_that_grows_without_bound_is_ended(self):
        self.bad("{% set ns = namespace(t='aaaaaaaa') %}{% for i in range(200) %}"
                 "{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}", "line 1")
        self.bad("{{ 'a' * 9999999999 }}", "line 1")
        self.bad("{% for i in range(9999999999) %}{% endfor %}", "line 1")
        self.bad("{% set ns = namespace(l=[1]) %}{% for i in range(200) %}"
                 "{% set ns.l = ns.l + ns.l %}{% endfor %}", "line 1")

    def test_a_template_that_is_none_is_named_with_its_line(self):
        self.bad("{% if x %}\n{{ y", "line 2")
        self.bad("\n\n{{ messages[0].content | no_such_filter }}", "line 3")
        self.bad("{{ raise_exception('only in Latin') }}", "only in Latin")
        self.bad("{{ " + "(" * 5000, "line 1")

    def test_without_a_template_the_flag_that_helps_is_named(self):
        self.refused(3, ["--raw"], "-m", self.folder(), "-p", "abc")


class Prompts(SurroundingsTest):
    def test_prompts_that_do_not_fit_are_wrong_usage(self):
        folder = self.folder(config__json=b'{"max_position_embeddings": 16}')
        ids = ",".join(["1"] * 17)
        self.refused(2, ["17", "16"], "-m", folder, "--prompt-ids", ids)
        self.refused(2, ["3", "2"], "-m", folder, "--prompt-ids", "1,1,1", "-c", 2)
        self.refused(2, ["-c 17", "16"], "-m", folder, "--prompt-ids", "1", "-c", 17)
        run = self.weft("run", "-m", folder, "--prompt-ids", ",".join(["1"] * 16), "-n", 9)
        self.assertEqual(run.code, 0, run)

    def test_prompts_without_tokens_are_wrong_usage(self):
        self.refused(2, ["empty"], "-m", self.folder(), "--raw", "-p", "")
        self.refused(2, ["no tokens"], "-m", self.folder(), "--raw", "-p", "XYZ")
        self.refused(2, ["vocabulary"], "-m", self.folder(), "--prompt-ids", "8")


class Plugins(SurroundingsTest):
    """A bad plugin is named, and the answer comes from the backends that are left."""

    def answer_with(self, plugin, *words, backends="cpu,reference"):
        """Runs with the plugin named by --plugin; its sentence is on stderr."""
        run = self.weft("run", "-m", self.folder(), "--prompt-ids", "1,2", "-n", 2, "--plugin",
                        plugin, "--backend", backends, variables={"WEFT_PROBE_SECONDS": "1"})
        self.assertEqual(run.code, 0, run)
        self.assertTrue(run.out.strip(), run)
        for word in words:
            self.assertIn(word, run.err)
        return run

    def bad(self, name):
        file = BAD_PLUGINS / f"{name}.so"
        self.assertTrue(file.is_file(), f"{file} is not built")
        return file

    def test_a_file_that_is_no_library_is_named(self):
        for content in (b"", b"hello", b"\x7fELF" + bytes(60), bytes(4096)):
            file = self.scratch / "plugin.so"
            file.write_bytes(content)
            os.chmod(file, 0o644)
            with self.subTest(content=content[:8]):
                self.answer_with(file, "plugin.so is not used")
        self.answer_with("/nowhere/plugin.so", "/nowhere/plugin.so")

    def test_a_library_without_the_note_or_of_another_version_is_named(self):
        self.answer_with(self.bad("not_a_plugin"), "not_a_plugin.so", "without the note")
        self.answer_with(self.bad("other_version"), "other_version.so", "ABI 0.8", "rebuild")
        self.answer_with(self.bad("lies_about_version"), "lies_about_version.so", "0.10")

    def test_a_plugin_that_refuses_or_is_incomplete_is_named(self):
        self.answer_with(self.bad("entry_fails"), "entry_fails.so", "the driver is too old")
        self.answer_with(self.bad("missing_function"), "missing_function.so", "'execute'")
        self.answer_with(self.bad("bad_name"), "bad_name.so")
        self.answer_with(self.bad("half_a_pair"), "half_a_pair.so", "pair")

    def test_a_plugin_that_hangs_crashes_exits_or_throws_at_its_entry_is_named(self):
        self.answer_with(self.bad("hangs"), "hangs.so", "did not answer within 1000 ms")
        self.answer_with(self.bad("aborts"), "aborts.so", "signal 6", "the device caught fire")
        self.answer_with(self.bad("exits"), "exits.so", "exit code 3")
        self.answer_with(self.bad("throws"), "throws.so", "throws")

    def test_a_plugin_that_answers_every_claim_with_an_error_is_passed_over(self):
        run = self.answer_with(self.bad("claim_fails"), "the claim desk is closed", "cpu",
                               backends="claimfails,cpu,reference")
        self.assertIn("MatMul: claimfails", run.err)
        run = self.weft("run", "-m", self.folder(), "--prompt-ids", "1", "--plugin",
                        self.bad("claim_fails"), "--backend", "claimfails")
        self.assert_refused(run, 4, "claimed by no backend", "the claim desk is closed")

    def test_a_bad_plugin_that_is_the_only_backend_asked_for_is_an_error(self):
        for name in ("hangs", "aborts", "throws", "entry_fails", "other_version"):
            with self.subTest(plugin=name):
                run = self.weft("run", "-m", self.folder(), "--prompt-ids", "1", "--plugin",
                                self.bad(name), "--backend", name,
                                variables={"WEFT_PROBE_SECONDS": "1"})
                self.assert_refused(run, 4, f"{name}.so", "none of the backends")

    def test_a_plugin_that_passed_is_not_tried_in_a_child_again(self):
        plugin = BIN.parent.parent / "lib" / "weft" / "plugins" / "weft_null.so"
        cache = self.scratch / "cache"
        for _ in range(2):
            run = self.weft("run", "-m", self.folder(), "--prompt-ids", "1", "-n", 1, cache=cache,
                            variables={"WEFT_PLUGIN_PATH": str(plugin)}, *["--backend", "cpu,null"])
            self.assertEqual(run.code, 0, run)
            self.assertEqual(len(list(cache.glob("*.probed"))), 1)

    def test_probing_lists_what_is_wrong_with_each(self):
        names = ("hangs", "aborts", "throws")
        files = [flag for name in names for flag in ("--plugin", self.bad(name))]
        run = self.weft("plugins", "probe", *files, variables={"WEFT_PROBE_SECONDS": "1"})
        for name, verdict in zip(names, ("hung", "crashed", "refused")):
            self.assertRegex(run.out, rf"{name}\.so: {verdict}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
