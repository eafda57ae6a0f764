#!/usr/bin/env bash
# Stage 4: `o` sends an empty message, and so does an empty line. An empty message is no message: no byte leaves the client,
# the server sees nothing, and the connection stays up.

# shellcheck source=scripts/smoke-lib.sh
. "$(dirname -- "$0")/smoke-lib.sh"

build 4

server starts stage4-server
server prints 'wait client connect.........'

client starts stage4-client
server prints '127.0.0.1:*'
client types 'hello'
server prints 'recv="hello"'

client types 'o'
client types ''
client types 'still here'
# The next line of the server is this one: no recv="" and no recv="o" came before it, and nothing is glued to it.
server prints 'recv="still here"'

client types 'q'
server prints 'recv="q"'
server prints 'socket close.....'
client ends
server prints 'wait client connect.........'
server is_killed

stage_is_ok
