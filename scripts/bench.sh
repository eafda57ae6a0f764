#!/bin/sh
# Measures the stage 5 server beside the same program in C and in Python 3, and what a learner waits for: `./scripts/bench.sh`.
# The figures go to the terminal and, with --write, to docs/src/performance.md. What cannot be measured here is named, with the
# reason. Needs Rust. Uses a C compiler, python3, strace, taskset, strip and ps when they are there.

set -eu
cd "$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)"

usage='usage: bench.sh [--quick | --write]

Measures the stage 5 server beside the same program in C and Python 3.
  --quick  few messages, one round, nothing compiled anew: shows that the script works
  --write  also write docs/src/performance.md

Exit status: 0 it was measured, whether the goals are met or missed, 1 it was not, 2 wrong usage.'

bad() {
    printf 'bench.sh: %s\n\n%s\n' "$1" "$usage" >&2
    exit 2
}

quick=no
write=no
for arg; do
    case $arg in
    --help | -h)
        printf '%s\n' "$usage"
        exit 0
        ;;
    --quick) quick=yes ;;
    --write) write=yes ;;
    *) bad "unknown argument \"$arg\"" ;;
    esac
done
[ "$quick$write" != yesyes ] || bad '--quick is not for the book: --quick and --write exclude each other'

export LC_ALL=C # awk and sort read and write numbers with a point.
rounds=5
size=64               # Bytes of a message.
one_core=200000       # Messages of a round, client and server on one core.
two_cores=50000       # The same on two cores, where each takes longer.
long_run=1000000      # Messages before the second look at the resident set.
starts=20             # Starts of each program in a round.
traced=1000           # Messages under strace.
goal_round_trip=1.05  # Rust at most so many times C.
goal_cpu=0.5          # Rust at most so many times Python.
goal_calls=3          # Exactly.
goal_resident_kib=3072
goal_growth_kib=64    # "Flat" is at most this.
if [ "$quick" = yes ]; then
    rounds=1 one_core=50000 two_cores=5000 long_run=10000 starts=2 traced=100
fi
page=docs/src/performance.md

folder=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
child='' # The process id of the program that runs, if one runs.
trap 'clean_up $?' EXIT
trap 'clean_up 129' HUP
trap 'clean_up 130' INT
trap 'clean_up 141' PIPE
trap 'clean_up 143' TERM
mkdir "$folder/figures"
: >"$folder/skipped"

# clean_up STATUS: ends what this script has started, and nothing else, then the script. Runs however it ends.
clean_up() {
    trap '' HUP INT PIPE TERM
    trap - EXIT
    if [ -n "$child" ]; then
        family "$child" | while read -r pid; do
            kill "$pid" 2>/dev/null || :
        done
        wait "$child" 2>/dev/null || :
    fi
    rm -rf "$folder"
    exit "$1"
}

# family PID: the process ids of the program and of all that it has started.
family() {
    { ps -A -o pid= -o ppid= 2>/dev/null || :; } | awk -v root="$1" '
        { parent[$1] = $2 }
        END {
            mine[root]
            do {
                more = 0
                for (pid in parent) if (!(pid in mine) && parent[pid] in mine) { mine[pid]; more = 1 }
            } while (more)
            for (pid in mine) print pid
        }'
}

# run COMMAND...: in the background, because only then does a signal reach this script before the command has ended.
run() {
    "$@" &
    child=$!
    status=0
    wait "$child" || status=$?
    child=''
    return "$status"
}

die() {
    printf 'bench.sh: %s\n' "$1" >&2
    [ ! -s "$folder/log" ] || tail -n 20 "$folder/log" >&2
    exit 1
}

say() {
    printf '%s\n' "$1" >&2
}

