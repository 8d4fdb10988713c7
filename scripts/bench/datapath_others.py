"""The same packets by common libraries, and by our ports over the same veth pair.

Rates use the wall clock, because the kernel does much of the work, on either CPU.
"""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datapath_bench import (
    FRAMES,
    HERE,
    Asked,
    Row,
    Side,
    apart,
    burst_parts,
    capture,
    ports,
    rounds,
)

import pydpdk

ETH_P_ALL = 3
CHUNK = 256  # [packets] between two looks at the clock
BURST = 32
OURS = {"pydpdk af_packet": "net_af_packet0", "pydpdk af_xdp": "net_af_xdp0"}
RAW, RAW_DPKT = "AF_PACKET socket", "AF_PACKET + dpkt"
SENDERS = ("Scapy", RAW, *OURS)
RECEIVERS = ("Scapy", RAW, RAW_DPKT, *OURS)


def others(asked: Asked) -> list[Row]:
    """Parse, send and receive the same packets with each library."""
    with capture() as path, veth() as (near, far):
        parse, send, receive = (
            Row("others", name, "kpps", base=("Scapy",)) for name in ("parse", "send", "receive")
        )
        way = (near, far, asked.cpus, asked.seconds)
        parsers: dict[str, Side] = {
            runner: task("parse", runner, asked.cpus[1], asked.seconds)
            for runner in ("Scapy", "dpkt")
        }
        parsers["pydpdk columns"] = task("columns", str(path), asked.cpus[1], asked.seconds)
        senders = {runner: task("send", runner, *way) for runner in SENDERS}
        receivers = {runner: task("receive", runner, *way) for runner in RECEIVERS}
        return rounds(asked, [(parse, parsers), (send, senders), (receive, receivers)])


def task(name: str, *args: Any) -> Side:
    return lambda: float(apart(name, *args)) / 1e3


@contextmanager
def veth() -> Iterator[tuple[str, str]]:
    """Make a pair of interfaces that carries no traffic of the kernel's own."""
    name = f"bdp{os.getpid() % 100000}-"
    made = [str(HERE.parent / "veth"), "up", name]
    try:
        done = subprocess.run(made, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"no veth pair: {done.stderr.strip()} (needs root and ip)")
        yield f"{name}0", f"{name}1"
    finally:
        subprocess.run([made[0], "down", name], capture_output=True)


def frames() -> list[bytes]:
    return [burst_parts.packet(i) for i in range(FRAMES)]


