#!/usr/bin/env python3
"""Installs what a vendor gets, and builds a renamed copy of the null backend against it alone.

    out_of_tree.py CMAKE BUILD_FOLDER NULL_BACKEND

The renaming is the one that plugins/null/README.md shows.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import check_exports

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(acme C)
find_package(weft REQUIRED)
weft_add_plugin(acme SOURCES plugin.c claim.c memory.c event.c program.c)
"""


def readme_commands(null):
    """The sed lines of the README, as they stand there."""
    lines = (null / "README.md").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip().startswith(("mv ", "sed -i"))]


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main(cmake, build, null):
    with tempfile.TemporaryDirectory() as folder:
        prefix, source = pathlib.Path(folder, "prefix"), pathlib.Path(folder, "acme")
        run(cmake, "--install", build, "--component", "plugin_api", "--prefix", str(prefix))
        shutil.copytree(null, source)
        for command in readme_commands(null):
            subprocess.run(["bash", "-ec", command], check=True, cwd=source)
        (source / "CMakeLists.txt").write_text(PROJECT, encoding="utf-8")
        leftovers = [file.name for file in source.glob("*.[ch]")
                     if re.search(r"\bnull_", file.read_text())]
        run(cmake, "-S", str(source), "-B", folder + "/build", f"-DCMAKE_PREFIX_PATH={prefix}")
        run(cmake, "--build", folder + "/build")
        plugin = pathlib.Path(folder, "build", "lib", "weft", "plugins", "weft_acme.so")
        faults = list(check_exports.faults_of(str(plugin)))
        if b"acme" not in plugin.read_bytes():
            faults.append("the plugin does not carry its new name")
        faults += [f"{name} still speaks of null" for name in leftovers]
        print("\n".join(faults) if faults else "a renamed copy builds outside the tree")
        return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])))
