"""Provokes the errors of the page "When it fails", and prints what Python says."""

import socket
import struct


def pair():
    """Both ends of one connection: the client's and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def refused():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        addr = listener.getsockname()
    socket.create_connection(addr)


def in_use():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_server(listener.getsockname())


def reset():
    client, server = pair()
    # A close that does not linger is a reset.
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    client.recv(1024)


def closed():
    client, server = pair()
    server.close()
    print(f"{'the peer has closed':26} recv gives {client.recv(1024)!r}")


def broken():
    client, server = pair()
    server.close()
    client.recv(1024)
    while True:
        client.send(b"hello")


def silent():
    client, _server = pair()
    client.settimeout(0.1)
    client.recv(1024)


def without_blocking():
    client, _server = pair()
    client.setblocking(False)
    client.recv(1024)


def connected_before():
    client, server = pair()
    client.connect(server.getsockname())


def without_a_connection():
    socket.socket().recv(1024)


def closed_by_itself():
    client, _server = pair()
    client.close()
    client.send(b"hello")


def text():
    client, _server = pair()
    client.send("hello")


def half_a_character():
    b"caf\xc3".decode()


closed()
for what, provoke in [
    ("nobody listens", refused),
    ("the address is taken", in_use),
    ("the peer has reset", reset),
    ("a write after that end", broken),
    ("a time-out", silent),
    ("a socket that never waits", without_blocking),
    ("connected before", connected_before),
    ("without a connection", without_a_connection),
    ("closed by the program", closed_by_itself),
    ("text instead of bytes", text),
    ("half a character", half_a_character),
]:
    try:
        provoke()
    except Exception as err:
        # Its name was socket.timeout before Python 3.10.
        name = "TimeoutError" if isinstance(err, socket.timeout) else type(err).__name__
        # Newer Pythons add the address, which is another one each time.
        message = str(err).split(" (while")[0]
        print(f"{what:26} {name}: {message}")
