#!/usr/bin/env python3
"""Checks the length of functions, C++ and CUDA by their braces and indentation as clang-format writes them, Python by its
syntax tree: 60 lines at most, from the signature to the closing brace. Prints one line a violation.

usage: tools/check_functions.py [ROOT]
"""

import ast
import pathlib
import re
import sys

from check_naming import CXX, tracked_files

MAX_LINES = 60
# "path: function" -> why it may be longer.
EXCEPTIONS = {
    "src/backend/cuda/hopper/qkv_finisher.cuh: finish_heads":
        "a GEMM's epilogue, whose loads and stores share registers across its two lambdas",
}
# What opens a block that is not a function.
NOT_A_FUNCTION = re.compile(r"(?:namespace|class|struct|union|enum|extern)\b|(?:public|private|protected):$|\}")
INITIALIZER = re.compile(r".*=\s*\{$")
SIGNATURE = re.compile(r"[\w>&*:\]]+\s*\(|\boperator\b")
STRING = re.compile(r'R"(\w*)\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"|(?<![0-9a-fA-F])\'(?:[^\'\\\n]|\\.)+\'|//[^\n]*|/\*.*?\*/', re.DOTALL)


def without_texts(source):
    """The source with strings and comments blanked, each line kept."""
    return STRING.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), source)


def signature_of(lines, end):
    """The line where the declaration begins whose block opens at the end of lines[end]."""
    indent = len(lines[end]) - len(lines[end].lstrip())
    begin = end
    while begin > 0:
        line, above = lines[begin], lines[begin - 1].rstrip()
        begins_here = len(line) - len(line.lstrip()) == 0 or not above or above.endswith((";", "}", "{", ":", ">"))
        if begins_here and not line.lstrip().startswith((":", ")", "->")):
            break
        begin -= 1
        indent = min(indent, len(lines[begin]) - len(lines[begin].lstrip()))
    return begin


def closing_of(lines, opening):
    """The line of the brace that closes the block that opens at the end of lines[opening]."""
    depth = 1
    for number in range(opening + 1, len(lines)):
        depth += lines[number].count("{") - lines[number].count("}")
        if depth <= 0:
            return number
    return len(lines) - 1


def cxx_functions(source):
    """(first line, last line, name) of each function, numbered from 0; what is inside a function is part of it."""
    lines = without_texts(source).splitlines()
    end = -1
    for opening, line in enumerate(lines):
        if opening <= end or not line.rstrip().endswith("{"):
            continue
        first = signature_of(lines, opening)
        declaration = " ".join(part.strip() for part in lines[first:opening + 1])
        if INITIALIZER.match(declaration):
            end = closing_of(lines, opening)
            continue
        if NOT_A_FUNCTION.match(declaration) or not SIGNATURE.search(declaration):
            continue
        last = closing_of(lines, opening)
        name = re.search(r"([~\w:]+|operator\S+)\s*\(", declaration)
        yield first, last, name.group(1) if name else declaration
        end = last


def python_functions(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno - 1, node.end_lineno - 1, node.name


def faults_in(root):
    found = []
    for path in tracked_files(root):
        if path.suffix in CXX:
            functions = cxx_functions
        elif path.suffix == ".py":
            functions = python_functions
        else:
            continue
        for first, last, name in functions((root / path).read_text(encoding="utf-8")):
            if last - first + 1 > MAX_LINES and f"{path}: {name}" not in EXCEPTIONS:
                found.append(f"{path}:{first + 1}: {name} has {last - first + 1} lines, {MAX_LINES} at most: "
                             "move a step of it into a function of its own")
    return found


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    found = faults_in(root)
    for line in found:
        print(line)
    print(f"functions: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
