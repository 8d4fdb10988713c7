"""Channels within one process: messages of every length and kind, copied and in place."""

import os
import threading

import numpy as np
import pytest

from pydpdk import (
    Burst,
    Channel,
    ClosedError,
    Eal,
    InUseError,
    Mempool,
)
from pydpdk.process.channel import batches

RECORD = np.dtype([("id", "u8"), ("price", "f8"), ("text", "S7")])


def run(work, n: int = 1) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    return threads


def test_every_length_is_received(channel: Channel):
    """From 0 bytes to the longest, in 1 to 16 segments."""
    for n in range(1001):
        message = os.urandom(n)
        channel.send(message)
        assert channel.get() == message
    assert channel.mempool.in_use_count == 0


def test_every_length_is_received_in_batches(channel: Channel):
    messages = [os.urandom(n) for n in range(1001)]
    got = []
    for first in range(0, 1001, 50):
        assert channel.send_many(messages[first : first + 50]) == len(messages[first : first + 50])
        got += channel.get_many(1000)
    assert got == messages
    assert channel.mempool.in_use_count == 0


@pytest.mark.parametrize("call", ["get_many", "get_packed"])
def test_one_call_returns_at_most_one_channel_full_of_messages(
    eal: Eal, name: str, call: str, monkeypatch
):
    """Else its list grows as long as the sender keeps up; one crossing takes few long messages."""
    with Channel.create(name, 16, message_bytes=100_000) as channel:
        messages = [bytes([i]) * 100_000 for i in range(100)]
        refill = iter(messages[16:])
        take = batches.get_batch

        def refilling(*arguments):  # the sender is as fast as possible
            taken = take(*arguments)
            while channel.free_count and (message := next(refill, None)) is not None:
                channel.send(message)
            return taken

        monkeypatch.setattr(batches, "get_batch", refilling)
        channel.send_many(messages[:16])
        got: list[bytes] = []
        while len(got) < 100:
            some = getattr(channel, call)(1000, timeout=0)
            if call == "get_packed":
                some = [some[0][i : i + 100_000] for i in range(0, len(some[0]), 100_000)]
            assert 0 < len(some) <= 16
            got += some
        assert got == messages


@pytest.mark.parametrize("length", [1, 8, 64, 1000])
@pytest.mark.parametrize("n", [1, 4, 5, 63, 64])
def test_messages_of_one_length_are_received(channel: Channel, length: int, n: int):
    """These are split differently: zeros at both ends are kept too."""
    messages = [bytes([i]) + bytes(length - 1) for i in range(n)]
    channel.send_many(messages)
    assert channel.get_many(n) == messages


@pytest.mark.parametrize("length", [0, 1, 16384, 16385, 500_000, 1_000_000])
def test_a_message_of_megabytes_is_received(eal: Eal, name: str, length: int):
    with Channel.create(name, 3, message_bytes=1_000_000) as channel:
        messages = [os.urandom(length) for _ in range(3)]
        assert channel.send_many(messages) == 3
        assert channel.get_many(3) == messages


def test_packed_messages_are_received_packed(channel: Channel):
    lengths = np.array([0, 7, 64, 65, 1000], np.uint32)
    data = os.urandom(int(lengths.sum()))
    assert channel.send_packed(data, lengths) == 5
    got, each = channel.get_packed(10)
    assert got == data
    assert each.tolist() == lengths.tolist()
    assert channel.send_packed(memoryview(data), [0, 7, 64, 65, 1000]) == 5
    assert b"".join(channel.get_many(10)) == data


def test_a_batch_is_as_large_as_requested(eal: Eal, name: str):
    """A batch larger than one crossing into C takes."""
    with Channel.create(name, 20_000, message_bytes=16) as channel:
        messages = [b"%d" % i for i in range(20_000)]
        assert channel.send_many(messages) == 20_000
        assert channel.get_many(15_000) == messages[:15_000]
        data, lengths = channel.get_packed(15_000)
        assert (len(lengths), data) == (5000, b"".join(messages[15_000:]))


def test_any_buffer_is_a_message(channel: Channel):
    buffers = [bytearray(b"ab"), memoryview(b"cd"), np.arange(2, dtype="u1"), b"ef"]
    for buffer in buffers:
        channel.send(buffer)
    channel.send_many(buffers)
    assert channel.get_many(8) == [b"ab", b"cd", b"\0\1", b"ef"] * 2
    channel.send(np.arange(2, dtype=">u2"))
    assert channel.get() == b"\0\0\0\1"


