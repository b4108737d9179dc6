# shellcheck shell=sh
# Where the settings of start_rerank.sh come from: its arguments, the environment, .env, and what the program rerank
# makes of them and rerank.toml. Sourced by that script, whose say, fail and native_program it uses; runs nothing.

names="ENGINE MODEL_PATH SERVED_MODEL_NAME HOST PORT CUDA_VISIBLE_DEVICES TP GPU_MEMORY_UTILIZATION MAX_MODEL_LEN DTYPE
  MAX_NUM_BATCHED_TOKENS MAX_NUM_SEQS PREFIX_CACHING UVICORN_LOG_LEVEL LOG_DIR START_TIMEOUT STOP_TIMEOUT RERANK_PROGRAM
  VLLM_PROGRAM VLLM_API_KEY RERANK_API_KEY HF_HOME"

is_name() {
  for known in $names; do
    [ "$1" != "$known" ] || return 0
  done
  return 1
}

# set_from_file FILE: takes NAME=VALUE lines as a shell would write them, but runs nothing; what is set already stays,
# and a later line replaces an earlier one. The program reads such files by the same rules.
set_from_file() {
  file=$1
  is_named=false
  [ "$file" != "${ENV_FILE:-}" ] || is_named=true
  number=0
  taken=" "
  byte_order_mark=$(printf '\357\273\277')
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    line=$(printf '%s' "${line#"$byte_order_mark"}" |
      sed -e 's/\r$//' -e 's/^[[:space:]]*//' -e 's/^export[[:space:]][[:space:]]*//' -e 's/[[:space:]]*$//')
    case $line in
      '' | '#'*) continue ;;
      *=*) ;;
      *) fail "$file, line $number: neither NAME=VALUE nor a comment, which begins with #" ;;
    esac
    name=${line%%=*}
    name=${name%"${name##*[![:space:]]}"}
    is_name "$name" || continue # others keep theirs in the same file
    value_in "${line#*=}"
    ! is_taken || continue
    case $name in
      *_PROGRAM) # what lies in a folder may not choose what is run
        [ "$is_named" = true ] ||
          fail "$file, line $number: $name must come from the environment, or from a file that ENV_FILE names"
        ;;
    esac
    eval "$name=\$value; export $name"
    taken="$taken$name "
  done <"$file"
}

# Whether $name has a value that the file may not replace. To name no device is to say something.
is_taken() {
  case $taken in *" $name "*) return 1 ;; esac
  if [ "$name" = CUDA_VISIBLE_DEVICES ]; then
    [ -n "${CUDA_VISIBLE_DEVICES+set}" ]
  else
    eval "[ -n \"\${$name:-}\" ]"
  fi
}

# value_in TEXT: sets value to what follows the = of a line, without quotes and comment.
value_in() {
  value=$1
  trimmed=${value#"${value%%[![:space:]]*}"}
  case $trimmed in
    \"*) quote='"' ;;
    \'*) quote="'" ;;
    *)
      case $value in *[[:space:]]'#'*) value=${value%%[[:space:]]'#'*} ;; esac
      value=${value#"${value%%[![:space:]]*}"}
      value=${value%"${value##*[![:space:]]}"}
      return 0
      ;;
  esac
  value=${trimmed#?}
  case $value in
    *"$quote"*) ;;
    *) fail "$file, line $number: $name has no closing quote" ;;
  esac
  rest=${value#*"$quote"}
  value=${value%%"$quote"*}
  case ${rest#"${rest%%[![:space:]]*}"} in
    '' | '#'*) return 0 ;;
  esac
  fail "$file, line $number: $name has text after the closing quote; to include one kind of quotes, use the other around the value"
}

# set_from_program FILE: takes what environment, FILE and rerank.toml say together from the program, as shell lines
# without keys.
set_from_program() {
  said=""
  [ -z "$1" ] || RERANK_PROGRAM=$(set_from_file "$1" && printf '%s' "${RERANK_PROGRAM:-}")
  if ! settings_program=$(native_program); then
    toml=${RERANK_CONFIG:-rerank.toml}
    [ ! -f "$toml" ] || say "note: $toml is not read: the program rerank is not found" >&2
    return 0
  fi
  said=$("$settings_program" config --format sh --table serve) || exit 2
  set -a
  eval "$said"
  set +a
}

# set_from_arguments ARGUMENT...: those before -- that are settings.
set_from_arguments() {
  for argument in "$@"; do
    case $argument in
      --) break ;;
      *=*) eval "${argument%%=*}=\${argument#*=}; export ${argument%%=*}" ;;
    esac
  done
}

# vLLM reads no other name, and no file.
give_key_to_vllm() {
  [ -n "${VLLM_API_KEY:-}" ] || VLLM_API_KEY=${RERANK_API_KEY:-}
  if [ -n "$VLLM_API_KEY" ]; then
    export VLLM_API_KEY
    return 0
  fi
  case $said in
    *'# api_key is set'*)
      fail "api_key is in a file that vLLM does not read; set VLLM_API_KEY in the environment or .env"
      ;;
  esac
}
