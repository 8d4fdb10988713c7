"""Packets with a chain shorter than their length, as made by net_pcap: dropped and counted."""

import random
from pathlib import Path

import numpy as np
import pytest
from packets import read_pcap, write_pcap
from waiting import until
from workers import macswap

from pydpdk import Bpf, Burst, Forward, Mempool

MOST = 262_144  # [bytes] limit of libpcap
CONTENT = random.Random(11).randbytes(MOST + 251)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use short relative paths: 25.11 accepts no device arguments of 128 bytes or more."""
    monkeypatch.chdir(tmp_path)


def packet(size: int) -> bytes:
    """Make a packet whose bytes depend on its size."""
    return CONTENT[size % 251 :][:size]


def sizes_around(room: int) -> list[int]:
    """Where 16 bits overflow, where the first segment ends, and some other sizes; ascending, so
    that whole bursts of them are malformed.
    """
    edges = (1, 16_128, 65_535, 65_536, 65_536 + room, 131_072, 131_072 + room, MOST)
    near = {edge + d for edge in edges for d in (-1, 0, 1)} & set(range(1, MOST + 1))
    rng = random.Random(room)
    return sorted(near | {rng.randint(1, MOST) for _ in range(40)})


def expected(sizes: list[int], room: int, bits: int) -> list[bytes]:
    """Return the packets that the driver, whose loop counts in 16 bits, makes consistently.

    The packet length has 32 bits in newer ones, 16 in 23.11, which therefore cuts packets.
    """
    found = []
    for size in sizes:
        low = size % 65_536
        chain = size if size < 65_536 else low + (65_536 if low < room else 0)
        if chain == (low if bits == 16 else size):
            found.append(packet(size)[:chain])
    return found


@pytest.fixture(params=[256, 2048, 65_535 - 128])
def room(request: pytest.FixtureRequest) -> int:
    """[bytes] of packet data in a first segment."""
    return int(request.param)


@pytest.fixture
def memory(name: str, room: int):
    n = {256: 4095, 2048: 1023}.get(room, 63)
    with Mempool.create(name, n, cache_size=0, data_room_size=room + 128) as pool:
        yield pool
        assert pool.in_use_count == 0


@pytest.fixture
def port(device, memory: Mempool, room: int):
    write_pcap(Path("in.pcap"), [packet(size) for size in sizes_around(room)], snaplen=MOST)
    port = device("net_pcap_long,rx_pcap=in.pcap,tx_pcap=out.pcap")
    port.configure(mempool=memory)
    port.start()
    yield port
    port.close()


def read_all(burst: Burst, copies: Burst, memory: Mempool) -> list[bytes]:
    """Read the packets in every possible way; all agree."""
    found = [burst.bytes(i) for i in range(len(burst))]
    data, offsets = burst.copy_out()
    assert data.tobytes() == b"".join(found)
    assert burst.lengths.tolist() == np.diff(offsets).tolist() == [len(one) for one in found]
    for i, one in enumerate(found):
        mbuf = burst.mbuf(i)
        assert mbuf.read() == one == b"".join(segment.tobytes() for segment in mbuf.segments)
        mbuf.check()
    burst.copy(memory, copies)
    assert [copies.bytes(i) for i in range(len(copies))] == found
    copies.free()
    return found


@pytest.mark.parametrize("size", [1, 8])
def test_received_packets_are_whole(port, memory: Mempool, room: int, size: int) -> None:
    sizes, seen = sizes_around(room), []
    with Burst(size) as burst, Burst(size) as copies:
        while port.rx_queues[0].rx(burst):
            seen += read_all(burst, copies, memory)
            burst.free()
    assert seen in (expected(sizes, room, 32), expected(sizes, room, 16))
    assert port.rx_queues[0].malformed == len(sizes) - len(seen)
    assert port.rx_queues[0].packets == len(seen)
    assert port.stats().ipackets == len(sizes)


def test_filters_and_columns(port, room: int) -> None:
    n = 0
    with Burst(8) as burst, Bpf("len >= 1 and ether[0] >= 0") as bpf:
        while port.rx_queues[0].rx(burst):
            n += len(burst)
            assert bpf.match(burst).all()
            burst.columns["mbuf.pkt_len", "ipv4.src_addr", "flow.hash"]
            burst.verify_checksums()
            burst.free()
    assert n + port.rx_queues[0].malformed == len(sizes_around(room))


def test_forward_sends_no_malformed_packet(port, room: int) -> None:
    came = 0
    with Burst(8) as burst:
        forward = Forward(burst, [(port.rx_queues[0], port.tx_queues[0])])
        while n := forward.step():
            came += n
    assert came + port.rx_queues[0].malformed == len(sizes_around(room))
    assert port.stats().opackets + port.tx_queues[0].dropped == came


def test_a_compiled_worker(port, room: int) -> None:
    counters = np.zeros(3, np.int64)
    with Burst(8) as burst:
        job = macswap.launch(port.rx_queues[0], port.tx_queues[0], burst, counters)
        until(lambda: counters[0] + port.rx_queues[0].malformed == len(sizes_around(room)))
        job.cancel()
        job.close()


def test_endless_malformed_packets_end_a_call(device, name: str) -> None:
    """infinite_rx accepts a packet whose chain is one segment; every poll finds it again."""
    room = 2048
    write_pcap(Path("in.pcap"), [packet(65_536 + room)], snaplen=MOST)
    with Mempool.create(name, 1023, cache_size=0) as pool, Burst(8) as burst:
        port = device("net_pcap_endless,rx_pcap=in.pcap,infinite_rx=1")
        port.configure(mempool=pool)
        port.start()
        for calls in (1, 2):
            n = port.rx_queues[0].rx(burst)
            assert n in (0, 8)  # 23.11 turns it into a packet of 2,048 bytes
            assert n == 8 or port.rx_queues[0].malformed >= 4096 * calls
            burst.free()
        port.close()


def test_a_file_of_valid_packets_passes_unchanged(device, name: str, tmp_path: Path) -> None:
    frames = [packet(size) for size in (60, 2048, 2049, 9000, 16_128)]
    write_pcap(Path("in.pcap"), frames, snaplen=MOST)
    with Mempool.create(name, 255, cache_size=0) as pool, Burst(8) as burst:
        port = device("net_pcap_sound,rx_pcap=in.pcap,tx_pcap=out.pcap")
        port.configure(mempool=pool)
        port.start()
        assert Forward(burst, [(port.rx_queues[0], port.tx_queues[0])]).step() == len(frames)
        assert port.rx_queues[0].malformed == 0
        port.close()
    assert read_pcap(tmp_path / "out.pcap") == frames
