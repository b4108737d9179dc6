#!/bin/sh
# Installs the Debian packages that the build and the tests need, and only those that dpkg says are missing.
# It changes nothing else on the machine and asks nothing. What the linters need comes on top with --checks.
#
# usage: tools/install_dependencies.sh [--checks]
set -eu

build_packages="g++ cmake ninja-build make git pkg-config python3
  libboost1.81-dev libboost-json1.81-dev libfmt-dev libspdlog-dev libcli11-dev libpcre2-dev libutf8proc-dev
  libssl-dev zlib1g-dev libcurl4-openssl-dev libtomlplusplus-dev prometheus-cpp-dev
  libgtest-dev libgmock-dev libbenchmark-dev libdnnl-dev openssl"
check_packages="clang-format clang-tidy clang-14 libclang-rt-14-dev llvm-14 shellcheck haproxy chromium busybox python3-venv"

case "${1-}" in
  "") wanted=$build_packages ;;
  --checks) wanted="$build_packages $check_packages" ;;
  *)
    echo "usage: $0 [--checks]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  echo "note: this is not a Debian system, so nothing is installed here; the build needs what these packages hold:" >&2
  # shellcheck disable=SC2086 # a list of words
  echo "  "$wanted >&2
  exit 0
fi

missing=""
for package in $wanted; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1; then
  as_root="sudo"
else
  echo "error: these packages are missing, and installing them needs root or sudo:$missing" >&2
  echo "Run this as root, then try again:  apt-get update && apt-get install$missing" >&2
  exit 1
fi

update() {
  $as_root apt-get -q update
}

install() {
  # shellcheck disable=SC2086 # lists of words
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
}

echo "installing:$missing"
# The package lists of a bare machine are empty, those of an old one name versions that are gone: both want an update.
updated=no
for package in $missing; do
  if ! apt-cache show "$package" >/dev/null 2>&1; then
    update
    updated=yes
    break
  fi
done
if ! install; then
  [ "$updated" = no ] || exit 1
  update
  install
fi
