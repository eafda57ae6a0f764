"""The stage 5 server in Python 3, for `cargo lab bench`: one client at a time, answers every message."""

import socket
import sys


def main():
    host, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5001").rsplit(":", 1)
    # One write(2) for each line, whatever standard output is, as Rust's println! does it.
    sys.stdout.reconfigure(line_buffering=True)
    # On Unix, create_server sets SO_REUSEADDR.
    with socket.create_server((host, int(port))) as listener:
        print("listening on %s:%d" % listener.getsockname())
        while True:
            print("wait client connect.........")
            stream, (host, port) = listener.accept()
            print(f"{host}:{port}")
            with stream:
                try:
                    serve(stream)
                except OSError as err:
                    print(f"{host}:{port}: {err}", file=sys.stderr)


def serve(stream):
    """Serves one client until its session ends."""
    while message := stream.recv(1024):
        # repr: a peer's control characters must not drive the terminal.
        print(f"recv={message.decode(errors='replace')!r}")
        stream.sendall(b"server send :" + message)
        if message == b"q":
            print("socket close.....")
            return


main()
