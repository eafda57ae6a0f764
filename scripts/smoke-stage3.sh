#!/usr/bin/env bash
# Stage 3: a client is killed in the middle of its session, without a `q`. The system closes its socket, the server's read
# gives 0 bytes, and the server ends that connection only. The next client is served.

# shellcheck source=scripts/smoke-lib.sh
. "$(dirname -- "$0")/smoke-lib.sh"

build 3

server starts stage3-server
server prints 'wait client connect.........'

client starts stage3-client
server prints '127.0.0.1:*'
client types 'hello'
server prints 'recv="hello"'
client is_killed
# Stage 2 would print recv="" here, for ever. This server goes back to waiting, and prints nothing in between.
server prints 'wait client connect.........'

client starts stage3-client
server prints '127.0.0.1:*'
client types 'I am the next one'
server prints 'recv="I am the next one"'
client types 'q'
server prints 'recv="q"'
server prints 'socket close.....'
client ends
server prints 'wait client connect.........'
server is_killed

stage_is_ok
