#!/bin/sh
# Everything that must hold of the CUDA backend, on a machine with a GPU, as one table: every step against the
# reference, the golden scores of all sizes, the same bits whatever is around a pair, compute-sanitizer on the small
# models, and the benchmarks. Takes a bundle (tools/make_bundle.sh), so that the machine needs no compiler: the one
# this script lies in, or the one named, or makes one. Logs and the table go to OUTPUT.
#
# Parts besides, when named: "together" is what two GPUs do as one, and "same" and "http" hold the bundle against an
# older one, --old, in turn on the same cards: the bits of scores, and documents/s and latency of POST /v1/rerank.
#
# usage: tools/gpu_check.sh [--parts steps,goldens,bits,sanitizer,benchmarks,together,same,http]
#                           [--sizes nano,0.6B,4B,8B] [--old BUNDLE] [--out OUTPUT] [BUNDLE]
set -u

parts=steps,goldens,bits,sanitizer,benchmarks
sizes=nano,0.6B,4B,8B
output=gpu_check
bundle=
old=
while [ $# -gt 0 ]; do
  case "$1" in
    --parts | --sizes | --out | --old)
      [ $# -gt 1 ] || {
        echo "gpu_check: $1 needs a value" >&2
        exit 2
      }
      case "$1" in
        --parts) parts=$2 ;;
        --sizes) sizes=$2 ;;
        --out) output=$2 ;;
        --old) old=$(cd "$2" && pwd) || exit 2 ;;
      esac
      shift 2
      ;;
    -*)
      sed -n '/^# usage: /,/^set /s/^# //p' "$0" >&2
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
case ",$parts," in
  *,same,* | *,http,*)
    [ -n "$old" ] || {
      echo "gpu_check: the parts same and http need --old BUNDLE, the folder of the one to compare with" >&2
      exit 2
    }
    ;;
esac

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

# The published load is in words of the real tokenizer.
tokenizer_flag=${RERANK_TEST_TOKENIZER:+--tokenizer $RERANK_TEST_TOKENIZER}

if wants steps "$parts"; then
  check "matrix products, any rows" "$bin/cuda_test"
  check "every step against the reference" "$bin/backend_test" --gtest_filter='*BackendSteps*cuda*'
  check "no allocation after the warm-up" "$bin/forward_allocation_test" --gtest_filter='*cuda*'
  check "a model file that is cut" "$bin/gpu_checkpoint_test"
  # A process each: what breaks a GPU breaks it for the process.
  check "a GPU that fails" "$bin/device_failure_test" --gtest_filter='*/DeviceFailure.EndsRequests*/1'
  check "a GPU that hangs" "$bin/device_failure_test" --gtest_filter='*/DeviceFailure.IsNotWaitedFor*/1'
fi
if wants together "$parts" || { wants steps "$parts" && has_two_gpus; }; then
  check "one of two GPUs that fails" "$bin/device_failure_test" --gtest_filter='*/DeviceFailure.EndsRequests*/2'
  check "one of two GPUs that hangs" "$bin/device_failure_test" --gtest_filter='*/DeviceFailure.IsNotWaitedFor*/2'
fi
if wants together "$parts"; then
  check "sums over ranks" "$bin/cuda_test" --gtest_filter='RankSum*'
  for size in nano 0.6B 4B 8B; do
    wants $size "$sizes" || continue
    report=$output/goldens_${size}_tp2.xml
    named=$(echo $size | tr . p)
    check "golden scores, $size, two together" "$bin/golden_test" --gtest_filter="*GoldenScores*/${named}_cuda*tp2" \
      --gtest_output="xml:$report"
    [ ! -f "$report" ] || golden_errors "$report" | tee -a "$table"
  done
  check "the same bits, two together" "$bin/golden_test" \
    --gtest_filter='*/BitsTest*cuda*tp2*:*EngineBitsTest.OneFloatForAPair*cuda*tp2*'
