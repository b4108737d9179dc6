#!/bin/sh
# Fails, naming the places, when a tracked C++ or CUDA file is not as clang-format writes it. `make format` mends it.
set -eu
cd "$(dirname "$0")/.."
git ls-files -z '*.cc' '*.h' '*.cu' '*.cuh' | xargs -0 -r clang-format --dry-run -Werror
