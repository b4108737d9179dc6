#!/bin/sh
# How long a cold start takes: whole processes, their own start included, with warm files and packed weights.
# start_time.sh RERANK [RUNS]: 20 documents ranked with the model that ships, and `rerank --version`.
set -eu
rerank=${1:?usage: start_time.sh RERANK [RUNS]}
runs=${2:-15}
here=$(dirname "$0")
documents=$(mktemp)
trap 'rm -f "$documents"' EXIT
head -n 20 "$here/../models/demo/packages.jsonl" >"$documents"

# median NAME COMMAND...: the median wall time of RUNS runs after one warm-up.
median() {
  name=$1
  shift
  "$@" >/dev/null
  i=0
  while [ "$i" -lt "$runs" ]; do
    begin=$(date +%s%N)
    "$@" >/dev/null
    end=$(date +%s%N)
    echo $(((end - begin) / 1000))
    i=$((i + 1))
  done | sort -n | awk -v name="$name" '{ v[NR] = $1 } END { printf "%-44s %8.1f ms (least %.1f, most %.1f)\n", name, v[int((NR + 1) / 2)] / 1000, v[1] / 1000, v[NR] / 1000 }'
}

echo "medians of $runs runs"
median 'rerank --version' "$rerank" --version
median 'rerank rank -m demo, 20 package descriptions' \
  "$rerank" rank -m demo -q 'edit photos' --field text "$documents"
