"""A host in its own network namespace that pings addresses: `ping_end.py [--host N] ADDRESS...`.

It prints `ready`, gets its interface `eth0`, and continues after a line on stdin; with `--host N`
it has the addresses of that number, and waits for another line before it pings. For each address it
prints how many of five pings were answered; its kernel finds the MAC address by ARP or ND.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time

OWN = ("198.18.81.{}/24", "2001:db8:81::{}/64")
COUNT, ATTEMPTS = 5, 30
ICMP, ICMP6 = (8, 0, 20), (128, 129, 0)  # request, reply, bytes of IP's header in what comes


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def ping(address: str) -> int:
    six = ":" in address
    request, reply, skip = ICMP6 if six else ICMP
    family = socket.AF_INET6 if six else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    answered = 0
    with socket.socket(family, socket.SOCK_RAW, protocol) as sock:
        for number in range(COUNT):
            text = b"a ping of an odd length %d!" % number + bytes(1)
            text += bytes(len(text) % 2)
            head = struct.pack("!BBHHH", request, 0, 0, os.getpid() & 0xFFFF, number)
            if not six:  # for ICMPv6 the kernel computes it
                head = head[:2] + struct.pack("!H", checksum(head + text)) + head[4:]
            wanted = bytes([reply]), (head + text)[4:]
            for _ in range(ATTEMPTS):
                with contextlib.suppress(OSError):  # no neighbour yet
                    sock.sendto(head + text, (address, 0))
                if is_answered(sock, wanted, skip):
                    answered += 1
                    break
    return answered


def is_answered(sock: socket.socket, wanted: tuple[bytes, bytes], skip: int) -> bool:
    """Wait a second for an answer; the kernel drops requests while it looks for the neighbour."""
    end = time.monotonic() + 1
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data = sock.recvfrom(2048)[0][skip:]
        except OSError:
            return False
        if (data[:1], data[4:]) == wanted:
            return True
    return False


def main() -> None:
    say("ready")
    sys.stdin.readline()
    asked, number = sys.argv[1:], 1
    if asked[0] == "--host":
        number, asked = int(asked[1]), asked[2:]
    for address in (one.format(number) for one in OWN):
        nodad = ["nodad"] if ":" in address else []
        subprocess.run(["ip", "addr", "add", address, "dev", "eth0", *nodad], check=True)
    subprocess.run(["ip", "link", "set", "eth0", "up"], check=True)
    say("configured")
    if len(asked) < len(sys.argv[1:]):  # until all others are there
        sys.stdin.readline()
    for address in asked:
        say(ping(address))
    found = ["ip", "neigh", "show", "dev", "eth0"]
    say(repr(subprocess.run(found, capture_output=True, text=True).stdout))
    sys.stdin.read()  # its namespace goes with it, and others may still ping this host


if __name__ == "__main__":
    main()
