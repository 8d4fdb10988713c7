"""Channels within one process: order between threads, waits, and the ends of waits."""

import contextlib
import select
import selectors
import threading
import time

import pytest
from waiting import LIMIT, until

from pydpdk import Channel, ClosedError, Eal
from pydpdk.process import channel as channels
from pydpdk.process.channel import batches, waiting


def run(work, n: int = 1) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(LIMIT)
    assert not any(thread.is_alive() for thread in threads)


def until_waits(channel: Channel, word: str = "filled") -> None:
    """Wait until a thread sleeps in `get` (`filled`) or `send` (`drained`): the futex is odd."""
    until(lambda: getattr(channel._look(), word) % 2)


@pytest.fixture
def wakeups_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a wait end by its wakeup only: else it asks again every 100 ms."""
    for module in (channels, batches, waiting):
        monkeypatch.setattr(module, "SLICE_NS", 10**12)


def test_threads_lose_nothing_and_keep_the_order_of_each_sender(channel: Channel):
    got: list[list[bytes]] = [[], []]

    def send(me: int) -> None:
        for i in range(1000):
            channel.send(b"%d %d" % (me, i))

    def receive(me: int) -> None:
        with contextlib.suppress(ClosedError):
            while True:
                got[me] += channel.get_many(7)

    receivers = run(receive, 2)
    join(run(send, 2))
    channel.shut()
    join(receivers)
    both = [tuple(map(int, message.split())) for message in got[0] + got[1]]
    assert sorted(both) == [(me, i) for me in range(2) for i in range(1000)]
    for mine in got:
        for sender in (b"0", b"1"):
            numbers = [int(m.split()[1]) for m in mine if m.split()[0] == sender]
            assert numbers == sorted(numbers)


def test_a_wait_lasts_as_long_as_its_timeout(channel: Channel):
    for timeout in (0, 0.05, 0.25):
        start = time.monotonic()
        with pytest.raises(TimeoutError, match=f"no message in {timeout} s"):
            channel.get(timeout)
        assert channel.get_many(5, timeout) == []
        assert 2 * timeout <= time.monotonic() - start < 2 * timeout + LIMIT


def test_a_wait_costs_no_cpu(channel: Channel):
    start = time.thread_time()
    with pytest.raises(TimeoutError):
        channel.get(timeout=1)
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize("spin_us", [0, 50, 1000])
def test_a_sleeping_receiver_is_woken(channel: Channel, wakeups_only: None, spin_us: float):
    channel.spin_us = spin_us
    assert channel.spin_us == pytest.approx(spin_us, rel=0.01)
    got = []
    threads = run(lambda _: got.extend(channel.get() for _ in range(15)))
    for i in range(15):
        until_waits(channel)
        channel.send(b"%d" % i)
    join(threads)
    assert got == [b"%d" % i for i in range(15)]


def test_a_sleeping_sender_is_woken(channel: Channel, wakeups_only: None):
    for _ in range(7):
        channel.send_many([b"x"] * 64)
        threads = run(lambda _: channel.send(b"last"))
        until_waits(channel, "drained")
        assert channel.get() == b"x"
        join(threads)
        assert channel.get_many(64)[-1] == b"last"


def test_many_sleeping_receivers_get_one_message_each(channel: Channel, wakeups_only: None):
    channel.spin_us = 0
    got = []
    threads = run(lambda _: got.append(channel.get()), 6)
    until_waits(channel)
    channel.send_many([b"%d" % i for i in range(6)])
    join(threads)
    assert sorted(got) == [b"%d" % i for i in range(6)]


def test_messages_of_an_ended_channel_are_still_received(channel: Channel):
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


def test_a_loop_gets_messages_until_the_channel_is_shut(channel: Channel):
    messages = [b"%d" % i for i in range(1000)]

    def send(_: int) -> None:
        channel.send_many(messages)
        channel.shut()

    threads = run(send)
    assert list(channel) == messages
    threads[0].join()
    assert list(channel) == []


def test_a_loop_over_a_channel_of_records_gets_records(eal: Eal, name: str):
    with Channel.create(name, 4, dtype="u4") as channel:
        channel.send_many([0, 1, 2])
        channel.shut()
        assert [int(record) for record in channel] == [0, 1, 2]


def test_two_loops_share_the_messages(channel: Channel):
    got: list[bytes] = []
    threads = run(lambda _: got.extend(channel), 2)
    messages = [b"%d" % i for i in range(500)]
    channel.send_many(messages)
    channel.shut()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(messages)


def test_a_loop_raises_once_its_channel_is_closed(eal: Eal, name: str):
    channel = Channel.create(name, 4)
    ended: list[str] = []
    came = threading.Event()

    def loop(_: int) -> None:
        try:
            for message in channel:
                ended.append(str(message))
                came.set()
        except ClosedError as error:
            ended.append(str(error))

    threads = run(loop)
    channel.send(b"x")
    came.wait()
    channel.close(force=True)
    threads[0].join()
    closed = f"<Channel {name!r} closed> is used after it was closed"
    assert ended == ["b'x'", closed]
    with pytest.raises(ClosedError, match="after it was closed"):
        next(iter(channel))


def test_a_membership_test_takes_no_message(channel: Channel):
    channel.send(b"x")
    with pytest.raises(TypeError):
        b"x" in channel  # noqa: B015
    assert channel.get() == b"x"


def send_reserved(channel: Channel) -> None:
    with channel.reserve(5):
        pass


@pytest.mark.parametrize("end", ["shut", "close"])
def test_the_end_ends_every_wait(eal: Eal, name: str, wakeups_only: None, end: str):
    channel = Channel.create(name, 4)
    other = Channel.create(f"{name}b", 4)
    other.send_many([b"x"] * 4)
    ended = []

    def wait(i: int) -> None:
        try:
            (channel.get, lambda: channel.get_many(3), lambda: other.send(b"y"))[i]()
        except ClosedError:
            ended.append(i)

    threads = run(wait, 3)
    until_waits(channel)
    until_waits(other, "drained")
    for each in (channel, other):
        each.close(force=True) if end == "close" else each.shut()
    join(threads)
    assert sorted(ended) == [0, 1, 2]
    for each in (channel, other):
        each.close(force=True)
        with pytest.raises(ClosedError, match="after it was closed"):
            each.get(timeout=0)
    assert repr(channel) == f"<Channel {name!r} closed>"


def readable(channel: Channel, timeout: float) -> bool:
    return bool(select.select([channel], [], [], timeout)[0])


def test_a_channel_is_readable_while_it_has_messages(channel: Channel):
    assert not readable(channel, 0.05)
    for _ in range(3):
        channel.send_many([b"a", b"b"])
        for message in (b"a", b"b"):
            assert readable(channel, LIMIT)
            assert channel.get(timeout=0) == message
        with pytest.raises(TimeoutError):  # only now it is seen to be empty
            channel.get(timeout=0)
        assert not readable(channel, 0.02)


def test_a_selector_waits_for_several_channels(channel: Channel, eal: Eal, name: str):
    got = []
    with Channel.create(f"{name}b", 64) as other, selectors.DefaultSelector() as selector:
        for each in (channel, other):
            selector.register(each, selectors.EVENT_READ)
        threads = run(lambda i: [(channel, other)[i].send(b"%d" % i) for _ in range(500)], 2)
        while len(got) < 1000:
            ready = selector.select(LIMIT)
            assert ready
            for key, _ in ready:
                got += key.fileobj.get_many(100, timeout=0)
        for thread in threads:
            thread.join()
        assert sorted(got) == [b"0"] * 500 + [b"1"] * 500


@pytest.mark.parametrize("end", ["shut", "close"])
def test_an_ended_channel_stays_readable(eal: Eal, name: str, end: str):
    channel = Channel.create(name, 4)
    assert not readable(channel, 0)
    join(run(lambda _: getattr(channel, end)()))
    for _ in range(2):
        assert readable(channel, LIMIT)
        with pytest.raises(ClosedError):
            channel.get(timeout=0)
    channel.close()
    assert readable(channel, 0)


def test_the_thread_of_a_descriptor_ends_with_the_channel(eal: Eal, name: str):
    def threads() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "pydpdk-channel"}

    with Channel.create(name, 4) as channel:
        before = threads()
        assert channel.fileno() == channel.fileno()
        (mine,) = threads() - before
    mine.join(5)
    assert not mine.is_alive()
    with Channel.create(name, 4) as channel:
        pass
    with pytest.raises(ClosedError):
        channel.fileno()


@pytest.mark.parametrize("wait", ["channel.get()", "list(channel)"])
def test_ctrl_c_ends_a_wait(run_script, wait: str):
    done = run_script(f"""
        import threading
        from pydpdk import Channel
        init()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background shells
        def interrupt():
            until(lambda: channel._look().filled % 2)
            os.kill(os.getpid(), signal.SIGINT)
        with Channel.create("c") as channel:
            threading.Thread(target=interrupt).start()
            try:
                {wait}
            except KeyboardInterrupt:
                print("interrupted")
    """)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
