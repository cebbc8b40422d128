#!/bin/sh
# The whole test: types, lint, format, layers, unit, contract, simulation, end to end.
set -eu
cd "$(dirname -- "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH
export PATH
step() { printf '\n== %s\n' "$1"; shift; "$@"; }
step types tsc -p tsconfig.json
step "types of core (no I/O, no clock)" tsc -p packages/core/tsconfig.json
step lint oxlint --deny-warnings
step format oxfmt --check .
step unit npm run --silent test:unit
step simulation npm run --silent test:simulations
step "end to end" npm run --silent test:e2e
