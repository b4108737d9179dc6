# shellcheck shell=sh
# Which process is the server of start_rerank.sh: its number in a file, whether that process is still the server, and the
# lock under which one is started or forgotten. Sourced by that script, whose say, fail and settings it uses; runs nothing.

# is_server PID: whether this process runs and is the server at PORT. One that has ended and that nobody reaps is none,
# nor is another program that has the number by now.
is_server() {
  if [ ! -r /proc/self/cmdline ]; then
    kill -0 "$1" 2>/dev/null # no Linux: the number alone must do
    return
  fi
  { tr '\0\n' '  ' <"/proc/$1/cmdline"; } 2>/dev/null | grep -q -e " serve .* --port $PORT "
}

# Sets pid to the number in the file; empty where there is none. Whoever wrote it: kill takes 0 for a whole group.
# shellcheck disable=SC2154 # pid_file is the script's
read_pid() {
  pid=$(head -c 16 "$pid_file" 2>/dev/null | tr '\0' x) || pid=""
  case $pid in
    0* | *[!0-9]* | ???????????*) pid="" ;;
  esac
}

is_running() { [ -n "$pid" ] && is_server "$pid"; }

# Sets pid to the running server's; fails when there is none. A number that another program has by now is stale.
find_running() {
  [ -f "$pid_file" ] || return 1
  read_pid
  ! is_running || return 0
  if [ ! -w "$LOG_DIR" ]; then
    say "note: $pid_file is stale: process ${pid:-(none)} is not a server of this script any more"
    return 1
  fi
  lock
  read_pid # another script may have started one meanwhile
  if is_running; then
    unlock
    return 0
  fi
  say "note: $pid_file is stale: process ${pid:-(none)} is not a server of this script any more; removed"
  rm -f "$pid_file"
  unlock
  return 1
}

# forget PID: removes the file if it still holds this number, not that of a server started since.
forget() {
  forgotten=$1
  lock
  read_pid
  [ "$pid" != "$forgotten" ] || rm -f "$pid_file"
  unlock
  pid=$forgotten
}

# One script at a time starts a server or removes the file of its number. The system takes the lock from a holder that
# ends, however that happens; its file stays.
lock() {
  lock_file=$LOG_DIR/rerank-$PORT.lock
  true 2>/dev/null >>"$lock_file" || fail "$lock_file cannot be written"
  exec 9>>"$lock_file"
  if ! command -v flock >/dev/null 2>&1; then
    say "note: flock is not installed: nothing keeps two starts at a time apart" >&2
    return 0
  fi
  tries=0
  until flock -n 9; do
    [ "$tries" -lt 600 ] || fail "another start_rerank.sh has held $lock_file for a minute"
    sleep 0.1
    tries=$((tries + 1))
  done
}

unlock() { exec 9>&-; }
