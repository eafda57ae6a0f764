"""A right client of stage 6 that after q waits for the server's end: half-close-client.py HOST:PORT"""
import readline  # noqa: F401 - input() edits lines with it
import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port))) as conn:
    while True:
        line = input("you: ")
        if line in ("", "o"):
            continue
        conn.sendall(line.encode())
        if line == "q":
            conn.shutdown(socket.SHUT_WR)
            while conn.recv(1024):
                pass
            break
        answer = conn.recv(1024)
        if not answer:
            print("the server hung up")
            break
        print(answer)
