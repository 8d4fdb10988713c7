"""One end of a transfer, in its own network namespace: `kernel_end.py KIND ROLE MB`.

It prints `ready`, gets its interface `eth0`, and continues after a line on stdin. The TCP and UDP
of the kernel do the rest, with default offloads. At the end it prints JSON.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import subprocess
import sys
from pathlib import Path

PORT, WINDOW, SIZE = 5001, 32, 1400
ADDRESSES = {
    socket.AF_INET: ("198.18.80.1", "198.18.80.2", 24),
    socket.AF_INET6: ("2001:db8:80::1", "2001:db8:80::2", 64),
}


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def configure(role: str, family: int) -> None:
    one, other, length = ADDRESSES[family]
    address = one if role == "client" else other
    nodad = ["nodad"] if family == socket.AF_INET6 else []
    command = ["ip", "addr", "add", f"{address}/{length}", "dev", "eth0", *nodad]
    subprocess.run(command, check=True)
    for name in ("lo", "eth0"):
        subprocess.run(["ip", "link", "set", name, "up"], check=True)


def counters() -> dict[str, int]:
    """Return how many packets this kernel found damaged."""
    found = {}
    lines = Path("/proc/net/snmp").read_text().splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        kind, _, _ = names.partition(":")
        for name, value in zip(names.split()[1:], values.split()[1:], strict=True):
            found[kind + name] = int(value)
    for line in Path("/proc/net/snmp6").read_text().splitlines():
        name, value = line.split()
        found[name] = int(value)
    return {name: n for name, n in found.items() if name.endswith("InCsumErrors") and n}


def blocks(megabytes: int):
    """Return the same random bytes each time, each block different."""
    rng = random.Random(11)
    base = rng.randbytes(1 << 20)
    for i in range(megabytes):
        yield i.to_bytes(4, "big") + base[4:]


def tcp(family: int, role: str, megabytes: int) -> str:
    digest = hashlib.sha256()
    _, server, _ = ADDRESSES[family]
    if role == "server":
        with socket.create_server((server, PORT), family=family) as listening:
            say("listening")
            connection, _ = listening.accept()
            with connection:
                while data := connection.recv(1 << 20):
                    digest.update(data)
                connection.sendall(digest.digest())
        return digest.hexdigest()
    with socket.create_connection((server, PORT), timeout=60) as connection:
        for block in blocks(megabytes):
            connection.sendall(block)
            digest.update(block)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(64) == digest.digest()
        return digest.hexdigest()


def udp(family: int, role: str, megabytes: int) -> str:
    """Send a window of datagrams at a time, each answered by its digest.

    Each begins with its number: the kernel reorders them when a process changes its CPU.
    """
    _, server, _ = ADDRESSES[family]
    with socket.socket(family, socket.SOCK_DGRAM) as end:
        end.settimeout(60)
        if role == "server":
            end.bind((server, PORT))
            say("listening")
            return answer(end)
        end.connect((server, PORT))
        return ask(end, megabytes)


def answer(end: socket.socket) -> str:
    parts: dict[bytes, bytes] = {}
    while True:
        data, peer = end.recvfrom(2048)
        end.sendto(digest_of(data) if data else b"", peer)
        if not data:
            return hashlib.sha256(b"".join(parts[at] for at in sorted(parts))).hexdigest()
        parts[data[:4]] = data[4:]


def ask(end: socket.socket, megabytes: int) -> str:
    whole = b"".join(blocks(megabytes))
    parts = [at.to_bytes(4, "big") + whole[at : at + SIZE] for at in range(0, len(whole), SIZE)]
    for first in range(0, len(parts), WINDOW):
        window = parts[first : first + WINDOW]
        for part in window:
            end.send(part)
        assert {end.recv(64) for _ in window} == {digest_of(part) for part in window}
    end.send(b"")
    end.recv(64)
    return hashlib.sha256(whole).hexdigest()


def digest_of(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def main() -> None:
    kind, role, megabytes = sys.argv[1:]
    say("ready")
    sys.stdin.readline()
    family = socket.AF_INET6 if kind.endswith("6") else socket.AF_INET
    configure(role, family)
    say("configured")
    if role == "client":
        sys.stdin.readline()
    digest = {"tcp": tcp, "udp": udp}[kind[:3]](family, role, int(megabytes))
    say(json.dumps({"digest": digest, "wrong": counters()}))


if __name__ == "__main__":
    main()
