"""Tables of places for processes: places of dead ones are reused, at once or by recovery."""

from __future__ import annotations

import os
import threading

import pytest

from pydpdk import Channel, Eal
from pydpdk._dpdk import lib
from pydpdk.process.channel import waiting
from pydpdk.process.recover import recover

pytestmark = pytest.mark.hugepages
DEAD = 2**22 - 2
"""A PID that no process has: the kernel assigns the lower ones first."""


@pytest.fixture
def channel(eal: Eal, name: str):
    with Channel.create(name, 64) as made:
        yield made


def fill(channel: Channel, pid: int, started: int) -> None:
    """Fill all free places in the name of a process."""
    while lib.pyd_channel_join(channel._c, pid, started) >= 0:
        pass


def places(channel: Channel) -> list[tuple[int, int]]:
    return waiting.places(channel._look())


def free(channel: Channel, pid: int, started: int) -> None:
    while lib.pyd_channel_remove(channel._c, pid, started) == 1:
        pass


def test_a_new_process_takes_the_place_of_a_dead_one(channel: Channel, peer):
    fill(channel, DEAD, 1)
    fill(channel, os.getpid(), 1)  # a PID that another process has now
    assert len(places(channel)) == lib.PYD_CHANNEL_PEERS
    other = peer(f"""
        channel = Channel.lookup("{channel.name}")
        say(channel.get())
        channel.close(), eal.close()
    """)
    channel.send(b"there")
    assert other.line() == "b'there'"
    other.end()
    assert places(channel) == [channel._me]


def test_places_of_the_living_are_not_taken(channel: Channel, peer):
    fill(channel, *channel._me)
    other = peer(f"""
        try:
            Channel.lookup("{channel.name}")
        except pydpdk.NoRoomError as error:
            say(error)
        eal.close()
    """)
    assert "16 processes" in other.line()
    other.end()
    free(channel, *channel._me)
    assert lib.pyd_channel_join(channel._c, *channel._me) == 0


def test_recovery_frees_the_places_of_the_dead(eal: Eal, channel: Channel, peer):
    """None of our calls waits in the channel, so only recovery would look."""
    notified = threading.Event()
    forget = eal.on_process_death(lambda death: notified.set())
    other = peer(f"""
        channel = Channel.lookup("{channel.name}")
        say("ready")
        channel.get()
    """)
    assert other.line() == "ready"
    assert len(places(channel)) == 2
    other.kill()
    assert notified.wait(60)
    forget()
    assert places(channel) == [channel._me]


def test_recovery_checks_all_channels(eal: Eal, channel: Channel, name: str):
    with Channel.create(f"{name}2", 64) as second:
        fill(channel, DEAD, 1)
        fill(second, DEAD, 1)
        assert not recover()
        assert places(channel) == [channel._me]
        assert places(second) == [second._me]
        assert channel._look().deaths == lib.PYD_CHANNEL_PEERS - 1


def test_recovery_does_not_disturb_processes_that_come_and_go(eal: Eal, channel: Channel):
    """It never takes a new one for dead: its PID and start time are written in one operation."""
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            assert lib.pyd_channels_remove() == 0

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(1000):
            free(channel, *channel._me)
            fill(channel, *channel._me)
    finally:
        done.set()
        looking.join()
    free(channel, *channel._me)
    assert lib.pyd_channel_join(channel._c, *channel._me) == 0
