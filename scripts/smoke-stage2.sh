#!/bin/sh
# Stage 2: the client sends each line that you type, and the server reads in a loop. `q` ends the session, not the server:
# it takes the next client.

# shellcheck source=scripts/smoke-lib.sh disable=SC1091
. "$(dirname -- "$0")/smoke-lib.sh"

build stage2-read-loop

server_starts stage2-server
server_prints 'wait client connect.........'

client_starts stage2-client
server_prints '127.0.0.1:*'
client_types 'hello'
# TCP carries bytes, not messages: a line typed before the server has read this one could arrive glued to it, as one message
# `helloq`. So before each next line, wait until the server has printed the last one.
server_prints 'recv="hello"'
client_types 'how are you?'
server_prints 'recv="how are you?"'
client_types 'q'
server_prints 'recv="q"'
server_prints 'socket close.....'
client_ends

# The same server, the next client.
server_prints 'wait client connect.........'
client_starts stage2-client
server_prints '127.0.0.1:*'
client_types 'me too'
server_prints 'recv="me too"'
client_types 'q'
server_prints 'recv="q"'
server_prints 'socket close.....'
client_ends
server_prints 'wait client connect.........'

stage_is_ok
