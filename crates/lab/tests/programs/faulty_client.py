"""Clients that are wrong on purpose: faulty_client.py FAULT HOST:PORT"""
import socket
import sys
import time

fault = sys.argv[1]
if fault == "never connects":
    while True:
        time.sleep(3600)
host, port = sys.argv[2].rsplit(":", 1)
with socket.create_connection((host, int(port))) as conn:
    if fault == "says hello with a newline":
        conn.sendall(b"hello chenyansong\n")
        sys.exit()
    for line in sys.stdin:
        if fault != "appends a newline":
            line = line.rstrip("\n")
        if fault == "sends the first word only":
            line = line.partition(" ")[0]
        message = line.encode()
        if line == "o" and fault != "sends the o":
            message = b""
        conn.sendall(message)
        if line.strip() == "q" and fault != "waits for an answer to q":
            break
        if not message and fault != "waits after an empty send":
            continue
        answer = conn.recv(1024)
        if not answer and fault != "does not notice the close":
            break
        if fault != "prints no answer":
            print(answer)
