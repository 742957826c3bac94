#!/usr/bin/env python3
"""Sizes and forms every source file keeps: lines of 100 columns, files of 600 lines (a warning from
400), functions of 70, a comment at the head, `#pragma once`, a test file beside each .cpp.

    python3 tools/check_style.py [ROOT]       prints file:line messages, exits 1 if there are errors

Functions are found by layout (clang-format's): a line ending in `{` whose statement has a
parameter list, up to the `}` in the same column. Tables (.def) may be of any length and width.
"""

import ast
import pathlib
import re
import sys

COLUMNS, FILE_LINES, FILE_WARNING, FUNCTION_LINES = 100, 600, 400, 70
TOPS = ["core", "importers", "plugins", "plugin_api", "quant", "tests", "bench", "tools"]
CPP = {".c", ".h", ".cpp", ".hpp", ".cl", ".comp"}
SUFFIXES = CPP | {".def", ".py", ".sh", ".cmake"}
SKIP = re.compile(r"^tests/data/|/__pycache__/")

CONTROL = re.compile(r"^(\}\s*)?(else|if|for|while|switch|do|catch|try|namespace|class|struct|enum|"
                     r"union|extern|typedef|case|default)\b")
STATEMENT_END = re.compile(r"[;{}]\s*(//.*)?$|\*/\s*$|^\s*#|^\s*(public|private|protected):|"
                           r"^\s*//|^\s*$")


def is_function(lines, start):
    """Is the block opened at the end of lines[start] a function (or lambda) body?"""
    head, first = lines[start], start
    while first > 0 and start - first < 12 and not STATEMENT_END.search(lines[first - 1]):
        first -= 1
        head = lines[first].rstrip() + " " + head.strip()
    head = head.strip()
    return "(" in head and not CONTROL.match(head) and not re.search(r"=\s*\{$|\[\]\s*=", head)


def long_functions(lines):
    """Yields (line number, length) of C and C++ functions over the limit; inner ones not again."""
    at = 0
    while at < len(lines):
        line = lines[at]
        if re.search(r"\{\s*(//.*)?$", line) and is_function(lines, at):
            first = at
            while first > 0 and not STATEMENT_END.search(lines[first - 1]):
                first -= 1
            indent = len(lines[first]) - len(lines[first].lstrip())
            close = " " * indent + "}"
            end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith(close)), at)
            if end - first + 1 > FUNCTION_LINES:
                yield first + 1, end - first + 1
            at = max(end, at)
        at += 1


def python_functions(path, text):
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                yield node.lineno, length


def has_head(file, lines):
    lines = [line for line in lines if line.strip() and not line.startswith("#!")]
    if not lines:
        return file.name == "__init__.py"
    if file.suffix == ".py" or lines[0].startswith('"""'):
        return lines[0].startswith(('"""', 'r"""'))
    return lines[0].startswith(("//", "/*", "#"))


def is_c(path):
    """Headers that C compilers outside this project read have a classic guard."""
    return path.startswith(("plugin_api/", "plugins/null/"))


def check(root, file, errors, warnings):
    path = file.relative_to(root).as_posix()
    text = file.read_text(encoding="utf-8", errors="replace")
    lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
    if text and not text.endswith("\n"):
        errors.append(f"{path}:{len(lines)}: no newline at the end of the file")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS and file.suffix != ".def":
            errors.append(f"{path}:{number}: {len(line)} columns, at most {COLUMNS}")
        if line != line.rstrip():
            errors.append(f"{path}:{number}: white space at the end of the line")
        if "\t" in line:
            errors.append(f"{path}:{number}: a tab")
    if file.suffix != ".def" and len(lines) > FILE_LINES:
        errors.append(f"{path}:{FILE_LINES + 1}: {len(lines)} lines, at most {FILE_LINES}")
    elif file.suffix != ".def" and len(lines) > FILE_WARNING:
        warnings.append(f"{path}:{FILE_WARNING + 1}: {len(lines)} lines; is it still one idea?")
    if not has_head(file, lines):
        errors.append(f"{path}:1: no comment at the head that says what the file is for")
    guards = ("#pragma once\n", "#ifndef ") if is_c(path) else ("#pragma once\n",)
    if file.suffix in (".h", ".hpp") and not any("\n" + guard in text for guard in guards):
        errors.append(f"{path}:1: no '#pragma once'")
    if file.suffix in CPP:
        found = long_functions(lines)
    else:
        found = python_functions(path, text) if file.suffix == ".py" else ()
    for number, length in found:
        errors.append(f"{path}:{number}: a function of {length} lines, at most {FUNCTION_LINES}")


def without_mirror(root, file):
    """core/sym/dim.cpp is tested by tests/core/sym/dim_test.cpp."""
    path = file.relative_to(root)
    return (file.suffix == ".cpp" and path.parts[0] in ("core", "importers", "quant")
            and not (root / "tests" / path.parent / f"{path.stem}_test.cpp").exists())


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if root.is_dir() else root.parents[1]
    errors, warnings, mirrors, count = [], [], 0, 0
    for top in TOPS:
        for file in sorted((root / top).rglob("*")):
            path = file.relative_to(root).as_posix()
            script = file.is_file() and not file.suffix and file.read_bytes()[:3] == b"#!/"
            if SKIP.search(path) or not (file.suffix in SUFFIXES or script) or not file.is_file():
                continue
            count += 1
            check(root, file, errors, warnings)
            mirrors += without_mirror(root, file)
    for line in errors:
        print(line)
    for line in warnings:
        print(f"{line} (warning)")
    print(f"check_style: {count} files, {len(errors)} errors, {len(warnings)} warnings, "
          f"{mirrors} .cpp files without a test file of their name")
    return 1 if errors or not count else 0


if __name__ == "__main__":
    sys.exit(main())
