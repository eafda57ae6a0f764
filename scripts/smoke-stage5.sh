#!/bin/sh
# Stage 5: the server answers each message, and the client waits for the answer and prints it. After an empty message the client
# does not wait, because no answer will come: the next line goes out at once.

# shellcheck source=scripts/smoke-lib.sh disable=SC1091
. "$(dirname -- "$0")/smoke-lib.sh"

build stage5-server-reply

server_starts stage5-server
server_prints 'wait client connect.........'

client_starts stage5-client
server_prints '127.0.0.1:*'
client_types 'hello'
server_prints 'recv="hello"'
client_prints 'recv="server send :hello"'

# A client that waited for the answer to one of these two would never get to the third.
client_types 'o'
client_types ''
client_types 'still here'
server_prints 'recv="still here"'
client_prints 'recv="server send :still here"'

# The client ends right after it has sent `q`: the answer to that is never read.
client_types 'q'
server_prints 'recv="q"'
server_prints 'socket close.....'
client_ends
server_prints 'wait client connect.........'

stage_is_ok