fi
if wants goldens "$parts"; then
  for size in nano odd 0.6B 4B 8B; do
    [ $size = odd ] || wants $size "$sizes" || continue
    report=$output/goldens_$size.xml
    named=$(echo $size | tr . p)
    check "golden scores, $size" "$bin/golden_test" --gtest_filter="*GoldenScores*/${named}_cuda*" --gtest_output="xml:$report"
    [ ! -f "$report" ] || golden_errors "$report" | tee -a "$table"
  done
  report=$output/families.xml
  check "scores of all families" "$bin/golden_test" --gtest_filter='*FamilyScores*cuda*' --gtest_output="xml:$report"
  [ ! -f "$report" ] || golden_errors "$report" | tee -a "$table"
fi
if wants bits "$parts"; then
  check "the same bits, prompts cut anywhere" "$bin/golden_test" --gtest_filter='*/BitsTest*cuda*'
  check "the same bits, through the engine" "$bin/golden_test" --gtest_filter='*EngineBitsTest.OneFloatForAPair*cuda*'
  if has_two_gpus; then
    check "the same bits, any replica" "$bin/golden_test" --gtest_filter='*EngineBitsTest.OneFloatOnAnyReplica*cuda*'
  fi
fi
if wants benchmarks "$parts"; then
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
# A bundle's program: the newest is this one's, the other that of --old.
program_of() {
  if [ "$1" = old ]; then echo "$old/bin/rerank"; else echo "$bin/rerank"; fi
}

# 400 pairs of up to 600 words, the same in each run.
write_pairs() {
  awk 'BEGIN {
    srand(7)
    for (pair = 0; pair < 400; ++pair) {
      line = ""
      words = 1 + int(rand() * rand() * 600)
      for (i = 0; i < words; ++i) line = line (i ? " " : "") "w" int(rand() * 5000)
      printf "{\"query\": \"what is w%d about\", \"document\": \"%s\"}\n", int(pair / 10), line
    }
  }'
}

# same_scores NAME FLAG...: whether both bundles give each pair the same float.
same_scores() {
  what=$1
  shift
  for which in old new; do
    check "scores of the $which bundle, $what" "$(program_of $which)" score --device cuda --raw --force "$@" \
      --output "$output/scores_$which.jsonl" "$output/pairs.jsonl" || return
  done
  check "the same bits in old and new, $what" cmp "$output/scores_old.jsonl" "$output/scores_new.jsonl"
}

if wants same "$parts"; then
  write_pairs >"$output/pairs.jsonl"
  for quantization in none int8 fp8; do
    same_scores "0.6B $quantization" --model synth:0.6B --quantization $quantization
    ! has_two_gpus || same_scores "0.6B $quantization, two together" --model synth:0.6B --quantization $quantization \
      --tensor-parallel-size 2
  done
fi

# figure NAME LOG: of rerank bench's text.
figure() {
  sed -n "s|^$1: *\([0-9.]*\)\$|\1|p" "$2"
}

# in_turn NAME LOAD ROUNDS COMMAND...: the load on the old bundle and the new in turn; COMMAND gets which and the load.
# Prints each round's figures and the median of the ratios new / old.
in_turn() {
  name=$1 load=$2 rounds=$3
  shift 3
  ratios=$output/ratios.txt
  : >"$ratios"
  round=0
  while [ $round -lt "$rounds" ]; do
    round=$((round + 1))
    # The other one first in every second round.
    if [ $((round % 2)) -eq 1 ]; then order="old new"; else order="new old"; fi
    for which in $order; do
      "$@" "$which" "$load --seed $round" >"$output/$which.txt" 2>&1 || {
        failed=$((failed + 1))
        row "$name" FAILED 0 "$which: $(grep -v '^$' "$output/$which.txt" | tail -n 1)"
        return
      }
    done
    echo "$round $(figure 'Input throughput (inputs/s)' "$output/old.txt") \
$(figure 'Input throughput (inputs/s)' "$output/new.txt") $(figure 'Median E2EL (ms)' "$output/old.txt") \
$(figure 'Median E2EL (ms)' "$output/new.txt")" >>"$ratios"
  done
  row "$name" measured "" "$load"
  awk '
    function median(values, count,   i, j, t) {
      for (i = 2; i <= count; ++i)
        for (j = i; j > 1 && values[j] < values[j - 1]; --j) { t = values[j]; values[j] = values[j - 1]; values[j - 1] = t }
      return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
    }
    {
      printf "  round %d: documents/s old %.1f new %.1f, median latency old %.3f ms new %.3f ms\n", $1, $2, $3, $4, $5
      speed[NR] = $3 / $2
      latency[NR] = $5 / $4
    }
    END { printf "  new / old, median of %d: documents/s %.4f, latency %.4f\n", NR, median(speed, NR), median(latency, NR) }
  ' "$ratios" | tee -a "$table"
}

