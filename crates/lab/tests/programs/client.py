"""A right client of stage 6 in Python 3, written from the contract alone: client.py HOST:PORT"""
import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port))) as conn:
    for line in sys.stdin:
        line = line.rstrip("\n")
        message = b"" if line == "o" else line.encode()
        conn.sendall(message)
        if line == "q":
            break
        if not message:
            continue
        answer = conn.recv(1024)
        if not answer:
            print("the server hung up")
            break
        print(answer)
