#!/bin/sh
# Shows how the programs of one stage become those of another: `scripts/diff.sh 2 3` is the step from stage 2 to stage 3, and
# `scripts/diff.sh 6 send-only` the one from stage 6's client to its second client. A file whose header alone differs is left out.
# `scripts/diff.sh --write` writes the steps that the book shows.

set -eu
cd "$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)/crates"

usage='usage: diff.sh FROM TO, as in: diff.sh 2 3, diff.sh 6 send-only'

# changes OLD NEW: nothing where only the header differs, which each stage words anew.
changes() {
    if [ "$(grep -v '^//!' "$1")" != "$(grep -v '^//!' "$2")" ]; then
        # shellcheck disable=SC2086 # No colour is no argument.
        diff -u $colour -L "$1" -L "$2" "$1" "$2" || [ $? -eq 1 ] # 1: they differ
    fi
}

# step FROM TO
step() {
    old=$(echo stage"$1"-*/src)
    if [ "$2" = send-only ]; then
        changes "$old/client.rs" "$old/send_only_client.rs"
    else
        new=$(echo stage"$2"-*/src)
        changes "$old/server.rs" "$new/server.rs"
        changes "$old/client.rs" "$new/client.rs"
    fi
}

colour=''
case "$#:$*" in
1:--help | 1:-h) echo "$usage" ;;
1:--write)
    for step in '1 2' '2 3' '3 4' '4 5' '5 6' '6 send-only'; do
        # shellcheck disable=SC2086 # These are two arguments.
        step $step >"../docs/src/diffs/${step% *}-${step#* }.diff"
    done
    ;;
2:[1-6]' '[1-6] | '2:6 send-only')
    # Not every diff has colours.
    ! diff --color=auto /dev/null /dev/null 2>/dev/null || colour=--color=auto
    step "$@"
    ;;
*)
    printf 'diff.sh: "%s" is not two stages from 1 to 6; %s\n' "$*" "$usage" >&2
    exit 2
    ;;
esac
