#!/bin/sh
# Puts the fuzz targets that `cmake --preset fuzz` built into build/fuzz-bundle.tar.gz together with all they need to
# run on another x86-64 Linux machine: libraries and their loader, corpora, dictionaries, the demo model's tokenizer
# and fuzz.sh. It builds nothing.
#
# usage: tools/pack_fuzz.sh
#        there: tar xzf fuzz-bundle.tar.gz && JOBS=16 TIME=540 fuzz-bundle/fuzz.sh
#        Logs and what is found are in fuzz-bundle/findings/ then.
set -eu
cd "$(dirname "$0")/.."
bundle=build/fuzz-bundle

rm -rf "$bundle" "$bundle.tar.gz"
mkdir -p "$bundle/programs/lib" "$bundle/model"
for program in build/fuzz/tests/fuzz/fuzz_*; do
  if [ -f "$program" ] && [ -x "$program" ]; then cp "$program" "$bundle/programs/"; fi
done
# "libz.so.1 => /lib/libz.so.1 (0x...)" and "/lib64/ld-linux-x86-64.so.2 (0x...)"
for program in "$bundle"/programs/fuzz_*; do
  ldd "$program" | sed -nE 's/^.*[[:space:]](\/[^ ]+) \(0x.*$/\1/p'
done | sort -u | while read -r library; do cp -L "$library" "$bundle/programs/lib/"; done
[ -x "$bundle/programs/lib/ld-linux-x86-64.so.2" ] || {
  echo "error: no fuzz targets with their loader in build/fuzz; build them first: make fuzz TIME=1" >&2
  exit 1
}
cp -r tests/fuzz/corpus tests/fuzz/dictionaries tools/fuzz.sh "$bundle/"
cp models/demo/tokenizer.json "$bundle/model/"
tar -C build -czf "$bundle.tar.gz" fuzz-bundle
echo "$bundle.tar.gz: $(wc -c <"$bundle.tar.gz") bytes"