# skip ROWS REASON
skip() {
    printf '%s: %s\n' "$1" "$2" >>"$folder/skipped"
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# quote TEXT: as one word of a command line.
quote() {
    printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

# --- figures: one file for each, one line for each round

add() {
    printf '%s\n' "$2" >>"$folder/figures/$1"
}

known() {
    for name; do
        [ -s "$folder/figures/$name" ] || return 1
    done
}

# figure NAME: its median, minimum and maximum.
figure() {
    sort -n "$folder/figures/$1" | awk '{ value[NR] = $1 }
        END {
            middle = int((NR + 1) / 2)
            median = NR % 2 ? value[middle] : (value[middle] + value[middle + 1]) / 2
            printf "%.10g %.10g %.10g\n", median, value[1], value[NR]
        }'
}

median() {
    figure "$1" | cut -d ' ' -f 1
}

# cell NAME DIVISOR DECIMALS: as the tables show it, `median (minimum to maximum)`.
cell() {
    if ! known "$1"; then
        printf -- '-'
        return 0
    fi
    figure "$1" | awk -v divisor="$2" -v decimals="$3" '{
        format = "%." decimals "f"
        text = sprintf(format, $1 / divisor)
        low = sprintf(format, $2 / divisor)
        high = sprintf(format, $3 / divisor)
        printf low == high ? text : text " (" low " to " high ")"
    }'
}

# calc EXPRESSION [DECIMALS]
calc() {
    awk "BEGIN { printf \"%.${2-2}f\", $1 }"
}

# holds EXPRESSION
holds() {
    awk "BEGIN { exit !($1) }"
}

# ratio NAME NAME: of the medians.
ratio() {
    calc "$(median "$1") / $(median "$2")"
}

# --- the programs

build() {
    if ! run cargo build -q --release -p stage5-server-reply -p lab --message-format=json-render-diagnostics \
        >"$folder/built"; then
        die 'cargo could not build the server and the load'
    fi
    # Only cargo knows where it puts the programs: its answer names them.
    server_rust=$(executable stage5-server)
    lab=$(executable lab)
    command_rust=$(quote "$server_rust")
    languages=rust

    if has cc; then
        run cc -O2 -o "$folder/server-c" scripts/peers/server.c >"$folder/log" 2>&1 || die 'cc could not compile server.c'
        command_c=$(quote "$folder/server-c")
        languages="$languages c"
    else
        skip 'C, in all rows' 'there is no C compiler (cc)'
    fi

    # python3 may be a script that looks for the real one, which would count as the start of the server.
    if python=$(python3 -c 'import sys; assert sys.version_info >= (3, 8); print(sys.executable)' 2>/dev/null); then
        # -E: the environment does not change how it prints.
        command_python="$(quote "$python") -E $(quote "$PWD/scripts/peers/server.py")"
        languages="$languages python"
    else
        skip 'Python, in all rows' 'there is no python3 of version 3.8 or later'
    fi

    for language in $languages; do
        # The same program, by the course's own measure.
        command_of "$language"
        run "$lab" check 5 --all --server "$command" >"$folder/log" 2>&1 ||
            die "the server in $language is not one of stage 5, says its check"
    done
}

executable() {
    sed -n 's|.*"executable":"\([^"]*/'"$1"'\)".*|\1|p' "$folder/built" | sed -n 1p
}

# command_of LANGUAGE
command_of() {
    case $1 in
    rust) command=$command_rust ;;
    c) command=$command_c ;;
    python) command=$command_python ;;
    esac
}

# The two cores: the first that this script may use.
cores() {
    first='' second=''
    if ! has taskset; then
        skip 'round trips, messages a second, CPU time' 'there is no taskset, so nothing can be kept on one core'
    # taskset prints a list such as 0-3,8.
    elif allowed=$(taskset -cp "$$" 2>/dev/null) && taskset -c "$(core 1)" true 2>/dev/null; then
        first=$(core 1)
        second=$(core 2)
        [ -n "$second" ] || skip 'round trip on two cores' 'this script may use one core only'
    else
        skip 'round trips, messages a second, CPU time' 'taskset does not work here'
    fi
}

# core N: the Nth of them.
core() {
    printf '%s\n' "${allowed##*: }" | tr ',' '\n' | awk -F - -v wanted="$1" '
        { for (core = $1; core <= $NF; core++) if (++count == wanted) print core }'
}

