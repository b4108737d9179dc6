#!/bin/sh
# Everything that must hold of the CUDA backend, on a machine with a GPU, as one table: every step against the
# reference, the golden scores of all sizes, the same bits whatever is around a pair, compute-sanitizer on the small
# models, and the benchmarks. Takes a bundle (tools/make_bundle.sh), so that the machine needs no compiler: the one
# this script lies in, or the one named, or makes one. Logs and the table go to OUTPUT.
#
# usage: tools/gpu_check.sh [--parts steps,goldens,bits,sanitizer,benchmarks] [--sizes nano,0.6B,4B,8B] [--out OUTPUT]
#                           [BUNDLE]
set -u

parts=steps,goldens,bits,sanitizer,benchmarks
sizes=nano,0.6B,4B,8B
output=gpu_check
bundle=
while [ $# -gt 0 ]; do
  case "$1" in
    --parts | --sizes | --out)
      [ $# -gt 1 ] || {
        echo "gpu_check: $1 needs a value" >&2
        exit 2
      }
      case "$1" in
        --parts) parts=$2 ;;
        --sizes) sizes=$2 ;;
        --out) output=$2 ;;
      esac
      shift 2
      ;;
    -*)
      sed -n 's/^# \(usage: .*\)/\1/p' "$0" >&2
      exit 2
      ;;
    *)
      bundle=$1
      shift
      ;;
  esac
done

here=$(cd "$(dirname "$0")" && pwd)
if [ -z "$bundle" ] && [ -x "$here/bin/rerank" ]; then
  bundle=$here
elif [ -z "$bundle" ]; then
  sh "$here/make_bundle.sh" || exit 1
  bundle=$here/../build/bundle/rerank-cuda
fi
bundle=$(cd "$bundle" && pwd) || exit 1
bin=$bundle/bin
mkdir -p "$output"
output=$(cd "$output" && pwd)

export RERANK_TEST_SOURCE="$bundle/share/rerank/source"
export RERANK_TEST_LARGE=1
if [ -f "$bundle/share/rerank/tokenizer.json" ]; then
  export RERANK_TEST_TOKENIZER="$bundle/share/rerank/tokenizer.json"
fi
# Where CUDA is installed without telling the loader.
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/cuda/lib64"
# Multicast over NVLink has put machines out of service; nothing here needs it.
export NCCL_NVLS_ENABLE=0

table=$output/table.txt
: >"$table"
failed=0

wants() {
  case ",$2," in
    *,"$1",*) return 0 ;;
  esac
  return 1
}

# row NAME VERDICT SECONDS NOTE
row() {
  printf '%-44s %-8s %5s s  %s\n' "$1" "$2" "$3" "$4" | tee -a "$table"
}

# check NAME COMMAND...: runs the command, its output into a log of its own, and adds a row. A test program that ran no
# test has failed.
check() {
  name=$1
  shift
  log=$output/$(echo "$name" | tr -c 'a-zA-Z0-9\n' _).log
  begin=$(date +%s)
  "$@" >"$log" 2>&1
  code=$?
  seconds=$(($(date +%s) - begin))
  passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) tests*\..*/\1/p' "$log")
  skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) tests*, .*/\1/p' "$log")
  note=
  [ -z "$passed" ] || note="$passed passed${skipped:+, $skipped skipped}"
  if [ $code -eq 0 ] && [ "$passed" != 0 ]; then
    row "$name" ok "$seconds" "$note"
    return 0
  fi
  failed=$((failed + 1))
  if [ "$passed" = 0 ]; then
    note="no test was run: $(grep -m 1 . "$log")"
  else
    note="exit code $code, see $(basename "$log"): $(grep -m 1 -iE 'failure|error|refus|cannot' "$log")"
  fi
  row "$name" FAILED "$seconds" "$note"
  return 1
}

# One line for each golden case of an XML report: its name, its error, Transformers' own error in bfloat16.
golden_errors() {
  awk -F '"' '
    /<testcase / { for (i = 1; i < NF; ++i) if ($i ~ / name=$/ || $i ~ /<testcase name=$/) test = $(i + 1) }
    / name="rms"/ { for (i = 1; i < NF; ++i) if ($i ~ / value=$/) rms = $(i + 1) }
    / name="transformers_bfloat16_rms"/ {
      for (i = 1; i < NF; ++i) if ($i ~ / value=$/) printf "  %-52s rms %s (Transformers in bfloat16: %s)\n", test, rms, $(i + 1)
    }' "$1"
}