# Of two servers that stand side by side, one idle while the other is asked.
ask_server() {
  if [ "$1" = old ]; then port=18431; else port=18432; fi
  # shellcheck disable=SC2086 # words
  "$bin/rerank" bench --port $port $tokenizer_flag --query-words 46 -w 200 $2
}
load_and_ask() {
  what=$1 which=$2 load=$3
  # shellcheck disable=SC2086 # words
  "$(program_of "$which")" bench --offline $what --device cuda $tokenizer_flag --query-words 46 -w 200 $load
}

# http_in_turn NAME REQUESTS_ALONE FLAG...: both bundles' servers side by side with these flags, asked in turn.
http_in_turn() {
  what=$1 alone=$2
  shift 2
  servers=
  for which in old new; do
    if [ $which = old ]; then port=18431; else port=18432; fi
    # shellcheck disable=SC2086 # words
    "$(program_of $which)" serve "$@" --device cuda --gpu-memory-utilization 0.45 $tokenizer_flag --host 127.0.0.1 \
      --port $port >"$output/server_$which.log" 2>&1 &
    servers="$servers $!"
  done
  # shellcheck disable=SC2064 # these servers
  trap "kill $servers 2>/dev/null" EXIT
  first="-d 5 -c 1 -n 3 --ready-check-timeout-sec 60"
  if check "the old server answers, $what" ask_server old "$first" &&
    check "the new server answers, $what" ask_server new "$first"; then
    in_turn "POST /v1/rerank, $what, old and new in turn" "-d 50 -c 24 -t 4" 5 ask_server
    in_turn "POST /v1/rerank, $what, 20 documents alone" "-d 20 -c 1 -n $alone" 5 ask_server
  fi
  # shellcheck disable=SC2086 # numbers
  kill $servers 2>/dev/null
  trap - EXIT
  wait
}

if wants http "$parts"; then
  for size in 0.6B 4B; do
    wants $size "$sizes" || continue
    if [ $size = 0.6B ]; then alone=150; else alone=30; fi
    http_in_turn "$size" "$alone" synth:$size
    http_in_turn "$size int8" "$alone" synth:$size --quantization int8
  done
fi
if wants together "$parts" && [ -n "$old" ]; then
  for size in 0.6B 4B; do
    wants $size "$sizes" || continue
    model="--model synth:$size --tensor-parallel-size 2"
    in_turn "two GPUs together, $size, old and new in turn" "-d 50 -c 24 -t 4" 3 load_and_ask "$model"
    in_turn "two GPUs together, $size, 20 documents alone" "-d 20 -c 1 -n 100" 3 load_and_ask "$model"
  done
fi

# The last, since racecheck alone takes minutes.
if wants sanitizer "$parts"; then
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  if [ -x "$sanitizer" ]; then
    for tool in memcheck synccheck initcheck racecheck; do
      for type in bfloat16 int8 fp8; do
        check "compute-sanitizer, $tool, $type" "$sanitizer" --tool $tool --error-exitcode 9 \
          "$bin/golden_test" --gtest_filter="*GoldenScoresTest.FromIds/nano_cuda_$type*:*FamilyScores*tiny_cuda_$type*-*_tp*"
      done
    done
  else
    row "compute-sanitizer" absent 0 "not on this machine"
  fi
fi

row "all" "$([ $failed -eq 0 ] && echo ok || echo FAILED)" "" "$failed failed"
[ $failed -eq 0 ]
