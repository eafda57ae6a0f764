#!/bin/sh
# Stage 4: `o` sends an empty message, and so does an empty line. An empty message is no message: no byte leaves the client,
# the server sees nothing, and the connection stays up.

# shellcheck source=scripts/smoke-lib.sh disable=SC1091
. "$(dirname -- "$0")/smoke-lib.sh"

build stage4-empty-send

server_starts stage4-server
server_prints 'wait client connect.........'

client_starts stage4-client
server_prints '127.0.0.1:*'
client_types 'hello'
server_prints 'recv="hello"'

client_types 'o'
client_types ''
client_types 'still here'
# The next line of the server is this one: no recv="" and no recv="o" came before it, and nothing is glued to it.
server_prints 'recv="still here"'

client_types 'q'
server_prints 'recv="q"'
server_prints 'socket close.....'
client_ends
server_prints 'wait client connect.........'

stage_is_ok
