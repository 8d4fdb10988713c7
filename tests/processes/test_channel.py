"""Channels within one process: every length, order, waiting, ends, and what is refused."""

import contextlib
import os
import statistics
import threading
import time

import numpy as np
import pytest

from pydpdk import (
    Burst,
    Channel,
    ClosedError,
    Eal,
    InUseError,
    Mempool,
    NameTakenError,
    NoRoomError,
    NotFoundError,
)
from pydpdk.process import Message

RECORD = np.dtype([("id", "u8"), ("price", "f8"), ("text", "S7")])


@pytest.fixture
def channel(eal: Eal, name: str):
    with Channel.create(name, 64, message_bytes=1000, segment_bytes=64) as made:
        yield made
        with contextlib.suppress(ClosedError):
            made.get_many(1000, timeout=0)


def run(work, n: int = 1) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    return threads


def test_every_length_arrives(channel: Channel):
    """0 to the longest, in 1 to 16 segments."""
    for n in range(1001):
        message = os.urandom(n)
        channel.send(message)
        assert channel.get() == message
    assert channel.mempool.in_use_count == 0


def test_every_length_arrives_in_batches(channel: Channel):
    messages = [os.urandom(n) for n in range(1001)]
    got = []
    for first in range(0, 1001, 50):
        assert channel.send_many(messages[first : first + 50]) == len(messages[first : first + 50])
        got += channel.get_many(1000)
    assert got == messages
    assert channel.mempool.in_use_count == 0


@pytest.mark.parametrize("length", [1, 8, 64, 1000])
@pytest.mark.parametrize("n", [1, 4, 5, 63, 64])
def test_messages_of_one_length_arrive(channel: Channel, length: int, n: int):
    """They are cut in another way: also zeros at their ends are kept."""
    messages = [bytes([i]) + bytes(length - 1) for i in range(n)]
    channel.send_many(messages)
    assert channel.get_many(n) == messages


@pytest.mark.parametrize("length", [0, 1, 16384, 16385, 500_000, 1_000_000])
def test_a_message_of_megabytes_arrives(eal: Eal, name: str, length: int):
    with Channel.create(name, 3, message_bytes=1_000_000) as channel:
        messages = [os.urandom(length) for _ in range(3)]
        assert channel.send_many(messages) == 3
        assert channel.get_many(3) == messages


def test_packed_messages_arrive_packed(channel: Channel):
    lengths = np.array([0, 7, 64, 65, 1000], np.uint32)
    data = os.urandom(int(lengths.sum()))
    assert channel.send_packed(data, lengths) == 5
    got, each = channel.get_packed(10)
    assert got == data
    assert each.tolist() == lengths.tolist()
    assert channel.send_packed(memoryview(data), [0, 7, 64, 65, 1000]) == 5
    assert b"".join(channel.get_many(10)) == data


def test_a_batch_is_as_large_as_one_asks(eal: Eal, name: str):
    """Larger than what one crossing takes."""
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


def test_records_arrive(eal: Eal, name: str):
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


def test_it_holds_as_many_of_the_longest_as_it_says(channel: Channel):
    longest = [os.urandom(1000)] * 65
    assert channel.send_many(longest, timeout=0) == 64
    assert (channel.count, channel.free_count) == (64, 0)
    with pytest.raises(TimeoutError, match="no room for a message in 0 s"):
        channel.send(b"", timeout=0)
    assert channel.get_many(100) == longest[:64]


def test_a_long_batch_goes_through_a_small_channel(channel: Channel):
    messages = [os.urandom(n % 1001) for n in range(3000)]
    got: list[bytes] = []

    def receive(_: int) -> None:
        while len(got) < 3000:
            got.extend(channel.get_many(10, timeout=10))

    threads = run(receive)
    assert channel.send_many(messages) == 3000
    threads[0].join()
    assert got == messages


def test_threads_lose_nothing_and_keep_the_order_of_each_sender(channel: Channel):
    got: list[list[bytes]] = [[], []]

    def send(me: int) -> None:
        for i in range(1000):
            channel.send(b"%d %d" % (me, i))

    def receive(me: int) -> None:
        while messages := channel.get_many(7, timeout=2):
            got[me] += messages

    threads = run(send, 2) + run(receive, 2)
    for thread in threads:
        thread.join()
    both = [tuple(map(int, message.split())) for message in got[0] + got[1]]
    assert sorted(both) == [(me, i) for me in range(2) for i in range(1000)]
    for mine in got:
        for sender in (b"0", b"1"):
            numbers = [int(m.split()[1]) for m in mine if m.split()[0] == sender]
            assert numbers == sorted(numbers)


def test_a_wait_is_as_long_as_it_says(channel: Channel):
    for timeout in (0, 0.05, 0.25):
        start = time.monotonic()
        with pytest.raises(TimeoutError, match=f"no message in {timeout} s"):
            channel.get(timeout)
        assert channel.get_many(5, timeout) == []
        assert 2 * timeout <= time.monotonic() - start < 2 * timeout + 1


