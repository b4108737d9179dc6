#!/usr/bin/env python3
"""A running service by the package rerank-cpp (pip install ./python), settings from the environment, .env or rerank.toml.

usage: examples/client.py
"""

import sys

from rerank_cpp import RerankError, rerank, score

DOCUMENTS = [
    "Gravity is a force that attracts two bodies towards each other.",
    "The capital of China is Beijing.",
    "Shanghai is a large city in China.",
]


def main():
    items, scores, raw = rerank("What is the capital of China?", DOCUMENTS, top_n=2)
    print("items, the best first:")
    for item in items:
        print(f"  {item.score} {item.index} {item.text}")
    print("scores, in the order given:", *scores)
    print("raw:", *raw)
    pairs = score(["What is the capital of China?", "Explain gravity"], [DOCUMENTS[1], DOCUMENTS[0]])
    print("scores of two pairs:", *pairs.scores)


if __name__ == "__main__":
    try:
        main()
    except RerankError as error:
        sys.exit(f"error: {error}")
