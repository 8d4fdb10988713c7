"""Channels between two and three processes, and what happens when one of them dies."""

import itertools
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator

import pytest
from channel_peer import PRELUDE, Peer

from pydpdk import Channel, ClosedError, Eal, InUseError, PeerDiedError
from pydpdk.host import runtime

pytestmark = pytest.mark.hugepages

BATCH = 64  # messages that a call holds at most while it copies
LCORES = itertools.cycle(range(1, 100))


@pytest.fixture
def peer(eal: Eal) -> Iterator[Callable[[str], Peer]]:
    """Start `peer(code)`, a secondary on an lcore of its own."""
    started: list[Peer] = []

    def start(code: str) -> Peer:
        started.append(Peer(eal.file_prefix, next(LCORES), code))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_every_length_comes_back_from_another_process(eal: Eal, name: str, peer):
    with (
        Channel.create(name, 64, message_bytes=700, segment_bytes=64) as to,
        Channel.create(f"{name}r", 64, message_bytes=700, segment_bytes=128) as back,
    ):
        echo = peer(f"""
            to, back = Channel.lookup("{name}"), Channel.lookup("{name}r")
            say("ready")
            try:
                while True:
                    back.send_many(to.get_many(50))
            except ClosedError as error:
                say(error)
            to.close(), back.close(), eal.close()
        """)
        assert echo.line() == "ready"
        assert to.peers == tuple(sorted((os.getpid(), echo.pid)))
        for n in range(701):
            message = os.urandom(n)
            to.send(message)
            assert back.get(timeout=10) == message
        messages = [os.urandom(n) for n in range(701)]
        got: list[bytes] = []
        for i in range(0, 701, 40):
            to.send_many(messages[i : i + 40])
            got += back.get_many(100, timeout=10)
        while len(got) < 701:
            got += back.get_many(100, timeout=10)
        assert got == messages
        to.shut()
        assert "was shut" in echo.line()
        assert echo.end() == 0
        assert to.peers == (os.getpid(),)
        assert to.mempool.in_use_count == back.mempool.in_use_count == 0


def test_records_arrive_in_another_process(eal: Eal, name: str, peer):
    with Channel.create(name, 64, dtype=[("id", "u8"), ("x", "f4")]) as channel:
        other = peer(f"""
            channel = Channel.lookup("{name}")
            records = np.zeros(50, channel.dtype)
            records["id"] = np.arange(50)
            channel.send_many(records)
            with channel.reserve() as record:
                record.view["x"] = 0.5
            channel.close(), eal.close()
        """)
        got = [channel.get(timeout=30) for _ in range(51)]
        assert [int(record["id"]) for record in got[:50]] == list(range(50))
        assert got[50]["x"] == 0.5
        assert other.end() == 0


def test_three_processes_share_the_work(eal: Eal, name: str, peer):
    worker = f"""
        jobs, done = Channel.lookup("{name}"), Channel.lookup("{name}d")
        say("ready")
        n = 0
        try:
            while True:
                some = jobs.get_many(20)
                n += len(some)
                done.send_many([b"%d" % (int(job) ** 2) for job in some])
        except ClosedError:
            say(n)
        jobs.close(), done.close(), eal.close()
    """
    with Channel.create(name, 256) as jobs, Channel.create(f"{name}d", 256) as done:
        workers = [peer(worker), peer(worker)]
        assert [each.line() for each in workers] == ["ready"] * 2
        got: list[int] = []
        for i in range(0, 5000, 100):
            jobs.send_many([b"%d" % k for k in range(i, i + 100)])
            got += map(int, done.get_many(1000, timeout=0))
        while len(got) < 5000:
            got += map(int, done.get_many(1000, timeout=10))
        jobs.shut()
        shares = [int(each.line()) for each in workers]
        assert [each.end() for each in workers] == [0, 0]
    assert sorted(got) == [k * k for k in range(5000)]
    assert sum(shares) == 5000


def test_a_receiver_in_another_process_sleeps_and_is_woken(eal: Eal, name: str, peer):
    with Channel.create(name) as to, Channel.create(f"{name}r") as back:
        other = peer(f"""
            to, back = Channel.lookup("{name}"), Channel.lookup("{name}r")
            to.spin_us = 0
            say("ready")
            for _ in range(15):
                back.send(to.get())
            start = time.process_time()
            try:
                to.get(timeout=1)
            except TimeoutError:
                say(time.process_time() - start)
            to.close(), back.close(), eal.close()
        """)
        assert other.line() == "ready"
        took = []
        for _ in range(15):
            time.sleep(0.01)
            start = time.monotonic()
            to.send(b"ping")
            assert back.get(timeout=10) == b"ping"
            took.append(time.monotonic() - start)
        assert sorted(took)[7] < 0.03
        assert float(other.line()) < 0.1
        assert other.end() == 0


