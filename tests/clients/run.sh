#!/bin/sh
# Runs real clients, unmodified and pinned, against a server of their own on the demo model. Each group has an
# environment of its own below build/clients, made at the first run, since their pins conflict.
#
# usage: tests/clients/run.sh [GROUP...]     e.g. tests/clients/run.sh cohere litellm; by default all of them
# RERANK: the program; by default build/release/apps/rerank/rerank
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
program=${RERANK:-$root/build/release/apps/rerank/rerank}
environments=$root/build/clients

if [ ! -x "$program" ]; then
  echo "error: there is no program at $program: build it, or set RERANK to where it is" >&2
  exit 1
fi
if [ $# -eq 0 ]; then
  for file in "$here"/requirements/*.txt; do
    set -- "$@" "$(basename "$file" .txt)"
  done
fi

# make_environment GROUP: installs what the group's pins say, unless that was done before.
make_environment() {
  pins=$here/requirements/$1.txt
  done_pins=$environments/$1/installed.txt
  cmp -s "$pins" "$done_pins" && return
  rm -rf "${environments:?}/$1"
  python3 -m venv "$environments/$1"
  "$environments/$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins"
  cp "$pins" "$done_pins"
}

mkdir -p "$environments"
failed=""
for group in "$@"; do
  if [ ! -f "$here/requirements/$group.txt" ]; then
    echo "error: there is no group $group; there are:" "$here"/requirements/*.txt >&2
    exit 2
  fi
  echo "=== $group"
  if ! { make_environment "$group" &&
    python3 "$root/tests/http/with_server.py" "$program" demo --served-model-name demo \
      --served-model-name org/demo-reranker --disable-access-log --disable-log-stats \
      --cache-dir "$environments/cache" -- \
      "$environments/$group/bin/python" "$here/check_$group.py" "{url}" "{key}"; }; then
    failed="$failed $group"
  fi
done
if [ -n "$failed" ]; then
  echo "failed:$failed" >&2
  exit 1
fi
