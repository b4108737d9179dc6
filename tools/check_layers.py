#!/usr/bin/env python3
"""Checks from the #include lines who includes whom: rooms include only the rooms they may, and third-party headers
stay in their rooms. A folder of sources has at most 40 files. Which room may include which is the table of docs/architecture.md, which this reads; which room a
third-party header belongs to is the table below. Prints one line a violation.

usage: tools/check_layers.py [ROOT]
"""

import pathlib
import re
import sys

# These cross rooms by their nature, and nobody includes them.
ANY_ROOM = ("tests", "benchmarks")

# Rooms whose folders do not include each other.
ROOMS_OF_CLOSED_FOLDERS = ("backend",)

# Folder of another room -> the folders of the same room that it may not include.
CLOSED_FOLDERS = {
    "server/http": ("server/service",),
}

# Header (a prefix when it ends in "/" or "*") -> the places that may include it. A place is a room, a folder or a
# file without its ending; TESTS and BENCHES stand for tests/ and benchmarks/ and for the files beside the sources,
# a header that includes GoogleTest or tests/ among them.
TESTS = "TESTS"
BENCHES = "BENCHES"
THIRD_PARTY = {
    "boost/json*": ("text", "api", "checkpoint", "prompt", "model", "tokenizer", "client", "load", "hub", "apps", TESTS),
    "boost/beast*": ("load",),
    "boost/asio*": ("server", "load"),
    "curl/": ("http",),
    "toml++/": ("settings",),
    "pcre2.h": ("tokenizer",),
    "utf8proc.h": ("tokenizer", "apps/rerank/output/terminal_text"),  # there, how wide a character is shown
    "CLI/": ("apps", BENCHES),
    "spdlog/": ("base/log",),
    "fmt/": ("base", "text", "http", "tokenizer", "checkpoint", "backend", "prompt", "model", "engine", "api", "client",
             "settings", "hub", "load", "server", "apps", "python", TESTS, BENCHES),
    "prometheus/": ("server",),
    "openssl/": ("server", "hub", "load", TESTS),
    "zlib.h": ("server", "client"),
    "oneapi/dnnl*": (BENCHES,),
    "dnnl*": (BENCHES,),
    "omp.h": (BENCHES,),
    "cuda*": ("backend/cuda", TESTS),
    "cublas*": ("backend/cuda",),
    "nccl*": ("backend/cuda",),
    "immintrin.h": ("backend/cpu", "base", TESTS, BENCHES),
    "cpuid.h": ("backend/cpu", "base"),
    "gtest/": (TESTS,),
    "gmock/": (TESTS,),
    "benchmark/": (BENCHES,),
    "pybind11/": ("python",),
    "sanitizer/": ("tests/fuzz",),
}

# C and POSIX headers, free for every room; of C++'s own, the names have neither slash nor ending.
SYSTEM = re.compile(r"(sys|linux|netinet|arpa)/\w+\.h|"
                    r"(dlfcn|errno|fcntl|getopt|malloc|poll|pthread|sched|signal|stdlib|string|termios|time|unistd)\.h|[a-z_0-9]+")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCES = (".h", ".cc", ".cu", ".cuh")
MOST_FILES = 40  # in a folder, its CMakeLists.txt included


