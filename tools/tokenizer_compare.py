#!/usr/bin/env python3
"""Compares the token ids of `rerank tokenize` with those of the Hugging Face `tokenizers` package on seeded random
text, and writes a summary. Exits 1 if any ids differ.

Rounds: random strings with added tokens parsed; the same kind of strings with added tokens as plain text; every code
point of Unicode in a few contexts; and, with --made-up, made-up tokenizers of each kind of model with random flags,
patterns, character maps, merges and scores.

Needs: pip install 'tokenizers>=0.23,<0.24'
Run:   tools/tokenizer_compare.py --tokenizer FILE/tokenizer.json [--count 1000000] [--seed 1] [--summary OUT.md]
       [-- COMMAND...]  default: rerank tokenize --input-format jsonl; --tokenizer FILE, and --parse-special-tokens in
                        some rounds, are added to it
"""

import argparse
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import tokenizers

import tokenizer_text

BATCH = 50_000
NUM_MADE_UP = 300
STRINGS_PER_MADE_UP = 400
GOLDEN_TOKENIZERS = {"byte-level": 2, "byte-fallback": 2, "WordPiece": 10, "Unigram": 12}
GOLDEN_STRINGS = 25


def ids_of_command(command, file, parse, texts):
    """The ids that the command gives, one list for each text."""
    arguments = [*command, "--tokenizer", str(file), *(["--parse-special-tokens"] if parse else [])]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run(arguments, input=lines.encode(), stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}")
    ids = [json.loads(line) for line in done.stdout.splitlines()]
    if len(ids) != len(texts):
        sys.exit(f"{' '.join(arguments)}: {len(texts)} texts in, {len(ids)} lines out")
    return ids


def ids_of_package(tokenizer, texts):
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


class Tally:
    """Counts cases and mismatches of one round and prints the first few mismatches."""

    def __init__(self, name):
        self.name, self.cases, self.tokens, self.mismatches = name, 0, 0, 0
        self.begin = time.monotonic()

    def compare(self, texts, expected, found, note=""):
        for text, want, have in zip(texts, expected, found, strict=True):
            self.cases += 1
            self.tokens += len(want)
            if want != have:
                self.mismatches += 1
                if self.mismatches <= 5:
                    print(f"MISMATCH {note} {json.dumps(text)}\n  package {want}\n  rerank  {have}", flush=True)

    def close(self):
        seconds = time.monotonic() - self.begin
        print(f"{self.name}: {self.cases} cases, {self.tokens} tokens, {self.mismatches} mismatches, {seconds:.0f} s",
              flush=True)
        return self


def package_tokenizer(file):
    """Without what the file says on truncation and padding, which rerank leaves to the prompt."""
    tokenizer = tokenizers.Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def without_added_tokens(file, folder):
    """A copy of the tokenizer that has no added tokens but those that are text: what `as text` means. Special tokens of
    the vocabulary are written so that no text is one."""
    document = json.loads(file.read_text(encoding="utf-8"))
    model = document["model"]
    special = {token["content"] for token in document["added_tokens"] if token["special"]}

    def hidden(token):
        return "\U0010fffd\ufdd0" + token if token in special else token

    if model["type"] == "WordPiece":
        model["vocab"] = {hidden(token): i for token, i in model["vocab"].items()}
        model["unk_token"] = hidden(model["unk_token"])
    elif model["type"] == "Unigram":
        model["vocab"] = [[hidden(token), score] for token, score in model["vocab"]]
    document["post_processor"] = None
    document["added_tokens"] = [token for token in document["added_tokens"] if model.get("byte_fallback")
                                and not token["special"] and token["content"] in model["vocab"]]
    copy = pathlib.Path(folder) / "plain.json"
    copy.write_text(json.dumps(document), encoding="utf-8")
    return copy


def compare_strings(name, command, file, reference, parse, texts):
    tally = Tally(name)
    tokenizer = package_tokenizer(reference)
    while batch := list(itertools.islice(texts, BATCH)):
        tally.compare(batch, ids_of_package(tokenizer, batch), ids_of_command(command, file, parse, batch))
    return tally.close()


def compare_made_up(command, folder, rng, num_tokenizers, make, kind):
    tally = Tally(f"{num_tokenizers} made-up {kind} tokenizers, {STRINGS_PER_MADE_UP} strings each")
    file = pathlib.Path(folder) / "made-up.json"
    for _ in range(num_tokenizers):
        document, words = make(rng)
        file.write_text(json.dumps(document), encoding="utf-8")
        texts = [tokenizer_text.random_string(rng, words) for _ in range(STRINGS_PER_MADE_UP)]
        note = json.dumps({k: v for k, v in document.items() if k != "model"})
        for parse, reference in ((True, file), (False, without_added_tokens(file, folder))):
            expected = ids_of_package(package_tokenizer(reference), texts)
            tally.compare(texts, expected, ids_of_command(command, file, parse, texts), note)
    return tally.close()


