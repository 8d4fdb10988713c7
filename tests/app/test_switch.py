"""A learning switch: frame by frame against a plain model, and between three kernels."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path

import ping_end
import pytest
from children import Children
from hosts import Host, needs_namespaces
from packets import read_pcap, write_pcap

import pydpdk
from pydpdk import Mempool, Port, Switch
from pydpdk.app import switch as module

PORTS = 3
MACS = [f"02:00:00:00:00:{i:02x}" for i in range(6)]
BROADCAST, MULTICAST = "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"


def frame(dst: str, src: str, text: bytes) -> bytes:
    octets = bytes.fromhex((dst + src).replace(":", ""))
    return octets + b"\x88\xb5" + text.ljust(46, b"\0")


def random_frames(rng: random.Random, n: int, port: int) -> list[bytes]:
    """Return frames of stations that move between ports now and then."""
    found = []
    for i in range(n):
        src = rng.choice([*MACS, *MACS, MULTICAST])
        dst = rng.choice([*MACS, *MACS, BROADCAST, MULTICAST])
        found.append(frame(dst, src, b"%d %d" % (port, i)))
    return [*found[:-1], b"short"]


def model(inputs: list[list[bytes]]) -> list[list[bytes]]:
    """Return what each port sends if the switch takes one frame of each port in turn."""
    table: dict[bytes, int] = {}
    outputs: list[list[bytes]] = [[] for _ in inputs]
    for row in zip(*inputs, strict=True):
        for i, data in enumerate(row):
            if len(data) < 14:
                continue
            dst, src = data[:6], data[6:12]
            if not src[0] & 1:
                table[src] = i
            known = None if dst[0] & 1 else table.get(dst)
            ways = [j for j in range(len(inputs)) if j != i and known in (None, j)]
            for j in ways:
                outputs[j].append(data)
    return outputs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use short relative paths: 25.11 accepts no device arguments of 128 bytes or more."""
    monkeypatch.chdir(tmp_path)


def devices(name: str) -> list[str]:
    return [f"net_pcap_{name}{i},rx_pcap=in{i}.pcap,tx_pcap=out{i}.pcap" for i in range(PORTS)]


def test_as_a_plain_model(eal, here, name: str):
    rng = random.Random(3)
    inputs = [random_frames(rng, 200, i) for i in range(PORTS)]
    for i, frames in enumerate(inputs):
        write_pcap(Path(f"in{i}.pcap"), frames)
    with pydpdk.ports(*devices(name)) as ports, Switch(ports, burst=1) as switch:
        while switch.step():
            pass
        pool = ports[0].mempool
        assert switch.missed == 0
        assert switch.flooded > 50
        assert set(switch.addresses) == set(MACS)
        assert set(switch.addresses.values()) <= {port.name for port in ports}
        assert pool.in_use_count == 0
    assert [read_pcap(Path(f"out{i}.pcap")) for i in range(PORTS)] == model(inputs)


def test_large_bursts_lose_nothing(eal, here, name: str):
    frames = [frame(MACS[i % 6], f"02:00:00:00:01:{i % 99:02x}", b"%d" % i) for i in range(500)]
    for i in range(PORTS):
        write_pcap(Path(f"in{i}.pcap"), frames if i == 0 else [])
    with pydpdk.ports(*devices(name)) as ports, Switch(ports, burst=64) as switch:
        while switch.step():
            pass
        flooded = switch.flooded
    assert flooded == 500
    assert read_pcap(Path("out1.pcap")) == read_pcap(Path("out2.pcap")) == frames
    assert read_pcap(Path("out0.pcap")) == []


