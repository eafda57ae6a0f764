"""Clients that are wrong on purpose: faulty_client.py FAULT HOST:PORT"""
import os
import select
import signal
import socket
import sys
import time

fault = sys.argv[1]
# One line says what has ended it.
sys.tracebacklimit = 0
kept = []


def wait_until_read(conn):
    """Until the other side has read what was sent: its socket is in proc_net_tcp(5)."""
    end = ":%04X" % conn.getpeername()[1]
    while True:
        with open("/proc/net/tcp") as table:
            sockets = [line.split() for line in table]
        if not any(
            f[1].endswith(end) and f[3] != "0A" and not f[4].endswith(":00000000") for f in sockets[1:]
        ):
            return


def lines():
    while fault == "asks again and again for the keyboard" and not select.select([0], [], [], 0)[0]:
        pass
    for line in sys.stdin:
        yield line
        if fault == "gives the keyboard up" and not select.select([0], [], [], 2)[0]:
            sys.exit("nobody types")
        while fault == "asks again and again for the keyboard" and not select.select([0], [], [], 0)[0]:
            pass


if fault == "ignores Ctrl-C":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
if fault == "never connects":
    while True:
        time.sleep(3600)
host, port = sys.argv[2].rsplit(":", 1)
late = b""
with socket.create_connection((host, int(port))) as conn:
    if fault == "says hello with a newline":
        conn.sendall(b"hello chenyansong\n")
        sys.exit()
    if fault == "says hello in two pieces":
        conn.sendall(b"hello ")
        wait_until_read(conn)
        conn.sendall(b"chenyansong")
        sys.exit()
    before = b""
    count = 0
    empty = 0
    for line in lines():
        count += 1
        if fault != "appends a newline":
            line = line.rstrip("\n")
        if fault == "sends the first word only":
            line = line.partition(" ")[0]
        if fault == "takes 255 characters at most":
            line = line[:255]
        if fault == "sends no emoji":
            line = "".join(letter if ord(letter) < 65536 else "?" for letter in line)
        if fault == "strips the line":
            line = line.strip()
        message = line.encode("latin-1", "replace") if fault == "sends Latin-1" else line.encode()
        if line == "o" and fault != "sends the o":
            message = b""
        empty += line == "o"
        if empty == 2 and line == "o" and fault == "sends the second o":
            message = b"o"
        if line.strip() == "o" and fault == "takes an o with a blank for one":
            message = b""
        if line == "0" and fault == "takes a zero for nothing":
            message = b""
        if line.startswith("o") and fault == "sends no line that begins with o":
            message = b""
        if fault == "sends the line before on Enter":
            message = message or before
            before = message
        if fault == "sends a line in two pieces" and len(message) > 100:
            conn.sendall(message[:100])
            wait_until_read(conn)
            message = message[100:]
        try:
            conn.sendall(message)
        except OSError as err:
            if fault == "goes on after a failed send":
                print(err)
                continue
            raise
        if line.rstrip("\n") == "q" and fault != "waits for an answer to q":
            break
        if line in ("quit", "exit") and fault == f"ends on {line}":
            break
        if not message and fault != "waits after an empty send":
            continue
        if fault == "gives the answer up":
            conn.settimeout(1)
        while fault == "asks again and again for the answer" and not select.select([conn], [], [], 0)[0]:
            pass
        try:
            answer = conn.recv(100 if fault == "reads 100 bytes of an answer" else 1024)
        except TimeoutError:
            print("no answer")
            continue
        except ConnectionResetError:
            if fault == "goes on after a reset":
                continue
            raise
        if not answer and fault == "goes on after the close" or fault == "goes on after Q" and line == "Q":
            # It prints what it has, and asks for the next line.
            print(answer)
            while line == "Q" and sys.stdin.readline():
                pass
            continue
        while fault == "reads on when 512 bytes came" and len(answer) % 512 == 0 and answer:
            answer += conn.recv(512)
        if not answer and fault == "connects again":
            conn = socket.create_connection((host, int(port)))
            conn.sendall(message)
            answer = conn.recv(1024)
        if not answer:
            break
        if fault == "ends after twenty lines" and count == 20:
            break
        if fault == "opens a file for each answer":
            kept.append(os.open(os.devnull, os.O_RDONLY))
        if fault == "prints raw escapes":
            print(answer.decode(errors="replace"))
        elif fault == "decodes strictly":
            print(answer.decode())
        elif fault == "prints all so far":
            late += answer
            print(late)
        elif fault == "prints what an earlier answer has left":
            print(answer + late[len(answer) :])
            late = answer
        elif fault == "prints the whole buffer":
            print(answer.ljust(1024, b"\0"))
        elif fault == "prints the answer before":
            print(late)
            late = answer
        elif fault == "prints up to the first zero":
            print(answer.partition(b"\0")[0])
        elif fault == "escapes ESC alone":
            print(answer.decode(errors="replace").replace("\x1b", "^["))
        elif fault == "escapes the first one only":
            print(answer.decode(errors="replace").replace("\x1b", "^[", 1))
        elif fault == "prints an answer only when it is another one":
            print(answer if answer != late else "")
            late = answer
        elif fault == "clears the screen":
            print(answer)
            print("\x1b[2J\x1b[H", end="", flush=True)
        elif fault != "prints no answer":
            print(answer)
    else:
        while fault == "ignores Ctrl-D":
            sys.stdin.readline()
