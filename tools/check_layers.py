#!/usr/bin/env python3
"""Who may include whom. Reads every #include of the product and compares it with the table below,
which is the one in docs/ARCHITECTURE.md; also keeps backend names out of core.

    python3 tools/check_layers.py [ROOT]      prints file:line messages, exits 1 if there are any
"""

import pathlib
import re
import sys

SUFFIXES = {".c", ".h", ".cpp", ".hpp", ".def", ".cl", ".comp"}

# Folder: what of ours it may include. The longest matching folder counts; files directly in core/
# are the engine. A folder may always include itself.
LAYERS = {
    "plugin_api": [],
    "quant": [],
    "core/base": [],
    "core/sym": ["core/base"],
    "core/ir": ["core/sym", "core/base", "core/ops/ops.def", "quant/formats.def"],
    "core/ops": ["core/ir", "core/sym", "core/base", "quant/formats.def", "quant/code_rows.h"],
    "core/passes": ["core/ops", "core/ir", "core/sym", "core/base", "quant"],
    "core/host": ["plugin_api", "core/base"],
    "core/partition": ["core/host", "core/ops", "core/ir", "core/sym", "core/base", "plugin_api"],
    "core/plan": ["core/partition", "core/host", "core/ops", "core/ir", "core/sym", "core/base",
                  "plugin_api"],
    "core/schedule": ["core/base"],
    "core/runtime": ["core/plan", "core/schedule", "core/partition", "core/host", "core/ops",
                     "core/ir", "core/sym", "core/base", "plugin_api", "quant"],
    "core/text": ["core/base"],
    "core": ["core", "plugin_api", "quant"],
    "importers": ["core/ops", "core/ir", "core/sym", "core/base", "quant"],
    "plugins/common": ["plugin_api", "quant"],
    "plugins/reference": ["plugin_api", "quant", "plugins/common", "core/ops", "core/ir",
                          "core/sym", "core/base"],
    "plugins": ["plugin_api", "quant", "plugins/common"],
}

# Outside headers that belong to one place, or to some.
OUTSIDE = {
    r"onnx/|google/protobuf/": "importers/onnx",
    r"CL/": "plugins/opencl",
    r"vulkan/|glslang/": "plugins/vulkan_npu",
    r"dlfcn\.h|boost/dll": ("core/host", "plugins/vulkan_npu"),
    r"utf8proc\.h|pcre2\.h": "core/text",
}

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


def owner(path):
    """The LAYERS key a path of ours belongs to; None if it has no rule."""
    best = None
    for folder in LAYERS:
        if path.startswith(folder + "/") and (best is None or len(folder) > len(best)):
            best = folder
    return best


def plugin_folder(path):
    """plugins/<name>, so that "itself" means one plugin and not all of them."""
    return "/".join(path.split("/")[:2])


def itself(path, target):
    if path.startswith("plugins/"):
        return plugin_folder(path) == plugin_folder(target)
    return owner(path) == owner(target)


def violation(path, quote, target, root):
    """What is wrong with `path` including `target`, or None."""
    if quote == '"' or target.startswith("weft/"):
        if target.startswith(("weft/", "ext/")):
            target = "plugin_api/include/" + target
        elif path.startswith("plugins/null/") and "/" not in target:
            return None                    # the skeleton is copied away, with its folder as root
        elif "/" not in target:
            return f'"{target}" is not named from the repository root'
        if itself(path, target):
            return None
        for folder in LAYERS[owner(path)]:
            if target == folder or target.startswith(folder + "/"):
                return None
        return f"{owner(path)} may not include {target}"
    if path.startswith("plugin_api/include") and not path.endswith(".hpp"):
        return None if target in ("stddef.h", "stdint.h") else f"plugin_api may not need <{target}>"
    for pattern, homes in OUTSIDE.items():
        homes = (homes,) if isinstance(homes, str) else homes
        if re.match(pattern, target) and not path.startswith(tuple(h + "/" for h in homes)):
            return f"<{target}> belongs to {' and '.join(homes)}"
    return None


def backend_names(root):
    """Names core must not know. A word of the language of graphs (reference, null) stays free."""
    folder = root / "plugins"
    names = {p.name for p in folder.iterdir() if p.is_dir()} if folder.is_dir() else set()
    special = sorted(names - {"common", "reference", "null", "cpu"} | {"opencl", "vulkan"})
    return re.compile("(?i:(?<![a-z])(" + "|".join(special) + '))|"(cpu|reference)"')


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if root.is_dir() else root.parents[1]
    forbidden, found, files = backend_names(root), [], 0
    for top in sorted({folder.split("/")[0] for folder in LAYERS}):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in SUFFIXES:
                continue
            files += 1
            path = file.relative_to(root).as_posix()
            text = file.read_text(encoding="utf-8", errors="replace")
            if owner(path) is None:
                found.append(f"{path}:1: no rule in tools/check_layers.py for this folder")
                continue
            for number, line in enumerate(text.splitlines(), 1):
                match = INCLUDE.match(line)
                if match and (what := violation(path, *match.groups(), root)):
                    found.append(f"{path}:{number}: {what}")
            if top == "core":
                bare = COMMENT.sub(lambda m: "\n" * m.group().count("\n"), text)
                for number, line in enumerate(bare.splitlines(), 1):
                    if match := forbidden.search(line):
                        found.append(f"{path}:{number}: core names the backend {match.group()}")
    for line in found:
        print(line)
    print(f"check_layers: {files} files, {len(found)} violations")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
