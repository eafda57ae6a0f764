#!/usr/bin/env bash
# Stage 5: the server answers each message, and the client waits for the answer and prints it. After an empty message the client
# does not wait, because no answer will come: the next line goes out at once.

# shellcheck source=scripts/smoke-lib.sh
. "$(dirname -- "$0")/smoke-lib.sh"

build 5

server starts stage5-server
server prints 'wait client connect.........'

client starts stage5-client
server prints '127.0.0.1:*'
client types 'hello'
server prints 'recv="hello"'
client prints 'recv="server send :hello"'

# A client that waited for the answer to one of these two would never get to the third.
client types 'o'
client types ''
client types 'still here'
server prints 'recv="still here"'
client prints 'recv="server send :still here"'

# The client ends right after it has sent `q`: the answer to that is never read.
client types 'q'
server prints 'recv="q"'
server prints 'socket close.....'
client ends
server prints 'wait client connect.........'
server is_killed

stage_is_ok
