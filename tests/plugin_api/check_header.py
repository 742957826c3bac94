#!/usr/bin/env python3
"""Compiles weft/plugin.h, extensions.h and note.h alone, as every C and C++ a vendor may use.

    check_header.py INCLUDE

Warnings are errors, with -Wpadded among them: a struct with implicit padding could not grow by a
field without keeping its size. The headers may include <stddef.h>, <stdint.h> and each other only.
"""
import pathlib
import re
import shutil
import subprocess
import sys

FLAGS = ["-pedantic-errors", "-Wall", "-Wextra", "-Wshadow", "-Wpadded", "-Wundef", "-Werror",
         "-Wno-unused-function", "-fsyntax-only"]
LANGUAGES = {
    "c": ["c99", "c11", "c17"],
    "c++": ["c++98", "c++11", "c++14", "c++17", "c++20"],
}
COMPILERS = {"c": ["gcc", "clang"], "c++": ["g++", "clang++"]}
HEADERS = ("plugin.h", "extensions.h", "note.h")
ALLOWED = {"stddef.h", "stdint.h", "weft/plugin.h"}


def compile_all(include):
    failed, done = 0, 0
    for language, standards in LANGUAGES.items():
        for compiler in filter(shutil.which, COMPILERS[language]):
            for standard in standards:
                for header in HEADERS:
                    command = [compiler, "-x", language, f"-std={standard}", f"-I{include}",
                               *FLAGS, "-"]
                    source = f"#include <weft/{header}>\n"
                    result = subprocess.run(command, input=source, text=True, capture_output=True)
                    done += 1
                    if result.returncode:
                        failed += 1
                        print(f"{header} as {standard} with {compiler}:\n{result.stderr}")
    if done == 0:
        print("no compiler was found")
    print(f"{done} compilations, {failed} failed")
    return failed == 0 and done > 0


def includes_allowed(include):
    found = set()
    for header in HEADERS:
        text = pathlib.Path(include, "weft", header).read_text(encoding="utf-8")
        found |= set(re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, re.M))
    if not found <= ALLOWED:
        print(f"includes that are not allowed: {sorted(found - ALLOWED)}")
    return found <= ALLOWED


if __name__ == "__main__":
    sys.exit(0 if includes_allowed(sys.argv[1]) & compile_all(sys.argv[1]) else 1)
