#!/usr/bin/env python3
"""Follows docs/how-to to the letter: in a copy of the tree, creates the files the pages show,
inserts their lines, runs their commands, and compares what that took with what each page says.

    follow.py --cmake CMAKE --weft WEFT --scratch FOLDER [--docs FOLDER] [--only PAGE] [--no-run]

What a page may ask for, each followed by a fenced block:

    Creates N files and adds M lines to K files that exist.      near its top, once
    Create **path**:
    In **path**, after `text`, insert:
    In **path**, replace: ... by:
    Then run:                                                    in bash, from the root

A page without the first sentence (debug-a-wrong-answer.md) promises no change: of its commands only
the flags are checked. The copy is configured without optimization, once for all pages, and gets the
`weft` given here, for the pages say that the tree is built. --no-run leaves the commands that build
out: it checks instructions and counts in seconds.
"""
import argparse
import difflib
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLAIM = re.compile(r"^Creates (\d+) files? and adds (\d+) lines? to (\d+) files? that exist\.",
                   re.M)
LEAD = re.compile(r"^(?:Create \*\*(?P<create>[^*]+)\*\*:"
                  r"|In \*\*(?P<insert>[^*]+)\*\*, after `(?P<after>[^`]+)`, insert:"
                  r"|In \*\*(?P<replace>[^*]+)\*\*, replace:"
                  r"|(?P<by>by):"
                  r"|(?P<run>Then run):)$")
RULES = ["check_layers.py", "check_style.py"]


class Wrong(Exception):
    """A page that cannot be followed, or that does not lead where it says."""


def steps(text):
    """Yields (match of LEAD or None, language, content, line number) of each fenced block."""
    lines, at, lead = text.splitlines(), 0, None
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith("```")), None)
            if end is None:
                raise Wrong(f"line {at + 1}: the block has no end")
            yield lead, line[3:].strip(), "\n".join(lines[at + 1:end]) + "\n", at + 1
            at, lead = end, None
        elif line.strip():
            lead = LEAD.match(line)
        at += 1


def existing(tree, name):
    path = tree / name
    if not path.is_file():
        raise Wrong(f"there is no {name}")
    return path


def insert(tree, name, after, content):
    path = existing(tree, name)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    found = [i for i, line in enumerate(lines) if line.strip() == after]
    if len(found) != 1:
        raise Wrong(f"{name} has {len(found)} lines '{after}', one is needed")
    lines.insert(found[0] + 1, content)
    path.write_text("".join(lines), encoding="utf-8")


def replace(tree, name, old, new):
    path = existing(tree, name)
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise Wrong(f"{name} has the text to be replaced {text.count(old)} times, not once")
    path.write_text(text.replace(old, new), encoding="utf-8")


def create(tree, name, content):
    path = tree / name
    if path.exists():
        raise Wrong(f"{name} is there already")
    if not path.parent.is_dir():
        raise Wrong(f"there is no folder {pathlib.Path(name).parent}")
    path.write_text(content, encoding="utf-8")


def run(tree, commands):
    """The commands as they stand, in one shell; the first that fails ends them."""
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", commands], cwd=tree, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        raise Wrong(f"exit status {done.returncode} of\n{commands}\n{tail}")
    if "Running 0 tests" in done.stdout:
        raise Wrong(f"the filter selects no test in\n{commands}")


def follow(tree, text, no_run):
    """Does what a page says, from top to bottom."""
    old, ran = None, 0
    for lead, language, content, number in steps(text):
        if lead is None:
            raise Wrong(f"line {number}: the block '{language}' has no instruction above it")
        try:
            if lead["create"]:
                create(tree, lead["create"], content)
            elif lead["insert"]:
                insert(tree, lead["insert"], lead["after"], content)
            elif lead["replace"]:
                old = (lead["replace"], content)
                continue
            elif lead["by"]:
                if old is None:
                    raise Wrong("'by:' without 'replace:' before it")
                replace(tree, *old, content)
            else:
                ran += 1
                if not no_run or "build/" not in content:
                    run(tree, content)
        except Wrong as wrong:
            raise Wrong(f"line {number}: {wrong}") from None
        old = None
    if not ran:
        raise Wrong("nothing was run")


def snapshot(tree):
    """Every file of the tree but what is built: name -> bytes."""
    found = {}
    for folder, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if name != "__pycache__" and
                      not (name == "build" and pathlib.Path(folder) == tree)]
        for file in files:
            path = pathlib.Path(folder, file)
            name = path.relative_to(tree).as_posix()
            if not name.startswith("tests/data/"):
                found[name] = path.read_bytes()
    return found


def changes(before, after):
    """(files created, lines added, files touched). A page that removes anything is wrong."""
    added, touched = 0, 0
    for name, old in before.items():
        if name not in after:
            raise Wrong(f"{name} is gone")
        if after[name] == old:
            continue
        touched += 1
        for line in difflib.ndiff(old.decode().splitlines(), after[name].decode().splitlines()):
            if line.startswith("- "):
                raise Wrong(f"{name} has lost the line '{line[2:].strip()}'")
            added += line.startswith("+ ")
    return len(set(after) - set(before)), added, touched


