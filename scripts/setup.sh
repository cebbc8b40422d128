#!/bin/sh
# Installs what the project needs, when it is not there yet: npm packages, Node 26 among them.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
stamp=node_modules/.satchel-lock
if ! cmp -s package-lock.json "$stamp" 2>/dev/null; then
  echo "Installing packages (once, under a minute) ..." >&2
  npm ci --no-audit --no-fund >&2
  cp package-lock.json "$stamp"
fi
. scripts/runtime.sh
find_node "$root" >/dev/null
