"""Writes the sample that `make demo` ranks: real held-out packages.

    python3 make_sample.py --data DATA --out FOLDER

Takes the packages of hand_queries.tsv whose description has at most 700
characters, in the order of their names, and writes packages.jsonl with
`package` and `text`. Which of the queries the demo asks is written by hand,
in queries.txt.
"""

import argparse
import gzip
import json
import pathlib

LONGEST = 700  # characters of a description


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    made = json.loads(gzip.open(args.data / "test.json.gz").read())
    texts = {d["package"]: " ".join(d["segments"])
             for d in made["documents"].values() if d["part"] == "test"}
    hand = pathlib.Path(__file__).with_name("hand_queries.tsv").read_text()
    names = sorted({line.split("\t")[0] for line in hand.splitlines()})
    with (args.out / "packages.jsonl").open("w", encoding="utf-8") as out:
        for name in names:
            if len(texts.get(name, "")) in range(1, LONGEST + 1):
                out.write(json.dumps({"package": name, "text": texts[name]},
                                     ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
