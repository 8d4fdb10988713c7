"""Ports in one line, and packets as bytes: in this process, and where no EAL runs yet."""

from __future__ import annotations

import time

import pytest
from scapy.all import IP, UDP, Ether

import pydpdk
from pydpdk import Burst, Mempool, Port, PortState
from pydpdk.errors import InUseError, NameTakenError, NotFoundError

DNS = bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5000, dport=53) / b"who")
WEB = bytes(Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5000, dport=80) / b"what")


@pytest.fixture
def ring(eal, name: str):
    """A port whose packets come back."""
    with pydpdk.port(f"net_ring_{name}") as port:
        yield port


def test_a_port_in_one_line(eal, name: str):
    with pydpdk.port(f"net_null_{name},size=3000", nb_rx_queues=2, mtu=1400) as port:
        assert port.state == PortState.STARTED
        assert (len(port.rx_queues), port.mtu) == (2, 1400)
        assert port.mempool is not None
        assert port.mempool.room >= 3000
        with Burst(64) as burst:
            assert port.rx_queues[0].rx(burst) == 64
            burst.free()
    assert port.closed
    assert port.mempool.closed


def test_several_ports_share_a_mempool(eal, name: str):
    with pydpdk.ports(f"net_null_{name}", f"net_ring_{name}") as (left, right):
        assert left.mempool is right.mempool
        assert left.mempool.capacity >= 512 * 2 + 1024 * 2
    assert left.mempool.closed


def test_a_mempool_of_the_user_stays(eal, pool: Mempool, name: str):
    with pydpdk.port(f"net_null_{name}", mempool=pool) as port:
        assert port.mempool is pool
    assert not pool.closed


def test_a_mempool_whose_packets_are_in_use_outlives_its_port(eal, name: str):
    with Burst(8) as burst:
        with pydpdk.port(f"net_null_{name}") as port:
            port.rx_queue.rx(burst)
        mempool = port.mempool
        assert not mempool.closed
        assert len(burst.bytes(0)) == 64
        burst.free()
        mempool.close()


@pytest.mark.parametrize(
    ("devices", "settings", "error", "text"),
    [
        ((), {}, TypeError, "at least one device"),
        ((5,), {}, TypeError, "devargs must be a string"),
        (("net_nul0",), {}, ValueError, "net_null"),
        (("net_null_{},size=x",), {}, ValueError, "size"),
        (("net_null_{}", "net_nul0"), {}, ValueError, "net_null"),
        (("net_null_{}",), {"nb_rx_queues": 5000}, ValueError, "nb_rx_queues"),
        (("net_null_{}",), {"nb_rx_queues": "2"}, TypeError, "nb_rx_queues"),
        (("net_null_{}",), {"nb_rx_desc": "2"}, TypeError, "nb_rx_desc"),
        (("net_null_{}",), {"mempool": "pool"}, TypeError, "Mempool"),
        (("net_null_{}",), {"colour": 1}, TypeError, "colour"),
    ],
)
def test_what_cannot_be_opened_leaves_nothing(eal, name: str, devices, settings, error, text: str):
    named = [d.format(name) if isinstance(d, str) else d for d in devices]
    pools = Mempool.all()
    with pytest.raises(error, match=text):
        pydpdk.ports(*named, **settings)
    assert Mempool.all() == pools
    with pytest.raises(NotFoundError):
        Port.lookup(f"net_null_{name}")


def test_a_device_can_be_opened_again(eal, name: str):
    for size in (64, 128, 64):
        with pydpdk.port(f"net_null_{name},size={size}") as port, Burst(1) as burst:
            port.rx_queue.rx(burst)
            assert burst.lengths.tolist() == [size]
            burst.free()
    with pytest.raises(ValueError, match="mtu"):
        pydpdk.port(f"net_null_{name}", mtu=5)
    with pydpdk.port(f"net_null_{name}"), pytest.raises(NameTakenError, match="without arguments"):
        pydpdk.port(f"net_null_{name},size=7")


def test_a_port_that_is_there_is_used_once(eal, device, name: str):
    there = device(f"net_null_{name}")
    with pydpdk.port(f"net_null_{name}") as port:
        assert port is there
        with pytest.raises(InUseError, match="in use already"):
            pydpdk.port(f"net_null_{name}")


def test_send_and_sniff(ring: Port):
    assert ring.send([DNS, WEB, DNS]) == 3
    before = time.time_ns()
    first, second, third = ring.sniff(count=3)
    assert [first, second, third] == [DNS, WEB, DNS]
    assert first.port == ring.name
    assert before - 10**9 < first.timestamp_ns <= time.time_ns()
    assert ring.send(b"") == 1
    assert list(ring.sniff(count=1)) == [b""]
    assert list(ring.sniff(timeout=0)) == []
    assert list(ring.sniff(count=0)) == []


def test_sniff_with_a_filter(ring: Port):
    ring.send([DNS, WEB] * 100)
    assert list(ring.sniff(timeout=0.5, filter="udp port 53")) == [DNS] * 100
    with pytest.raises(ValueError, match="udp prt"):
        ring.sniff(filter="udp prt")


def test_sniff_that_is_left_early_loses_nothing(ring: Port):
    ring.send([DNS] * 3)
    for packet in ring.sniff():
        assert packet == DNS
        break
    ring.sniff()  # never asked
    ring.sniff(filter="udp")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({"count": -1}, ValueError), ({"count": "1"}, TypeError), ({"timeout": -1}, ValueError),
     ({"timeout": "1"}, TypeError), ({"filter": 5}, TypeError)],
)  # fmt: skip
def test_wrong_arguments_of_sniff_raise_at_once(ring: Port, arguments, error):
    with pytest.raises(error):
        ring.sniff(**arguments)


