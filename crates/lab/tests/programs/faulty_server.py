"""Servers that are wrong on purpose: faulty_server.py FAULT HOST:PORT"""
import os
import select
import signal
import socket
import sys
import threading
import time

fault = sys.argv[1]
# One line says what has ended it.
sys.tracebacklimit = 0
served = False
clients = 0
resets = 0
kept = []
buffer = bytearray(1024)


def wait_until_read(conn):
    """Until the other side has read what was sent: its socket is in proc_net_tcp(5)."""
    end = ":%04X" % conn.getpeername()[1]
    while True:
        with open("/proc/net/tcp") as table:
            sockets = [line.split() for line in table]
        if not any(f[1].endswith(end) and not f[4].endswith(":00000000") for f in sockets[1:]):
            return


def hung_up(conn, also=0):
    """Has the other side sent the end of the stream? Waits for whatever else is awaited."""
    poll = select.poll()
    poll.register(conn, also | select.POLLRDHUP)
    events = poll.poll(None if also else 0)
    return bool(events) and bool(events[0][1] & select.POLLRDHUP)


def read(conn):
    if fault == "reads 1000 bytes at most":
        return conn.recv(1000)
    if fault == "reads 512 bytes at most":
        return conn.recv(512)
    if fault == "reads 4096 bytes":
        return conn.recv(4096)
    if fault == "prints what an earlier message has left":
        n = conn.recv_into(buffer)
        return buffer.rstrip(b"\0") if n else b""
    if fault == "gives a silent client up":
        conn.settimeout(1)
    if fault == "asks again and again":
        conn.setblocking(False)
        while True:
            try:
                return conn.recv(1024)
            except BlockingIOError:
                pass
    if fault == "loses the last message" and hung_up(conn, select.POLLIN):
        return b""
    message = conn.recv(1024)
    if fault == "waits for whoever comes" and select.select([listener], [], [], 0)[0]:
        kept.append(listener.accept()[0])
        kept[-1].recv(1, socket.MSG_PEEK)
    if fault == "drops what is left" and len(message) == 1024:
        try:
            conn.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
    return message


def answer(conn, message, all_so_far):
    if fault == "answers nothing":
        return
    if fault == "answers without the prefix":
        conn.sendall(message)
    elif fault == "answers with a newline":
        conn.sendall(b"server send :" + message + b"\n")
    elif fault == "answers the one that came last":
        if select.select([listener], [], [], 0)[0]:
            kept.append(listener.accept()[0])
        (kept or [conn])[-1].sendall(b"server send :" + message)
    elif fault == "answers in two pieces":
        conn.sendall(b"server send :")
        wait_until_read(conn)
        conn.sendall(message)
    elif fault == "answers with all so far":
        conn.sendall(b"server send :" + all_so_far)
    elif fault == "answers with text":
        conn.sendall(b"server send :" + message.decode(errors="replace").encode())
    elif fault == "answers in small letters":
        conn.sendall(b"server send :" + message.lower())
    elif fault == "drops zeros at the end":
        conn.sendall(b"server send :" + message.rstrip(b"\0"))
    elif fault == "answers no o":
        conn.sendall(b"" if message == b"o" else b"server send :" + message)
    elif fault == "answers with 1024 bytes at most":
        conn.sendall((b"server send :" + message)[:1024])
    else:
        conn.sendall(b"server send :" + message)


def serve(conn):
    global served
    all_so_far = b""
    messages = 0
    while True:
        message = read(conn)
        messages += 1
        if fault == "ends a conversation after ten messages" and messages == 10:
            return
        served = True
        all_so_far += message
        if fault == "spins on 0 bytes":
            print("recv", message)
            if not message:
                continue
        if not message:
            return
        if fault == "prints raw escapes":
            print(message.decode(errors="replace"))
        elif fault == "decodes strictly":
            print(repr(message.decode()))
        elif fault == "prints invalid UTF-8":
            sys.stdout.buffer.write(b"\xff\xfe" + repr(message).encode() + b"\n")
            sys.stdout.buffer.flush()
        elif fault == "prints all so far":
            print(all_so_far)
        elif fault == "prints the whole buffer":
            print(message.ljust(1024, b"\0"))
        elif fault == "prints up to the first zero":
            print(message.partition(b"\0")[0])
        elif fault == "escapes ESC alone":
            print(message.decode(errors="replace").replace("\x1b", "^["))
        elif fault == "escapes the first one only":
            print(message.decode(errors="replace").replace("\x1b", "^[", 1))
        elif fault == "strips what it prints":
            print(message.strip())
        elif fault == "clears the screen":
            print("\x1b[2J\x1b[H" + repr(message))
        elif fault == "does not flush":
            kept.append(message)
        elif fault != "prints nothing":
            print(bytes(message))
        if fault == "prints megabytes":
            while True:
                print("x" * 70)
        if fault == "drops one that says no more" and hung_up(conn):
            return
        answer(conn, message, all_so_far)
        if fault == "closes on any q" and message.startswith(b"q"):
            return
        if fault == "closes on q with blanks" and message.strip() == b"q":
            return
        if fault == "closes on any Q" and message.startswith(b"Q"):
            return
        if message == b"q" and fault == "keeps the connection on q":
            kept.append(conn.dup())
            conn.shutdown(socket.SHUT_WR)
        if message == b"q" and fault == "misses a q that comes first" and messages == 1:
            continue
        if message in (b"exit", b"qQ") and fault == "closes on what looks like q":
            return
        if fault != "never closes on q" and message == b"q":
            return
        if message == b"Q" and fault == "keeps the connection on Q":
            kept.append(conn.dup())
            conn.shutdown(socket.SHUT_WR)
        if fault not in ("ignores Q", "answers nothing") and message == b"Q":
            return


def hang():
    while True:
        time.sleep(3600)


if fault == "ends at once":
    sys.exit("usage: server PORT")
if fault == "hangs silently":
    hang()
if fault == "hangs with every signal caught":
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, lambda *_: None)
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
if fault == "listens elsewhere":
    host = "127.0.0.2"
if fault == "listens everywhere":
    host = "0.0.0.0"
with socket.create_server((host, int(port))) as listener:
    if fault == "ends when nobody comes":
        listener.settimeout(2)
    while True:
        conn, peer = listener.accept()
        if fault == "greets":
            conn.sendall(b"hello")
        if fault == "asks who has left" and clients > 0:
            conn.getpeername()
        with conn:
            try:
                served = False
                serve(conn)
            except OSError as err:
                resets += 1
                if (
                    fault == "dies on a reset"
                    or fault == "dies of a failed write" and isinstance(err, BrokenPipeError)
                ):
                    sys.exit(f"died: {err.strerror}")
                if fault == "is stuck after an early reset" and not served:
                    os.read(os.pipe()[0], 1)
                if fault == "keeps a connection that fails":
                    kept.append(conn.dup())
            if fault == "keeps every connection":
                kept.append(conn.dup())
                try:
                    conn.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
        clients += 1
        if fault == "leaves a thread per client":
            threading.Thread(target=hang, daemon=True).start()
        if (
            fault == "serves one client only"
            or fault == "serves five clients" and clients == 5
            or fault == "hangs after the fifth reset" and resets == 5
        ):
            hang()
