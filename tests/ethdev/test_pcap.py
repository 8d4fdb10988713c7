"""Real files through net_pcap: packets pass byte for byte and in order."""

from pathlib import Path

import pytest
from packets import mixed_frames, read_pcap, write_pcap

from pydpdk import Burst, Forward, Mempool
from pydpdk.errors import InUseError

FRAMES = mixed_frames(1000)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use short relative paths: 25.11 accepts no device arguments of 128 bytes or more."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("size", [1, 32, 256])
def test_a_file_passes_unchanged(device, name: str, tmp_path: Path, size: int):
    _source, sink = write_pcap(tmp_path / "in.pcap", FRAMES), tmp_path / "out.pcap"
    with Mempool.create(name, 1023, cache_size=0) as pool, Burst(size) as burst:
        port = device("net_pcap_io,rx_pcap=in.pcap,tx_pcap=out.pcap")
        port.configure(mempool=pool)
        port.start()
        seen = []
        while port.rx_queues[0].rx(burst):
            seen += [burst.bytes(i) for i in range(len(burst))]
            assert burst.lengths.tolist() == [len(packet) for packet in seen[-len(burst) :]]
            while burst:
                port.tx_queues[0].tx(burst)
        stats = port.stats()
        port.close()
    assert seen == FRAMES
    assert (stats.ipackets, stats.opackets) == (1000, 1000)
    assert stats.ibytes == stats.obytes == sum(map(len, FRAMES))
    assert read_pcap(sink) == FRAMES


def test_forward_of_a_file(device, name: str, tmp_path: Path):
    _source, sink = write_pcap(tmp_path / "in.pcap", FRAMES), tmp_path / "out.pcap"
    with Mempool.create(name, 1023, cache_size=0) as pool, Burst(64) as burst:
        port = device("net_pcap_fw,rx_pcap=in.pcap,tx_pcap=out.pcap")
        port.configure(mempool=pool)
        port.start()
        forward = Forward(burst, [(port.rx_queues[0], port.tx_queues[0])], "macswap")
        while forward.step():
            pass
        port.close()
    assert read_pcap(sink) == [f[6:12] + f[:6] + f[12:] for f in FRAMES]


@pytest.fixture
def in_segments(device, name: str, tmp_path: Path):
    """A port with buffers of 384 bytes; in a chain the driver leaves headroom only in the first."""
    write_pcap(tmp_path / "in.pcap", FRAMES[:64])
    with Mempool.create(name, 1023, cache_size=0, data_room_size=256 + 128) as pool:
        port = device("net_pcap_seg,rx_pcap=in.pcap,tx_pcap=out.pcap")
        port.configure(mempool=pool)
        port.start()
        yield port
        port.close()