def needs(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise SystemExit(f"needs {module}: pip install 'pydpdk[bench]'") from None


def rate(step: Callable[[], int], seconds: float) -> tuple[int, float]:
    """Repeat a step; return its sum and [1/s]."""
    count, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        count += step()
    return count, count / took


def parse(prefix: str, runner: str, cpu: int, seconds: float) -> float:
    """Read the 5-tuple of packets, one by one; return [packets/s]."""
    os.sched_setaffinity(0, [cpu])
    parsers = {"Scapy": parse_with_scapy, "dpkt": parse_with_dpkt}
    one, all_of_them = parsers[runner](), frames()

    def step() -> int:
        for frame in all_of_them:
            assert one(frame)[4] == 53 + frame[19] % 8  # the port is made of the packet's number
        return len(all_of_them)

    return rate(step, seconds)[1]


def parse_with_scapy() -> Callable[[bytes], tuple[Any, ...]]:
    needs("scapy")
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    def one(frame: bytes) -> tuple[Any, ...]:
        ip = Ether(frame)[IP]
        return ip.src, ip.dst, ip.proto, ip[UDP].sport, ip[UDP].dport

    return one


def parse_with_dpkt() -> Callable[[bytes], tuple[Any, ...]]:
    ethernet = needs("dpkt.ethernet")

    def one(frame: bytes) -> tuple[Any, ...]:
        ip = ethernet.Ethernet(frame).data
        return ip.src, ip.dst, ip.p, ip.data.sport, ip.data.dport

    return one


def raw(interface: str, protocol: int = 0) -> socket.socket:
    """Open a raw socket; protocol 0 receives nothing."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    packets.bind((interface, protocol))
    return packets


def scapy_socket(interface: str) -> Any:
    needs("scapy")
    from scapy.config import conf

    return conf.L2socket(iface=interface)


def send(
    prefix: str, runner: str, near: str, far: str, cpus: Sequence[int], seconds: float
) -> float:
    """Send into one end of the pair; return [packets/s] received at the other end."""
    os.sched_setaffinity(0, [cpus[1]])
    if runner in OURS:
        with ours(prefix, runner, near, cpus[1]) as port:
            return seen_at(far, our_sender(port), seconds)
    if runner == "Scapy":
        from scapy.layers.l2 import Ether

        with scapy_socket(near) as out:
            return seen_at(far, each([Ether(frame) for frame in frames()], out.send), seconds)
    with raw(near) as packets:
        return seen_at(far, each(frames(), packets.send), seconds)


@contextmanager
def ours(prefix: str, runner: str, interface: str, cpu: int) -> Iterator[pydpdk.Port]:
    """Start our port on one end of the pair."""
    device, keeps = f"{OURS[runner]},iface={interface}", "xdp" in runner
    with ports(prefix, [device], f"0@{cpu}", keeps=keeps) as (port,):
        yield port


def each(packets: Sequence[Any], send_one: Callable[[Any], object]) -> Callable[[], int]:
    def step() -> int:
        for packet in packets:
            send_one(packet)
        return len(packets)

    return step


def our_sender(port: pydpdk.Port) -> Callable[[], int]:
    """Make a step that sends bursts filled with the verbs."""
    burst, txq = pydpdk.Burst(BURST), port.tx_queues[0]
    turns = itertools.cycle(range(FRAMES // BURST))
    parts = [frames()[i * BURST : (i + 1) * BURST] for i in range(FRAMES // BURST)]
    assert port.mempool

    def step() -> int:
        burst.alloc(port.mempool)
        burst.fill(parts[next(turns)])
        n = txq.tx(burst)
        burst.free()
        return n

    return step


def seen_at(interface: str, step: Callable[[], int], seconds: float) -> float:
    """Send; return [packets/s] that the far end has received."""
    counter = Path(f"/sys/class/net/{interface}/statistics/rx_packets")
    before = int(counter.read_text())
    count, per_second = rate(step, seconds)
    time.sleep(0.05)
    seen = int(counter.read_text()) - before
    if not 0 < seen <= count:
        raise SystemExit(f"{count} packets sent, {seen} seen at the other end")
    return per_second * seen / count


@contextmanager
def flood(interface: str, cpu: int) -> Iterator[None]:
    """Make another process send into the pair as fast as a raw socket can."""
    if not (pid := os.fork()):
        os.sched_setaffinity(0, [cpu])
        packets, all_of_them = raw(interface), frames()
        while os.getppid() != 1:
            for frame in all_of_them:
                try:
                    packets.send(frame)
                except OSError:
                    continue  # ENOBUFS
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def receive(
    prefix: str, runner: str, near: str, far: str, cpus: Sequence[int], seconds: float
) -> float:
    """Receive at one end of the pair while the other is flooded; return [packets/s]."""
    if runner in ("Scapy", RAW_DPKT):
        needs("scapy" if runner == "Scapy" else "dpkt")
    with flood(near, cpus[0]):
        os.sched_setaffinity(0, [cpus[1]])
        if runner in OURS:
            with ours(prefix, runner, far, cpus[1]) as port:
                return some(rate(our_receiver(port), seconds))
        if runner == "Scapy":
            return some(sniffed(far, seconds))
        with raw(far, ETH_P_ALL) as packets:
            packets.settimeout(1)
            return some(rate(receiver(packets, runner), seconds))


def some(seen: tuple[int, float]) -> float:
    if not seen[0]:
        raise SystemExit("no packet was received")
    return seen[1]


def our_receiver(port: pydpdk.Port) -> Callable[[], int]:
    """Make a step that reads eight columns of received packets."""
    burst, rxq = pydpdk.Burst(BURST), port.rx_queues[0]
    look = burst.columns.bind(*burst_parts.EIGHT)

    def step() -> int:
        n = rxq.rx(burst)
        if n:
            look()
            burst.free()
        return n

    return step


def receiver(packets: socket.socket, runner: str) -> Callable[[], int]:
    parse_one = parse_with_dpkt() if runner == RAW_DPKT else len

    def step() -> int:
        for _ in range(CHUNK):
            parse_one(packets.recv(2048))
        return CHUNK

    return step


def sniffed(interface: str, seconds: float) -> tuple[int, float]:
    from scapy.sendrecv import sniff

    count = 0

    def one(packet: object) -> None:
        nonlocal count
        count += 1

    began = time.perf_counter()
    sniff(iface=interface, store=False, prn=one, timeout=seconds)
    return count, count / (time.perf_counter() - began)
