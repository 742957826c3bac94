#!/usr/bin/env python3
"""Tests of follow.py: a page that is right on a small tree, and the same page with one thing
wrong."""
import pathlib
import shutil
import tempfile
import unittest

import follow

TREE = {
    "core/ops/ops.def": "// Ops.\nOP(Relu)\nOP(Gelu)\n",
    "core/ops/old.cpp": "// Old.\nint a = 1;\n",
}

PAGE = """# Add a thing

Creates 2 files and adds 1 line to 1 file that exist.

Create **core/ops/new.cpp**:

```cpp
// New.
int b = 2;
```

In **core/ops/ops.def**, after `OP(Relu)`, insert:

```cpp
OP(New)
```

Then run:

```sh
cp core/ops/new.cpp core/ops/newer.cpp
grep -A1 Relu core/ops/ops.def | grep -q New
```

In **core/ops/newer.cpp**, replace:

```cpp
int b = 2;
```

by:

```cpp
int c = 3;
```

Then run:

```sh
grep -q 'c = 3' core/ops/newer.cpp
```
"""


class Page(unittest.TestCase):
    def follow(self, old="", new=""):
        """What following PAGE, with `old` replaced by `new`, took; or what is wrong."""
        self.assertIn(old, PAGE)
        with tempfile.TemporaryDirectory() as folder:
            tree, page = pathlib.Path(folder, "tree"), pathlib.Path(folder, "page.md")
            for name, text in TREE.items():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(text)
            (tree / "tools").mkdir()
            for rule in follow.RULES:
                shutil.copy(follow.ROOT / "tools" / rule, tree / "tools" / rule)
            page.write_text(PAGE.replace(old, new) if old else PAGE)
            try:
                return follow.check_page(tree, page, False)
            except follow.Wrong as wrong:
                return str(wrong)

    def test_a_page_that_is_right(self):
        self.assertEqual(self.follow(), "2 files created and 1 lines added to 1 files")

    def test_a_wrong_count(self):
        for claim in ("Creates 3 files and adds 1 line to 1 file",
                      "Creates 2 files and adds 2 lines to 1 file",
                      "Creates 2 files and adds 1 line to 2 files"):
            self.assertIn("its head says",
                          self.follow("Creates 2 files and adds 1 line to 1 file", claim))
        self.assertIn("needs once", self.follow("Creates 2", "Makes 2"))

    def test_an_instruction_that_leads_nowhere(self):
        self.assertIn("0 lines 'OP(Silu)'", self.follow("after `OP(Relu)`", "after `OP(Silu)`"))
        self.assertIn("there is no core/op/ops.def",
                      self.follow("**core/ops/ops.def**", "**core/op/ops.def**"))
        self.assertIn("there already", self.follow("**core/ops/new.cpp**", "**core/ops/old.cpp**"))
        self.assertIn("0 times", self.follow("replace:\n\n```cpp\nint b",
                                             "replace:\n\n```cpp\nint d"))
        self.assertIn("no instruction above", self.follow("Then run:", "Then perhaps run:"))

    def test_a_command_that_fails(self):
        self.assertIn("exit status 1", self.follow("'c = 3'", "'c = 4'"))
        self.assertIn("selects no test", self.follow("grep -q 'c = 3' core/ops/newer.cpp",
                                                     "echo Running 0 tests"))

    def test_a_change_that_is_not_an_addition(self):
        self.assertIn("has lost the line 'OP(Gelu)'",
                      self.follow("cp core", "sed -i /Gelu/d core/ops/ops.def\ncp core"))
        self.assertIn("is gone", self.follow("cp core", "rm core/ops/old.cpp\ncp core"))

    def test_a_file_against_the_rules_of_the_house(self):
        self.assertIn("no comment at the head", self.follow("// New.\n", ""))


if __name__ == "__main__":
    unittest.main()
