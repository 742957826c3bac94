#!/usr/bin/env python3
"""What the documents say is there: paths in backticks exist, `weft VERB` names a verb, relative
links lead somewhere, and nothing tracked holds an absolute path of the machine it was written on.

    python3 tools/check_docs.py [ROOT]        prints file:line messages, exits 1 if there are any
"""

import pathlib
import re
import subprocess
import sys

CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
# Things a build or a run makes, and forms with a hole in them, need not exist.
MADE = re.compile(r"^(build|models|\.venv|\.cache)(/|$)")
HOLE = re.compile(r"[<>*{}$…]|\.\.\.|^[A-Z]+/|/[A-Z_]+$|/foo\b")
ABSOLUTE = re.compile(rb"(?<![\w.:/~-])/(?:home/(?!user\b)\w+|root/|work/\w|Users/\w+)")
TEXT = {".md", ".txt", ".py", ".sh", ".c", ".h", ".cpp", ".hpp", ".def", ".cl", ".comp", ".cmake",
        ".json", ".yml", ".yaml", ""}


def documents(root):
    found = [root / "README.md"] if (root / "README.md").is_file() else []
    return found + sorted((root / "docs").rglob("*.md"))


def tracked(root):
    """Files git knows, or would add; every file below the root where there is no git."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], capture_output=True)
    if listing.returncode == 0:
        return [root / name.decode() for name in listing.stdout.split(b"\0") if name]
    return [file for file in root.rglob("*")
            if file.is_file() and not MADE.match(file.relative_to(root).parts[0])]


def looks_like_path(text, tops):
    """`core/sym/dim.h`, `tools/test --full` (its first word), `README.md`; not `a/b` in general."""
    word = text.split()[0]
    word = re.sub(r"(:\d+)?[,;.:]?$", "", word)
    first = word.split("/")[0]
    if HOLE.search(word) or MADE.match(word):
        return None
    return word if ("/" in word and first in tops) or word.endswith(".md") else None


def verbs(root):
    """The verbs of the program: one line each in verbs.def, a file of its name beside it."""
    table = root / "tools" / "weft" / "verbs.def"
    return re.findall(r"^VERB\((\w+)\)", table.read_text(), re.M) if table.is_file() else []


def check_document(root, file, tops, known, found):
    where = file.relative_to(root).as_posix()
    fenced = False
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        pieces = [line.strip()] if fenced else CODE.findall(line)
        for piece in pieces:
            piece = piece.removeprefix("$ ")
            path = piece and looks_like_path(piece, tops)
            if path and not (root / path).exists() and not (file.parent / path).exists():
                found.append(f"{where}:{number}: there is no {path}")
            match = re.match(r"(?:\S*/)?weft ([a-z][a-z-]+)", piece)
            if match and match.group(1).replace("-", "_") not in known:
                found.append(f"{where}:{number}: 'weft {match.group(1)}' is not in verbs.def")
        for target in () if fenced else LINK.findall(line):
            if "://" not in target and not (file.parent / target).exists():
                found.append(f"{where}:{number}: the link to {target} leads nowhere")


def check_absolute(root, file, found):
    if file.suffix not in TEXT or not file.is_file() or file.stat().st_size > 4 << 20:
        return
    path = file.relative_to(root).as_posix()
    if path.startswith("tests/data/") or file.name == pathlib.Path(__file__).name:
        return
    data = file.read_bytes()
    for match in ABSOLUTE.finditer(data):
        number = data.count(b"\n", 0, match.start()) + 1
        found.append(f"{path}:{number}: an absolute path, {match.group().decode()}...")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if root.is_dir() else root.parents[1]
    tops = {p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")}
    found, files = [], documents(root)
    for file in files:
        check_document(root, file, tops, verbs(root), found)
    for file in tracked(root):
        check_absolute(root, file, found)
    for line in found:
        print(line)
    print(f"check_docs: {len(files)} documents, {len(found)} violations")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