# load WRAP-COMMAND... -- COMMAND MESSAGES
load() {
    wrap=''
    while [ "$1" != -- ]; do
        wrap="$wrap $(quote "$1")"
        shift
    done
    eval "run $wrap \"\$lab\" load --server \"\$2\" --messages \"\$3\" --size \"\$size\"" \
        >"$folder/load" 2>"$folder/log" || die "the load failed: $2"
}

# keep NAME KEY: a figure of the last load, if the system gave it.
keep() {
    value=$(sed -n "s/^$2 //p" "$folder/load")
    [ -z "$value" ] || add "$1" "$value"
}

# one_round NUMBER: every program once, first another one in each round.
one_round() {
    turn=$1
    # shellcheck disable=SC2086 # A list of words.
    set -- $languages
    turns=$((turn % $#))
    while [ "$turns" -gt 0 ]; do
        last=$1
        shift
        set -- "$@" "$last"
        turns=$((turns - 1))
    done
    for language; do
        command_of "$language"
        if [ -n "$first" ]; then
            load taskset -c "$first" -- "$command" "$one_core"
            keep "one_core.$language" round_trip_ns
            keep "rate.$language" messages_per_second
            cpu
            if [ -n "$second" ]; then
                load taskset -c "$first" -- "taskset -c $second $command" "$two_cores"
                keep "two_cores.$language" round_trip_ns
            fi
        fi
        count=0
        while [ "$count" -lt "$starts" ]; do
            load -- "$command" 0
            keep "start.$language" start_ns
            count=$((count + 1))
        done
    done
}

# The CPU time of the last load, in nanoseconds a message. The first message is not in it.
cpu() {
    user=$(sed -n 's/^user_ticks //p' "$folder/load")
    system=$(sed -n 's/^system_ticks //p' "$folder/load")
    # None at all is less than the kernel can count.
    if [ -n "$user" ] && [ "$((user + system))" -gt 0 ]; then
        add "cpu.$language" "$(calc "($user + $system) / $ticks * 1e9 / ($one_core - 1)" 1)"
        add "cpu_user.$language" "$(calc "$user / $ticks * 1e9 / ($one_core - 1)" 1)"
        add "cpu_kernel.$language" "$(calc "$system / $ticks * 1e9 / ($one_core - 1)" 1)"
    fi
}

# The second look comes after many messages, so each program runs once.
resident() {
    for language in $languages; do
        command_of "$language"
        if [ -n "$first" ]; then
            load taskset -c "$first" -- "$command" "$long_run"
        else
            load -- "$command" "$long_run"
        fi
        keep "resident_first.$language" resident_first_kib
        keep "resident_last.$language" resident_last_kib
    done
    known resident_first.rust || skip 'resident set, CPU time' 'this system has no /proc, so it does not tell'
}

# The system calls from the first message to just before the closing q. The load's messages are of the letter x.
system_calls() {
    if ! has strace; then
        skip 'system calls a message' 'there is no strace'
        return 0
    fi
    if ! run strace -f -o "$folder/trace" true 2>"$folder/log"; then
        skip 'system calls a message' 'strace may not trace here'
        return 0
    fi
    for language in $languages; do
        command_of "$language"
        load -- "strace -f -o $(quote "$folder/trace") $command" "$traced"
        awk '/"x/ { on = 1 } /"q"/ { exit } on { sub(/^[0-9]+ +/, ""); sub(/\(.*/, ""); print }' "$folder/trace" \
            >"$folder/calls"
        add "calls.$language" "$(calc "$(wc -l <"$folder/calls") / $traced" 6)"
        # Their names, in the order in which they are done.
        awk -v all="$traced" '
            { if (!count[$1]++) name[++names] = $1 }
            END {
                for (i = 1; i <= names; i++)
                    if (count[name[i]] >= all / 2) printf "%s`%s`", n++ ? ", " : "", name[i]
            }' "$folder/calls" >"$folder/names.$language"
    done
}

sizes() {
    if ! has strip; then
        skip 'size of the stripped program' 'there is no strip'
        return 0
    fi
    strip -o "$folder/stripped" "$server_rust"
    add size.rust "$(wc -c <"$folder/stripped")"
    if [ -f "$folder/server-c" ]; then
        strip -o "$folder/stripped" "$folder/server-c"
        add size.c "$(wc -c <"$folder/stripped")"
    fi
}

# --- what a learner waits for: in a copy, so that nobody's sources and build are touched

copy_workspace() {
    mkdir "$folder/copy"
    # What git knows or would know. Without git, all but the folders for what is built and for git itself.
    if git ls-files --cached --others --exclude-standard >"$folder/files" 2>/dev/null; then
        while read -r file; do
            if [ -f "$file" ]; then
                mkdir -p "$folder/copy/$(dirname "$file")"
                cp "$file" "$folder/copy/$file"
            fi
        done <"$folder/files"
    else
        for entry in * .[!.]*; do
            case $entry in
            target | .git | '*' | '.[!.]*') ;;
            *) cp -R "$entry" "$folder/copy/" ;;
            esac
        done
    fi
    stage=crates/stage5-server-reply/src/server.rs
    edit 1
    cp "$stage" "$folder/copy/$stage"
}

