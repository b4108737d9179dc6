#!/bin/sh
# Runs clang-tidy with the rules of .clang-tidy over the tracked C++ sources that a build compiles. A configured build
# folder must be given, for its compile_commands.json. With a number of seconds as the second argument, files that would
# start after that time are left out; those that changed come first and have ten minutes at least. The closing line says
# how many were checked.
#
# What changed: since $RERANK_CI_BASE, a commit; else since this branch left origin/main; else, on main itself, in its last
# commit; and what is not committed. Of a changed header, the source of its name or
# another that includes it.
#
# usage: tools/check_tidy.sh BUILD_DIR [SECONDS]
set -eu
build_dir=${1:?usage: tools/check_tidy.sh BUILD_DIR [SECONDS]}
seconds=${2:-86400}
cd "$(dirname "$0")/.."
[ -f "$build_dir/compile_commands.json" ] || {
  echo "error: $build_dir/compile_commands.json is missing; run 'cmake --preset release' first" >&2
  exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Without the headers that g++ compiled before: clang cannot read them.
sed 's/ -Winvalid-pch -include [^ ]*//' "$build_dir/compile_commands.json" >"$scratch/compile_commands.json"

# base: the commit that the changes are counted from; nothing where there is none, as in a clone of one commit.
base() {
  if [ -n "${RERANK_CI_BASE:-}" ]; then
    git rev-parse --verify "$RERANK_CI_BASE^{commit}"
    return
  fi
  head=$(git rev-parse HEAD)
  fork=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [ -n "$fork" ] && [ "$fork" != "$head" ]; then
    echo "$fork"
    return
  fi
  git rev-parse --quiet --verify HEAD~1 || true
}

# compiled: of the files on standard input, each once, those that this build compiles.
compiled() {
  awk 'NF && !seen[$0]++' | while read -r file; do
    if [ -f "$file" ] && grep -qF "\"file\": \"$PWD/$file\"" "$build_dir/compile_commands.json"; then
      echo "$file"
    fi
  done
}

# sources_of: the files on standard input, a header replaced by a source that compiles it.
sources_of() {
  while read -r file; do
    case "$file" in
      *.h)
        if [ -f "${file%.h}.cc" ]; then
          echo "${file%.h}.cc"
        else
          name=${file#src/}
          git grep -lF "\"${name#include/}\"" -- '*.cc' | head -n 1
        fi
        ;;
      *) echo "$file" ;;
    esac
  done
}

since=$(base)
{
  git diff --name-only HEAD -- '*.cc' '*.h'
  if [ -n "$since" ]; then git diff --name-only "$since" HEAD -- '*.cc' '*.h'; fi
} | sources_of | compiled >"$scratch/changed"
# The others, newest change first.
{ git log --format= --name-only -- '*.cc'; git ls-files '*.cc'; } | compiled |
  grep -vxF -f "$scratch/changed" >"$scratch/others" || true

# check LIST DEADLINE: clang-tidy over the files of LIST, as many at a time as there are processors.
check() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  xargs -r -P "$(nproc)" -n 1 sh -c '
    [ "$(date +%s)" -lt "$2" ] || exit 0
    output=$(mktemp "$1/out.XXXXXX")
    clang-tidy -p "$1" --quiet --extra-arg=-Wno-unknown-warning-option "$3" >"$output" 2>"$output.log" || {
      cat "$output" "$output.log"
      exit 1
    }
  ' sh "$scratch" "$2" <"$1"
}

# checked: how many files were, so far.
checked() {
  find "$scratch" -name 'out.??????' | wc -l
}

deadline=$(($(date +%s) + seconds))
least=$(($(date +%s) + 600))
status=0
check "$scratch/changed" "$((deadline > least ? deadline : least))" || status=1
changed=$(checked)
check "$scratch/others" "$deadline" || status=1
all=$(cat "$scratch/changed" "$scratch/others" | wc -l)
echo "clang-tidy: $(checked) of $all files checked, of $(wc -l <"$scratch/changed") that changed $changed"
exit "$status"