def test_long_packets_are_received_in_segments(in_segments):
    with Burst(64) as burst:
        assert in_segments.rx_queues[0].rx(burst) == 64
        for i, data in enumerate(FRAMES[:64]):
            mbuf = burst.mbuf(i)
            assert (mbuf.pkt_len, mbuf.nb_segs) == (
                len(data),
                1 + -(-max(len(data) - 256, 0) // 384),
            )
            assert bytes(mbuf) == burst.bytes(i) == data
            assert bytes(burst[i]) == data[:256]
        assert burst.lengths.tolist() == list(map(len, FRAMES[:64]))
        burst.free()


def test_segments_are_sent_as_one_packet(in_segments, tmp_path: Path):
    with Burst(64) as burst:
        in_segments.rx_queues[0].rx(burst)
        while burst:
            in_segments.tx_queues[0].tx(burst)
    in_segments.close()
    assert read_pcap(tmp_path / "out.pcap") == FRAMES[:64]


def test_verbs_on_segments_act_on_either_end(in_segments):
    with Burst(64) as burst:
        in_segments.rx_queues[0].rx(burst)
        i = next(i for i, data in enumerate(FRAMES) if len(data) == 1500)
        mbuf = burst.mbuf(i)
        assert mbuf.tailroom == 384 - (1500 - 256) % 384
        mbuf.append(bytes(10))
        assert (mbuf.pkt_len, len(mbuf.data)) == (1510, 256)
        mbuf.trim(30)
        mbuf.adj(14)
        assert bytes(mbuf) == FRAMES[i][14:1480]
        with pytest.raises(MemoryError):
            mbuf.adj(243)
        burst.free()


def test_fill_of_packets_in_segments_keeps_enough_segments(in_segments):
    """Segments of 256 bytes, because each has a headroom of 128."""
    with Burst(64) as burst:
        n = in_segments.rx_queues[0].rx(burst)
        for content, segments in ((b"short", 1), (bytes(1000), 4), (b"", 1)):
            burst.fill(content)
            assert {burst.bytes(i) for i in range(n)} == {content}
            assert {burst.mbuf(i).nb_segs for i in range(n)} == {segments}
        burst.free()


def test_the_pool_of_received_packets_does_not_close(in_segments):
    with Burst(64) as burst:
        in_segments.rx_queues[0].rx(burst)
        with pytest.raises(InUseError, match="mbufs are out"):
            in_segments.mempool.close()
        burst.free()


def test_buffers_with_only_headroom_raise_or_work(run_script, tmp_path: Path):
    """Then the first segment is empty; the driver must not fill chains without end."""
    source = write_pcap(tmp_path / "in.pcap", FRAMES[:4])
    done = run_script(
        """
        import sys
        eal = init(vdevs=(f"net_pcap0,rx_pcap={sys.argv[1]},tx_pcap={sys.argv[1]}.out",))
        pool = Mempool.create("small", 255, cache_size=0, data_room_size=128)
        port = Port.lookup("net_pcap0")
        try:
            port.configure(mempool=pool)
            port.start()
            with Burst(4) as burst:
                n = port.rx_queues[0].rx(burst)
                print("got", n, [len(burst.bytes(i)) for i in range(n)] == [64, 1500, 65, 1499])
                burst.swap_macs()
                burst.free()
        except ValueError:
            print("rejected")
        port.close()
        assert pool.in_use_count == 0, pool
        pool.close()
        eal.close()
        """,
        source,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("got 4 True\n", "got 0 True\n", "rejected\n")


def test_packets_that_the_driver_would_cut_are_not_written(device, name: str, tmp_path: Path):
    """It writes 16,128 bytes of a chain, but a single segment of any length."""
    long = [bytes([k]) * size for k, size in enumerate((60, 16_128, 16_129, 40_000, 61))]
    with Mempool.create(name, 255, cache_size=0) as pool, Burst(8) as burst:
        port = device("net_pcap_cut,tx_pcap=out.pcap")
        port.configure(nb_rx_queues=0)
        port.start()
        burst.alloc(pool, len(long))
        burst.fill(long)
        assert port.tx_queues[0].tx(burst) == 3
        assert (len(burst), port.tx_queues[0].dropped, port.tx_queues[0].packets) == (0, 2, 3)
        assert port.stats().opackets == 3
        port.close()
    assert read_pcap(tmp_path / "out.pcap") == [long[0], long[1], long[4]]


def test_one_segment_is_written_whole(device, name: str, tmp_path: Path):
    with (
        Mempool.create(name, 15, cache_size=0, data_room_size=65_535) as pool,
        Burst(1) as burst,
    ):
        port = device("net_pcap_whole,tx_pcap=out.pcap")
        port.configure(nb_rx_queues=0)
        port.start()
        burst.alloc(pool)
        burst.fill(bytes(65_407))
        assert port.tx_queues[0].tx(burst) == 1
        port.close()
    assert read_pcap(tmp_path / "out.pcap") == [bytes(65_407)]


def test_timestamps_are_in_nanoseconds(device, name: str, tmp_path: Path):
    """The driver has microseconds; in the file of `write_pcap`, packet i is at second i."""
    write_pcap(tmp_path / "in.pcap", FRAMES[:40])
    with Mempool.create(name, 255, cache_size=0) as pool, Burst(64) as burst:
        port = device("net_pcap_time,rx_pcap=in.pcap")
        port.configure(mempool=pool)
        port.start()
        assert port.rx_queues[0].rx(burst) == 40
        assert burst.columns["mbuf.timestamp"].tolist() == [i * 10**9 for i in range(40)]
        assert burst.columns["mbuf.timestamp?"].all()
        burst.free()
        port.close()
