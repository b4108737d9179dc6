#!/usr/bin/env python3
"""Says which tests of CTest's last run failed in each build folder, and the end of what each of them printed.

usage: tools/failed_tests.py [--since SECONDS] [--lines N] BUILD_DIR...
A log older than SECONDS since the epoch is of an earlier run and is left out.
"""

import argparse
import pathlib
import re
import sys

# "12/40 Test: name" and its output between rules.
ENTRY = re.compile(r"^\d+/\d+ Test: (.*?)$.*?^Output:\n-+\n(.*?)^<end of output>$", re.MULTILINE | re.DOTALL)


def report(build, num_lines):
    """What to print of the run whose logs are in `build`."""
    logs = build / "Testing" / "Temporary"
    failed = [line.partition(":")[2] for line in (logs / "LastTestsFailed.log").read_text(encoding="utf-8").splitlines()]
    outputs = dict(ENTRY.findall((logs / "LastTest.log").read_text(encoding="utf-8", errors="replace")))
    text = ""
    for name in failed:
        text += f"--- failed in {build}: {name}\n"
        lines = outputs.get(name, "(not run)").rstrip("\n").splitlines()
        if len(lines) > num_lines:
            text += f"    ... {len(lines) - num_lines} lines before\n"
        text += "".join(f"    {line}\n" for line in lines[-num_lines:])
    return text


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--since", type=float, default=0)
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("build", nargs="+", type=pathlib.Path)
    options = parser.parse_args(arguments)
    for build in options.build:
        log = build / "Testing" / "Temporary" / "LastTestsFailed.log"
        if log.is_file() and log.stat().st_mtime >= options.since:
            print(report(build, options.lines), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
