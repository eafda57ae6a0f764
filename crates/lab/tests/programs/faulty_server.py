"""Servers that are wrong on purpose: faulty_server.py FAULT HOST:PORT"""
import os
import socket
import sys
import time

fault = sys.argv[1]
served = False


def serve(conn):
    global served
    while True:
        message = conn.recv(1024)
        served = True
        if fault == "spins on 0 bytes":
            print("recv", message)
            if not message:
                continue
        if not message:
            return
        if fault == "prints raw escapes":
            print(message.decode())
        elif fault == "prints invalid UTF-8":
            sys.stdout.buffer.write(b"\xff\xfe" + repr(message).encode() + b"\n")
            sys.stdout.buffer.flush()
        elif fault != "prints nothing":
            print(message)
        if fault == "prints megabytes":
            while True:
                print("x" * 70)
        if fault == "answers without the prefix":
            conn.sendall(message)
        elif fault == "answers with a newline":
            conn.sendall(b"server send :" + message + b"\n")
        else:
            conn.sendall(b"server send :" + message)
        if fault == "closes on any q" and message.startswith(b"q"):
            return
        if fault != "never closes on q" and message == b"q":
            return
        if fault != "ignores Q" and message == b"Q":
            return


def hang():
    while True:
        time.sleep(3600)


if fault == "ends at once":
    sys.exit(0)
if fault == "hangs silently":
    hang()
if fault == "forks":
    # A daemon: another process, another session.
    if os.fork():
        hang()
    os.setsid()
if fault == "closes its terminal":
    for fd in (0, 1, 2):
        os.close(fd)
    sys.stdout = open(os.devnull, "w")
host, port = sys.argv[2].rsplit(":", 1)
if fault == "address in use":
    # As the system says it when the port still waits for late segments.
    print("OSError: [Errno 98] Address already in use")
    sys.exit(1)
with socket.create_server((host, int(port))) as listener:
    while True:
        conn, peer = listener.accept()
        with conn:
            try:
                served = False
                serve(conn)
            except OSError as err:
                if fault == "dies on a reset" or fault == "dies on an early reset" and not served:
                    sys.exit(f"died: {err.strerror}")
        if fault == "serves one client only":
            hang()