benchmark() {
  name=$1
  shift
  if [ ! -x "$bin/$(basename "$1")" ]; then
    row "$name" absent 0 "not in this bundle"
    return
  fi
  check "$name" "$@" && sed 's/^/  /' "$log" | tee -a "$table"
}

# requests NAME MODEL FLAG...: the published load: 1 query of 46 words with 50 documents of 200 words of the real tokenizer,
# 24 requests at a time; then 20 documents, alone.
requests() {
  what=$1 model=$2
  shift 2
  for load in "-d 50 -c 24 -t 6" "-d 20 -c 1 -n 50"; do
    # shellcheck disable=SC2086 # words
    benchmark "requests, $what, $load" "$bin/rerank" bench --offline --model "$model" --device cuda $tokenizer_flag \
      --query-words 46 -w 200 $load "$@"
  done
}

has_two_gpus() {
  "$bin/rerank" inspect synth:nano --device cuda --data-parallel-size 2 >/dev/null 2>&1
}

{
  date -u '+%Y-%m-%d %H:%M UTC'
  "$bin/rerank" --version
  nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>&1
} | tee -a "$table"

check "a GPU that will do" "$bin/rerank" inspect synth:nano --device cuda || {
  cat "$log"
  exit 1
}

if wants steps "$parts"; then
  check "matrix products, any rows" "$bin/cuda_test"
  check "every step against the reference" "$bin/backend_test" --gtest_filter='*BackendSteps*cuda*'
  check "no allocation after the warm-up" "$bin/forward_allocation_test" --gtest_filter='*cuda*'
  check "a GPU that fails" "$bin/device_failure_test"
fi
if wants goldens "$parts"; then
  for size in nano odd 0.6B 4B 8B; do
    [ $size = odd ] || wants $size "$sizes" || continue
    report=$output/goldens_$size.xml
    named=$(echo $size | tr . p)
    check "golden scores, $size" "$bin/golden_test" --gtest_filter="*GoldenScores*/${named}_cuda*" --gtest_output="xml:$report"
    [ ! -f "$report" ] || golden_errors "$report" | tee -a "$table"
  done
fi
if wants bits "$parts"; then
  check "the same bits, prompts cut anywhere" "$bin/golden_test" --gtest_filter='*/BitsTest*cuda*'
  check "the same bits, through the engine" "$bin/golden_test" --gtest_filter='*EngineBitsTest.OneFloatForAPair*cuda*'
  if has_two_gpus; then
    check "the same bits, any replica" "$bin/golden_test" --gtest_filter='*EngineBitsTest.OneFloatOnAnyReplica*cuda*'
  fi
fi
if wants benchmarks "$parts"; then
  # The published load is in words of the real tokenizer.
  tokenizer_flag=${RERANK_TEST_TOKENIZER:+--tokenizer $RERANK_TEST_TOKENIZER}
  for size in 0.6B 4B 8B; do
    wants $size "$sizes" || continue
    for quantization in none int8 fp8; do
      benchmark "kernels of a forward, $size $quantization" "$bin/forward_cuda" --model "synth:$size" --products --rounds 5 \
        --quantization $quantization
      requests "$size $quantization" "synth:$size" --quantization $quantization
    done
    benchmark "kernels of a forward of 8192 tokens, $size" "$bin/forward_cuda" --model "synth:$size" --head 0 \
      --document 8192 --tokens 8192
  done
  if has_two_gpus; then
    for size in 0.6B 4B 8B; do
      wants $size "$sizes" || continue
      requests "$size on two replicas" "synth:$size" --data-parallel-size 2
      requests "$size on two GPUs together" "synth:$size" --tensor-parallel-size 2
    done
  fi
fi
# The last, since racecheck alone takes minutes.
if wants sanitizer "$parts"; then
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  if [ -x "$sanitizer" ]; then
    for tool in memcheck synccheck initcheck racecheck; do
      for type in bfloat16 int8 fp8; do
        check "compute-sanitizer, $tool, $type" "$sanitizer" --tool $tool --error-exitcode 9 \
          "$bin/golden_test" --gtest_filter="*GoldenScoresTest.FromIds/nano_cuda_$type*-*_tp*"
      done
    done
  else
    row "compute-sanitizer" absent 0 "not on this machine"
  fi
fi

row "all" "$([ $failed -eq 0 ] && echo ok || echo FAILED)" "" "$failed failed"
[ $failed -eq 0 ]