def test_what_the_port_does_not_take(ring: Port):
    most = 1023  # slots of net_ring
    assert ring.send([DNS] * 2000) == most
    assert ring.tx_queue.dropped == 0
    assert ring.send([WEB] * 100, drop=True) == 0
    assert ring.tx_queue.dropped == 100
    assert sum(packet == DNS for packet in ring.sniff(timeout=0.2)) == most


@pytest.mark.parametrize(
    ("packets", "arguments", "error", "text"),
    [
        ("text", {}, TypeError, "a packet must be bytes-like"),
        ([b"x", 5], {}, TypeError, "a packet must be bytes-like"),
        (b"x", {"queue": 1}, ValueError, r"queue must be 0..0 \(got 1\)"),
        (b"x", {"queue": "0"}, TypeError, "queue"),
        (b"x", {"mempool": 5}, TypeError, "mempool must be a Mempool"),
        (b"x", {"lengths": [1]}, TypeError, "lengths are of the rows"),
    ],
)
def test_what_cannot_be_sent(ring: Port, packets, arguments, error, text: str):
    with pytest.raises(error, match=text):
        ring.send(packets, **arguments)
    assert ring.mempool.in_use_count == 0


def test_a_burst_is_sent_by_a_queue(ring: Port):
    with Burst.of(ring.mempool, DNS) as burst, pytest.raises(TypeError, match=r"tx_queue\.tx"):
        try:
            ring.send(burst)
        finally:
            burst.free()


def test_a_pool_without_mbufs(ring: Port):
    with Mempool.create("few", 31, cache_size=0) as few, Burst(31) as burst:
        burst.alloc(few)
        with pytest.raises(pydpdk.NoRoomError):
            ring.send(b"x", mempool=few)
        burst.free()
        assert ring.send([b"x"] * 31, mempool=few) == 31
        assert ring.send([b"x"] * 31, drop=True) == 31
        assert len(list(ring.sniff(count=62))) == 62


def test_the_only_queue(device, pool: Mempool, name: str):
    port = device(f"net_null_{name}")
    with pytest.raises(NotFoundError, match="has 0 rx queues: configure makes them"):
        port.rx_queue  # noqa: B018
    port.configure(mempool=pool, nb_rx_queues=2)
    with pytest.raises(NotFoundError, match="has 2 rx queues: choose one of rx_queues"):
        port.rx_queue  # noqa: B018
    assert port.tx_queue is port.tx_queues[0]


def test_rx_that_frees_and_tx_that_drops(ring: Port):
    with Burst(64) as burst, Burst(64) as other:
        ring.send([DNS] * 10)
        other.append(ring.mempool, [WEB] * 3)
        assert ring.rx_queue.rx(other, free=True) == 10
        with pytest.raises(InUseError):
            ring.rx_queue.rx(other)
        other.free()
        ring.send([DNS] * 1000)
        burst.append(ring.mempool, [WEB] * 64)
        assert ring.tx_queue.tx(burst, drop=True) == 23
        assert len(burst) == 0
        assert ring.tx_queue.dropped == 41
        with pytest.raises(TypeError, match="rx takes a Burst"):
            ring.rx_queue.rx(None, free=True)  # type: ignore[arg-type]


def test_rates_of_an_interval(ring: Port):
    before = ring.stats()
    ring.send([DNS] * 10)
    list(ring.sniff(count=10))
    gained = ring.stats() - before
    assert (gained.ipackets, gained.opackets) == (10, 10)
    assert gained.time_ns > 0
    rates = gained.rates()
    assert rates.ipackets == pytest.approx(10e9 / gained.time_ns)
    assert "pps" in str(rates)
    with pytest.raises(ValueError, match="no time passed"):
        (before - before).rates()
    with pytest.raises(TypeError):
        before - 5  # type: ignore[operator]
    assert "<td>ipackets</td>" in before._repr_html_()


ALONE = """
import os, pydpdk
assert pydpdk.eal.state() == "new"
os.environ["PYDPDK_NOTHING"] = "1"
with pydpdk.port("net_null0") as port:
    assert len(list(port.sniff(count=100))) == 100
with pydpdk.ports("net_null1", "net_null2") as (left, right):
    assert left.send([b"x" * 60] * 5) == 5
assert pydpdk.eal.state() == "running"
print(pydpdk.Mempool.all(), pydpdk.Port.all())
"""


def test_a_program_that_did_its_work_ends_with_0(run_script):
    done = run_script(ALONE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[] []\n"
    assert "Warning" not in done.stderr


INTERRUPTED = """
import sys
import pydpdk
from pydpdk.app import ports as module
class Interrupt(BaseException): pass

def attempt(at):
    '''Raise at a bytecode of the module; return whether it was reached.'''
    seen = 0
    def each(frame, event, arg):
        nonlocal seen
        frame.f_trace_opcodes = True
        if event == "opcode":
            seen += 1
            if seen == at:
                raise Interrupt
        return each
    sys.settrace(lambda frame, *_: each if frame.f_code.co_filename == module.__file__ else None)
    try:
        port = pydpdk.port("net_null7,size=64")
    except Interrupt:
        return True
    finally:
        sys.settrace(None)
    port.close()
    return False

init()
at = 1
while attempt(at):
    left = pydpdk.Port.all()
    # behind the last step all is there, and only the result is lost
    assert [port.state for port in left] in ([], ["started"]), (at, left)
    for port in left:
        port.close()
    assert pydpdk.Mempool.all() == [], at
    with pydpdk.port("net_null7,size=64"):
        pass
    at += 1
print(at)
"""


def test_an_exception_at_each_bytecode_leaves_nothing_half_open(run_script):
    done = run_script(INTERRUPTED)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200
