"""Clients that are wrong on purpose: faulty_client.py FAULT HOST:PORT"""
import os
import select
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
        while fault == "asks again and again for the keyboard" and not select.select([0], [], [], 0)[0]:
            pass


if fault == "never connects":
    while True:
        time.sleep(3600)
host, port = sys.argv[2].rsplit(":", 1)
late = b""
with socket.create_connection((host, int(port))) as conn:
    if fault == "says hello with a newline":
        conn.sendall(b"hello chenyansong\n")
        sys.exit()
    before = b""
    for line in lines():
        if fault != "appends a newline":
            line = line.rstrip("\n")
        if fault == "sends the first word only":
            line = line.partition(" ")[0]
        if fault == "strips the line":
            line = line.strip()
        message = line.encode("latin-1", "replace") if fault == "sends Latin-1" else line.encode()
        if line == "o" and fault != "sends the o":
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
        conn.sendall(message)
        if line.rstrip("\n") == "q" and fault != "waits for an answer to q":
            break
        if line == "quit" and fault == "ends on quit":
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
        if not answer:
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
        elif fault == "clears the screen":
            print(answer)
            print("\x1b[2J\x1b[H", end="", flush=True)
        elif fault != "prints no answer":
            print(answer)
    else:
        while fault == "ignores Ctrl-D":
            sys.stdin.readline()
