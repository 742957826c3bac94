#!/usr/bin/env python3
"""Changes weft/plugin.h in ways that break or extend it, and sees whether layout.py notices.

    test_layout.py INCLUDE
"""
import pathlib
import shutil
import sys
import tempfile

import layout

BREAKING = {
    "a function in the middle of the table": (
        "  void(WEFT_CALL* device_close)(weft_device*);",
        "  void(WEFT_CALL* inserted)(weft_device*);\n"
        "  void(WEFT_CALL* device_close)(weft_device*);"),
    "int32_t becomes uint32_t": ("  int32_t priority;", "  uint32_t priority;"),
    "a constant gets another value": ("#define WEFT_E_IO (-8)", "#define WEFT_E_IO (-18)"),
    "a field goes": ("  uint64_t run_id;\n", "  uint64_t reserved1;\n"),
}
EXTENDING = {
    "a function at the end of the table": (
        "\n} weft_api;", "\n  void(WEFT_CALL* appended)(weft_device*);\n} weft_api;"),
    "a new constant": ("#define WEFT_E_IO (-8)",
                       "#define WEFT_E_NEW (-11)\n#define WEFT_E_IO (-8)"),
}


def changed_layout(include, change):
    before, after = change
    text = pathlib.Path(include, "weft", "plugin.h").read_text(encoding="utf-8")
    assert text.count(before) == 1, f"'{before}' is not in the header exactly once"
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "weft")
        copy.mkdir()
        shutil.copy(pathlib.Path(include, "weft", "extensions.h"), copy)
        (copy / "plugin.h").write_text(text.replace(before, after), encoding="utf-8")
        return layout.layout(folder)


def main(include):
    old = layout.layout(include)
    failed = []
    for name, change in {**BREAKING, **EXTENDING}.items():
        new = changed_layout(include, change)
        if new == old:
            failed.append(f"{name}: the layout is the same")
        if (name in BREAKING) != bool(layout.minor_faults(old, new)):
            failed.append(f"{name}: judged wrongly as a minor change")
    judged = f"{len(BREAKING) + len(EXTENDING)} changes judged rightly"
    print("\n".join(failed) if failed else judged)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
