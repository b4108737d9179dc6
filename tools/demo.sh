#!/bin/sh
# Ranks real Debian package descriptions for a few plain-word queries with the model that ships, and shows the tables.
#
# usage: tools/demo.sh [PROGRAM]
set -eu
cd "$(dirname "$0")/.."
program=${1:-build/release/apps/rerank/rerank}
documents=models/demo/packages.jsonl
queries=models/demo/queries.txt

[ -x "$program" ] || {
  echo "error: $program is not built; run 'make demo'" >&2
  exit 1
}
echo "Which of these $(wc -l <"$documents") Debian packages answers the query? The five best, with their scores."
while IFS= read -r query <&3; do
  [ -n "$query" ] || continue
  printf '\n> %s\n' "$query"
  "$program" rank -m demo -q "$query" --field text --top-n 5 --format table "$documents"
done 3<"$queries"
