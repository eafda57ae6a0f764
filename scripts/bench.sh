#!/bin/sh
# Measures what the server of stage 5 costs, and what a learner waits for: `./scripts/bench.sh`. With --help it says more.

cd "$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)" || exit 1
exec cargo lab bench "$@"
