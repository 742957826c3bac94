"""Tests of tools/check_layers.py, check_style.py and check_docs.py: each on a small tree that is
in order, and on the same tree with one thing wrong."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

GOOD = {
    "plugin_api/include/weft/plugin.h": "/* C. */\n#ifndef P_H\n#include <stdint.h>\n#endif\n",
    "core/base/result.h": "// Errors.\n#pragma once\n#include <string>\n",
    "core/ir/graph.h": "// Graphs.\n#pragma once\n#include \"core/base/result.h\"\n",
    "core/host/load.cpp": "// Loads.\n#include <dlfcn.h>\n#include \"weft/plugin.h\"\n",
    "core/passes/fold.cpp": "// Folds, on opencl too.\n#include \"core/ir/graph.h\"\n",
    "plugins/opencl/plugin.cpp": "// GPU.\n#include \"plugins/common/a.h\"\n#include <CL/cl.h>\n",
    "plugins/common/a.h": "// Shared.\n#pragma once\n#include \"weft/plugin.h\"\n",
    "plugins/reference/plugin.cpp": "// Oracle.\n#include \"core/ops/op_def.h\"\n",
    "core/ops/op_def.h": "// Ops.\n#pragma once\n#include \"core/ir/graph.h\"\n",
    "plugins/null/null.h": "/* C. */\n#ifndef NULL_H\n#define NULL_H\n#endif\n",
    "plugins/null/plugin.c": "/* C. */\n#include \"null.h\"\n",
    "tools/weft/verbs.def": "// Verbs.\nVERB(run)\n",
    "README.md": "# Weft\n\nSee `core/ir/graph.h`; `weft run -m x`; `build/a.so` is made.\n",
}


class Tree(unittest.TestCase):
    def check(self, script, changes=None):
        """Runs tools/<script> on GOOD with `changes`: (exit status, what it printed)."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**GOOD, **(changes or {})}.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([sys.executable, ROOT / "tools" / script, folder],
                                  capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def refuses(self, script, name, text, message):
        status, output = self.check(script, {name: text})
        self.assertEqual(status, 1, output)
        self.assertIn(message, output)

    def test_a_tree_in_order_passes_every_check(self):
        for script in ("check_layers.py", "check_style.py", "check_docs.py"):
            self.assertEqual(self.check(script)[0], 0, self.check(script)[1])

    def test_layers_are_enforced(self):
        for name, include, message in (
                ("core/ir/a.cpp", '"core/passes/x.h"', "core/ir/a.cpp:2: core/ir may not"),
                ("core/ir/a.cpp", '"weft/plugin.h"', "core/ir may not include plugin_api"),
                ("core/text/a.cpp", '"core/ir/graph.h"', "core/text may not"),
                ("quant/a.cpp", '"core/base/result.h"', "quant may not"),
                ("plugins/cpu/a.cpp", '"core/base/result.h"', "plugins may not"),
                ("plugins/cpu/a.cpp", '"plugins/opencl/b.h"', "plugins may not"),
                ("plugins/reference/a.cpp", '"core/plan/b.h"', "plugins/reference may not"),
                ("plugin_api/include/weft/b.h", "<stdio.h>", "plugin_api may not need <stdio.h>"),
                ("core/plan/a.cpp", "<onnx/onnx_pb.h>", "belongs to importers/onnx"),
                ("core/ir/a.cpp", '"graph.h"', "not named from the repository root")):
            with self.subTest(name=name, include=include):
                self.refuses("check_layers.py", name, f"// Head.\n#include {include}\n", message)

    def test_core_names_no_backend(self):
        for line in ('bool gpu = name == "opencl";', "#ifdef WITH_X\nint vulkan_npu;\n#endif",
                     'auto fallback = "cpu";'):
            self.refuses("check_layers.py", "core/plan/a.cpp", f"// Head.\n{line}\n",
                         "core names the backend")

    def test_style_limits_are_enforced(self):
        body = "".join(f"  f({i});\n" for i in range(69))
        for name, text, message in (
                ("core/ir/a.cpp", "// Head.\nint x = " + "1" * 100 + ";\n", "109 columns"),
                ("core/ir/a.cpp", "int x;\n", "a.cpp:1: no comment at the head"),
                ("core/ir/a.h", "// Head.\nint x;\n", "no '#pragma once'"),
                ("core/ir/a.cpp", "// Head.\n" + "int x;\n" * 600, "601 lines, at most 600"),
                ("core/ir/a.cpp", "// Head.\nint x; \n", "a.cpp:2: white space"),
                ("core/ir/a.cpp", "// Head.\nint x;", "no newline"),
                ("core/ir/a.cpp", "// Head.\nvoid f(int a,\n       int b) {\n" + body + "}\n",
                 "a.cpp:2: a function of 72 lines"),
                ("tools/a.py", '"""Head."""\ndef f():\n' + "    g()\n" * 70,
                 "function of 71 lines")):
            with self.subTest(message=message):
                self.refuses("check_style.py", name, text, message)

    def test_long_classes_tables_and_functions_of_the_limit_pass(self):
        lines = "".join(f"  int a{i};\n" for i in range(90))
        body = "".join(f"  f({i});\n" for i in range(68))
        for text in (f"struct A {{\n{lines}}};\n", f"namespace a {{\n{lines}}}\n",
                     f"void f() {{\n{body}}}\nvoid g() {{\n{body}}}\n",
                     f"const int a[] = {{\n{lines}}};\n"):
            status, output = self.check("check_style.py", {"core/ir/a.cpp": "// Head.\n" + text})
            self.assertEqual(status, 0, output)

    def test_documents_name_what_exists(self):
        for text, message in (("`core/ir/gone.h`", "README.md:1: there is no core/ir/gone.h"),
                              ("`weft fly`", "'weft fly' is not in verbs.def"),
                              ("[x](docs/gone.md)", "the link to docs/gone.md leads nowhere"),
                              ("```\ntools/gone --full\n```", "README.md:2: there is no"),
                              ("in /" + "home/somebody/x", "an absolute path, /")):
            with self.subTest(text=text):
                self.refuses("check_docs.py", "README.md", text + "\n", message)


if __name__ == "__main__":
    unittest.main()
