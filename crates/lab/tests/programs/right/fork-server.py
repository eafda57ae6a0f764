"""A right server of stage 6 with one process for each client: fork-server.py HOST:PORT"""
import os
import signal
import socket
import sys


def serve(conn):
    while message := conn.recv(1024):
        print("got", message, flush=True)
        conn.sendall(b"server send :" + message)
        if message in (b"q", b"Q"):
            return


signal.signal(signal.SIGCHLD, signal.SIG_IGN)
host, port = sys.argv[1].rsplit(":", 1)
with socket.create_server((host, int(port))) as listener:
    while True:
        conn, peer = listener.accept()
        if os.fork() == 0:
            listener.close()
            try:
                serve(conn)
            except OSError as err:
                print(peer, err, flush=True)
            os._exit(0)
        conn.close()
