"""A right server of stage 6 with one loop for all clients: events-server.py HOST:PORT"""
import selectors
import socket
import sys


def accept(listener):
    conn, peer = listener.accept()
    selector.register(conn, selectors.EVENT_READ, serve)


def serve(conn):
    try:
        message = conn.recv(1024)
        if message:
            print("got", message)
            conn.sendall(b"server send :" + message)
    except OSError as err:
        print(err)
        message = b""
    if message in (b"", b"q", b"Q"):
        selector.unregister(conn)
        conn.close()


host, port = sys.argv[1].rsplit(":", 1)
selector = selectors.DefaultSelector()
selector.register(socket.create_server((host, int(port))), selectors.EVENT_READ, accept)
while True:
    for key, _ in selector.select():
        key.data(key.fileobj)
