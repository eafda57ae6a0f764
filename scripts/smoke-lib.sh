# shellcheck shell=sh
# The words that smoke-stage1.sh ... smoke-stage6.sh are written in. Each of those scripts is a story of two sides, the server
# and one client at a time. The story is printed as it happens:
#
#     side $ command      the script starts a program
#     side > line         the script types a line
#     side | line         the program prints a line
#     side ! event        the program ends, or is killed
#
# Between each program and the script stands a named pipe, so the script never sleeps and looks again: it reads, and the read
# ends when the line comes. File descriptors: 3 = what the server prints, 4 = what the client prints, 5 = what the client reads.

set -eu

limit=20 # Seconds for the whole story, which takes less than one. Then the programs are killed and the step fails.
folder=''
server='' # The process ids, empty while the program is not running.
client=''

# build PACKAGE: builds the stage, and gets everything ready for its story.
build() {
    stage=${1#stage}
    stage=${stage%%-*}
    root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
    trap 'clean_up $?' EXIT
    trap 'clean_up 129' HUP
    trap 'clean_up 130' INT
    trap 'clean_up 141' PIPE
    trap 'clean_up 143' TERM
    # Only cargo knows where it puts the programs: its answer names them.
    if ! built=$(cd "$root" && cargo build -q -p "$1" --message-format=json-render-diagnostics); then
        printf 'stage %s: FAILED: cargo could not build it\n' "$stage" >&2
        exit 1
    fi
    programs=$(printf '%s\n' "$built" | sed -n 's|.*"executable":"\([^"]*\)/[^"/]*".*|\1|p' | sed -n 1p)
    # The programs see the same terminal settings on every machine.
    export TERM=xterm
    unset RUST_BACKTRACE RUST_LIB_BACKTRACE

    # A Ctrl-C must not come between the new folder and its name: nobody would remove it.
    folder=$(trap '' HUP INT TERM && mktemp -d "${TMPDIR:-/tmp}/smoke-stage$stage.XXXXXX")
    mkfifo "$folder/server.out" "$folder/client.out" "$folder/client.in" "$folder/clock"
    sleep "$limit" >"$folder/clock" 2>&1 &
    guard >"$folder/guard.log" 2>&1 &
}

# Kills the programs when the time is up. The script's read then ends, and it reports what it waited for.
guard() {
    read -r _ <"$folder/clock" || : # Nobody writes to the clock: this ends when the sleep does.
    : >"$folder/late"
    for pid_file in "$folder"/*.pid; do
        if read -r pid <"$pid_file"; then kill -9 "$pid" || :; fi
    done
}

# runs SIDE PID: puts a new program under the guard.
runs() {
    echo "$2" >"$folder/$1.pid"
    [ ! -e "$folder/late" ] || fail "$1" 'ended' # The guard has gone by already.
}

# clean_up STATUS: ends what this script has started, and nothing else, then the script. Runs however the story ends.
clean_up() {
    trap '' HUP INT PIPE TERM
    trap - EXIT
    if [ -n "$folder" ]; then
        jobs -p >"$folder/children"
        while read -r pid; do
            kill -9 "$pid" 2>/dev/null || :
        done <"$folder/children"
        wait 2>/dev/null || :
        rm -rf "$folder"
    fi
    exit "$1"
}

# server_starts PROGRAM: on port 0, so that the system chooses a free one, and the first line says which.
server_starts() {
    wanted="server \$ $1 127.0.0.1:0"
    printf '%s\n' "$wanted"
    "$programs/$1" 127.0.0.1:0 </dev/null >"$folder/server.out" 2>&1 &
    server=$!
    exec 3<"$folder/server.out"
    runs server "$server"
    server_prints 'listening on *'
    address=${line#listening on }
}

# client_starts PROGRAM: with the address that the server listens on.
client_starts() {
    wanted="client \$ $1 $address"
    printf '%s\n' "$wanted"
    "$programs/$1" "$address" <"$folder/client.in" >"$folder/client.out" 2>&1 3<&- &
    client=$!
    exec 5>"$folder/client.in" 4<"$folder/client.out"
    runs client "$client"
}

# client_types LINE
client_types() {
    wanted="client > $1"
    printf '%s\n' "$wanted"
    types "$1" || fail client 'had ended'
}

# client_types_until_it_ends LINE: types the same line again and again, as fast as the client reads.
client_types_until_it_ends() {
    wanted="client > $1 (again and again)"
    printf '%s\n' "$wanted"
    while types "$1"; do :; done
}

# Fails when the client no longer reads. The subshell is there so that the broken pipe does not end the script.
types() {
    (trap '' PIPE && printf '%s\n' "$1" >&5) 2>/dev/null
}

# server_prints PATTERN, client_prints PATTERN: the next line of that side is this one. A * stands for any text.
server_prints() {
    prints server "$1" <&3
}
client_prints() {
    prints client "$1" <&4
}
prints() {
    wanted="$1 | $2"
    if ! IFS= read -r line; then
        [ -z "$line" ] || printf '%s | %s\n' "$1" "$line"
        fail "$1" 'ended'
    fi
    printf '%s | %s\n' "$1" "$line"
    # shellcheck disable=SC2254 # The second argument is a pattern.
    case $line in
    $2) ;;
    *) fail "$1" "printed: $line" ;;
    esac
}

# server_ends, client_ends: it ends by itself, with exit status 0, and prints nothing more before that.
server_ends() {
    ends server "$server" <&3
    server_is_gone
}
client_ends() {
    ends client "$client" <&4
    client_is_gone
}
ends() {
    wanted="$1 ! exit 0"
    prints_no_more "$1"
    status=0
    wait "$2" 2>/dev/null || status=$?
    [ "$status" -eq 0 ] || fail "$1" 'ended in another way'
    printf '%s\n' "$wanted"
}
prints_no_more() {
    if IFS= read -r line || [ -n "$line" ]; then
        printf '%s | %s\n' "$1" "$line"
        fail "$1" "printed: $line"
    fi
}

# client_is_killed: by its process id, with the signal that no program can catch.
client_is_killed() {
    wanted='client ! kill -9'
    printf '%s\n' "$wanted"
    kill_and_wait KILL "$client" || fail client 'had ended'
    prints_no_more client <&4
    client_is_gone
}

# kill_and_wait SIGNAL PID: fails when the program had ended before, or ended in another way.
kill_and_wait() {
    kill -s "$1" "$2" 2>/dev/null || return 1
    status=0
    wait "$2" 2>/dev/null || status=$?
    [ "$status" -gt 128 ] && [ "$(kill -l "$status")" = "$1" ]
}

server_is_gone() {
    rm "$folder/server.pid"
    server=''
    exec 3<&-
}
client_is_gone() {
    rm "$folder/client.pid"
    client=''
    exec 4<&- 5>&-
}

# stage_is_ok: the last word of a story. A server that still runs is stopped; it must have nothing left to say.
stage_is_ok() {
    if [ -n "$server" ]; then
        wanted='server ! kill'
        printf '%s\n' "$wanted"
        kill_and_wait TERM "$server" || fail server 'had ended'
        prints_no_more server <&3
        server_is_gone
    fi
    printf 'stage %s: ok\n' "$stage"
}

# fail SIDE EVENT: says what the script waited for, what came instead, and what else each side had printed.
fail() {
    event="the $1 $2"
    [ ! -e "$folder/late" ] || event="it did not come in $limit s"
    for pid in $server $client; do
        kill -9 "$pid" 2>/dev/null || :
    done
    {
        printf 'stage %s: FAILED\n' "$stage"
        printf '  waited for:  %s\n' "$wanted"
        printf '  but %s\n' "$event"
        [ -z "$server" ] || left server "$server" <&3
        [ -z "$client" ] || left client "$client" <&4
    } >&2
    exit 1
}

# left SIDE PID: shows the lines that nobody has read yet, five at most, because a broken server can print for ever.
left() {
    count=0
    while [ "$count" -lt 5 ] && IFS= read -r line; do
        count=$((count + 1))
        [ "$count" -gt 1 ] || printf '  after that, the %s printed:\n' "$1"
        printf '    %s | %s\n' "$1" "$line"
    done
    if [ "$count" -eq 0 ]; then
        printf '  after that, the %s printed nothing\n' "$1"
    elif read -r line; then
        printf '    and more\n'
    fi
    status=0
    wait "$2" 2>/dev/null || status=$?
    # 137 means that it still ran, and was killed just now.
    [ "$status" -eq 137 ] || printf '  and the %s ended, exit status %s\n' "$1" "$status"
}