# edit N: one line of one stage, differently each time.
edit() {
    sed "s/failed to answer/failed to answer, says edit $1/" "$stage" >"$folder/copy/$stage"
    [ "$(diff "$stage" "$folder/copy/$stage" | grep -c '^>')" -eq 1 ] || die "the edit of $stage did not change one line"
}

in_copy() {
    cd "$folder/copy"
    CARGO_TARGET_DIR="$folder/target" exec "$@"
}

now() {
    case $(date +%N) in
    *[!0-9]*) printf '%s000000000' "$(date +%s)" ;; # Not every system counts nanoseconds.
    *) date +%s%N ;;
    esac
}

# timed NAME COMMAND...
timed() {
    name=$1
    shift
    from=$(now)
    run in_copy "$@" >"$folder/log" 2>&1 || die "failed: $*"
    add "$name" "$(($(now) - from))"
}

untimed() {
    run in_copy "$@" >"$folder/log" 2>&1 || die "failed: $*"
}

learner() {
    copy_workspace
    if [ "$quick" = yes ]; then
        skip 'what a learner waits for' 'not with --quick'
        return 0
    fi
    untimed cargo fetch
    for round in $numbers; do
        say "cold build, round $round of $rounds"
        rm -rf "$folder/target"
        timed cold cargo build --workspace
    done
    for round in $numbers; do
        edit "$round"
        timed rebuild cargo build --workspace
    done
    cp "$stage" "$folder/copy/$stage"
    say 'building the tests'
    untimed cargo test --workspace --no-run
    untimed ./scripts/smoke.sh # It builds the stages alone, which is another build to cargo.
    for round in $numbers; do
        say "tests and smoke test, round $round of $rounds"
        timed tests cargo test --workspace
        timed smoke ./scripts/smoke.sh
    done
}

# --- what is shown

# Rows of a table: cells with tabs between them.
tab=$(printf '\t')

row() {
    printf "%s$tab%s$tab%s$tab%s\n" "$1" "$(cell "$2.rust" "$3" "$4")" "$(cell "$2.c" "$3" "$4")" "$(cell "$2.python" "$3" "$4")"
}

servers_table() {
    printf "what$tab%s$tab%s$tab%s\n" 'Rust, stage 5' 'C' 'Python 3'
    row "round trip of $size bytes, one core, us" one_core 1000 2
    row "round trip of $size bytes, two cores, us" two_cores 1000 2
    row 'messages a second, one core' rate 1 0
    row 'CPU time a message, us' cpu 1000 2
    row '- of this in the program, us' cpu_user 1000 2
    row '- of this in the kernel, us' cpu_kernel 1000 2
    row 'system calls a message' calls 1 "$calls_decimals"
    row 'resident set after 1 message, KiB' resident_first 1 0
    row "resident set after $long_run messages, KiB" resident_last 1 0
    row 'start to "listening on", ms' start 1e6 2
    row 'stripped program, KiB' size 1024 0
}

