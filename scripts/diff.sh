#!/bin/sh
# Shows how the programs of one stage become those of another: `scripts/diff.sh 2 3` is the step from stage 2 to stage 3.

set -eu
cd "$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)"

usage='usage: diff.sh [--stat] [--color] FROM TO

Shows the difference between the programs of two stages. FROM and TO are numbers from 1 to 6, in any order.
  --stat   only count the lines that each file gains and loses
  --color  use colours, even where the output is not a terminal'

bad() {
    printf 'diff.sh: %s\n\n%s\n' "$1" "$usage" >&2
    exit 2
}

# sources STAGE: the folder of the stage's programs. Nothing, when there is no such stage.
sources() {
    for sources in crates/stage"$1"-*/src; do
        [ ! -d "$sources" ] || printf '%s\n' "$sources"
    done
}

# show COLOUR: the difference between $from and $to, the files in the order of their names. COLOUR is always or never.
# The user's settings of git do not count, so that everybody sees the same.
show() {
    if command -v git >/dev/null; then
        GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git --no-pager diff --no-index --no-ext-diff --no-renames \
            --src-prefix= --dst-prefix= "--color=$1" "$from" "$to" || [ $? -eq 1 ] # 1: there are differences
    elif [ "$1" = always ]; then
        escape=$(printf '\033')
        show never | sed "/^---/s/.*/${escape}[1m&${escape}[m/
            /^+++/s/.*/${escape}[1m&${escape}[m/
            /^@@/s/.*/${escape}[36m&${escape}[m/
            /^-/s/.*/${escape}[31m&${escape}[m/
            /^+/s/.*/${escape}[32m&${escape}[m/"
    else
        for path in "$from"/*.rs "$to"/*.rs; do
            printf '%s\n' "${path##*/}"
        done | LC_ALL=C sort -u | while read -r file; do
            old=$from/$file
            new=$to/$file
            [ -e "$old" ] || old=/dev/null
            [ -e "$new" ] || new=/dev/null
            diff -u -L "$old" -L "$new" "$old" "$new" || [ $? -eq 1 ]
        done
    fi
}

# Counts the lines of a difference. Each file's part begins with the two lines `--- old` and `+++ new`.
count() {
    awk '
        function line(name) { printf "%6d %8d  %s\n", added, removed, name }
        function end_of_file() { if (name) line(name); all_added += added; all_removed += removed; added = removed = 0 }
        BEGIN { print " added  removed  file" }
        /^--- / { end_of_file(); name = $2; next }
        /^\+\+\+ / {
            if (name == "/dev/null") note = " (new)"
            else if ($2 == "/dev/null") { note = " (gone)"; $2 = name }
            else note = ""
            n = split($2, parts, "/")
            name = parts[n] note
            next
        }
        /^\+/ { added++ }
        /^-/ { removed++ }
        END { end_of_file(); added = all_added; removed = all_removed; line("total") }'
}

stat=no
colour=never
[ ! -t 1 ] || colour=always
from_stage=''
to_stage=''
for arg; do
    case $arg in
    --help | -h)
        printf '%s\n' "$usage"
        exit 0
        ;;
    --stat) stat=yes ;;
    --color) colour=always ;;
    -*) bad "unknown option \"$arg\"" ;;
    '' | *[!0-9]*) bad "\"$arg\" is not the number of a stage" ;;
    *)
        [ -n "$(sources "$arg")" ] || bad "there is no stage $arg"
        if [ -z "$from_stage" ]; then
            from_stage=$arg
        elif [ -z "$to_stage" ]; then
            to_stage=$arg
        else
            bad "two stages are enough: \"$arg\" is too many"
        fi
        ;;
    esac
done
[ -n "$from_stage" ] || bad 'two stages are missing, as in: diff.sh 2 3'
[ -n "$to_stage" ] || bad "only stage $from_stage is given: the second stage is missing"
[ "$from_stage" != "$to_stage" ] || bad "stage $from_stage cannot be compared with itself"

from=$(sources "$from_stage")
to=$(sources "$to_stage")
if [ "$stat" = yes ]; then
    printf '%s -> %s\n\n' "$from" "$to"
    show never | count
else
    show "$colour"
fi
