#!/usr/bin/env python3
"""A running service by Python's standard library alone.

usage: examples/plain_http.py [URL]     by default $RERANK_URL or http://localhost:8000; the key is $RERANK_API_KEY
"""

import json
import os
import sys
import urllib.error
import urllib.request

URL = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("RERANK_URL", "http://localhost:8000")


def ask(route, body):
    headers = {"Content-Type": "application/json"}
    if os.environ.get("RERANK_API_KEY"):
        headers["Authorization"] = "Bearer " + os.environ["RERANK_API_KEY"]
    request = urllib.request.Request(URL + route, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def main():
    documents = [
        "Gravity is a force that attracts two bodies towards each other.",
        "The capital of China is Beijing.",
        "Shanghai is a large city in China.",
    ]
    reply = ask("/v1/rerank", {"query": "What is the capital of China?", "documents": documents, "top_n": 2})
    print(f"ranked by {reply['model']}, {reply['usage']['total_tokens']} tokens:")
    for result in reply["results"]:
        print(f"  {result['relevance_score']} {result['index']} {result['document']['text']}")

    reply = ask("/v1/score", {"text_1": ["What is the capital of China?", "Explain gravity"],
                              "text_2": ["The capital of China is Beijing.", documents[0]]})
    print("scored, pair by pair:")
    for pair in reply["data"]:
        print(f"  {pair['score']}")


if __name__ == "__main__":
    try:
        main()
    except urllib.error.HTTPError as error:
        sys.exit(f"error: {error.code}: {error.read().decode(errors='replace')}")
    except urllib.error.URLError as error:
        sys.exit(f"error: {URL}: {error.reason}; is the service running? rerank serve demo")
