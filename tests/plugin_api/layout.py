#!/usr/bin/env python3
"""Prints the binary layout of the headers of the ABI (weft/plugin.h, extensions.h), or compares it
with a stored one.

    layout.py INCLUDE                    prints it
    layout.py INCLUDE --golden FILE      exit 1 and a diff when it differs from FILE
    layout.py INCLUDE --newer-than FILE  exit 1 unless it is FILE plus fields at the ends of structs
                                         and new constants: what a minor version may do
    layout.py INCLUDE --asserts          prints the C static asserts of abi_check.c

One line per struct (size), field (offset, size, declared type) and constant (value). Offsets and
values come from a compiled program; the declared types from the text, since a change from int32_t
to uint32_t moves nothing and still breaks callers.
"""
import argparse
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

NOT_CONSTANTS = {"WEFT_CALL", "WEFT_EXPORT", "WEFT_PLUGIN_H_", "WEFT_EXTENSIONS_H_"}


def declarators(statement):
    """[(field, declared type)] of one member declaration, white space squeezed."""
    pointer = re.match(r"(.*?\(\s*WEFT_CALL\s*\*\s*)(\w+)(\)\s*\(.*\))$", statement)
    if pointer:
        return [(pointer[2], pointer[1] + pointer[3])]
    first, *rest = [part.strip() for part in statement.split(",")]
    base, name = re.match(r"(.*?[\s*])(\w+(?:\[\w+\])?)$", first).groups()
    fields = []
    for text in [name, *rest]:
        field, array = re.match(r"(\w+)((?:\[\w+\])?)$", text).groups()
        fields.append((field, base.strip() + array))
    return fields


def structs(header):
    for match in re.finditer(r"typedef struct (\w+) \{(.*?)\n\} \1;", header, re.S):
        members = [" ".join(part.split()) for part in match[2].split(";")]
        yield match[1], [pair for member in members if member for pair in declarators(member)]


def constants(header):
    constant = r"^#define (WEFT_\w+) +(\"[^\"]*\"|\(?-?\w+\)?)\s*$"
    for name, value in re.findall(constant, header, re.M):
        if name not in NOT_CONSTANTS:
            yield name, value.startswith('"')


def read_header(include):
    text = "".join(pathlib.Path(include, "weft", name).read_text(encoding="utf-8")
                   for name in ("plugin.h", "extensions.h"))
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def layout(include):
    header = read_header(include)
    lines = []
    for name, fields in structs(header):
        lines.append(f'printf("{name} size %zu\\n", sizeof({name}));')
        for field, declared in fields:
            place = f"offsetof({name}, {field}), sizeof((({name}*)0)->{field})"
            lines.append(f'printf("  {name}.{field} @%zu +%zu {declared}\\n", {place});')
    for name, is_text in constants(header):
        if is_text:
            lines.append(f'printf("{name} = %s\\n", {name});')
        else:
            lines.append(f'printf("{name} = %lld\\n", (long long)({name}));')
    body = "\n  ".join(lines)
    program = ("#include <stdio.h>\n#include <weft/extensions.h>\n"
               f"int main(void) {{\n  {body}\n  return 0;\n}}\n")
    with tempfile.TemporaryDirectory() as folder:
        source, binary = os.path.join(folder, "layout.c"), os.path.join(folder, "layout")
        pathlib.Path(source).write_text(program, encoding="utf-8")
        compiler = os.environ.get("CC", "cc")
        subprocess.check_call([compiler, "-std=c99", f"-I{include}", source, "-o", binary])
        return subprocess.check_output([binary], text=True).splitlines()


def asserts(include):
    for line in layout(include):
        if match := re.match(r"  (\w+)\.(\w+) @(\d+)", line):
            yield f"AT({match[1]}, {match[2]}, {match[3]});"
        elif match := re.match(r"(\w+) size (\d+)", line):
            yield f"\nSIZE({match[1]}, {match[2]});"


def minor_faults(old, new):
    """What in `new` a minor version may not do to `old`, one sentence each."""
    faults, found = [], {line.split()[0]: line for line in new}
    ends = {}  # struct -> where its last old field ends
    for line in old:
        key = line.split()[0]
        if key not in found:
            faults.append(f"'{key}' is gone")
        elif match := re.match(r"  (\w+)\.\w+ @(\d+) \+(\d+)", line):
            ends[match[1]] = max(ends.get(match[1], 0), int(match[2]) + int(match[3]))
            if found[key] != line:
                faults.append(f"'{line.strip()}' became '{found[key].strip()}'")
        elif " = " in line and found[key] != line and not key.startswith("WEFT_VERSION_M"):
            faults.append(f"'{line}' became '{found[key]}'")
    known = {line.split()[0] for line in old}
    for line in new:
        match = re.match(r"  (\w+)\.(\w+) @(\d+)", line)
        if match and line.split()[0] not in known and int(match[3]) < ends.get(match[1], 0):
            faults.append(f"'{match[1]}.{match[2]}' is not at the end of its struct")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("include")
    parser.add_argument("--golden")
    parser.add_argument("--newer-than")
    parser.add_argument("--asserts", action="store_true")
    args = parser.parse_args()
    if args.asserts:
        print("\n".join(asserts(args.include)).strip())
        return 0
    lines = layout(args.include)
    if not args.golden and not args.newer_than:
        print("\n".join(lines))
        return 0
    golden = args.golden or args.newer_than
    stored = pathlib.Path(golden).read_text(encoding="utf-8").splitlines()
    if args.golden:
        faults = list(difflib.unified_diff(stored, lines, golden, "weft/plugin.h", lineterm=""))
    else:
        faults = minor_faults(stored, lines)
    print("\n".join(faults) if faults else f"layout agrees with {golden}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