def violations(tree):
    """What the rules of the house say against the tree, one sentence each, without line numbers."""
    found = set()
    for rule in RULES:
        done = subprocess.run([sys.executable, tree / "tools" / rule, tree], capture_output=True,
                              text=True)
        if not re.search(rf"^{rule[:-3]}: \d", done.stdout, re.M):
            raise Wrong(f"tools/{rule} does not work: {done.stderr.strip()[-300:]}")
        found |= {re.sub(r":\d+:", ":", line) for line in done.stdout.splitlines()
                  if re.match(r"\S+:\d+: ", line) and not line.endswith("(warning)")}
    return found


def check_page(tree, page, no_run):
    """Follows one page and compares; returns what it took, in words."""
    text = page.read_text(encoding="utf-8")
    claims = [tuple(map(int, claim)) for claim in CLAIM.findall(text)]
    if len(claims) != 1:
        raise Wrong("needs once: Creates N files and adds M lines to K files that exist.")
    before, complaints = snapshot(tree), violations(tree)
    follow(tree, text, no_run)
    took = changes(before, snapshot(tree))
    form = "{} files created and {} lines added to {} files".format
    if took != claims[0]:
        raise Wrong(f"its head says {form(*claims[0])}; following it took {form(*took)}")
    worse = sorted(violations(tree) - complaints)
    if worse:
        raise Wrong("what it makes breaks the rules of the house:\n" + "\n".join(worse))
    return form(*took)


def check_flags(page, weft):
    """Each `weft VERB --flag` in a page's commands is one that `weft VERB --help` lists."""
    count = 0
    for _, language, content, number in steps(page.read_text(encoding="utf-8")):
        if language != "sh":
            continue
        for command in content.replace("\\\n", " ").splitlines():
            match = re.search(r"bin/weft ((?:plugins )?[a-z-]+)(.*)", command)
            if not match:
                continue
            done = subprocess.run([weft, *match[1].split(), "--help"], capture_output=True,
                                  text=True)
            if done.returncode:
                raise Wrong(f"line {number}: weft has no verb '{match[1]}'")
            known = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", done.stdout))
            for flag in re.findall(r"(?<=\s)--?[a-z][\w-]*", match[2]):
                count += 1
                if flag not in known:
                    raise Wrong(f"line {number}: weft {match[1]} has no flag {flag}")
    return f"{count} flags exist"


def copy_tree(tree):
    """What git knows or would add, here; with times, for ccache and ninja."""
    shutil.rmtree(tree, ignore_errors=True)
    listing = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], capture_output=True)
    if listing.returncode:
        skip = {"build", "models", ".git", ".venv"}
        shutil.copytree(ROOT, tree, ignore=lambda folder, names: skip & set(names)
                        if pathlib.Path(folder) == ROOT else ())
        return
    for name in filter(None, listing.stdout.decode().split("\0")):
        source = ROOT / name
        if source.is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, tree / name)


def configure(tree, cmake, weft):
    """build/release as `cmake --preset release` makes it, but unoptimized; with `weft` in it."""
    build = tree / "build" / "release"
    command = [cmake, "--preset", "release", "-S", str(tree), "-B", str(build),
               "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0",
               "-DCMAKE_C_FLAGS_DEBUG=-O0"]
    if shutil.which("ccache"):
        command += [f"-DCMAKE_{one}_COMPILER_LAUNCHER=ccache" for one in ("C", "CXX")]
    done = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode:
        raise Wrong("the copy cannot be configured\n" + done.stdout[-2000:])
    (build / "bin").mkdir(exist_ok=True)
    shutil.copy2(weft, build / "bin" / "weft")  # a link would find the plugins beside its target


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cmake", default="cmake")
    parser.add_argument("--weft", required=True, type=pathlib.Path)
    parser.add_argument("--scratch", required=True, type=pathlib.Path)
    parser.add_argument("--docs", type=pathlib.Path, default=ROOT / "docs" / "how-to")
    parser.add_argument("--only", help="name of one page, without .md")
    parser.add_argument("--no-run", action="store_true")
    options = parser.parse_args()
    tree, weft = options.scratch.resolve(), options.weft.resolve()
    # A new op changes a header that most files include: first, so that they are compiled once.
    pages = sorted(options.docs.glob(f"{options.only or '*'}.md"),
                   key=lambda page: (page.stem != "add-an-op", page.name))
    if not pages:
        sys.exit(f"how_to: no page in {options.docs}")
    if not weft.is_file():
        sys.exit(f"how_to: {weft} is not built")
    os.environ.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count() or 1))
    os.environ.pop("WEFT_PLUGIN_PATH", None)
    copy_tree(tree)
    failed = 0
    try:
        if not options.no_run:
            configure(tree, options.cmake, weft)
    except Wrong as wrong:
        sys.exit(f"how_to: {wrong}")
    for page in pages:
        start = time.monotonic()
        try:
            if CLAIM.search(page.read_text(encoding="utf-8")) or page.name.startswith("add-"):
                said = check_page(tree, page, options.no_run)
            else:
                said = check_flags(page, weft)
            print(f"{page.name}: {said} ({time.monotonic() - start:.0f} s)", flush=True)
        except Wrong as wrong:
            failed += 1
            print(f"{page.name}: FAILED: {wrong}", flush=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"how_to: {len(pages)} pages, {failed} failed; {used.ru_utime:.0f} s user, "
          f"{used.ru_stime:.0f} s system")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
