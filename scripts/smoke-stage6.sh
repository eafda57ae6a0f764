#!/usr/bin/env bash
# Stage 6: `Q` makes the server hang up. A client that reads notices it when the answer to its next line is 0 bytes; a client
# that only sends notices it when a later write fails.

# shellcheck source=scripts/smoke-lib.sh
. "$(dirname -- "$0")/smoke-lib.sh"

build 6

server starts stage6-server
server prints 'wait client connect.........'

client starts stage6-client
server prints '127.0.0.1:*'
client types 'hello'
server prints 'recv="hello"'
client prints 'recv="server send :hello"'
client types 'Q'
server prints 'recv="Q"'
client prints 'recv="server send :Q"'
server prints 'socket close.....'
server prints 'wait client connect.........' # by now the connection is closed
# The client does not know yet: it waits for a line to send, not for the server.
client types 'are you there?'
client prints 'socket close.....'
client ends

# The client that never reads.
client starts stage6-send-only-client
server prints '127.0.0.1:*'
client types 'hello'
server prints 'recv="hello"'
client types 'Q'
server prints 'recv="Q"'
server prints 'socket close.....'
server prints 'wait client connect.........'
# The first write after the hang-up succeeds. It only makes the server's system answer with a reset, and the write after that
# reset fails. Nobody can see from outside when the reset has come, so type until the client ends.
client types_until_it_ends 'are you there?'
client prints '*: failed to send: *'
client ends
server is_killed

stage_is_ok
