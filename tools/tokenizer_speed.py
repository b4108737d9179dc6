#!/usr/bin/env python3
"""Measures how fast one core tokenizes: src/tokenizer's benchmark and the Hugging Face `tokenizers` package on the same
documents in one run. Prints a Markdown table.

Texts, all found on a Debian machine or in this source: licence texts, descriptions of the installed packages, the
one-line descriptions of all packages, and the natural text in 69 languages of tests/data/tokenizer.jsonl. Both sides
get them a document at a time, cut at blank lines to at least 1000 bytes, and both are timed by the processor time of
one thread. "First" is one pass with nothing remembered, "repeated" the same text again; each is the best of 3.

Needs: pip install 'tokenizers>=0.23,<0.24'
Run:   tools/tokenizer_speed.py --tokenizer NAME=FILE ... --bench build/release/src/tokenizer/tokenizer_bench
       NAME is for the table, FILE a tokenizer.json; several of them one after the other
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # read when tokenizers is imported

import tokenizers  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEAST_BYTES = 1000
REPEATS = 3


def licences():
    files = sorted(f for f in pathlib.Path("/usr/share/common-licenses").glob("*") if not f.is_symlink())
    return "\n\n".join(f.read_text(encoding="utf-8", errors="replace") for f in files)


def descriptions():
    """The long descriptions of the installed Debian packages."""
    kept, inside = [], False
    for line in pathlib.Path("/var/lib/dpkg/status").read_text(encoding="utf-8", errors="replace").split("\n"):
        if not line.startswith(" "):
            kept += [""] if inside else []
            inside = line.startswith("Description:")
        elif inside:
            kept.append("" if line == " ." else line[1:])
    return "\n".join(kept)


def synopses():
    """The one-line descriptions of all Debian packages, where apt has lists: short, and full of rare words."""
    listed = subprocess.run(["apt-cache", "dumpavail"], stdout=subprocess.PIPE, check=False).stdout
    keys = ("Description: ", "Description-en: ")
    lines = [line.split(": ", 1)[1] for line in listed.decode("utf-8", "replace").split("\n") if line.startswith(keys)]
    return "\n\n".join("\n".join(lines[i:i + 20]) for i in range(0, len(lines), 20))


def languages():
    lines = (ROOT / "tests/data/tokenizer.jsonl").read_bytes().splitlines()  # of bytes: text has other line ends inside
    rows = (json.loads(line) for line in lines)
    return "\n\n".join(row["text"] for row in rows if row["kind"] == "natural")


def cut(text):
    """The documents that the benchmark cuts the text into."""
    whole, documents, begin = text.encode(), [], 0
    while begin < len(whole):
        end = whole.find(b"\n\n", begin + LEAST_BYTES)
        end = len(whole) if end < 0 else end + 2
        documents.append(whole[begin:end].decode())
        begin = end
    return documents


def seconds_of_package(tokenizer, documents):
    begin = time.process_time()
    for document in documents:
        tokenizer.encode(document, add_special_tokens=False)
    return time.process_time() - begin


def speeds_of_package(file, text):
    """(first pass, repeated) in bytes per second."""
    documents, size = cut(text), len(text.encode())
    first, repeated = [], []
    for _ in range(REPEATS):
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        first.append(size / seconds_of_package(tokenizer, documents))
        repeated.append(size / seconds_of_package(tokenizer, documents))
    return max(first), max(repeated)


def speeds_of_bench(bench, file, folder):
    """{name of a benchmark: bytes per second}, the best of the repeats."""
    environment = {**os.environ, "RERANK_TEST_TOKENIZER": str(file), "RERANK_BENCH_TEXTS": str(folder)}
    command = [str(bench), "--benchmark_format=json", "--benchmark_filter=encode", f"--benchmark_repetitions={REPEATS}"]
    report = json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)
    speeds = {}
    for row in report["benchmarks"]:
        if row["run_type"] == "iteration":
            name = "/".join(row["name"].split("/")[:2])
            speeds[name] = max(speeds.get(name, 0), row["bytes_per_second"])
    return speeds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True, action="append", metavar="NAME=FILE")
    parser.add_argument("--bench", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    texts = {"licences": licences(), "descriptions": descriptions(), "synopses": synopses(), "languages": languages()}
    texts = {name: text for name, text in texts.items() if text}
    print("| tokenizer | text | bytes | pass | rerank, MB/s | `tokenizers` " + tokenizers.__version__ + ", MB/s | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (pathlib.Path(folder) / f"{name}.txt").write_text(text, encoding="utf-8")
        for named in arguments.tokenizer:
            label, _, file = named.partition("=")
            ours = speeds_of_bench(arguments.bench, file, folder)
            for name, text in texts.items():
                theirs = dict(zip(("first", "repeated"), speeds_of_package(file, text)))
                for kind, benchmark in (("first", "encode_first_pass"), ("repeated", "encode")):
                    speed = ours[f"{benchmark}/{name}"]
                    print(f"| {label} | {name} | {len(text.encode()):,} | {kind} | {speed / 1e6:.1f} "
                          f"| {theirs[kind] / 1e6:.1f} | {speed / theirs[kind]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
