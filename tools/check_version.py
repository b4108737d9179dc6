#!/usr/bin/env python3
"""The version is set in CMakeLists.txt alone; packages that cannot read it there repeat it. Prints one line for each that
differs; with --write, updates it.

usage: tools/check_version.py [--write] [ROOT]
"""

import pathlib
import re
import sys

SOURCE = ("CMakeLists.txt", r"project\(rerank VERSION ([0-9.]+)")
# File -> where the version is repeated in it.
COPIES = {
    "python/pyproject.toml": (r'^version = "([^"]*)"',),
    "deploy/helm/rerank/Chart.yaml": (r"^version: (\S+)", r"^appVersion: (\S+)"),
}


def check(root, write):
    version = re.search(SOURCE[1], (root / SOURCE[0]).read_text(encoding="utf-8"))[1]
    found = []
    for name, patterns in COPIES.items():
        text = (root / name).read_text(encoding="utf-8")
        for pattern in patterns:
            match = re.search(pattern, text, re.MULTILINE)
            if match is None:
                found.append(f"{name}: no line like {pattern}")
            elif match[1] != version:
                found.append(f"{name}: {match[0]}, but {SOURCE[0]} has {version}: run tools/check_version.py --write")
                text = text[:match.start(1)] + version + text[match.end(1):]
        if write:
            (root / name).write_text(text, encoding="utf-8")
    return found


def main(arguments):
    write = "--write" in arguments
    places = [argument for argument in arguments[1:] if argument != "--write"]
    root = pathlib.Path(places[0] if places else pathlib.Path(__file__).parent.parent).resolve()
    found = check(root, write)
    for line in found:
        print(line)
    print(f"version: {len(found)} {'updated' if write else 'violations'}")
    return 1 if found and not write else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
