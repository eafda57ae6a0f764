#!/bin/sh
# Stage 1: the smallest pair. The server accepts one client, reads one message and prints it; then both programs end.
# The client needs nobody to type: its message is in the program.

# shellcheck source=scripts/smoke-lib.sh disable=SC1091
. "$(dirname -- "$0")/smoke-lib.sh"

build stage1-minimal

server_starts stage1-server
server_prints 'wait client connect.........'

client_starts stage1-client
server_prints '127.0.0.1:*' # the client's end of the connection: the system chose its port
server_prints 'recv="hello chenyansong"'

client_ends
server_ends

stage_is_ok