def test_addresses_are_forgotten_and_their_number_is_limited(eal, here, name: str, monkeypatch):
    monkeypatch.setattr(module, "ADDRESSES_MAX", 4)
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    said = [frame(BROADCAST, mac, b"") for mac in MACS]
    for i in range(PORTS):
        write_pcap(Path(f"in{i}.pcap"), said if i == 0 else [])
    with pydpdk.ports(*devices(name)) as ports, Switch(ports, burst=1, max_age=10) as switch:
        for _ in range(5):
            switch.step()
        assert set(switch.addresses) == set(MACS[:4])
        clock[0] += 11
        assert switch.addresses == {}
        switch.step()
        assert set(switch.addresses) == {MACS[5]}


def test_a_mempool_without_mbufs_for_copies(eal, here, name: str):
    for i in range(PORTS):
        write_pcap(Path(f"in{i}.pcap"), [frame(BROADCAST, MACS[0], b"")] if i == 0 else [])
    with (
        Mempool.create(f"{name}few", 31, cache_size=0) as few,
        pydpdk.Burst(31) as all_of_them,
        pydpdk.ports(*devices(name)) as ports,
        Switch(ports, mempool=few) as switch,
    ):
        all_of_them.alloc(few)
        assert switch.step() == 1
        assert (switch.flooded, switch.missed) == (1, 1)
        all_of_them.free()
    assert sum(len(read_pcap(Path(f"out{i}.pcap"))) for i in range(PORTS)) == 1


def test_an_exception_in_a_step_loses_no_packet(eal, here, name: str, monkeypatch):
    for i in range(PORTS):
        write_pcap(Path(f"in{i}.pcap"), [frame(BROADCAST, MACS[0], b"")] * (3 if i == 0 else 0))
    with pydpdk.ports(*devices(name)) as ports, Switch(ports, burst=1) as switch:
        with monkeypatch.context() as patch:
            patch.setattr(Switch, "_spread", lambda self, i: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                switch.step()
        assert ports[0].mempool.in_use_count == 0
        assert switch.step() == 1
    assert len(read_pcap(Path("out1.pcap"))) == 1


def test_what_is_no_switch(device, pool: Mempool, name: str):
    one: Port = device(f"net_null_{name}")
    other: Port = device(f"net_null_{name}x")
    for ports in ([], [one], [one, one], [one, 5], [None, None]):
        with pytest.raises(ValueError, match="ports must"):
            Switch(ports)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="mempool must be a Mempool"):
        Switch([one, other])
    with pytest.raises(ValueError, match=r"max_age must be 1..1000000 s \(got 0\)"):
        Switch([one, other], mempool=pool, max_age=0)
    with pytest.raises(ValueError, match="size"):
        Switch([one, other], mempool=pool, burst=0)
    with Switch([one, other], mempool=pool) as switch:
        assert repr(switch).startswith("<Switch of net_null_")


FILE = """
eal: {{hugepages: {hugepages}, telemetry: false}}
ports:
  p0: {{device: "net_af_packet0,iface={name}0"}}
  p1: {{device: "net_af_packet1,iface={name}1"}}
  p2: {{device: "net_af_packet2,iface={name}2"}}
app: {{switch: {{}}}}
"""


@needs_namespaces
def test_three_kernels_ping_each_other(children: Children, tmp_path: Path, on_hugepages):
    name = f"w{os.getpid()}"
    hosts: list[Host] = []
    try:
        for i in range(PORTS):
            others = [f"198.18.81.{j + 1}" for j in range(PORTS) if j != i]
            others.append(f"2001:db8:81::{(i + 1) % PORTS + 1}")
            hosts.append(Host(f"{name}{i}", "--host", str(i + 1), *others))
        file = tmp_path / "switch.yaml"
        file.write_text(FILE.format(name=name, hugepages=str(on_hugepages).lower()))
        run = children.start([sys.executable, "-m", "pydpdk", "run", str(file)], cwd=tmp_path)
        run.lines_until("-> packet")
        for host in hosts:
            host.configure()
        for host in hosts:
            host.write()
        for host in hosts:
            assert [host.line() for _ in range(3)] == [str(ping_end.COUNT)] * 3
        run.signal(signal.SIGTERM)
        assert run.finish().returncode == 0
    finally:
        for host in hosts:
            host.close()