def test_a_receiver_that_is_killed_loses_only_what_it_held(eal: Eal, name: str, peer):
    """The other one goes on; killed while the messages run."""
    receiver = f"""
        channel, back = Channel.lookup("{name}"), Channel.lookup("{name}r")
        say("ready")
        while True:
            back.send_many(channel.get_many(10))
    """
    with Channel.create(name, 256) as channel, Channel.create(f"{name}r", 1 << 16) as back:
        one, two = peer(receiver), peer(receiver)
        assert [one.line(), two.line()] == ["ready"] * 2
        for i in range(20_000):
            channel.send(b"%d" % i, timeout=10)
            if i == 10_000:
                one.kill()
        got: set[int] = set()
        while some := back.get_many(1000, timeout=1):
            numbers = [int(message) for message in some]
            assert got.isdisjoint(numbers)
            got.update(numbers)
        # what one held: a batch of 10 that it copied out, and had not sent on
        assert len(set(range(20_000)) - got) <= 2 * BATCH
        assert max(got) == 19_999
        assert channel.peers == tuple(sorted((os.getpid(), two.pid)))
        two.kill()
        for each in (channel, back):
            assert each.mempool.in_use_count <= 2 * BATCH
            each.close(force=True)


def test_a_sender_that_is_killed_ends_the_wait_of_the_receiver(eal: Eal, name: str, peer):
    with Channel.create(name, 256) as channel:
        sender = peer(f"""
            channel = Channel.lookup("{name}")
            for i in range(1 << 40):
                channel.send(b"%d" % i)
        """)
        numbers = [int(channel.get(timeout=30)) for _ in range(2000)]
        sender.kill()
        with pytest.raises(PeerDiedError, match="all other processes of it died"):
            while True:
                numbers.append(int(channel.get()))
        assert numbers == list(range(len(numbers)))
        with pytest.raises(TimeoutError):  # said once: now we wait for another
            channel.get(timeout=0.3)
        again = peer(f"""
            channel = Channel.lookup("{name}")
            channel.send(b"again")
            channel.close(), eal.close()
        """)
        assert channel.get(timeout=30) == b"again"
        assert again.end() == 0
        assert channel.mempool.in_use_count <= BATCH
        channel.close(force=True)


def test_a_sender_that_has_room_for_nobody_is_told(eal: Eal, name: str, peer):
    with Channel.create(name, 16) as channel:
        other = peer(f"""
            Channel.lookup("{name}")
            say("ready")
            time.sleep(100)
        """)
        assert other.line() == "ready"
        channel.send_many([b"x"] * 16)
        other.kill()
        with pytest.raises(PeerDiedError):
            channel.send(b"y")
        assert channel.get_many(100) == [b"x"] * 16


def test_the_maker_does_not_free_what_another_uses(eal: Eal, name: str, peer):
    with Channel.create(name) as channel:
        other = peer(f"""
            channel = Channel.lookup("{name}")
            say("ready")
            channel.close() if input() else None
            say("left")
            input()
            eal.close()
        """)
        assert other.line() == "ready"
        with pytest.raises(InUseError, match=f"processes {other.pid} use it"):
            channel.close()
        other.tell("leave")
        assert other.line() == "left"
        other.tell()
        assert other.end() == 0


PRIMARY = """
import os, sys, time, warnings
import pydpdk
from pydpdk import Channel
eal = pydpdk.init(file_prefix=sys.argv[1], hugepages=True, lcores=(0,))
channel = Channel.create("c")
print("ready", flush=True)
channel.send(input().encode())
input()
warnings.simplefilter("ignore")
eal.close(force=True)
"""
SECONDARY = """
channel = Channel.lookup("c")
say(channel.get())
try:
    channel.get()
except (PeerDiedError, ClosedError) as error:
    say(type(error).__name__)
channel.close()
say("closed")
"""


@pytest.mark.parametrize(("end", "error"), [("die", "PeerDiedError"), ("close", "ClosedError")])
def test_the_end_of_the_primary_ends_the_wait_of_a_secondary(tmp_path, end: str, error: str):
    prefix = f"test-{os.getpid()}-{end}"
    options = {"stdout": subprocess.PIPE, "stdin": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", PRIMARY, prefix, end], **options) as primary:
        assert primary.stdout.readline() == "ready\n"
        code = [sys.executable, "-c", PRELUDE + SECONDARY, prefix, "1@0"]
        with subprocess.Popen(code, **options) as secondary:
            print("hello", file=primary.stdin, flush=True)
            assert secondary.stdout.readline() == "b'hello'\n"
            start = time.monotonic()
            if end == "die":
                primary.kill()
            else:
                print(file=primary.stdin, flush=True)
            assert secondary.stdout.readline() == f"{error}\n"
            assert time.monotonic() - start < 5
            assert secondary.stdout.readline() == "closed\n"
            assert secondary.wait(20) in (0, 120)
        primary.wait(20)
    runtime.sweep(prefix)
    assert runtime.leftovers(prefix) == []


def test_by_force_the_memory_stays_for_the_others(eal: Eal, name: str, peer):
    channel = Channel.create(name)
    other = peer(f"""
        channel = Channel.lookup("{name}")
        say("ready")
        input()
        say(channel.get())
        try:
            channel.get()
        except ClosedError as error:
            say("closed")
        channel.close(), eal.close()
    """)
    assert other.line() == "ready"
    channel.send(b"last")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        channel.close(force=True)
    assert f"its memory stays, processes {other.pid} use it" in str(caught[0].message)
    with pytest.raises(ClosedError):
        channel.get()
    other.tell()
    assert [other.line(), other.line()] == ["b'last'", "closed"]
    assert other.end() == 0
    again = Channel.lookup(name)  # the maker frees it, when nobody uses it any more
    for part in (again.ring, again.mempool, again._zone):
        part.owned = True
    again.owned = True
    again.close(force=True)
