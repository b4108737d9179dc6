#!/bin/sh
# Starts, stops and watches a reranking server: this project's own (ENGINE=native) or vLLM (ENGINE=vllm), with the same
# settings and the same routes.
#
# usage: start_rerank.sh [start|stop|restart|status|tail|run] [NAME=VALUE...] [-- FLAG...]
#   start    in the background, and waits until it is ready (the default)
#   stop     lets it finish what it has accepted
#   restart  both
#   status   exit code 0: ready; 1: running, not ready; 3: not running
#   tail     follows its log
#   run      in the foreground, for containers and supervisors
#
# Settings come from NAME=VALUE arguments, else the environment, else the file $ENV_FILE (.env here, if there is one),
# else rerank.toml, which is read where the program rerank is there to read it (docs/settings.md):
#   ENGINE                  native | vllm                                                   native
#   MODEL_PATH              a directory or a name in the Hugging Face cache                 demo (native only)
#   SERVED_MODEL_NAME       what clients call it; several with spaces between               MODEL_PATH's last part
#   HOST, PORT              where it listens                                                0.0.0.0, 8000
#   CUDA_VISIBLE_DEVICES    the GPUs it may use                                             all
#   TP                      GPUs that compute one batch together                            1
#   GPU_MEMORY_UTILIZATION  share of each GPU's memory                                      the engine's own
#   MAX_MODEL_LEN, DTYPE, MAX_NUM_BATCHED_TOKENS, MAX_NUM_SEQS                              the engine's own
#   PREFIX_CACHING          true | false                                                    the engine's own
#   UVICORN_LOG_LEVEL       debug | info | warning | error                                  info
#   LOG_DIR                 of log and pid file                                             ./logs
#   START_TIMEOUT, STOP_TIMEOUT   in seconds                                                600, 60
#   RERANK_PROGRAM, VLLM_PROGRAM  the programs                                              rerank, vllm
# Keys are read by the servers themselves, from RERANK_API_KEY or VLLM_API_KEY, so that no argument shows them.
# Flags after -- go to the server as they are.
set -eu

here=$(dirname "$(readlink -f "$0")")
say() { printf '%s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
wrong_usage() {
  printf 'error: %s\nsee: %s --help\n' "$*" "$0" >&2
  exit 2
}

# beside FILE: where a file that belongs to this script is: beside it, or where an installation keeps it.
beside() {
  for file in "$here/$1" "$here/../share/rerank/$1"; do
    [ ! -f "$file" ] || {
      say "$file"
      return 0
    }
  done
  fail "$1, which belongs to $0, is not beside it"
}

# The program may be beside this script, as installed, or in a build of this tree.
native_program() {
  if [ -n "${RERANK_PROGRAM:-}" ]; then
    command -v "$RERANK_PROGRAM"
    return
  fi
  for candidate in "$here/rerank" rerank "$here/../build/release/apps/rerank/rerank"; do
    ! command -v "$candidate" || return 0
  done
  return 1
}

settings_script=$(beside start_settings.sh)
# shellcheck disable=SC1090 # where it is has just been found out
. "$settings_script"

read_arguments() {
  command_name=""
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help)
        sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p;}' "$here/start_rerank.sh"
        exit 0
        ;;
      --) break ;;
      *=*) is_name "${1%%=*}" || wrong_usage "no such setting: ${1%%=*}" ;;
      start | stop | restart | status | tail | run)
        [ -z "$command_name" ] || wrong_usage "one command, not $command_name and $1"
        command_name=$1
        ;;
      *) wrong_usage "unknown command or setting: $1" ;;
    esac
    shift
  done
  command_name=${command_name:-start}
}

