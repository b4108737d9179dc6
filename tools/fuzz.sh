#!/usr/bin/env bash
# Runs the libFuzzer programs of tests/fuzz, several at a time, and prints a table of what came of it. Exit code 1
# when an input was found that a target does not stand. It builds nothing: make fuzz does that and then calls this.
#
# usage: [TIME=900] [JOBS=2] [TARGETS="gzip encode"] tools/fuzz.sh [FINDINGS]
#   TIME      seconds for each target
#   JOBS      targets at a time; as many as there are cores unless given
#   TARGETS   names; all unless given
#   FINDINGS  a folder: in TARGET/ of it the log, in TARGET/corpus what reached something new, and as TARGET/crash-*,
#             timeout-* and the like what the target does not stand; build/fuzz/findings unless given
# What tools/pack_fuzz.sh packed runs the same way, with findings/ beside this script.
set -u
findings=${1:+$(realpath -m "$1")}
cd "$(dirname "$0")" || exit 2
if [ -d corpus ]; then
  home=. programs=programs findings=${findings:-findings}
else
  cd .. || exit 2
  home=tests/fuzz programs=build/fuzz/tests/fuzz findings=${findings:-build/fuzz/findings}
fi
seconds=${TIME:-900}
jobs=${JOBS:-$(nproc)}

# Programs that were carried here bring their libraries and the loader that goes with them.
launch=()
[ -x "$programs/lib/ld-linux-x86-64.so.2" ] &&
  launch=("$programs/lib/ld-linux-x86-64.so.2" --library-path "$programs/lib")
# The address sanitizer of clang 14 cannot always map its shadow where addresses are randomised by more than 28 bits.
[ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -gt 28 ] && setarch --addr-no-randomize true 2>/dev/null &&
  launch=(setarch --addr-no-randomize ${launch[@]+"${launch[@]}"})
export ASAN_OPTIONS="quarantine_size_mb=32:detect_stack_use_after_return=1:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
[ -d "$home/model" ] && export RERANK_FUZZ_MODEL="$home/model"

# fuzz TARGET: one target for its time, into $findings/TARGET.
fuzz() {
  local found=$findings/$1
  mkdir -p "$found/corpus"
  "${launch[@]}" "$programs/fuzz_$1" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=1024 -malloc_limit_mb=256 \
    -max_len=4096 -print_final_stats=1 -dict="$home/dictionaries/$1.dict" -artifact_prefix="$found/" \
    "$found/corpus" "$home/corpus/$1" </dev/null >"$found/log" 2>&1
  echo "$?" >"$found/exit_code"
}

# row TARGET: its line of the table.
row() {
  local found=$findings/$1 log=$findings/$1/log result
  result=clean
  [ "$(cat "$found/exit_code" 2>/dev/null)" = 0 ] || result=FAILED
  printf '%-16s %12s %9s %9s   %s\n' "$1" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
    "$(sed -nE 's/^#.* cov: ([0-9]+) .*/\1/p' "$log" | tail -n 1)" \
    "$(sed -n 's/^stat::new_units_added: *//p' "$log")" "$result"
  [ "$result" = clean ]
}

targets=()
for program in "$programs"/fuzz_*; do
  name=${program##*/fuzz_}
  [ -f "$program" ] && [ -x "$program" ] && { [ -z "${TARGETS:-}" ] || [[ " $TARGETS " == *" $name "* ]]; } &&
    targets+=("$name")
done
if [ ${#targets[@]} -eq 0 ]; then
  echo "error: there are no fuzz targets in $programs; build them first: make fuzz" >&2
  exit 2
fi

for target in "${targets[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
  rm -f "$findings/$target"/{exit_code,crash-*,oom-*,timeout-*,leak-*,slow-unit-*}
  fuzz "$target" &
done
wait

printf '%-16s %12s %9s %9s   %s\n' target executions coverage new result
failed=()
for target in "${targets[@]}"; do row "$target" || failed+=("$target"); done
for target in ${failed[@]+"${failed[@]}"}; do
  printf '\n=== %s\n' "$target"
  tail -n 60 "$findings/$target/log"
  for input in "$findings/$target"/{crash,oom,timeout,leak}-*; do
    [ -f "$input" ] || continue
    echo "found: $input, $(wc -c <"$input") bytes; to repeat: ${launch[*]} $programs/fuzz_$target $input"
    echo "once it is mended, keep the input in tests/fuzz/corpus/$target/ under a name that says what it does"
  done
done
[ ${#failed[@]} -eq 0 ]