learner_table() {
    printf 'what%sseconds\n' "$tab"
    printf "cold build, cargo build --workspace$tab%s\n" "$(cell cold 1e9 1)"
    printf "the same after one line of one stage changed$tab%s\n" "$(cell rebuild 1e9 2)"
    printf "the tests, built before, cargo test --workspace$tab%s\n" "$(cell tests 1e9 1)"
    printf "./scripts/smoke.sh, built before$tab%s\n" "$(cell smoke 1e9 2)"
}

# goal TEXT EXPRESSION MEASURED
goal() {
    if holds "$2"; then verdict=met; else verdict=missed; fi
    printf "%s$tab%s$tab%s\n" "$1" "$3" "$verdict"
}

no_goal() {
    printf "%s$tab-${tab}not measured\n" "$1"
}

goals_table() {
    printf 'goal%smeasured%sresult\n' "$tab" "$tab"
    text="round trip on one core: at most $goal_round_trip of C's"
    if known one_core.rust one_core.c; then
        value=$(calc "$(median one_core.rust) / $(median one_core.c)" 3)
        goal "$text" "$value <= $goal_round_trip" "$value"
    else
        no_goal "$text"
    fi
    text="CPU time a message: at most $goal_cpu of Python's"
    if known cpu.rust cpu.python; then
        value=$(calc "$(median cpu.rust) / $(median cpu.python)" 3)
        goal "$text" "$value <= $goal_cpu" "$value"
    else
        no_goal "$text"
    fi
    text="system calls a message: exactly $goal_calls"
    if known calls.rust; then
        goal "$text" "$(median calls.rust) == $goal_calls" "$(cell calls.rust 1 "$calls_decimals")"
    else
        no_goal "$text"
    fi
    text="resident set: under $goal_resident_kib KiB"
    flat="resident set: grows by at most $goal_growth_kib KiB"
    if known resident_last.rust; then
        value=$(median resident_last.rust)
        growth=$(calc "$value - $(median resident_first.rust)" 0)
        goal "$text" "$value < $goal_resident_kib" "$value KiB"
        goal "$flat" "$growth <= $goal_growth_kib" "$growth KiB"
    else
        no_goal "$text"
        no_goal "$flat"
    fi
}

machine() {
    cpu_model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | sed -n 1p)
    [ -n "$cpu_model" ] || cpu_model=$(sysctl -n machdep.cpu.brand_string 2>/dev/null) || cpu_model=$(uname -m)
    printf "date$tab%s\n" "$(date -u +%Y-%m-%d)"
    printf "processor$tab%s, %s cores\n" "$cpu_model" "$(getconf _NPROCESSORS_ONLN)"
    printf "kernel$tab%s\n" "$(uname -srm)"
    [ -z "$busy" ] || printf "load average before the run$tab%s\n" "$busy"
    printf "Rust$tab%s\n" "$(rustc --version)"
    case " $languages " in *' c '*) printf "C$tab%s, -O2\n" "$(cc --version | sed -n 1p)" ;; esac
    case " $languages " in *' python '*) printf "Python$tab%s\n" "$("$python" -V 2>&1)" ;; esac
}

# The columns below each other.
aligned() {
    awk -F '\t' '{
        for (i = 1; i <= NF; i++) { text[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) }
        fields[NR] = NF
    }
    END {
        for (n = 1; n <= NR; n++) {
            for (i = 1; i < fields[n]; i++) printf "%-" width[i] "s  ", text[n, i]
            print text[n, fields[n]]
        }
    }'
}

# The same as a table of the book.
markdown() {
    awk -F '\t' '{
        gsub(/cargo build --workspace|cargo test --workspace|\.\/scripts\/smoke\.sh/, "`&`")
        gsub(/"listening on"/, "`listening on`")
        line = "|"
        rule = "|"
        for (i = 1; i <= NF; i++) { line = line " " $i " |"; rule = rule "---|" }
        print line
        if (NR == 1) print rule
    }'
}