read_settings() {
  set_from_arguments "$@"
  env_file=${ENV_FILE:-}
  if [ -n "$env_file" ]; then
    [ -e "$env_file" ] || fail "ENV_FILE=$env_file: there is no such file"
    [ ! -d "$env_file" ] || fail "ENV_FILE=$env_file: this is a directory; name the file in it"
  elif [ -f .env ]; then
    env_file=.env
  fi
  set_from_program "$env_file"
  [ -z "$env_file" ] || set_from_file "$env_file"
  set_from_arguments "$@"
  ENGINE=${ENGINE:-native}
  HOST=${HOST:-0.0.0.0}
  PORT=${PORT:-8000}
  TP=${TP:-1}
  LOG_DIR=${LOG_DIR:-logs}
  START_TIMEOUT=${START_TIMEOUT:-600}
  STOP_TIMEOUT=${STOP_TIMEOUT:-60}
  case $ENGINE in
    native) MODEL_PATH=${MODEL_PATH:-demo} ;;
    vllm)
      MODEL_PATH=${MODEL_PATH:-}
      case $command_name$MODEL_PATH in
        start | restart | run) fail "MODEL_PATH is not set: which model?" ;;
      esac
      give_key_to_vllm
      ;;
    *) fail "ENGINE=$ENGINE: native and vllm are known" ;;
  esac
  value=""
  for number in PORT TP START_TIMEOUT STOP_TIMEOUT; do
    eval "value=\$$number"
    case $value in
      '' | *[!0-9]*) fail "$number=$value is no whole number" ;;
    esac
  done
  if [ "$PORT" -lt 1 ] || [ "$PORT" -gt 65535 ]; then
    fail "PORT=$PORT must be between 1 and 65535"
  fi
  SERVED_MODEL_NAME=${SERVED_MODEL_NAME:-${MODEL_PATH##*/}}
  pid_file=$LOG_DIR/rerank-$PORT.pid
  log_file=$LOG_DIR/rerank-$PORT.log
  case $HOST in
    0.0.0.0 | '' | '*') url=http://127.0.0.1:$PORT ;;
    ::) url="http://[::1]:$PORT" ;;
    *:*) url="http://[$HOST]:$PORT" ;;
    *) url=http://$HOST:$PORT ;;
  esac
}

check_devices() {
  [ "$TP" -ge 1 ] || fail "TP=$TP must be at least 1"
  [ -n "${CUDA_VISIBLE_DEVICES+set}" ] || return 0
  count=$(printf '%s' "$CUDA_VISIBLE_DEVICES" | tr ',' '\n' | grep -c '[^[:space:]]' || true)
  if [ "$TP" -gt "$count" ] && [ "$TP" -gt 1 ]; then
    fail "TP=$TP, but CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES names $count: give as many devices, or a smaller TP"
  fi
  if [ "$count" -gt "$TP" ]; then
    say "note: CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES names $count devices, TP=$TP uses $TP of them"
  fi
}

find_program() {
  if [ "$ENGINE" = vllm ]; then
    program=${VLLM_PROGRAM:-vllm}
    command -v "$program" >/dev/null 2>&1 || fail "$program is not installed: pip install vllm, or set VLLM_PROGRAM"
    return 0
  fi
  if ! program=$(native_program); then
    [ -z "${RERANK_PROGRAM:-}" ] || fail "RERANK_PROGRAM=$RERANK_PROGRAM cannot be run"
    fail "the program rerank is not found: make build, or set RERANK_PROGRAM"
  fi
}

# vLLM took --task until 0.10.1 brought --runner.
vllm_task_flags() {
  version=$("$program" --version 2>/dev/null | sed -n 's/.*[^0-9.]*\([0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | tail -n 1)
  major=${version%%.*}
  rest=${version#*.}
  minor=${rest%%.*}
  patch=${rest#*.}
  if [ -z "$version" ]; then
    say "note: $program does not tell its version; taken for a recent one" >&2
  elif [ "$((major * 1000000 + minor * 1000 + patch))" -lt 10001 ]; then
    say "--task score"
    return 0
  fi
  say "--runner pooling"
}

# run_server FLAG...: replaces this shell.
run_server() {
  set -- --host "$HOST" --port "$PORT" "$@"
  [ -z "${MAX_MODEL_LEN:-}" ] || set -- --max-model-len "$MAX_MODEL_LEN" "$@"
  [ -z "${DTYPE:-}" ] || set -- --dtype "$DTYPE" "$@"
  [ -z "${MAX_NUM_BATCHED_TOKENS:-}" ] || set -- --max-num-batched-tokens "$MAX_NUM_BATCHED_TOKENS" "$@"
  [ -z "${MAX_NUM_SEQS:-}" ] || set -- --max-num-seqs "$MAX_NUM_SEQS" "$@"
  [ -z "${GPU_MEMORY_UTILIZATION:-}" ] || set -- --gpu-memory-utilization "$GPU_MEMORY_UTILIZATION" "$@"
  [ -z "${UVICORN_LOG_LEVEL:-}" ] || set -- --uvicorn-log-level "$UVICORN_LOG_LEVEL" "$@"
  [ "$TP" = 1 ] || set -- --tensor-parallel-size "$TP" "$@"
  case ${PREFIX_CACHING:-} in
    '') ;;
    true | True | 1 | yes | on) set -- --enable-prefix-caching "$@" ;;
    false | False | 0 | no | off) set -- --no-enable-prefix-caching "$@" ;;
    *) fail "PREFIX_CACHING=$PREFIX_CACHING: true and false are known" ;;
  esac
  if [ "$ENGINE" = vllm ]; then
    overrides='{"architectures":["Qwen3ForSequenceClassification"],"classifier_from_token":["no","yes"],"is_original_qwen3_reranker":true}'
    template=$(beside qwen3_reranker.jinja)
    # shellcheck disable=SC2086 # two words
    set -- --hf-overrides "$overrides" --chat-template "$template" $task_flags "$@"
  fi
  # shellcheck disable=SC2086 # several names are several words
  exec "$program" serve "$MODEL_PATH" --served-model-name $SERVED_MODEL_NAME "$@"
}

