#!/usr/bin/env python3
"""Checks built plugin files the way a loader sees them.

    check_exports.py PLUGIN.so...         one exported symbol, nothing unique,
                                          nothing needed that belongs to the core
    check_exports.py --program PROGRAM    the program is linked with no plugin
"""
import re
import subprocess
import sys

FORBIDDEN_LIBRARIES = ("protobuf", "onnx", "boost", "libweft", "weft_")


def run(*command):
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-dW", path))


def faults_of(path):
    symbols = [line.split()[-2:] for line in run("nm", "-D", "--defined-only", path).splitlines()]
    if [name for _, name in symbols] != ["weft_plugin_entry"]:
        yield f"exports {[name for _, name in symbols]}, not weft_plugin_entry alone"
    unique = [line.split()[-1] for line in run("nm", path).splitlines() if line.split()[-2] == "u"]
    if unique:
        yield f"has unique symbols, which are shared between plugins: {unique[:5]}"
    dynamic = run("readelf", "-dW", path)
    if "(TEXTREL)" in dynamic or re.search(r"FLAGS\).*TEXTREL", dynamic):
        yield "needs relocations in its code (TEXTREL)"
    if "NODELETE" not in dynamic:
        yield "may be unloaded (no NODELETE)"
    if "NOW" not in dynamic:
        yield "binds symbols late (no BIND_NOW)"
    if re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        yield "carries a library search path"
    segments = run("readelf", "-lW", path)
    stack = re.search(r"GNU_STACK.*", segments)
    if not stack or re.search(r"\bRWE\b", stack[0]):
        yield "asks for an executable stack"
    if not re.search(r"^\s*NOTE\s", segments, re.M) or ".note.weft" not in segments:
        yield "has no .note.weft in a NOTE segment"
    for library in needed(path):
        if any(word in library for word in FORBIDDEN_LIBRARIES):
            yield f"needs {library}"


def main(arguments):
    if arguments[0] == "--program":
        found = [name for name in needed(arguments[1]) if "weft_" in name]
        print(f"{arguments[1]} is linked with plugins: {found}" if found else "no plugin is linked")
        return 1 if found else 0
    failed = False
    for path in arguments:
        for fault in faults_of(path):
            failed = True
            print(f"{path}: {fault}")
    print(f"{len(arguments)} files looked at")
    return 1 if failed or not arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