# The sentences depend on the figures: which one is written, and every number in it.
reading() {
    if known cpu_kernel.rust; then
        share=$(calc "100 * $(median cpu_kernel.rust) / $(median cpu.rust)" 0)
        if holds "$share > 50"; then
            printf -- '- **The kernel dominates.** It takes %s %% of the CPU time that the stage 5 server needs for a message.' "$share"
        else
            printf -- '- **The program dominates.** The kernel takes only %s %% of the CPU time that the stage 5 server needs for a message.' "$share"
        fi
        ! known calls.rust || printf ' It has %s system calls to do: %s.' \
            "$(cell calls.rust 1 "$calls_decimals")" "$(cat "$folder/names.rust")"
        printf '\n'
    fi
    if known one_core.rust one_core.c; then
        value=$(ratio one_core.rust one_core.c)
        if holds "$value > 1.05"; then
            word='Rust is slower than C.'
        elif holds "$value < 0.95"; then
            word='Rust is faster than C.'
        else
            word='Rust is as fast as C.'
        fi
        printf -- '- **%s** A round trip on one core takes %s times as long.\n' "$word" "$value"
    fi
    if known one_core.python one_core.rust; then
        printf -- '- **Python** takes %s times as long as Rust for a round trip on one core.' "$(ratio one_core.python one_core.rust)"
        if known cpu_user.python cpu_user.rust; then
            printf ' In the program itself it spends %s us on a message, Rust %s us. In the kernel it spends %s us, Rust %s us.' \
                "$(calc "$(median cpu_user.python) / 1000")" "$(calc "$(median cpu_user.rust) / 1000")" \
                "$(calc "$(median cpu_kernel.python) / 1000")" "$(calc "$(median cpu_kernel.rust) / 1000")"
        fi
        printf '\n'
    fi
    if known cpu.rust cpu.python; then
        value=$(calc "$(median cpu.rust) / $(median cpu.python)" 3)
        if holds "$value > $goal_cpu"; then
            printf -- '- **The goal for the CPU time is missed:** %s of the time that Python needs.' "$value"
            floor=$(calc "$(median cpu_kernel.rust) / $(median cpu.python)")
            if holds "$floor > $goal_cpu"; then
                printf ' No program that makes these calls could meet it here. The kernel'\''s part of our server alone is %s of it.' "$floor"
            else
                printf ' The kernel'\''s part of our server alone is %s of it.' "$floor"
            fi
            if known cpu.c; then
                value=$(ratio cpu.c cpu.python)
                if holds "$value > $goal_cpu"; then word='misses it too'; else word='meets it'; fi
                printf ' The program in C %s, with %s.' "$word" "$value"
            fi
            printf '\n'
        fi
    fi
    if known one_core.rust two_cores.rust; then
        value=$(ratio two_cores.rust one_core.rust)
        if holds "$value > 1.2"; then
            printf -- '- **On two cores the wake-up dominates.** A round trip takes %s times as long as on one core, with the same programs. ' "$value"
            printf 'While one side works, the other side waits on its own core, and each message has to wake it there.'
        else
            printf -- '- **Two cores** take %s times as long as one for a round trip. ' "$value"
            printf 'While one side works the other one waits, so the second core has little to add. What counts is how fast it wakes up.'
        fi
        if known two_cores.python one_core.python; then
            printf ' Python takes %s times as long as Rust there, against %s on one core.' \
                "$(ratio two_cores.python two_cores.rust)" "$(ratio one_core.python one_core.rust)"
        fi
        printf '\n'
    fi
    if known resident_last.rust; then
        growth=$(calc "$(median resident_last.rust) - $(median resident_first.rust)" 0)
        if holds "$growth <= $goal_growth_kib"; then word='Memory stays flat.'; else word='Memory grows.'; fi
        printf -- '- **%s** After %s messages the resident set of the stage 5 server is %s KiB larger than after the first one.' \
            "$word" "$long_run" "$growth"
        if known resident_last.python; then
            printf ' Python'\''s is %s times as large as ours' "$(ratio resident_last.python resident_last.rust)"
            if known resident_last.c; then printf ', C'\''s %s times' "$(ratio resident_last.c resident_last.rust)"; fi
            printf '.'
        fi
        printf '\n'
    fi
    if known start.python; then
        printf -- '- **The start** takes Python %s times as long as Rust.' "$(ratio start.python start.rust)"
        ! known start.c || printf ' C takes %s times as long as Rust.' "$(ratio start.c start.rust)"
        printf '\n'
    fi
    if known size.c; then
        printf -- '- **The program** is %s times as large as the one in C. Rust'\''s standard library is part of it, C'\''s is not.\n' \
            "$(ratio size.rust size.c)"
    fi
}

