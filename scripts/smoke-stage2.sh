#!/usr/bin/env bash
# Stage 2: the client sends each line that you type, and the server reads in a loop. `q` ends the session, not the server:
# it takes the next client.

# shellcheck source=scripts/smoke-lib.sh
. "$(dirname -- "$0")/smoke-lib.sh"

build 2

server starts stage2-server
server prints 'wait client connect.........'

client starts stage2-client
server prints '127.0.0.1:*'
client types 'hello'
# TCP carries bytes, not messages: a line typed before the server has read this one could arrive glued to it, as one message
# `helloq`. So before each next line, wait until the server has printed the last one.
server prints 'recv="hello"'
client types 'how are you?'
server prints 'recv="how are you?"'
client types 'q'
server prints 'recv="q"'
server prints 'socket close.....'
client ends

# The same server, the next client.
server prints 'wait client connect.........'
client starts stage2-client
server prints '127.0.0.1:*'
client types 'me too'
server prints 'recv="me too"'
client types 'q'
server prints 'recv="q"'
server prints 'socket close.....'
client ends
server prints 'wait client connect.........'
server is_killed

stage_is_ok
