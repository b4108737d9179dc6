#!/usr/bin/env python3
"""Checks the habits of CONTRIBUTING.md that need no compiler: names of files and types, lengths, opening comments,
include guards, nothing unfinished, no path of one machine. What needs one (names of functions, variables and members)
is clang-tidy's, see .clang-tidy. Prints one line a violation.

usage: tools/check_naming.py [ROOT]
"""

import pathlib
import re
import subprocess
import sys

MAX_LINES = 400
CXX = (".h", ".cc", ".cu", ".cuh")
SCRIPTS = (".py", ".sh")
# Names that say nothing about what is inside.
EMPTY_NAMES = re.compile(r"(^|_)(utils?|common|helpers?|managers?|misc|stuff)(_|$)")
FILE_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*(\.inl)?|__init__")

# (pattern, what is wrong with it), searched for line by line in every source and script.
UNFINISHED = re.compile(r'(?<!")\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b(?!")')
MACHINE_PATH = re.compile(r"""(?<![\w.$}])/(work|home|root|Users|mnt)/\w""")
# Skipping where a file or an instruction is not there is legal, with a text that says so.
DISABLED_TEST = re.compile(r"\bDISABLED_\w|\bGTEST_SKIP\(\)\s*;")

# Declarations that a line shows whole. Traits of the standard library and of Beast keep their own names.
TYPE = re.compile(r"^\s*(?:class|struct|union|enum class|enum)\s+"
                  r"(?:alignas\([^)]*\)\s*|__attribute__\(\(.*?\)\)\s*|\[\[\w+\]\]\s*)*(\w+)\s*(?:final\s*)?(?::[^:]|\{|;|$)")
ALIAS = re.compile(r"^\s*using\s+(\w+)\s*=")
STANDARD_ALIAS = re.compile(r"(value_type|difference_type|reference|pointer|(const_)?iterator(_category)?|"
                            r"is_transparent|reader)")
CONSTANT = re.compile(r"^(?:inline |static )*constexpr\s+[\w:<>, ]+?[\s&*]+(\w+)(?:\[[^\]]*\])*\s*(?:=|\{)")
# Only declaring another library's types in advance is no use of its namespace.
NAMESPACE = re.compile(r"^namespace\s+(\w+)(?:::\w+)*\s*\{"
                       r"(?!(?:\s*//.*$)?(?:\s*(?:class|struct)\s+\w+;)+\s*\})", re.MULTILINE)
CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*")
K_CONSTANT = re.compile(r"k[A-Z0-9][A-Za-z0-9]*")


def tracked_files(root):
    """What git tracks or would track, as paths relative to `root`; everything but build/ where there is no
    repository."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, check=False)
    if listing.returncode != 0:
        paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        return sorted(path for path in paths if path.parts[0] != "build" and not path.parts[0].startswith("."))
    names = {name for name in listing.stdout.decode("utf-8").split("\0") if name}
    return sorted(pathlib.Path(name) for name in names if (root / name).is_file())


def name_faults(path):
    """Faults of the file's own name and of its folders' names."""
    for part in path.parts[:-1] + (path.stem,):
        if EMPTY_NAMES.search(part.lower()):
            yield 1, f"'{part}' says nothing: name the file for the one thing in it"
    if path.suffix in CXX + (".py",) and not FILE_NAME.fullmatch(path.stem):
        yield 1, f"file names are snake_case, not '{path.name}'"


def opening_faults(root, path, lines):
    """A source opens with a comment, which a header writes for its .cc too, and both for their test and benchmark; a
    header has its guard right after it."""
    subject = re.sub("_(test|bench)$", "", path.stem)
    told_by = [(root / path).with_name(subject + ".h"), root / "include" / "rerank" / (subject + ".h")]
    if subject != path.stem:
        told_by.append((root / path).with_name(subject + ".cc"))
    if path.suffix == ".cc" and any(file.is_file() for file in told_by):
        return
    body = [line for line in lines if not line.startswith("#!")]
    first = body[0] if body else ""
    opens = {".py": ('"""', "#"), ".sh": ("# ",)}.get(path.suffix, ("// ",))
    if not first.startswith(opens):
        yield 1, "a file opens with one to three sentences on what lives here and what does not"
    if path.suffix in (".h", ".cuh"):
        after = next((line for line in lines if line.strip() and not line.startswith("//")), "")
        if after.strip() != "#pragma once":
            yield 1, "a header has '#pragma once' right below its opening comment"


def line_faults(path, line):
    """Faults that one line shows, as texts."""
    if UNFINISHED.search(line):
        yield "unfinished: finish it, or write an issue"
    if MACHINE_PATH.search(line):
        yield "a path of one machine"
    if path.suffix not in CXX:
        return
    if DISABLED_TEST.search(line):
        yield "a test that does not run"
    match = TYPE.match(line)
    if match and not CAMEL.fullmatch(match.group(1)):
        yield f"types are CamelCase, not '{match.group(1)}'"
    match = ALIAS.match(line)
    if match and not CAMEL.fullmatch(match.group(1)) and not STANDARD_ALIAS.fullmatch(match.group(1)):
        yield f"types are CamelCase, not '{match.group(1)}'"
    match = CONSTANT.match(line)
    if match and not K_CONSTANT.fullmatch(match.group(1)):
        yield f"constants are kCamelCase, not '{match.group(1)}'"


def namespace_faults(text):
    for match in NAMESPACE.finditer(text):
        if match.group(1) != "rerank":
            yield text.count("\n", 0, match.start()) + 1, f"the one namespace is rerank, not '{match.group(1)}'"


def faults_in_file(root, path):
    """Every (line, text) that is wrong in one file."""
    yield from name_faults(path)
    if path.suffix not in CXX + SCRIPTS:
        return
    text = (root / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        yield len(lines), f"{len(lines)} lines, {MAX_LINES} at most: is there a second thing in it?"
    yield from opening_faults(root, path, lines)
    if path.suffix in CXX:
        yield from namespace_faults(text)
    for number, line in enumerate(lines, start=1):
        for fault in line_faults(path, line):
            yield number, fault


def faults_in(root):
    return [f"{path}:{number}: {text}" for path in tracked_files(root)
            for number, text in faults_in_file(root, path)]


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    found = faults_in(root)
    for line in found:
        print(line)
    print(f"naming: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
