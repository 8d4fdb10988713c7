"""Channels between two and three processes, and what happens when one of them dies."""

import os

import pytest
from waiting import LIMIT, until

from pydpdk import Channel, Eal, InUseError, PeerDiedError

pytestmark = pytest.mark.hugepages

BATCH = 64  # most messages that a call holds while it copies


def test_another_process_echoes_every_length(eal: Eal, name: str, peer):
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
            assert back.get(timeout=LIMIT) == message
        messages = [os.urandom(n) for n in range(701)]
        got: list[bytes] = []
        for i in range(0, 701, 40):
            to.send_many(messages[i : i + 40])
            got += back.get_many(100, timeout=LIMIT)
        while len(got) < 701:
            got += back.get_many(100, timeout=LIMIT)
        assert got == messages
        to.shut()
        assert "was shut" in echo.line()
        echo.end()
        assert to.peers == (os.getpid(),)
        assert to.mempool.in_use_count == back.mempool.in_use_count == 0


def test_records_from_another_process_are_received(eal: Eal, name: str, peer):
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
        got = [channel.get(timeout=LIMIT) for _ in range(51)]
        assert [int(record["id"]) for record in got[:50]] == list(range(50))
        assert got[50]["x"] == 0.5
        other.end()


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
            got += map(int, done.get_many(1000, timeout=LIMIT))
        jobs.shut()
        shares = [int(each.line()) for each in workers]
        for each in workers:
            each.end()
    assert sorted(got) == [k * k for k in range(5000)]
    assert sum(shares) == 5000


def test_a_receiver_in_another_process_sleeps_and_is_woken(eal: Eal, name: str, peer):
    """By its wakeup only: it does not ask again every 100 ms, as waits do."""
    with Channel.create(name) as to, Channel.create(f"{name}r") as back:
        other = peer(f"""
            from pydpdk.process import channel as channels
            channels.SLICE_NS = channels.waiting.SLICE_NS = 10**12
            to, back = Channel.lookup("{name}"), Channel.lookup("{name}r")
            to.spin_us = 0
            for _ in range(15):
                back.send(to.get())
            start = time.thread_time()
            try:
                to.get(timeout=1)
            except TimeoutError:
                say(time.thread_time() - start)
            to.close(), back.close(), eal.close()
        """)
        for i in range(15):
            until(lambda: to._look().filled % 2)
            to.send(b"%d" % i)
            assert back.get(timeout=LIMIT) == b"%d" % i
        assert float(other.line()) < 0.5
        other.end()


def test_a_receiver_that_is_killed_loses_only_what_it_held(eal: Eal, name: str, peer):
    """Killed while messages run: the other receiver goes on."""
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
            channel.send(b"%d" % i, timeout=LIMIT)
            if i == 10_000:
                one.kill()
        got: set[int] = set()
        while 19_999 not in got:  # what the other one sent before has come by then
            numbers = [int(message) for message in back.get_many(1000, timeout=LIMIT)]
            assert numbers
            assert got.isdisjoint(numbers)
            got.update(numbers)
        # what one held: a batch of 10 that it copied out but did not send on
        assert len(set(range(20_000)) - got) <= 2 * BATCH
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
        numbers = [int(channel.get(timeout=LIMIT)) for _ in range(2000)]
        sender.kill()
        with pytest.raises(PeerDiedError, match="all other processes of it died"):
            while True:
                numbers.append(int(channel.get()))
        assert numbers == list(range(len(numbers)))
        with pytest.raises(TimeoutError):  # raised once: now it waits for another process
            channel.get(timeout=0.3)
        again = peer(f"""
            channel = Channel.lookup("{name}")
            channel.send(b"again")
            channel.close(), eal.close()
        """)
        assert channel.get(timeout=LIMIT) == b"again"
        again.end()
        assert channel.mempool.in_use_count <= BATCH
        channel.close(force=True)


def test_a_sender_of_a_full_channel_learns_of_the_death_of_its_receiver(eal: Eal, name: str, peer):
    with Channel.create(name, 16) as channel:
        other = peer(f"""
            Channel.lookup("{name}")
            say("ready")
            wait()
        """)
        assert other.line() == "ready"
        channel.send_many([b"x"] * 16)
        other.kill()
        with pytest.raises(PeerDiedError):
            channel.send(b"y")
        assert channel.get_many(100) == [b"x"] * 16


def test_the_maker_does_not_free_a_channel_in_use(eal: Eal, name: str, peer):
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
        other.write("leave")
        assert other.line() == "left"
        other.write()
        other.end()


def test_a_channel_that_is_looked_up_and_forgotten_is_found_again(second, name: str) -> None:
    """A process has one of 16 places until it closes the channel: no lookup takes a second one."""
    with Channel.create(name, 8) as channel:
        other = second(f"""
            from pydpdk import Channel
            with pydpdk.attach(PREFIX):
                for _ in range(20):
                    Channel.lookup({name!r}).send(b"x", timeout=60)
                    Channel.lookup({name!r}).get(timeout=60)
                print(len(Channel.lookup({name!r}).peers))
        """)
        assert other.end() == "2\n"
        assert channel.peers == (os.getpid(),)
