#!/bin/sh
# Stage 6: `Q` makes the server hang up. A client that reads notices it when the answer to its next line is 0 bytes; a client
# that only sends notices it when a later write fails.

# shellcheck source=scripts/smoke-lib.sh disable=SC1091
. "$(dirname -- "$0")/smoke-lib.sh"

build stage6-server-disconnect

server_starts stage6-server
server_prints 'wait client connect.........'

client_starts stage6-client
server_prints '127.0.0.1:*'
client_types 'hello'
server_prints 'recv="hello"'
client_prints 'recv="server send :hello"'
client_types 'Q'
server_prints 'recv="Q"'
client_prints 'recv="server send :Q"'
server_prints 'socket close.....'
server_prints 'wait client connect.........' # by now the connection is closed
# The client does not know yet: it waits for a line to send, not for the server.
client_types 'are you there?'
client_prints 'socket close.....'
client_ends

# The client that never reads.
client_starts stage6-send-only-client
server_prints '127.0.0.1:*'
client_types 'hello'
server_prints 'recv="hello"'
client_types 'Q'
server_prints 'recv="Q"'
server_prints 'socket close.....'
server_prints 'wait client connect.........'
# The first write after the hang-up succeeds. It only makes the server's system answer with a reset, and the write after that
# reset fails. Nobody can see from outside when the reset has come, so type until the client ends.
client_types_until_it_ends 'are you there?'
client_prints '*: failed to send: *'
client_ends

stage_is_ok
