# shellcheck shell=bash
# The words that smoke-stage1.sh ... smoke-stage6.sh are written in. Each of those scripts is a story of two sides, `server` and
# `client`, one client at a time. The story is printed as it happens:
#
#     side $ command      the script starts a program
#     side > line         the script types a line
#     side | line         the program prints a line
#     side ! event        the program ends, or is killed
#
# Between each program and the script stands a named pipe, so the script never sleeps and looks again: it reads, and the read
# ends when the line comes. File descriptors: 3 = what the server prints, 4 = what the client prints, 5 = what the client reads.

set -euo pipefail

limit=20 # Seconds for one line, which takes less than one. Then the step fails.

# build STAGE: builds the programs, and gets everything ready for the story of this stage.
build() {
    stage=$1
    cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
    # Only cargo knows where it puts the programs: its answer names them.
    programs=$(cargo build -q --bins --message-format=json-render-diagnostics |
        sed -n 's|.*"executable":"\([^"]*\)/stage1-server".*|\1|p')
    # The programs see the same settings on every machine.
    export TERM=xterm
    unset RUST_BACKTRACE RUST_LIB_BACKTRACE
    # A Ctrl-C must not come between the new folder and its name: nobody would remove it.
    folder=$(trap '' HUP INT TERM && mktemp -d "${TMPDIR:-/tmp}/smoke-stage$stage.XXXXXX")
    trap clean_up EXIT # Bash comes there however the story ends.
    mkfifo "$folder/server.out" "$folder/client.out" "$folder/client.in"
    : >"$folder/server.in"
}

clean_up() {
    trap '' HUP INT PIPE TERM
    kill_all || :
    rm -rf "$folder"
}
kill_all() { jobs -p | xargs kill -9 && wait; } 2>/dev/null

# The side that a step is about, as in `client types hello`.
server() { side=server out=3 && "$@"; }
client() { side=client out=4 && "$@"; }

# A server starts on port 0, so that the system chooses a free one, and its first line says which. A client gets that address.
starts() {
    [ "$side" = client ] || address=127.0.0.1:0
    step "\$ $1 $address"
    "$programs/$1" "$address" <"$folder/$side.in" >"$folder/$side.out" 2>&1 3<&- 4<&- 5>&- &
    pid[out]=$!
    if [ "$side" = client ]; then
        exec 5>"$folder/client.in" 4<"$folder/client.out"
    else
        exec 3<"$folder/server.out"
        prints 'listening on *'
        address=${line#listening on }
    fi
}

types() {
    step "> $1"
    arrives "$1" || fail 'had ended'
}
# The same line again and again, as fast as the client reads. The pipe has room for all of them.
types_until_it_ends() {
    step "> $1 (again and again)"
    for ((n = 0; n < 1000; n++)); do arrives "$1" || break; done
}
# Fails when the client no longer reads. The subshell is there so that the broken pipe does not end the script.
arrives() { (trap '' PIPE && printf '%s\n' "$1" >&5) 2>/dev/null; }

# prints PATTERN: the next line is this one. A * stands for any text.
prints() {
    wanted="$side | $1"
    next_line || fail 'ended'
    # shellcheck disable=SC2053 # The argument is a pattern.
    [[ $line == $1 ]] || fail "printed: $line"
}

# It ends by itself, with exit status 0, and prints nothing more before that.
ends() {
    wanted="$side ! exit 0"
    ! next_line || fail "printed: $line"
    wait "${pid[out]}" || fail "ended with exit status $?"
    step '! exit 0'
}

# With the signal that no program can catch. It had nothing left to say.
is_killed() {
    step '! kill -9'
    kill -9 "${pid[out]}" || fail 'had ended'
    ! next_line || fail "printed: $line"
    wait "${pid[out]}" 2>/dev/null || [ $? -eq 137 ] || fail 'had ended'
}

step() {
    wanted="$side $1"
    printf '%s\n' "$wanted"
}

# Reads the next line of this side, and shows it. Fails when the program has ended instead.
next_line() {
    local status=0
    IFS= read -r -t "$limit" -u "$out" line || status=$?
    [ "$status" -le 128 ] || fail "printed nothing for $limit s"
    [ "$status" -eq 0 ] || [ -n "$line" ] || return 1
    printf '%s | %s\n' "$side" "$line"
}

# fail EVENT: says what the script waited for, what came instead, and what each side had printed after that.
fail() {
    kill_all || :
    printf 'stage %s: FAILED\n  waited for:  %s\n  but the %s %s\n' "$stage" "$wanted" "$side" "$1" >&2
    head -n 5 2>/dev/null <&3 | sed 's/^/    server | /' >&2
    head -n 5 2>/dev/null <&4 | sed 's/^/    client | /' >&2
    exit 1
}

stage_is_ok() { printf 'stage %s: ok\n' "$stage"; }