def write_goldens(path, rng):
    """A made-up tokenizer a line, with the package's ids of some strings: parsed, and as plain text."""
    with tempfile.TemporaryDirectory() as folder, path.open("w", encoding="utf-8") as lines:
        file = pathlib.Path(folder) / "made-up.json"
        for kind, make in tokenizer_text.MADE_UP_TOKENIZERS.items():
            for _ in range(GOLDEN_TOKENIZERS[kind]):
                document, words = make(rng)
                file.write_text(json.dumps(document), encoding="utf-8")
                texts = [tokenizer_text.random_string(rng, words)[:60] for _ in range(GOLDEN_STRINGS)]
                parsed = ids_of_package(package_tokenizer(file), texts)
                plain = ids_of_package(package_tokenizer(without_added_tokens(file, folder)), texts)
                cases = [{"text": text, "ids": ids, "plain": as_text} for text, ids, as_text in zip(texts, parsed, plain)]
                lines.write(json.dumps({"kind": kind, "document": document, "cases": cases}, ensure_ascii=False,
                                       separators=(",", ":")) + "\n")


def summary(arguments, tallies):
    rows = "\n".join(f"| {t.name} | {t.cases:,} | {t.tokens:,} | {t.mismatches} |" for t in tallies)
    return f"""# Token ids against the Hugging Face `tokenizers` package

`tools/tokenizer_compare.py --seed {arguments.seed} --count {arguments.count} --made-up {arguments.made_up}` on \
{arguments.tokenizer}, with `tokenizers` {tokenizers.__version__}.

| round | strings | tokens | mismatches |
| --- | --- | --- | --- |
{rows}

The package works with two versions of Unicode, found by asking it about every code point: its regular expressions
(`\\p{{L}}`, `\\s`, ...), the word characters of `single_word`, its grapheme clusters and lower case with 16.0, its NFC, and
which accents it strips, with 9.0 or before. Neither PCRE2 nor utf8proc of
this machine has those, and on another machine they would have others. So all are pinned here: patterns run on byte
symbols that stand for classes of our own table of 16.0 (`src/tokenizer/unicode/code_point_set.h`), and only code points that
Unicode 9.0 knew are handed to utf8proc (`src/tokenizer/normalizers/decomposition.h`), whose answers for them are the same in
every version. `tools/unicode_tables.py` writes the tables. The made-up tokenizers vary the flags of added tokens, normalizers and
their order, character maps, split patterns of several model families, merges, scores (with ties), prefix spaces, and what
continues a word.

The package reads scores of Unigram with an error of the last bit now and then, which decides between two ways of equal sum;
so does `src/tokenizer/models/unigram.cc`.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=pathlib.Path)
    parser.add_argument("--write-goldens", type=pathlib.Path, help="write tests/data/made-up-tokenizers.jsonl, and nothing else")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1_000_000, help="random strings with added tokens parsed")
    parser.add_argument("--made-up", type=int, default=NUM_MADE_UP, 
                        help=f"number of made-up tokenizers, with {STRINGS_PER_MADE_UP} strings each")
    parser.add_argument("--summary", type=pathlib.Path, help="where to write the summary (Markdown)")
    parser.add_argument("command", nargs="*", default=["rerank", "tokenize", "--input-format", "jsonl"])
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    if arguments.write_goldens:
        return write_goldens(arguments.write_goldens, rng)
    if arguments.tokenizer is None:
        parser.error("--tokenizer is missing")
    file = arguments.tokenizer
    words = [token["content"] for token in json.loads(file.read_text(encoding="utf-8"))["added_tokens"]]

    def strings(count):
        return (tokenizer_text.random_string(rng, words) for _ in range(count))

    with tempfile.TemporaryDirectory() as folder:
        plain = without_added_tokens(file, folder)
        tallies = [
            compare_strings("random strings, added tokens parsed", arguments.command, file, file, True,
                            strings(arguments.count)),
            compare_strings("random strings, added tokens as text", arguments.command, file, plain, False,
                            strings(arguments.count // 5)),
            compare_strings("every code point, in contexts", arguments.command, file, file, True,
                            tokenizer_text.code_point_strings()),
        ]
        if arguments.made_up:
            tallies += [compare_made_up(arguments.command, folder, rng, arguments.made_up, make, kind)
                        for kind, make in tokenizer_text.MADE_UP_TOKENIZERS.items()]
    if arguments.summary:
        arguments.summary.write_text(summary(arguments, tallies), encoding="utf-8")
    sys.exit(1 if any(t.mismatches for t in tallies) else 0)


if __name__ == "__main__":
    main()