# Sets pid to the running server's; fails when there is none. A number that another program has by now is stale.
find_running() {
  [ -f "$pid_file" ] || return 1
  pid=$(cat "$pid_file")
  case $pid in
    '' | *[!0-9]*) ;;
    *)
      if kill -0 "$pid" 2>/dev/null && is_server "$pid"; then
        return 0
      fi
      ;;
  esac
  say "note: $pid_file is stale: process ${pid:-(none)} is no server of this script any more; removed"
  rm -f "$pid_file"
  return 1
}

is_server() {
  [ -r "/proc/$1/cmdline" ] || return 0 # no Linux: the number alone must do
  tr '\0' ' ' <"/proc/$1/cmdline" | grep -q -e " serve .*--port $PORT\b" -e start_rerank
}

port_in_use() {
  hexadecimal=$(printf '%04X' "$PORT")
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port=":$hexadecimal" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

# The answer to readiness; any of the three programs will do.
is_ready() {
  path=/health
  [ "$ENGINE" = vllm ] || path=/v1/health/ready
  if command -v curl >/dev/null 2>&1; then
    curl -fs -o /dev/null --max-time 5 "$url$path" 2>/dev/null
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O /dev/null -T 5 "$url$path" 2>/dev/null
  else
    python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$url$path" 2>/dev/null
  fi
}

show_log_end() {
  say "--- the end of $log_file:" >&2
  tail -n 30 "$log_file" >&2
}

start() {
  if find_running; then
    say "already running: process $pid, $url"
    return 0
  fi
  check_devices
  find_program
  if port_in_use; then
    fail "PORT=$PORT is in use by another program: end that one, or choose another PORT"
  fi
  mkdir -p "$LOG_DIR" || fail "LOG_DIR=$LOG_DIR cannot be made"
  [ ! -f "$log_file" ] || mv "$log_file" "$log_file.1"
  task_flags=""
  [ "$ENGINE" = native ] || task_flags=$(vllm_task_flags)
  # The shell that becomes the server keeps its number.
  (
    trap '' HUP
    run_server "$@"
  ) >"$log_file" 2>&1 </dev/null &
  pid=$!
  say "$pid" >"$pid_file"
  say "starting $ENGINE with $MODEL_PATH: process $pid, log $log_file"
  waited=0
  until is_ready; do
    if ! kill -0 "$pid" 2>/dev/null; then
      rm -f "$pid_file"
      show_log_end
      fail "it ended before it was ready"
    fi
    if [ "$waited" -ge "$((START_TIMEOUT * 5))" ]; then
      stop
      show_log_end
      fail "it was not ready after START_TIMEOUT=$START_TIMEOUT seconds"
    fi
    sleep 0.2
    waited=$((waited + 1))
  done
  say "ready: $url"
}

stop() {
  if ! find_running; then
    say "not running"
    return 0
  fi
  kill "$pid" 2>/dev/null || true
  waited=0
  while kill -0 "$pid" 2>/dev/null; do
    if [ "$waited" -ge "$((STOP_TIMEOUT * 5))" ]; then
      say "note: process $pid did not end in STOP_TIMEOUT=$STOP_TIMEOUT seconds; killed"
      kill -9 "$pid" 2>/dev/null || true
    fi
    sleep 0.2
    waited=$((waited + 1))
  done
  rm -f "$pid_file"
  say "stopped: process $pid"
}

status() {
  if ! find_running; then
    say "not running"
    return 3
  fi
  if is_ready; then
    say "ready: process $pid, $url, log $log_file"
    return 0
  fi
  say "running, not ready: process $pid, $url, log $log_file"
  return 1
}

read_arguments "$@"
read_settings "$@"
while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
[ $# -eq 0 ] || shift # what is left is for the server
case $command_name in
  start) start "$@" ;;
  stop) stop ;;
  restart)
    stop
    start "$@"
    ;;
  status) status ;;
  tail)
    [ -f "$log_file" ] || fail "there is no $log_file"
    exec tail -n 50 -f "$log_file"
    ;;
  run)
    check_devices
    find_program
    task_flags=""
    [ "$ENGINE" = native ] || task_flags=$(vllm_task_flags)
    run_server "$@"
    ;;
esac
