#!/bin/sh
# Builds the wheel, installs it in a fresh environment below build/python, checks its types, and runs its tests there:
# against a server that misbehaves and against a real one on the demo model.
#
# usage: python/tests/run.sh [PYTEST-FLAG...]
# RERANK: the program; by default build/release/apps/rerank/rerank. PYTHON: the interpreter; by default python3
set -eu

package=$(cd "$(dirname "$0")/.." && pwd)
root=$(cd "$package/.." && pwd)
program=${RERANK:-$root/build/release/apps/rerank/rerank}
python=${PYTHON:-python3}
folder=$root/build/python

if [ ! -x "$program" ]; then
  echo "error: there is no program at $program: build it, or set RERANK to where it is" >&2
  exit 1
fi

rm -rf "$folder"
mkdir -p "$folder"
"$python" -m venv "$folder/environment"
environment=$folder/environment/bin
"$environment/pip" wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$folder" "$package"
"$environment/pip" install --quiet --disable-pip-version-check --requirement "$package/tests/requirements.txt" "$folder"/*.whl

cd "$package"
"$environment/mypy" --cache-dir "$folder/mypy"
RERANK_TEST_PROGRAM=$program RERANK_TEST_PYTHON=$environment/python \
  "$python" "$root/tests/http/with_server.py" "$program" demo --served-model-name demo --dtype float32 --threads 2 \
  --no-weight-cache --disable-access-log --disable-log-stats -- \
  env "RERANK_TEST_URL={url}" "RERANK_TEST_KEY={key}" \
  "$environment/python" -m pytest -p no:cacheprovider "$@"
