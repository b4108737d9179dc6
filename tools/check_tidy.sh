#!/bin/sh
# Runs clang-tidy with the rules of .clang-tidy over tracked C++ sources, those that changed last first.
# A configured build folder must be given, for its compile_commands.json. With a number of seconds as the second
# argument, files that would start after that time are left out, and the closing line says how many.
#
# usage: tools/check_tidy.sh BUILD_DIR [SECONDS]
set -eu
build_dir=${1:?usage: tools/check_tidy.sh BUILD_DIR [SECONDS]}
seconds=${2:-86400}
cd "$(dirname "$0")/.."
[ -f "$build_dir/compile_commands.json" ] || {
  echo "error: $build_dir/compile_commands.json is missing; run 'cmake --preset dev' first" >&2
  exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Newest change first, each file once, only those that this build compiles.
{ git log --format= --name-only -- '*.cc'; git ls-files '*.cc'; } | awk 'NF && !seen[$0]++' |
  while read -r file; do
    if [ -f "$file" ] && grep -qF "\"file\": \"$PWD/$file\"" "$build_dir/compile_commands.json"; then
      echo "$file"
    fi
  done >"$scratch/files"

deadline=$(($(date +%s) + seconds))
status=0
# shellcheck disable=SC2016 # expanded by the inner shell
xargs -P "$(nproc)" -n 1 sh -c '
  [ "$(date +%s)" -lt "$2" ] || exit 0
  output=$(mktemp "$1/out.XXXXXX")
  clang-tidy -p "$0" --quiet --extra-arg=-Wno-unknown-warning-option "$3" >"$output" 2>"$output.log" || {
    cat "$output" "$output.log"
    exit 1
  }
' "$build_dir" "$scratch" "$deadline" <"$scratch/files" || status=1
checked=$(find "$scratch" -name 'out.??????' | wc -l)
echo "clang-tidy: $checked of $(wc -l <"$scratch/files") files checked"
exit "$status"
