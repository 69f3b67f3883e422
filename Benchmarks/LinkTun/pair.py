#!/usr/bin/env python3
"""A server and clients that show what a link does: what `check` runs across it.

  pair.py serve PORT             TCP: answers each byte of "echo", counts what follows "bulk"; UDP: counts datagrams
  pair.py rtt HOST PORT          prints the median round trip of single bytes, in milliseconds
  pair.py bulk HOST PORT BYTES   prints megabits a second, until the server says that it has everything
  pair.py congestion HOST PORT   prints the congestion control of the client's and the server's end of a connection
  pair.py datagrams HOST PORT N  sends N datagrams, and prints how many arrived
"""
import os
import socket
import statistics
import sys
import threading
import time

WORD_BYTES = 4
CHUNK = 1 << 18


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            sys.exit("the connection ended early")
        data += piece
    return data


def congestion_of(connection):
    name = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    return name.split(b"\0")[0].decode()


def serve_connection(connection, datagrams):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    word = read_exactly(connection, WORD_BYTES)
    if word == b"echo":
        while byte := connection.recv(1):
            connection.sendall(byte)
    elif word == b"bulk":
        count = 0
        while data := connection.recv(CHUNK):
            count += len(data)
        connection.sendall(b"%d\n" % count)
    elif word == b"ctl?":
        connection.sendall(congestion_of(connection).encode() + b"\n")
    elif word == b"udp?":
        connection.sendall(b"%d\n" % len(datagrams))
    connection.close()


def serve(port):
    datagrams = []
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("", port))

    def count():
        while True:
            datagrams.append(len(receiver.recv(2048)))

    threading.Thread(target=count, daemon=True).start()
    listener = socket.create_server(("", port))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_connection, args=(connection, datagrams), daemon=True).start()


def connect(host, port, word):
    connection = socket.create_connection((host, port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(word)
    return connection


def rtt(host, port):
    connection = connect(host, port, b"echo")
    times = []
    for _ in range(15):
        start = time.monotonic()
        connection.sendall(b"x")
        read_exactly(connection, 1)
        times.append(time.monotonic() - start)
    print(f"{statistics.median(times) * 1e3:.3f}")


def bulk(host, port, byte_count):
    connection = connect(host, port, b"bulk")
    data = os.urandom(CHUNK)
    start = time.monotonic()
    rest = byte_count
    while rest > 0:
        connection.sendall(data[:rest])
        rest -= min(rest, CHUNK)
    connection.shutdown(socket.SHUT_WR)
    if int(connection.makefile().readline()) != byte_count:
        sys.exit("the server counted something else")
    print(f"{byte_count * 8e-6 / (time.monotonic() - start):.3f}")


def congestion(host, port):
    connection = connect(host, port, b"ctl?")
    print(congestion_of(connection), connection.makefile().readline().strip())


def datagrams(host, port, count):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(count):
        sender.sendto(b"%100d" % number, (host, port))
        # Not so fast that the receiver's own buffer loses some.
        if number % 20 == 19:
            time.sleep(0.002)
    time.sleep(0.5)
    # Its own packets may be lost too: TCP tries again.
    print(connect(host, port, b"udp?").makefile().readline().strip())


def main(arguments):
    match arguments:
        case ["serve", port]:
            serve(int(port))
        case ["rtt", host, port]:
            rtt(host, int(port))
        case ["bulk", host, port, count]:
            bulk(host, int(port), int(count))
        case ["congestion", host, port]:
            congestion(host, int(port))
        case ["datagrams", host, port, count]:
            datagrams(host, int(port), int(count))
        case _:
            print(__doc__, file=sys.stderr)
            return 64
    return 0


sys.exit(main(sys.argv[1:]))
