#!/usr/bin/env bash
# Stage 1: the smallest pair. The server accepts one client, reads one message and prints it; then both programs end.
# The client needs nobody to type: its message is in the program.

# shellcheck source=scripts/smoke-lib.sh
. "$(dirname -- "$0")/smoke-lib.sh"

build 1

server starts stage1-server
server prints 'wait client connect.........'

client starts stage1-client
server prints '127.0.0.1:*' # the client's end of the connection: the system chose its port
server prints 'recv="hello chenyansong"'

client ends
server ends

stage_is_ok
