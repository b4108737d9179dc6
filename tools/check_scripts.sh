#!/bin/sh
# Fails when a tracked shell script or Python file does not parse; with shellcheck installed, also when that complains.
set -eu
cd "$(dirname "$0")/.."

failed=0
for script in $(git ls-files '*.sh' .ci/run); do
  case "$(head -n 1 "$script")" in
    *bash*) shell="bash" ;;
    *) shell="sh" ;;
  esac
  "$shell" -n "$script" || failed=1
  if command -v shellcheck >/dev/null 2>&1; then
    shellcheck "$script" || failed=1
  fi
done

git ls-files -z '*.py' | xargs -0 -r python3 -c '
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        ast.parse(file.read(), path)
' || failed=1
exit "$failed"
