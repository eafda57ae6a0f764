#!/bin/sh
# Runs every stage once: builds the programs, then plays smoke-stage1.sh ... smoke-stage6.sh one after the other.
# Exit status 0 when all of them passed, 1 when one failed.

set -u
scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1

# A script that is stopped ends its own programs. This one waits for that, and then ends too.
stop() {
    kill "${!-}" 2>/dev/null
    wait
    exit "$1"
}
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 141' PIPE
trap 'stop 143' TERM

echo 'building the stages ...'
(cd "$scripts/.." && cargo build -q -p 'stage*') || exit 1

passed=0
failed=0
for script in "$scripts"/smoke-stage*.sh; do
    printf '\n== %s\n' "${script##*/}"
    "$script" &
    if wait "$!"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done

printf '\n%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
