#!/bin/sh
# Installs into a folder of its own, builds a stranger's project and the examples against that, and compares the
# stranger's scores with the installed program's: install_test.sh BUILD_DIRECTORY SOURCE_DIRECTORY
set -eu
build=$1
source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cmake --install "$build" --prefix "$folder/prefix" >"$folder/log" || { cat "$folder/log"; exit 1; }
{
  cmake -S "$source/tests/install/consumer" -B "$folder/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$folder/prefix"
  cmake --build "$folder/consumer"
  cmake -S "$source/examples" -B "$folder/examples" -G Ninja -DCMAKE_PREFIX_PATH="$folder/prefix"
  cmake --build "$folder/examples"
} >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }

"$folder/consumer/consumer" demo >"$folder/library"
printf 'edit photos\timage editor with layers and filters\nedit photos\tmail server for small sites\n' |
  "$folder/prefix/bin/rerank" score -m demo --no-weight-cache --input-format tsv --format tsv - >"$folder/program"
cut -f 2 "$folder/program" >"$folder/program_scores"
echo "library:"; cat "$folder/library"
echo "program:"; cat "$folder/program"
[ "$(wc -l <"$folder/library")" -eq 2 ]
cmp "$folder/library" "$folder/program_scores"

# The examples' own test says more; here they only have to run.
echo "examples:"
HOME=$folder "$folder/examples/usage_tiny" demo | grep "logit difference"
HOME=$folder RERANK_URL=http://127.0.0.1:1 RERANK_MAX_RETRIES=0 "$folder/examples/main" 2>&1 | grep "127.0.0.1"

# The script finds the program and its own parts where they were installed.
cd "$folder"
code=0
prefix/bin/start_rerank.sh status PORT=8000 LOG_DIR=logs >said 2>&1 || code=$?
cat said
[ "$code" -eq 3 ]
[ -f prefix/share/rerank/deploy/systemd/rerank.service ]