def test_records_are_received(eal: Eal, name: str):
    with Channel.create(name, 100, dtype=RECORD) as channel:
        records = np.zeros(100, RECORD)
        records["id"], records["text"] = np.arange(100), b"abc"
        assert channel.send_many(records[::2]) == 50
        channel.send((7, 0.5, b"xyz"))
        got = channel.get_many(50)
        assert got.dtype == RECORD
        assert got.tolist() == records[::2].tolist()
        assert channel.get().item() == (7, 0.5, b"xyz")
        assert len(channel.get_many(5, timeout=0)) == 0
        assert Channel.lookup(name) is channel


def test_an_empty_channel_is_true(channel: Channel):
    assert len(channel) == 0
    assert channel


def test_a_channel_holds_size_messages_of_the_maximum_length(channel: Channel):
    assert channel.capacity == 64
    longest = [os.urandom(1000)] * 65
    assert channel.send_many(longest, timeout=0) == 64
    assert (len(channel), channel.free_count) == (64, 0)
    assert repr(channel) == f"<Channel {channel.name!r} bytes<=1000, 64 of 64>"
    with pytest.raises(TimeoutError, match="no room for a message in 0 s"):
        channel.send(b"", timeout=0)
    assert channel.get_many(100) == longest[:64]


def test_a_long_batch_passes_a_small_channel(channel: Channel):
    messages = [os.urandom(n % 1001) for n in range(3000)]
    got: list[bytes] = []

    def receive(_: int) -> None:
        while len(got) < 3000:
            got.extend(channel.get_many(10, timeout=10))

    threads = run(receive)
    assert channel.send_many(messages) == 3000
    threads[0].join()
    assert got == messages


def test_a_message_is_read_in_place(channel: Channel):
    with channel.reserve(64) as made:
        made.view[:] = range(64)
    with channel.receive() as message:
        assert message.view.tolist() == list(range(64))
        assert (len(message), len(bytes(message)), len(message.segments)) == (64, 64, 1)
        assert channel.mempool.in_use_count == 1
    assert channel.mempool.in_use_count == 0
    with pytest.raises(ClosedError, match="after it was given back"):
        message.view  # noqa: B018
    message.release()


def test_a_message_of_segments_is_read_in_pieces(channel: Channel):
    text = os.urandom(200)
    channel.send(text)
    with channel.receive() as message:
        assert [len(piece) for piece in message.segments] == [64, 64, 64, 8]
        assert b"".join(piece.tobytes() for piece in message.segments) == text == bytes(message)
    assert channel.mempool.in_use_count == 0


def test_an_exception_drops_a_reserved_message(channel: Channel):
    with pytest.raises(ZeroDivisionError), channel.reserve(10):
        1 / 0  # noqa: B018
    assert (len(channel), channel.mempool.in_use_count) == (0, 0)


def test_a_record_is_written_and_read_in_place(eal: Eal, name: str):
    with Channel.create(name, 4, dtype=RECORD) as channel:
        with channel.reserve() as made:
            made.view["id"], made.view["text"] = 5, b"five"
        with channel.receive() as message:
            assert message.view.dtype == RECORD
            assert message.view.tolist() == [(5, 0.0, b"five")] or message.view["id"] == 5
        with pytest.raises(ValueError, match=r"length must be 23\.\.23 bytes \(got 8\)"):
            channel.reserve(8)


def test_bursts_are_messages(channel: Channel, burst: Burst):
    assert burst.alloc(channel.mempool, 8, length=20) == 8
    burst.fill([bytes([i]) * 20 for i in range(8)])
    assert (channel.tx(burst), len(burst), len(channel)) == (8, 0, 8)
    assert channel.rx(burst, n=3) == 3
    assert burst.bytes(2) == b"\2" * 20
    with pytest.raises(InUseError, match="still holds mbufs"):
        channel.rx(burst)
    burst.free()
    assert channel.get_many(10) == [bytes([i]) * 20 for i in range(3, 8)]
    assert channel.rx(burst, timeout=0.01) == 0


def test_a_burst_with_a_too_long_message_is_not_sent(channel: Channel, burst: Burst, pool: Mempool):
    burst.alloc(pool, 2, length=1001)
    with pytest.raises(ValueError, match=r"must be 0\.\.1000 bytes \(got 1001\)"):
        channel.tx(burst)
    assert (len(burst), len(channel)) == (2, 0)
    assert channel.ring.tx(burst) == 2  # as a foreign program could
    channel.send(b"good")
    assert channel.get() == b"good"
    assert channel.dropped == 2
    assert pool.in_use_count == 0
