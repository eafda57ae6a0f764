#!/bin/sh
# Builds the book in docs/ and checks it: every include has something to include, every step between two stages is shown as it
# is, every link, fragment and picture exists. mdBook itself is silent about most of these.

set -eu
cd "$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)"

usage='usage: check-book.sh [--update]

Builds the book into a temporary folder and checks it. Exit status: 0 it is in order, 1 it is not, 2 it could not be checked.
  --update  first write the differences between the stages (docs/src/diffs) anew

It uses mdbook 0.5 and linkchecker. If mdbook is missing, it is built once into target/tools.'

mdbook_version=0.5.4 # The one that is built when there is none.
update=no
for arg; do
    case $arg in
    --help | -h)
        printf '%s\n' "$usage"
        exit 0
        ;;
    --update) update=yes ;;
    *)
        printf 'check-book.sh: unknown argument "%s"\n\n%s\n' "$arg" "$usage" >&2
        exit 2
        ;;
    esac
done

folder=$(mktemp -d "${TMPDIR:-/tmp}/check-book.XXXXXX")
# clean_up STATUS: a signal that meets the EXIT trap must not skip it.
clean_up() {
    trap '' HUP INT TERM
    trap - EXIT
    rm -rf "$folder"
    exit "$1"
}
trap 'clean_up $?' EXIT
trap 'clean_up 129' HUP
trap 'clean_up 130' INT
trap 'clean_up 143' TERM
faults=$folder/faults
: >"$faults"

# fault LINE: notes what is wrong, and goes on: the next fault is worth knowing too.
fault() {
    printf '%s\n' "$1" >>"$faults"
}

# suitable PROGRAM: is it an mdbook of the right version?
suitable() {
    case $("$1" --version 2>/dev/null) in
    'mdbook v0.5.'*) ;;
    *) return 1 ;;
    esac
}

find_mdbook() {
    for mdbook in mdbook target/tools/bin/mdbook; do
        ! suitable "$mdbook" || return 0
    done
    echo "check-book.sh: no mdbook 0.5 found: building it into target/tools, which takes a few minutes"
    # Without the features that serve a book, which take a third of the time.
    if ! cargo install mdbook --locked --version "$mdbook_version" --no-default-features --features search \
        --root target/tools --target-dir target/tools/build; then
        echo 'check-book.sh: could not build mdbook' >&2
        exit 2
    fi
    rm -rf target/tools/build
}

find_linkchecker() {
    command -v linkchecker >/dev/null && return 0
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        { apt-get update && apt-get install -y --no-install-recommends linkchecker; } >"$folder/apt.log" 2>&1 ||
            cat "$folder/apt.log" >&2
    fi
    if ! command -v linkchecker >/dev/null; then
        echo 'check-book.sh: linkchecker is missing. On Debian and Ubuntu: apt-get install linkchecker' >&2
        exit 2
    fi
}

# Is the text on standard input more than white space?
some_text() {
    grep -q '[^[:space:]]'
}

# step FILE OLD NEW: the difference between two stages' sources.
step() {
    diff -u -L "${2#crates/}" -L "${3#crates/}" "$2" "$3" >>"$1" || [ $? -eq 1 ] # 1: they differ
}

# The differences between the stages, as the pages show them. A file that differs in its header only is left out.
write_diffs() {
    mkdir -p "$1"
    for stage in 1 2 3 4 5; do
        next=$((stage + 1))
        : >"$1/$stage-$next.diff"
        for file in server client; do
            old=$(echo crates/stage"$stage"-*/src/"$file".rs)
            new=$(echo crates/stage"$next"-*/src/"$file".rs)
            grep -v '^//!' "$old" >"$folder/old"
            grep -v '^//!' "$new" >"$folder/new"
            cmp -s "$folder/old" "$folder/new" || step "$1/$stage-$next.diff" "$old" "$new"
        done
    done
    : >"$1/6-send-only.diff"
    step "$1/6-send-only.diff" crates/stage6-server-disconnect/src/client.rs \
        crates/stage6-server-disconnect/src/send_only_client.rs
}

check_diffs() {
    write_diffs "$folder/diffs"
    for path in "$folder"/diffs/*.diff; do
        kept=docs/src/diffs/${path##*/}
        cmp -s "$path" "$kept" || fault "$kept: it is not what the sources say: run ./scripts/check-book.sh --update"
    done
}

# check_include PAGE:LINE PATH ANCHOR
check_include() {
    path=$(dirname "$1")/$2
    if [ ! -f "$path" ]; then
        fault "$1: there is no file $2"
    elif ! some_text <"$path"; then
        fault "$1: $2 is empty"
    elif [ -n "$3" ]; then
        case $3 in
        [0-9]* | :*) fault "$1: $2 is included by line numbers, which go stale: use an anchor" ;;
        *)
            sed -n "/ANCHOR: *$3\$/,/ANCHOR_END: *$3\$/p" "$path" >"$folder/region"
            if [ ! -s "$folder/region" ]; then
                fault "$1: $2 has no anchor \"$3\""
            elif ! tail -n 1 "$folder/region" | grep -q "ANCHOR_END: *$3\$"; then
                fault "$1: the anchor \"$3\" of $2 has no end"
            elif ! grep -v 'ANCHOR' "$folder/region" | some_text; then
                fault "$1: the anchor \"$3\" of $2 holds nothing"
            fi
            ;;
        esac
    fi
}

