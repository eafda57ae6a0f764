#!/usr/bin/env bash
# Runs every stage once: plays smoke-stage1.sh ... smoke-stage6.sh one after the other, which build the programs.
# Exit status 0 when all of them passed, 1 when one failed.

cd "$(dirname -- "$0")" || exit 1
echo 'building the stages ...'
cargo build -q --bins || exit 1

passed=0
failed=0
for script in smoke-stage*.sh; do
    printf '\n== %s\n' "$script"
    if "./$script"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done

printf '\n%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
