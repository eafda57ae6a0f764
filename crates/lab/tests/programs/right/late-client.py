"""What it needs it opens late: after its first answer, and only once it has computed for a while."""
import os
import socket
import sys
import time

host, port = sys.argv[1].rsplit(":", 1)
kept = []
with socket.create_connection((host, int(port))) as conn:
    for line in sys.stdin:
        line = line.rstrip("\n")
        if line in ("", "o"):
            continue
        conn.sendall(line.encode())
        if line == "q":
            break
        answer = conn.recv(1024)
        if not answer:
            break
        print(answer)
        if not kept:
            begin = time.process_time()
            while time.process_time() < begin + 0.1:
                pass
            kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]
