#!/bin/sh
# Shows how the programs of one stage become those of another: `scripts/diff.sh 2 3` is the step from stage 2 to stage 3, and
# `scripts/diff.sh 6 send-only` the one from stage 6's client to its second client. With two files it shows how the first becomes
# the second. A file whose header alone differs is left out. The book takes its steps from here.

set -eu

usage='usage: diff.sh FROM TO, as in: diff.sh 2 3, diff.sh 6 send-only, diff.sh OLD.rs NEW.rs'

# changes OLD NEW: nothing where only the header differs, which each stage words anew.
changes() {
    if [ "$(grep -v '^//!' "$1")" != "$(grep -v '^//!' "$2")" ]; then
        # shellcheck disable=SC2086 # No colour is no argument.
        diff -u $colour -L "$1" -L "$2" "$1" "$2" || [ $? -eq 1 ] # 1: they differ
    fi
}

# step FROM TO
step() {
    cd "$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)/crates"
    old=$(echo stage"$1"-*/src)
    if [ "$2" = send-only ]; then
        changes "$old/client.rs" "$old/send_only_client.rs"
    else
        new=$(echo stage"$2"-*/src)
        changes "$old/server.rs" "$new/server.rs"
        changes "$old/client.rs" "$new/client.rs"
    fi
}

# Not every diff has colours.
colour=''
! diff --color=auto /dev/null /dev/null 2>/dev/null || colour=--color=auto

case "$#:$*" in
1:--help | 1:-h) echo "$usage" ;;
2:[1-6]' '[1-6] | '2:6 send-only') step "$@" ;;
*)
    if [ $# -ne 2 ] || [ ! -f "$1" ] || [ ! -f "$2" ]; then
        printf 'diff.sh: "%s" is not two stages from 1 to 6, or two files; %s\n' "$*" "$usage" >&2
        exit 2
    fi
    changes "$1" "$2"
    ;;
esac
