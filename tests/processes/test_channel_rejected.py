"""Channels within one process: what they reject, and with which message."""

import os

import pytest

from pydpdk import (
    Channel,
    ClosedError,
    Eal,
    InUseError,
    NameTakenError,
    NoRoomError,
    NotFoundError,
)
from pydpdk.process import Message


def test_a_too_long_message_raises_and_nothing_is_sent(channel: Channel):
    allowed = r"a message of <Channel .*> must be 0\.\.1000 bytes \(got 1001\)"
    with pytest.raises(ValueError, match=allowed):
        channel.send(bytes(1001))
    with pytest.raises(ValueError, match=allowed):
        channel.send_many([b"good", bytes(1001)])
    with pytest.raises(ValueError, match=allowed):
        channel.send_packed(bytes(1001), [1001])
    with pytest.raises(ValueError, match="together 9 bytes, the data has 10"):
        channel.send_packed(bytes(10), [4, 5])
    with pytest.raises(ValueError, match=r"must be 0\.\.1000 bytes \(got -1\)"):
        channel.send_packed(bytes(10), [-1, 11])
    assert len(channel) == 0


@pytest.mark.parametrize("wrong", ["text", 5, None, object(), ["x"], 1.5])
def test_a_non_message_raises(channel: Channel, wrong: object):
    with pytest.raises(TypeError):
        channel.send(wrong)
    with pytest.raises(TypeError):
        channel.send_many([wrong])
    with pytest.raises(TypeError):
        channel.tx(wrong)  # type: ignore[arg-type]
    assert len(channel) == 0


@pytest.mark.parametrize("wrong", [-1, float("nan"), "1", True])
def test_a_wrong_timeout_raises(channel: Channel, wrong: object):
    with pytest.raises((TypeError, ValueError), match="timeout must be"):
        channel.get(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, r"size must be 1\.\.16777216 messages \(got 0\)"),
        ({"message_bytes": 0}, r"message_bytes must be 1\.\.4182016 bytes \(got 0\)"),
        ({"message_bytes": 4182017}, r"message_bytes must be 1\.\.4182016 bytes \(got 4182017\)"),
        (
            {"message_bytes": 6400, "segment_bytes": 99},
            r"must be 100\.\.65344 bytes \(got 99\)",
        ),
        ({"message_bytes": 8, "dtype": "u8"}, "message_bytes or dtype, not both"),
    ],
)
def test_invalid_channel_options_raise(eal: Eal, name: str, options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Channel.create(name, **options)


def test_names(eal: Eal, name: str):
    with pytest.raises(ValueError, match=r"1\.\.21 printable"):
        Channel.create("x" * 22)
    with pytest.raises(NotFoundError):
        Channel.lookup(name)
    with Channel.create("y" * 21) as channel:
        with pytest.raises(NameTakenError):
            Channel.create("y" * 21)
        assert channel.peers == (os.getpid(),)


def test_a_channel_that_does_not_fit_leaves_nothing(eal: Eal, name: str):
    with pytest.raises(NoRoomError):
        Channel.create(name, 1 << 20, message_bytes=4_000_000)
    with Channel.create(name) as channel:
        channel.send(b"x")
        assert channel.get() == b"x"


def test_close_says_what_would_be_lost(channel: Channel):
    channel.send_many([b"x"] * 3)
    with pytest.raises(InUseError, match="3 messages are in it"):
        channel.close()
    message = channel.receive()
    assert isinstance(message, Message)
    with pytest.raises(InUseError, match="1 messages are received or reserved and not given back"):
        channel.close()
    message.release()
    assert len(channel.get_many(5)) == 2


def test_the_ring_and_the_pool_of_a_channel_do_not_close_alone(channel: Channel):
    with pytest.raises(OSError, match="EBUSY"):
        channel.ring.close(force=True)
    channel.send(b"still")
    assert channel.get() == b"still"


def test_a_forked_child_cannot_use_the_channel(channel: Channel):
    pid = os.fork()
    if pid == 0:
        try:
            channel.get(timeout=0)
        except ClosedError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
