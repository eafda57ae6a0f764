"""A right server of stage 6 in Python 3, written from the contract alone: server.py HOST:PORT"""
import socket
import sys


def serve(conn):
    while True:
        message = conn.recv(1024)
        if not message:
            return
        print("got", message)
        conn.sendall(b"server send :" + message)
        if message in (b"q", b"Q"):
            return


host, port = sys.argv[1].rsplit(":", 1)
with socket.create_server((host, int(port))) as listener:
    while True:
        conn, peer = listener.accept()
        with conn:
            try:
                serve(conn)
            except OSError as err:
                print(peer, err)
