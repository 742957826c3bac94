#!/usr/bin/env python3
"""What reading a large model takes: the float export with its weights beside it, and as one file.

Beside: the file is mapped, and importing touches next to nothing of it; a first start gives back
what it has packed. Inside: the bytes are held once as the file and once as tensors while protobuf
parses. Times are printed, not checked.

WEFT_BIN is the binary; WEFT_TEST_MODELS a folder with the export `optimum`.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

WEFT = os.environ.get("WEFT_BIN", "build/release/bin/weft")
MODELS = os.environ.get("WEFT_TEST_MODELS")
MIB = 1 << 20

INLINE = """
import sys, onnx
onnx.save_model(onnx.load(sys.argv[1]), sys.argv[2], save_as_external_data=False)
"""


def peak_bytes(*command):
    """The largest resident set of a command that must succeed."""
    start = time.monotonic()
    child = subprocess.Popen([WEFT, *map(str, command)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise AssertionError(f"{command} ended with {child.returncode}")
    peak = usage.ru_maxrss * 1024
    print(f"weft {command[0]}: {time.monotonic() - start:.1f} s, {peak / MIB:.0f} MiB",
          file=sys.stderr)
    return peak


@unittest.skipUnless(MODELS, "WEFT_TEST_MODELS names no folder")
class ImportMemory(unittest.TestCase):
    def setUp(self):
        self.model = pathlib.Path(MODELS, "optimum")

    def test_weights_beside_the_model_are_not_copied(self):
        size = sum(path.stat().st_size for path in self.model.iterdir())
        self.assertGreater(size, 500 * MIB)
        self.assertLess(peak_bytes("import", self.model), 1.2 * size + 150e6)
        self.assertLess(peak_bytes("import", self.model), 150e6)

    def test_a_first_start_holds_the_packed_weights_alone(self):
        size = sum(path.stat().st_size for path in self.model.iterdir())
        run = ("run", "-m", self.model, "--prompt-ids", "504,3575,282", "-n", "1", "--no-cache")
        self.assertLess(peak_bytes(*run), 1.2 * size + 150e6)

    def test_weights_inside_the_model_are_held_twice_at_most(self):
        with tempfile.TemporaryDirectory() as folder:
            one = pathlib.Path(folder, "model.onnx")
            subprocess.run([sys.executable, "-c", INLINE, str(self.model / "model.onnx"), str(one)],
                           check=True)
            size = one.stat().st_size
            self.assertGreater(size, 500 * MIB)
            self.assertLess(peak_bytes("import", one), 2.1 * size + 150e6)


if __name__ == "__main__":
    unittest.main()
