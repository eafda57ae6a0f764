#!/bin/sh
# Stage 3: a client is killed in the middle of its session, without a `q`. The system closes its socket, the server's read
# gives 0 bytes, and the server ends that connection only. The next client is served.

# shellcheck source=scripts/smoke-lib.sh disable=SC1091
. "$(dirname -- "$0")/smoke-lib.sh"

build stage3-client-abort

server_starts stage3-server
server_prints 'wait client connect.........'

client_starts stage3-client
server_prints '127.0.0.1:*'
client_types 'hello'
server_prints 'recv="hello"'
client_is_killed
# Stage 2 would print recv="" here, for ever. This server goes back to waiting, and prints nothing in between.
server_prints 'wait client connect.........'

client_starts stage3-client
server_prints '127.0.0.1:*'
client_types 'I am the next one'
server_prints 'recv="I am the next one"'
client_types 'q'
server_prints 'recv="q"'
server_prints 'socket close.....'
client_ends
server_prints 'wait client connect.........'

stage_is_ok
