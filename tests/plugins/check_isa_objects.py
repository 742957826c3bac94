"""Objects of one instruction set must not leak into code meant for another.

    check_isa_objects.py <isa> <object>...

A weak symbol in an AVX-512 object may be the copy the linker keeps for everybody, so there must be
none outside weft::cpu::<isa>; and objects of the baseline must hold no VEX or EVEX instruction.
"""
import re
import subprocess
import sys


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    isa, objects = sys.argv[1], sys.argv[2:]
    faults = []
    for path in objects:
        for line in run("nm", "-C", path).splitlines():
            match = re.match(r"[0-9a-f ]{16} ([WVu]) (.*)", line)
            if match and f"weft::cpu::{isa}::" not in match.group(2):
                faults.append(f"{path}: weak symbol {match.group(2)}")
        if isa == "base":
            code = run("objdump", "-d", "--no-show-raw-insn", path)
            for line in code.splitlines():
                if re.search(r"%[yz]mm|\tv(mov|add|mul|fmadd|broadcast|pxor|xorps)", line):
                    faults.append(f"{path}: {line.strip()}")
                    break
    if not objects:
        faults.append("no objects given")
    print("\n".join(faults) or f"{len(objects)} objects of {isa}: clean")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
