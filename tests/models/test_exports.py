"""The same model as four exporters wrote it gives the same tokens, in place and on one backend.

What make_export.py puts together: `optimum` (TorchScript, opset 18), `dynamo-op18` and
`dynamo-op23` (torch.export), `genai-fp32` (ONNX Runtime GenAI's builder). They spell attention,
rotary embedding, norms, masks and caches each in its own way, and must end in one graph.
"""

import collections
import re
import unittest

from test_models import CPU, GOLDENS, Answers
from weft_runs import WeftTest, model

OP = re.compile(r"^  %.* = ([A-Za-z]+)\(", re.MULTILINE)
LAYERS = 30


class Export(Answers):
    """540 MB each, which is not worth a cache entry here."""

    flags = ("--no-cache",)

    def ops(self, until):
        run = self.weft("opt", model(self.name), "--until", until)
        self.assertEqual(run.code, 0, run)
        return collections.Counter(OP.findall(run.out))

    def test_blocks_that_are_spelled_out_become_ops(self):
        ops = self.ops("canonical")
        self.assertEqual(ops["Attention"], LAYERS)
        self.assertEqual(ops["RotaryEmbedding"], 2 * LAYERS)
        self.assertEqual(ops["RMSNormalization"], 2 * LAYERS + 1)
        self.assertEqual(ops["Swish"], LAYERS)
        self.assertEqual(ops["Add"], 2 * LAYERS)
        for gone in ("Softmax", "Expand", "Where", "Concat", "Shape", "Range", "Reshape"):
            self.assertEqual(ops[gone], 0, gone)

    def test_the_cache_is_written_in_place(self):
        golden = GOLDENS[0]
        got = self.check_golden(golden, *CPU)
        self.assertEqual(got["counters"]["tokens"], len(golden["new_ids"]) - 2)
        self.assertEqual(got["counters"]["bytes_copied"], 0)
        self.assertEqual(got["counters"]["heap_allocations"], 0)
        self.assertEqual(self.ops("placed")["TensorScatter"], 2 * LAYERS)


class Optimum(Export, WeftTest):
    name = "optimum"


class Dynamo18(Export, WeftTest):
    name = "dynamo-op18"


class Dynamo23(Export, WeftTest):
    name = "dynamo-op23"


class GenAi(Export, WeftTest):
    name = "genai-fp32"


if __name__ == "__main__":
    unittest.main(verbosity=2)
