"""Tables of places for processes: what the dead had is had by others, at once or by recovery."""

from __future__ import annotations

import os
import threading

import pytest

from pydpdk import Channel, Eal
from pydpdk._dpdk import lib
from pydpdk.process.channel.waiting import _places
from pydpdk.process.recover import recover

pytestmark = pytest.mark.hugepages
DEAD = 2**22 - 2
"""A PID that no process has: the kernel gives the lower ones first."""


@pytest.fixture
def channel(eal: Eal, name: str):
    with Channel.create(name, 64) as made:
        yield made


def fill(channel: Channel, pid: int, started: int) -> None:
    """Take all places that are free, as of a process."""
    while lib.pyd_channel_join(channel._c, pid, started) >= 0:
        pass


def places(channel: Channel) -> list[tuple[int, int]]:
    return _places(channel._look())


def free(channel: Channel, pid: int, started: int) -> None:
    while lib.pyd_channel_remove(channel._c, pid, started) == 1:
        pass


def test_who_comes_takes_the_place_of_one_that_died(channel: Channel, peer):
    fill(channel, DEAD, 1)
    fill(channel, os.getpid(), 1)  # a number that another process has now
    assert len(places(channel)) == lib.PYD_CHANNEL_PEERS
    other = peer(f"""
        channel = Channel.lookup("{channel.name}")
        say(channel.get())
        channel.close(), eal.close()
    """)
    channel.send(b"there")
    assert other.line() == "b'there'"
    assert other.end() == 0
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
    assert other.end() == 0
    free(channel, *channel._me)
    assert lib.pyd_channel_join(channel._c, *channel._me) == 0


def test_recovery_frees_the_places_of_the_dead(eal: Eal, channel: Channel, peer):
    """No call of ours waits in the channel, so nobody else would look."""
    told = threading.Event()
    forget = eal.on_process_death(lambda death: told.set())
    other = peer(f"""
        channel = Channel.lookup("{channel.name}")
        say("ready")
        channel.get()
    """)
    assert other.line() == "ready"
    assert len(places(channel)) == 2
    other.kill()
    assert told.wait(30)
    forget()
    assert places(channel) == [channel._me]


def test_recovery_looks_at_all_channels(eal: Eal, channel: Channel, name: str):
    with Channel.create(f"{name}2", 64) as second:
        fill(channel, DEAD, 1)
        fill(second, DEAD, 1)
        assert not recover()
        assert places(channel) == [channel._me]
        assert places(second) == [second._me]
        assert channel._look().deaths == lib.PYD_CHANNEL_PEERS - 1


def test_places_come_and_go_while_recovery_looks(eal: Eal, channel: Channel):
    """It never takes one that is just coming for dead: number and start are written at once."""
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
