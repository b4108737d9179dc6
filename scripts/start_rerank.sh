#!/bin/sh
# Starts, stops and monitors a reranking server: rerank serve (ENGINE=native) or vLLM (ENGINE=vllm), with the same
# settings and the same routes.
#
# usage: start_rerank.sh [start|stop|restart|status|tail|run] [NAME=VALUE...] [-- FLAG...]
#   start    start in the background and wait until the server is ready (the default)
#   stop     stop the server after it has finished the requests it accepted
#   restart  stop, then start
#   status   exit code 0: ready; 1: running but not ready; 3: not running
#   tail     follow the server's log
#   run      run in the foreground, for containers and supervisors
#
# Settings are read from the NAME=VALUE arguments, then the environment, then the file $ENV_FILE (default: .env in the
# working directory), then rerank.toml, which needs the program rerank (docs/settings.md):
#   ENGINE                  server to start: native | vllm                                  default native
#   MODEL_PATH              model directory, or name in the Hugging Face cache              demo (native only)
#   SERVED_MODEL_NAME       name or names for clients, separated by spaces                  last part of MODEL_PATH
#   HOST, PORT              address and port to listen on                                   0.0.0.0, 8000
#   CUDA_VISIBLE_DEVICES    GPUs to use                                                     all
#   TP                      number of GPUs that compute each batch together                 1
#   GPU_MEMORY_UTILIZATION  largest fraction of each GPU's memory to use                    the server's default
#   MAX_MODEL_LEN, DTYPE, MAX_NUM_BATCHED_TOKENS, MAX_NUM_SEQS                              the server's default
#   PREFIX_CACHING          true | false                                                    the server's default
#   UVICORN_LOG_LEVEL       debug | info | warning | error                                  info
#   LOG_DIR                 directory for log and pid file                                  ./logs
#   START_TIMEOUT, STOP_TIMEOUT   in seconds                                                600, 60
#   RERANK_PROGRAM, VLLM_PROGRAM  programs to run                                           rerank, vllm
# API keys are read by the servers themselves from RERANK_API_KEY or VLLM_API_KEY, so that they are in no command line.
# Flags after -- are passed to the server unchanged.
set -euf

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

for part in start_settings.sh start_process.sh; do
  part=$(beside "$part")
  # shellcheck disable=SC1090 # where it is has just been found out
  . "$part"
done

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
  check_number PORT 1 65535
  check_number TP 1 1024
  check_number START_TIMEOUT 1 86400
  check_number STOP_TIMEOUT 0 86400
  case $LOG_DIR in -*) LOG_DIR=./$LOG_DIR ;; esac
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

# check_number NAME LEAST MOST: of a setting; takes zeros in front away, which would make it an octal number.
check_number() {
  eval "value=\$$1"
  case $value in
    '' | *[!0-9]*) fail "$1=$value is not a whole number" ;;
  esac
  value=${value#"${value%%[!0]*}"}
  value=${value:-0}
  if [ "${#value}" -gt 9 ] || [ "$value" -lt "$2" ] || [ "$value" -gt "$3" ]; then
    fail "$1=$value must be between $2 and $3"
  fi
  eval "$1=\$value"
}

check_devices() {
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

port_in_use() {
  hexadecimal=$(printf '%04X' "$PORT")
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port=":$hexadecimal" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

# The answer to readiness; any of the three programs will do.
is_ready() (
  unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY # it is this machine that is asked
  path=/health
  [ "$ENGINE" = vllm ] || path=/v1/health/ready
  if command -v curl >/dev/null 2>&1; then
    curl -fs -o /dev/null --max-time 5 "$url$path" 2>/dev/null
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O /dev/null -T 5 "$url$path" 2>/dev/null
  else
    python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$url$path" 2>/dev/null
  fi
)

show_log_end() {
  say "--- the end of $log_file:" >&2
  tail -n 30 "$log_file" >&2
}

# Starts the server under the lock and sets pid; is_launched tells whether it was this script.
launch() {
  lock
  read_pid
  is_launched=false
  if is_running; then
    unlock
    return 0
  fi
  if port_in_use; then
    fail "PORT=$PORT is in use by another program: end that one, or choose another PORT"
  fi
  [ ! -f "$log_file" ] || mv "$log_file" "$log_file.1"
  # The shell that becomes the server keeps its number. The lock is not for it to keep.
  (
    trap '' HUP
    exec 9>&-
    run_server "$@"
  ) >"$log_file" 2>&1 </dev/null &
  pid=$!
  is_launched=true
  say "$pid" >"$pid_file"
  say "starting $ENGINE with $MODEL_PATH: process $pid, log $log_file"
  # Until it has become the program, other scripts would take it for none of theirs.
  waited=0
  while kill -0 "$pid" 2>/dev/null && ! is_server "$pid"; do
    if [ "$waited" -ge 1000 ]; then
      kill -9 "$pid" 2>/dev/null || true
      rm -f "$pid_file"
      fail "$program did not run as \"serve ... --port $PORT\" within 20 seconds; killed"
    fi
    sleep 0.02
    waited=$((waited + 1))
  done
  unlock
}

start() {
  if find_running; then
    say "already running: process $pid, $url"
    return 0
  fi
  check_devices
  find_program
  mkdir -p "$LOG_DIR" || fail "LOG_DIR=$LOG_DIR cannot be made"
  task_flags=""
  [ "$ENGINE" = native ] || task_flags=$(vllm_task_flags)
  launch "$@"
  if [ "$is_launched" = false ]; then
    say "already running: process $pid, $url; another start was quicker"
    return 0
  fi
  give_up=$(($(date +%s) + START_TIMEOUT))
  # Ready is what answers while this one lives: else it is another's answer.
  until is_ready && is_server "$pid"; do
    if ! is_server "$pid"; then
      forget "$pid"
      show_log_end
      fail "it ended before it was ready"
    fi
    if [ "$(date +%s)" -ge "$give_up" ]; then
      end_server
      show_log_end
      fail "it was not ready after START_TIMEOUT=$START_TIMEOUT seconds"
    fi
    sleep 0.2
  done
  say "ready: $url"
}

# wait_for_end SECONDS: until process $pid is the server no more, be it gone, unreaped or another's by now.
wait_for_end() {
  waited=0
  while is_server "$pid"; do
    [ "$waited" -lt "$(($1 * 5))" ] || return 1
    sleep 0.2
    waited=$((waited + 1))
  done
}

# Ends process $pid, which is the server.
end_server() {
  if ! kill "$pid" 2>/dev/null && is_server "$pid"; then
    fail "process $pid cannot be signalled: does it belong to another user?"
  fi
  if ! wait_for_end "$STOP_TIMEOUT"; then
    say "note: process $pid did not end in STOP_TIMEOUT=$STOP_TIMEOUT seconds; killed"
    kill -9 "$pid" 2>/dev/null || true
    wait_for_end 30 || fail "process $pid was killed 30 seconds ago and is still there"
  fi
  forget "$pid"
  say "stopped: process $pid"
}

stop() {
  if ! find_running; then
    say "not running"
    return 0
  fi
  end_server
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
