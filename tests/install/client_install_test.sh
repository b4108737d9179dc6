#!/bin/sh
# Installs the client library alone, builds a stranger's project against that by CMake and by pkg-config, and compares
# what a server of the build tells it with the program's own scores:
# client_install_test.sh BUILD_DIRECTORY SOURCE_DIRECTORY PROGRAM
set -eu
build=$1
source=$2
program=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
prefix=$folder/prefix

{
  cmake --install "$build" --prefix "$prefix" --component client
  cmake -S "$source/tests/install/client_consumer" -B "$folder/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$prefix"
  cmake --build "$folder/consumer"
} >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }

library=$(find "$prefix" -name 'librerank-client.so')
PKG_CONFIG_PATH=$(dirname "$library")/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # flags are words
c++ -std=c++20 "$source/tests/install/client_consumer/client_consumer.cc" -o "$folder/by_pkg_config" \
  $(pkg-config --cflags --libs rerank-client) "-Wl,-rpath,$(dirname "$library")"

echo "what it needs:"
objdump -p "$library" | grep NEEDED
if objdump -p "$library" | grep -E 'NEEDED.*(librerank\.|dnnl|cuda|spdlog|pcre2|utf8proc)'; then
  echo "the client library needs what only the engine should"
  exit 1
fi
[ ! -e "$prefix/bin" ]

printf 'edit photos\timage editor with layers and filters\nedit photos\tmail server for small sites\n' |
  "$program" score -m demo --dtype float32 --no-weight-cache --input-format tsv --format tsv - | cut -f 2 >"$folder/program"
for consumer in "$folder/consumer/client_consumer" "$folder/by_pkg_config"; do
  python3 "$source/tests/http/with_server.py" "$program" demo --dtype float32 --no-weight-cache -- \
    sh -c "\"$consumer\" \"\$1\" >\"$folder/client\"" - '{url}'
  echo "client:"; cat "$folder/client"
  [ "$(wc -l <"$folder/client")" -eq 2 ]
  cmp "$folder/client" "$folder/program"
done