def rooms_in(document):
    """Room -> the rooms whose headers it may include, its own aside, from the lines "room: rooms" of the block that
    follows "Include rules" in `document`. "rerank" is the public API, include/rerank, which all may include."""
    table = re.search(r"^Include rules.*?^```\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    if table is None:
        raise SystemExit("docs/architecture.md: no table below \"Include rules\"")
    rooms = {"rerank": set()}
    for line in table.group(1).splitlines():
        names, colon, allowed = line.partition(":")
        if not colon:
            raise SystemExit(f"docs/architecture.md: not of the form \"rooms: rooms\": {line}")
        for room in names.split():
            rooms[room] = set(allowed.split()) | {"rerank"}
    unknown = set().union(*rooms.values()) - set(rooms)
    if unknown:
        raise SystemExit(f"docs/architecture.md: the table has no line for {', '.join(sorted(unknown))}")
    return rooms


ROOMS = rooms_in((pathlib.Path(__file__).parent.parent / "docs" / "architecture.md").read_text(encoding="utf-8"))


def room_of(path):
    """The room that a file of the tree lives in, from its path relative to the root; None for what has no rule."""
    parts = path.parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[0] == "include":
        return "rerank"
    return parts[0] if parts[0] in ("apps", "python") + ANY_ROOM else None


def is_test(path):
    return path.parts[0] == "tests" or path.stem.endswith("_test")


def is_test_header(text):
    return re.search(r'#include (<g(test|mock)/|"tests/)', text) is not None


def is_bench(path):
    return path.parts[0] == "benchmarks" or path.stem.endswith("_bench")


def inside(path, place):
    """Whether `path` stands in `place`, an entry of THIRD_PARTY's right-hand side."""
    if place == TESTS:
        return is_test(path)
    if place == BENCHES:
        return is_bench(path)
    where = path.as_posix().removeprefix("src/")
    return where.startswith(place + "/") or where.rpartition(".")[0] == place


def places_of(header):
    """The places that may include a third-party header; None when no rule names it."""
    return next((places for pattern, places in THIRD_PARTY.items()
                 if header == pattern or (pattern[-1] in "*/" and header.startswith(pattern.rstrip("*")))), None)


def third_party_fault(path, header):
    """What is wrong with including `header`, which is not of this project, in `path`; None when nothing is."""
    places = places_of(header)
    if places is None and SYSTEM.fullmatch(header):
        return None
    if places is None:
        return f"<{header}> is in no rule: add it to THIRD_PARTY in tools/check_layers.py"
    if not any(inside(path, place) for place in places):
        return f"<{header}> may be included only in {', '.join(places)}"
    return None


def project_fault(path, header, root):
    """What is wrong with including the project's `header` in `path`; None when nothing is."""
    room = room_of(path)
    tops = ("src", "include", ".", path.parent) if room in ANY_ROOM else ("src", "include", ".")
    found = next((root / top / header for top in tops if (root / top / header).is_file()), None)
    if found is None or ".." in header:
        return f'"{header}" is not found below src/, include/ or the top: write it relative to one of them'
    if path.suffix != ".h" and not is_test(path) and is_test_header(found.read_text(encoding="utf-8")):
        return f'"{header}" is for tests only: it includes GoogleTest or tests/'
    target = header.split("/")[0]
    if room in ANY_ROOM:
        return None
    if target not in ROOMS and target not in ANY_ROOM:
        return f'"{header}" belongs to no room'
    if target == "tests" and (is_test(path) or is_bench(path)):
        return None
    if target != room and target not in ROOMS[room]:
        return f"{room} may not include {target} ({header})"
    if not is_test(path) and not is_bench(path):
        here, there = "/".join(path.parts[1:-1][:2]), "/".join(header.split("/")[:-1][:2])
        both_closed = room == target and room in ROOMS_OF_CLOSED_FOLDERS and "/" in here and "/" in there
        if (both_closed and here != there) or there in CLOSED_FOLDERS.get(here, ()):
            return f"{here} may not include {there} ({header})"
    return None


def crowded_folders(root):
    """A line for each folder of sources with more than MOST_FILES files."""
    folders = sorted({file.parent for top in ("apps", "include", "src") for file in (root / top).rglob("*")
                      if file.suffix in SOURCES})
    counts = [(folder.relative_to(root), sum(file.is_file() for file in folder.iterdir())) for folder in folders]
    return [f"{folder}: {count} files, more than {MOST_FILES}: split it by what they are"
            for folder, count in counts if count > MOST_FILES]


def faults_in(root):
    """Every violation below `root`, as "path:line: text" lines in order of path."""
    found = crowded_folders(root)
    for path in sorted(file for top in ("apps", "benchmarks", "include", "python", "src", "tests")
                       for file in (root / top).rglob("*") if file.suffix in SOURCES):
        relative = path.relative_to(root)
        room = room_of(relative)
        text = path.read_text(encoding="utf-8")
        for_tests = relative.suffix == ".h" and is_test_header(text)
        if room not in ROOMS and room not in ANY_ROOM:
            found.append(f"{relative}:1: no room of this name in docs/architecture.md")
            continue
        for match in INCLUDE.finditer(text):
            quoted, header = match.group(1) == '"', match.group(2)
            # What a test may include, a header for tests may.
            seen_as = relative.with_name(relative.stem + "_test.h") if for_tests else relative
            if header.startswith("rerank/") or (quoted and places_of(header) is None):
                fault = project_fault(seen_as, header, root)
            else:
                fault = third_party_fault(seen_as, header)
            if fault is None and room == "rerank" and not quoted and not re.fullmatch(r"[a-z_]+", header):
                fault = f"a public header includes rerank/ and the standard library only, not <{header}>"
            if fault is not None:
                found.append(f"{relative}:{text.count(chr(10), 0, match.start(2)) + 1}: {fault}")
    return found


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    found = faults_in(root)
    for line in found:
        print(line)
    print(f"layers: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
