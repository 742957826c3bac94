"""Runs of the weft binary for the tests beside this file.

WEFT_BIN          the binary (set by CMake)
WEFT_TEST_MODELS  a folder with SmolLM2-135M-Instruct as ONNX: `smollm2` with the 4-bit codes of its
                  source, `smollm2-float` with the same weights in f32 (set by tools/test)

Every run uses a preparation cache of its own test file, so neither the user's cache nor another
test decides what is compiled.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "smollm2"
BIN = pathlib.Path(os.environ["WEFT_BIN"])
PARIS = "What is the capital of France?"
PARIS_ANSWER = "The capital of France is Paris."


def model(name="smollm2"):
    """The folder of a model; a test that needs one that is not there fails with a sentence."""
    models = os.environ.get("WEFT_TEST_MODELS")
    if not models:
        raise AssertionError("WEFT_TEST_MODELS is not set; tools/test makes the models and sets it")
    folder = pathlib.Path(models) / name
    if not (folder / "model.onnx").is_file():
        raise AssertionError(f"there is no model in {folder}; tools/test makes it")
    return folder


class Run:
    """What one run left behind: exit code, stdout, stderr."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def __str__(self):
        command = " ".join(map(str, self.arguments))
        return f"{command[:300]}\nexit {self.code}\n{self.out}\n{self.err}"


class WeftTest(unittest.TestCase):
    """Tests with a scratch folder, and a preparation cache that all tests of a class share."""

    longMessage = True

    @classmethod
    def setUpClass(cls):
        cls._class_folder = tempfile.TemporaryDirectory(prefix="weft_models_")
        cls.addClassCleanup(cls._class_folder.cleanup)
        cls.cache = pathlib.Path(cls._class_folder.name) / "cache"

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="weft_models_")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def environment(self, cache=None, **variables):
        """The environment of a run: nothing of the user's setup of Weft reaches it."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
        clean["WEFT_CACHE_DIR"] = str(cache or self.cache)
        clean.update(variables)
        return clean

    def weft(self, *arguments, binary=BIN, cache=None, variables=None, **options):
        """Runs weft to its end."""
        command = [str(binary), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              env=self.environment(cache, **(variables or {})), **options)
        return Run(arguments, done.returncode, done.stdout, done.stderr)

    def answer(self, *arguments, **options):
        """The JSON object of a greedy run that succeeds."""
        run = self.weft("run", "--temp", "0", "--json", *arguments, **options)
        self.assertEqual(run.code, 0, run)
        return json.loads(run.out)

    def assert_refused(self, run, code, *words):
        """The run ends with `code`, one sentence on stderr that has `words`, and no answer."""
        self.assertEqual(run.code, code, run)
        self.assertEqual(run.out, "", run)
        lines = [line for line in run.err.splitlines() if line.strip()]
        self.assertTrue(lines, run)
        self.assertTrue(lines[-1].startswith("weft: "), run)
        for word in words:
            self.assertIn(word, run.err)

    def require_device(self, name):
        """Skips the test when backend `name` has no device; fails it when WEFT_REQUIRE_DEVICES, a
        list, has the name."""
        probe = self.weft("plugins", "probe", "--json")
        found = {row["name"]: row for row in json.loads(probe.out)}.get(name, {})
        if found.get("devices"):
            return
        why = f"no device of {name}: {found.get('why', 'the plugin is not built')}"
        if name in os.environ.get("WEFT_REQUIRE_DEVICES", ""):
            self.fail(why)
        self.skipTest(why)

    def install(self, *plugins):
        """Copies the binary and some plugins to a prefix of their own; returns the binary there."""
        prefix = self.scratch / "prefix"
        folder = prefix / "lib" / "weft" / "plugins"
        folder.mkdir(parents=True, mode=0o755)
        (prefix / "bin").mkdir(mode=0o755)
        built = BIN.parent.parent / "lib" / "weft" / "plugins"
        for plugin in plugins:
            shutil.copy(built / f"weft_{plugin}.so", folder)
        return pathlib.Path(shutil.copy(BIN, prefix / "bin"))
