"""A right client of stage 6 that waits for keyboard and server at once: ...-client.py HOST:PORT"""
import os
import select
import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port))) as conn:
    while True:
        ready, _, _ = select.select([0, conn], [], [])
        if conn in ready:
            answer = conn.recv(1024)
            if not answer:
                print("the server hung up")
                break
            print(answer)
        if 0 in ready:
            # The terminal gives one line at a time.
            line = os.read(0, 4096).rstrip(b"\n")
            if line not in (b"", b"o"):
                conn.sendall(line)
            if line == b"q":
                break