def test_a_wait_costs_no_cpu(channel: Channel):
    start = time.process_time()
    with pytest.raises(TimeoutError):
        channel.get(timeout=1)
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("spin_us", [0, 50, 1000])
def test_a_sleeping_receiver_is_woken(channel: Channel, spin_us: float):
    """By the message: without it a wait goes on for 100 ms, and then looks again."""
    channel.spin_us = spin_us
    assert channel.spin_us == pytest.approx(spin_us, rel=0.01)
    late = []

    def receive(_: int) -> None:
        for _ in range(15):
            sent = float(channel.get())
            late.append(time.monotonic() - sent)

    threads = run(receive)
    for _ in range(15):
        time.sleep(0.01)
        channel.send(repr(time.monotonic()).encode())
    threads[0].join()
    assert statistics.median(late) < 0.03


def test_a_sleeping_sender_is_woken(channel: Channel):
    channel.send_many([b"x"] * 64)
    took = []

    def send(_: int) -> None:
        start = time.monotonic()
        channel.send(b"last")
        took.append(time.monotonic() - start)

    threads = run(send)
    time.sleep(0.15)
    assert channel.get() == b"x"
    threads[0].join()
    assert 0.1 < took[0] < 0.23
    assert channel.get_many(64)[-1] == b"last"


def test_many_sleeping_receivers_get_one_message_each(channel: Channel):
    channel.spin_us = 0
    got = []
    threads = run(lambda _: got.append(channel.get(timeout=20)), 6)
    time.sleep(0.05)
    start = time.monotonic()
    channel.send_many([b"%d" % i for i in range(6)])
    for thread in threads:
        thread.join()
    assert sorted(got) == [b"%d" % i for i in range(6)]
    assert time.monotonic() - start < 5


def test_after_the_end_what_is_there_is_received(channel: Channel):
    channel.send_many([b"one", b"two"])
    channel.shut()
    assert channel.was_shut
    for send in (channel.send, lambda m: channel.send_many([m]), lambda m: send_reserved(channel)):
        with pytest.raises(ClosedError, match="was shut"):
            send(b"three")
    assert channel.get() == b"one"
    assert channel.get_many(5) == [b"two"]
    for receive in (channel.get, lambda: channel.get_many(5), channel.receive):
        with pytest.raises(ClosedError, match="was shut"):
            receive()


def send_reserved(channel: Channel) -> None:
    with channel.reserve(5):
        pass


@pytest.mark.parametrize("end", ["shut", "close"])
def test_the_end_ends_every_wait(eal: Eal, name: str, end: str):
    channel = Channel.create(name, 4)
    other = Channel.create(f"{name}b", 4)
    other.send_many([b"x"] * 4)
    ended = []

    def wait(i: int) -> None:
        try:
            (channel.get, lambda: channel.get_many(3), lambda: other.send(b"y"))[i]()
        except ClosedError:
            ended.append(time.monotonic())

    threads = run(wait, 3)
    time.sleep(0.1)
    start = time.monotonic()
    for each in (channel, other):
        each.close(force=True) if end == "close" else each.shut()
    for thread in threads:
        thread.join()
    assert len(ended) == 3
    assert max(ended) - start < 1
    for each in (channel, other):
        each.close(force=True)
        with pytest.raises(ClosedError, match="after it was closed"):
            each.get(timeout=0)
    assert repr(channel) == f"<Channel {name!r} closed>"


def test_ctrl_c_ends_a_wait(run_script):
    done = run_script("""
        import signal, threading, time
        from pydpdk import Channel
        init()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background shells
        with Channel.create("c") as channel:
            threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            start = time.monotonic()
            try:
                channel.get()
            except KeyboardInterrupt:
                print(time.monotonic() - start)
    """)
    assert done.returncode == 0, done.stderr
    assert 0.3 < float(done.stdout) < 5


def test_a_message_is_seen_where_it_lies(channel: Channel):
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


def test_a_message_of_segments_is_seen_in_pieces(channel: Channel):
    text = os.urandom(200)
    channel.send(text)
    with channel.receive() as message:
        assert [len(piece) for piece in message.segments] == [64, 64, 64, 8]
        assert b"".join(piece.tobytes() for piece in message.segments) == text == bytes(message)
    assert channel.mempool.in_use_count == 0


def test_an_exception_keeps_a_message_back(channel: Channel):
    with pytest.raises(ZeroDivisionError), channel.reserve(10):
        1 / 0  # noqa: B018
    assert (channel.count, channel.mempool.in_use_count) == (0, 0)


def test_a_record_is_made_and_read_where_it_lies(eal: Eal, name: str):
    with Channel.create(name, 4, dtype=RECORD) as channel:
        with channel.reserve() as made:
            made.view["id"], made.view["text"] = 5, b"five"
        with channel.receive() as message:
            assert message.view.dtype == RECORD
            assert message.view.tolist() == [(5, 0.0, b"five")] or message.view["id"] == 5
        with pytest.raises(ValueError, match=r"length=8: 23 to 23 bytes is allowed"):
            channel.reserve(8)


