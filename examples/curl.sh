#!/bin/sh
# A running service by curl alone.
#
# usage: examples/curl.sh [URL]     by default $RERANK_URL or http://localhost:8000; the key is $RERANK_API_KEY
set -eu
url=${1:-${RERANK_URL:-http://localhost:8000}}

# ask ROUTE BODY: the key goes by standard input, since everybody on a machine sees the arguments of a program.
ask() {
  printf '%s\n' "${RERANK_API_KEY:+Authorization: Bearer $RERANK_API_KEY}" |
    curl --silent --show-error --fail-with-body --max-time 60 --header @- --header 'Content-Type: application/json' \
      --data "$2" "$url$1"
  echo
}

echo "ranked:"
ask /v1/rerank '{
  "query": "What is the capital of China?",
  "documents": [
    "Gravity is a force that attracts two bodies towards each other.",
    "The capital of China is Beijing.",
    "Shanghai is a large city in China."
  ],
  "top_n": 2
}'

echo "scored, pair by pair:"
ask /v1/score '{
  "text_1": ["What is the capital of China?", "Explain gravity"],
  "text_2": ["The capital of China is Beijing.", "Gravity is a force that attracts two bodies towards each other."]
}'
