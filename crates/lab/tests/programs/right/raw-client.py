"""A right client of stage 6 with a line editor of its own, which asks the terminal where the cursor is."""
import os
import re
import socket
import sys
import termios
import tty

typed = b""


def cursor():
    global typed
    os.write(1, b"\x1b[6n")
    while not (answer := re.search(rb"\x1b\[\d+;\d+R", typed)):
        typed += os.read(0, 100)
    typed = typed[: answer.start()] + typed[answer.end() :]


def read_line():
    global typed
    cursor()
    os.write(1, b"> ")
    while b"\r" not in typed:
        typed += os.read(0, 100)
    line, _, typed = typed.partition(b"\r")
    os.write(1, line + b"\r\n")
    return line


host, port = sys.argv[1].rsplit(":", 1)
settings = termios.tcgetattr(0)
try:
    tty.setraw(0)
    with socket.create_connection((host, int(port))) as conn:
        while True:
            line = read_line()
            if line in (b"", b"o"):
                continue
            conn.sendall(line)
            if line == b"q":
                break
            answer = conn.recv(1024)
            if not answer:
                break
            os.write(1, repr(answer).encode() + b"\r\n")
finally:
    termios.tcsetattr(0, termios.TCSANOW, settings)