write_page() {
    {
        cat <<END
<!-- Written by ./scripts/bench.sh --write. Do not edit it: run the script again. -->
# Performance

What does such a small server cost? \`./scripts/bench.sh\` measures it on your machine. This page is what the script
wrote on one machine. Nobody has typed a figure.

$({ printf 'the run%s\n' "$tab" && machine; } | markdown)

## The same program three times

The stage 5 server runs beside the same program in C and in Python 3 (\`scripts/peers\`). \`cargo lab check 5\` has
examined all three before the first measurement. Each serves one client at a time, prints every message with one write
and answers it with one send.

One client drives all of them: \`cargo lab load\`. It sends $size bytes and waits for the answer before it sends the next
message. This is called *lock-step*. The client also reads what the server prints, and every message has to be there. It
reads while the clock stands still, so nobody pays for it.

Each figure is the median of $rounds rounds, with the smallest and the largest in parentheses. In each round all three
take their turn, and another one begins.

$(servers_table | markdown)

How to read the rows (1 us is a millionth of a second, 1 ms a thousandth, 1 KiB is 1024 bytes):

- *Round trip*: the median of $one_core round trips on one core and of $two_cores on two. On one core the client and the
  server take turns, so you see the work of both and of the kernel.
- *Messages a second*: of the same run on one core. Interruptions by other programs count here, and not in the median.
- *CPU time*: of the server only, on one core. The kernel counts it in steps, and divides it between program and kernel
  by samples.
- *System calls*: counted by strace over $traced messages.
- *Resident set*: the memory that is really in use for the server, its share of system libraries included. One run of
  $long_run messages.
- *Start*: from the start of the program to its line \`listening on\`, $starts times in each round, on any core.

END
        if [ -s "$folder/skipped" ]; then
            printf 'What could not be measured, and why:\n\n%s\n\n' "$(sed 's/^/- /' "$folder/skipped")"
        fi
        cat <<END
## What the figures say

$(reading)

## The goals

$(goals_table | markdown)

## What you wait for

Measured in a copy of the repository, with the dependencies already downloaded. $rounds rounds, as above.

$(learner_table | markdown)

## What the figures do not say

- Client and server are on one machine. On a real network each message also needs time for its way.
- One client, one message at a time. How many clients a server can bear is another question, and this server takes them
  one after another.
- One machine, with its kernel and its versions. Compare the columns of one run, not the figures of two machines.
END
    } >"$folder/page.md"
    mv "$folder/page.md" "$page"
}

numbers=$(awk -v rounds="$rounds" 'BEGIN { for (i = 1; i <= rounds; i++) print i }')
ticks=$(getconf CLK_TCK)
busy=$(cut -d ' ' -f 1 /proc/loadavg 2>/dev/null) || busy=''
say 'building the server and the load, and checking the programs'
build
cores
for round in $numbers; do
    say "servers, round $round of $rounds"
    one_round "$round"
done
say "servers, $long_run messages"
resident
system_calls
sizes
# A whole number is shown as such.
calls_decimals=0
for language in $languages; do
    if known "calls.$language" && ! holds "$(median "calls.$language") % 1 == 0"; then calls_decimals=3; fi
done

machine | aligned
printf '\n'
servers_table | aligned
printf '\n'
goals_table | aligned
printf '\n'
reading | sed 's/[*`]//g'
learner
if [ "$quick" = no ]; then
    printf '\n'
    learner_table | aligned
fi
if [ -s "$folder/skipped" ]; then
    printf '\n'
    sed 's/^/not measured: /' "$folder/skipped"
fi
[ "$quick" = no ] || say 'With --quick the figures mean little: too few messages.'
if [ "$write" = yes ]; then
    write_page
    say "written: $page"
fi