def test_bursts_are_messages(channel: Channel, burst: Burst):
    assert burst.alloc(channel.mempool, 8, length=20) == 8
    burst.fill([bytes([i]) * 20 for i in range(8)])
    assert (channel.tx(burst), len(burst), channel.count) == (8, 0, 8)
    assert channel.rx(burst, n=3) == 3
    assert burst.bytes(2) == b"\2" * 20
    with pytest.raises(InUseError, match="still holds mbufs"):
        channel.rx(burst)
    burst.free()
    assert channel.get_many(10) == [bytes([i]) * 20 for i in range(3, 8)]
    assert channel.rx(burst, timeout=0.01) == 0


def test_a_burst_that_is_too_long_stays(channel: Channel, burst: Burst, pool: Mempool):
    burst.alloc(pool, 2, length=1001)
    with pytest.raises(ValueError, match="a message of 1001 bytes: 0 to 1000 bytes"):
        channel.tx(burst)
    assert (len(burst), channel.count) == (2, 0)
    assert channel.ring.tx(burst) == 2  # as another program could
    channel.send(b"good")
    assert channel.get() == b"good"
    assert channel.dropped == 2
    assert pool.in_use_count == 0


def test_what_is_too_long_is_refused_and_nothing_sent(channel: Channel):
    allowed = r"a message of 1001 bytes: 0 to 1000 bytes are allowed by <Channel"
    with pytest.raises(ValueError, match=allowed):
        channel.send(bytes(1001))
    with pytest.raises(ValueError, match=allowed):
        channel.send_many([b"good", bytes(1001)])
    with pytest.raises(ValueError, match=allowed):
        channel.send_packed(bytes(1001), [1001])
    with pytest.raises(ValueError, match="together 9 bytes, the data has 10"):
        channel.send_packed(bytes(10), [4, 5])
    with pytest.raises(ValueError, match="a message of -1 bytes"):
        channel.send_packed(bytes(10), [-1, 11])
    assert channel.count == 0


@pytest.mark.parametrize("wrong", ["text", 5, None, object(), ["x"], 1.5])
def test_what_is_no_message_is_refused(channel: Channel, wrong: object):
    with pytest.raises(TypeError):
        channel.send(wrong)
    with pytest.raises(TypeError):
        channel.send_many([wrong])
    with pytest.raises(TypeError):
        channel.tx(wrong)  # type: ignore[arg-type]
    assert channel.count == 0


@pytest.mark.parametrize("wrong", [-1, float("nan"), "1", True])
def test_a_wrong_timeout_is_refused(channel: Channel, wrong: object):
    with pytest.raises((TypeError, ValueError), match="a number of seconds from 0 is allowed"):
        channel.get(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size=0: 1 to 16777216 messages"),
        ({"message_bytes": 0}, "message_bytes=0: 1 to 4182016 bytes"),
        ({"message_bytes": 4182017}, "message_bytes=4182017: 1 to 4182016 bytes"),
        ({"message_bytes": 6400, "segment_bytes": 99}, "segment_bytes=99: 100 to 65344 bytes"),
        ({"message_bytes": 8, "dtype": "u8"}, "message_bytes or dtype, not both"),
    ],
)
def test_a_channel_that_cannot_be_is_refused(eal: Eal, name: str, options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Channel.create(name, **options)


def test_names(eal: Eal, name: str):
    with pytest.raises(ValueError, match="1 to 21 printable"):
        Channel.create("x" * 22)
    with pytest.raises(NotFoundError):
        Channel.lookup(name)
    with Channel.create("y" * 21) as channel:
        with pytest.raises(NameTakenError):
            Channel.create("y" * 21)
        assert channel.peers == (os.getpid(),)


def test_what_does_not_fit_leaves_nothing(eal: Eal, name: str):
    with pytest.raises(NoRoomError):
        Channel.create(name, 1 << 20, message_bytes=4_000_000)
    with Channel.create(name) as channel:
        channel.send(b"x")
        assert channel.get() == b"x"


def test_closing_names_what_would_be_lost(channel: Channel):
    channel.send_many([b"x"] * 3)
    with pytest.raises(InUseError, match="3 messages are in it"):
        channel.close()
    message = channel.receive()
    assert isinstance(message, Message)
    with pytest.raises(InUseError, match="1 messages are received or reserved and not given back"):
        channel.close()
    message.release()
    assert len(channel.get_many(5)) == 2


def test_a_ring_and_a_pool_of_a_channel_are_not_taken_from_it(channel: Channel):
    with pytest.raises(OSError, match="EBUSY"):
        channel.ring.close(force=True)
    channel.send(b"still")
    assert channel.get() == b"still"


def test_a_child_does_not_touch_it(channel: Channel):
    pid = os.fork()
    if pid == 0:
        try:
            channel.get(timeout=0)
        except ClosedError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
