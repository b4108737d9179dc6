#!/bin/sh
# Makes build/bundle/rerank-cuda/, a folder that runs where it is put: the program, the CUDA module, the test programs
# and benchmarks with their data, and the shared libraries they need, except glibc's, the driver's and CUDA's own. It
# wants glibc 2.36 or newer, and CUDA 13's libraries where the system or LD_LIBRARY_PATH finds them. Beside it, where there
# is zstd, the same as rerank-cuda.tar.zst.
#
# usage: tools/make_bundle.sh [JOBS]
# RERANK_TEST_TOKENIZER, or ../shared/qwen3/tokenizer.json, goes along for the tests where there is one.
set -eu
cd "$(dirname "$0")/.."

jobs=${1:-$(nproc)}
build=build/bundle/build
bundle=build/bundle/rerank-cuda
targets="rerank librerank librerank-client rerank_cuda backend_test cuda_test golden_test engine_test
  forward_allocation_test device_failure_test gpu_checkpoint_test forward_cuda"

# RPATH, not RUNPATH: it serves the libraries' own needs too.
# shellcheck disable=SC2016 # the loader's own $ORIGIN
cmake --preset release -B "$build" -DRERANK_CUDA=ON -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON \
  -DCMAKE_INSTALL_RPATH='$ORIGIN;$ORIGIN/../lib' -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags \
  -DCMAKE_SHARED_LINKER_FLAGS=-Wl,--disable-new-dtags -DCMAKE_MODULE_LINKER_FLAGS=-Wl,--disable-new-dtags
# shellcheck disable=SC2086 # a list of words
cmake --build "$build" --parallel "$jobs" --target $targets

rm -rf "$bundle"
cmake --install "$build" --prefix "$bundle" --strip >"$build/install.log"

# The programs that are built and not installed.
for target in $targets; do
  file=$(find "$build" -type f -perm -u+x -name "$target")
  if [ -n "$file" ] && [ ! -e "$bundle/bin/$target" ]; then
    strip -o "$bundle/bin/$target" "$file"
  fi
done

mkdir -p "$bundle/share/rerank/source/tests"
cp -R tests/data "$bundle/share/rerank/source/tests/data"
cp tools/gpu_check.sh "$bundle/"
tokenizer=${RERANK_TEST_TOKENIZER:-../shared/qwen3/tokenizer.json}
if [ -f "$tokenizer" ]; then
  install -m 644 "$tokenizer" "$bundle/share/rerank/tokenizer.json"
fi

# What the loader finds for them, but for what belongs to the system, the driver or CUDA.
for file in "$bundle"/bin/* "$bundle"/lib/*.so "$bundle"/lib/rerank/*.so; do
  ldd "$file" | sed -n 's/^[[:space:]]*[^ ]* => \(\/[^ ]*\) .*/\1/p'
done | sort -u | while read -r library; do
  case $(basename "$library") in
    ld-linux* | libc.so* | libm.so* | libdl.so* | librt.so* | libpthread.so* | libresolv.so*) ;;
    libcuda.so* | libcudart.so* | libcublas* | libnccl* | libnvidia* | librerank*) ;;
    *) install -m 755 "$library" "$bundle/lib/" ;;
  esac
done

echo "made $bundle, $(du -sm "$bundle" | cut -f 1) MB"
if command -v zstd >/dev/null 2>&1; then
  tar -C build/bundle -cf - rerank-cuda | zstd -q -f -T0 -12 -o "$bundle.tar.zst"
  echo "made $bundle.tar.zst, $(du -sm "$bundle.tar.zst" | cut -f 1) MB"
fi
