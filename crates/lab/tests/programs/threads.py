"""A right server of stage 6 with one thread for each client: threads.py HOST:PORT"""
import socket
import sys
import threading


def serve(conn):
    with conn:
        while message := conn.recv(1024):
            conn.sendall(b"server send :" + message)
            if message in (b"q", b"Q"):
                return


host, port = sys.argv[1].rsplit(":", 1)
with socket.create_server((host, int(port))) as listener:
    while True:
        conn, peer = listener.accept()
        threading.Thread(target=serve, args=[conn], daemon=True).start()
