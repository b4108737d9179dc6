#!/bin/sh
# Fails, naming the places, when a tracked C++ file is not as clang-format writes it. `make format` mends it.
set -eu
cd "$(dirname "$0")/.."
git ls-files -z '*.cc' '*.h' | xargs -0 -r clang-format --dry-run -Werror