check_includes() {
    # mdBook indents only the first line of what it includes: a list around it falls apart.
    grep -n '^[[:space:]].*[{][{]#[a-z_]*include' docs/src/*.md /dev/null | while IFS=: read -r page number _; do
        fault "$page:$number: an include must not be indented"
    done
    tab=$(printf '\t')
    awk '{
        line = $0
        while (match(line, /[{][{]#[a-z_]*include +[^}]*[}][}]/)) {
            include = substr(line, RSTART, RLENGTH)
            line = substr(line, RSTART + RLENGTH)
            gsub(/^[{][{]#[a-z_]*include +| *[}][}]$/, "", include)
            anchor = ""
            if (colon = index(include, ":")) {
                anchor = substr(include, colon + 1)
                include = substr(include, 1, colon - 1)
            }
            printf "%s:%d\t%s\t%s\n", FILENAME, FNR, include, anchor
        }
    }' docs/src/*.md >"$folder/includes"
    while IFS=$tab read -r place path anchor; do
        check_include "$place" "$path" "$anchor"
    done <"$folder/includes"
}

# A page that SUMMARY.md does not name is not built at all.
check_summary() {
    for page in docs/src/*.md; do
        case ${page##*/} in
        SUMMARY.md) ;;
        *) grep -q "(${page##*/})" docs/src/SUMMARY.md || fault "$page: docs/src/SUMMARY.md does not name it" ;;
        esac
    done
}

# mdBook says ERROR or WARN, and then ends as if all were well.
build() {
    unset RUST_LOG
    status=0
    MDBOOK_LOG=info "$mdbook" build --dest-dir "$folder/book" docs >"$folder/mdbook.log" 2>&1 || status=$?
    # A missing file has been named already, in one line instead of mdBook's three.
    [ -s "$faults" ] || grep -E '^ *(ERROR|WARN)' "$folder/mdbook.log" >>"$faults" || :
    if [ "$status" -ne 0 ]; then
        cat "$folder/mdbook.log" >&2
        fault "mdbook ended with exit status $status"
        return 1
    fi
    # What is included may itself be odd. So look at the result too, at one page a file and not at all of them in print.html.
    for page in "$folder"/book/*.html; do
        case ${page##*/} in
        print.html | 404.html | toc.html) continue ;;
        esac
        ! grep -q '<code[^>]*>[[:space:]]*</code>' "$page" || fault "${page##*/}: a block of code is empty"
        [ -s "$faults" ] || ! grep -qF '{{#' "$page" || fault "${page##*/}: a {{#...}} has been left as it is"
    done
}

check_links() {
    # As root, linkchecker goes on as the user nobody, who must be able to read the book.
    chmod -R a+rX "$folder"
    echo '[AnchorCheck]' >"$folder/linkcheckerrc"
    status=0
    XDG_CONFIG_HOME="$folder" linkchecker -f "$folder/linkcheckerrc" -o csv "$folder/book/index.html" \
        >"$folder/links.csv" 2>"$folder/links.log" || status=$?
    # urlname;parentname;baseref;result;warningstring;infostring;valid;url;...
    sed -n '/^#/d; /^urlname;/d; /print\.html/d; s|file://'"$folder"'/book/||g; p' "$folder/links.csv" |
        awk -F ';' '{ sub(/ Available anchors:.*/, "", $5); printf "%s: link to %s: %s\n", $2, $1, ($7 == "True" ? $5 : $4) }' | sort -u >"$folder/dead"
    if [ "$status" -gt 1 ]; then
        cat "$folder/links.log" >&2
        fault "linkchecker ended with exit status $status"
    elif [ "$status" -eq 1 ] || [ -s "$folder/dead" ]; then
        cat "$folder/dead" >>"$faults"
        [ -s "$folder/dead" ] || fault 'linkchecker has found a fault in print.html'
    fi
}

# The README is no page of the book, but it is read first.
check_readme() {
    grep -o '](\([^)]*\))' README.md | sed 's/^](//; s/)$//; /^http/d' >"$folder/readme"
    while read -r path; do
        [ -e "$path" ] || fault "README.md: there is no $path"
    done <"$folder/readme"
}

find_mdbook
find_linkchecker
check_readme
[ "$update" = no ] || write_diffs docs/src/diffs
check_diffs
check_includes
check_summary
! build || check_links

if [ -s "$faults" ]; then
    sed 's/^ */  /' "$faults" >&2
    echo 'book: FAILED' >&2
    exit 1
fi
printf 'book: ok, %d pages with %d includes\n' "$(grep -c '](.*\.md)' docs/src/SUMMARY.md)" "$(wc -l <"$folder/includes")"
