"""Channels of the sweep, with a message in each, and good arguments for their methods."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from operator import attrgetter as attribute
from typing import Any

from sweep_names import name

import pydpdk
from pydpdk import Channel


def same(value: Any) -> Callable[[Any], Any]:
    return lambda h: value


def ended(thing: Any) -> Any:
    """Shut a channel, so that a loop over it ends; return what it got."""
    if isinstance(thing, Channel):
        thing.shut()
    return thing


class Channels:
    """The channels of a `Fixtures`."""

    _made: dict[str, Any]
    keep: Callable[[str, Callable[[], Any]], Any]

    def _channel(self, key: str, message: Any, **options: Any) -> Channel:
        channel = self._made.get(key)
        if channel is not None and not channel.closed and channel.was_shut:
            channel.close(force=True)
        channel = self.keep(key, lambda: Channel.create(name(), 16, **options))
        if not len(channel):
            channel.send(message)
        return channel

    @property
    def channel(self) -> Channel:
        """A channel with a message in it."""
        return self._channel("channel", b"message", message_bytes=100, segment_bytes=64)

    @property
    def empty(self) -> Channel:
        """A channel that may be closed."""
        self._empty(self.channel)
        return self._made["channel"]

    @property
    def shut(self) -> Channel:
        """A channel with a message in it and no more to come: a loop over it ends."""
        return ended(self.channel)

    @property
    def records(self) -> Channel:
        """A channel with a record in it."""
        return self._channel("records", (1, b"x"), dtype=[("id", "u4"), ("text", "S20")])

    def _empty(self, channel: Channel) -> None:
        for message in list(channel._messages):
            message.release()
        with contextlib.suppress(pydpdk.ClosedError):
            channel.get_many(100, timeout=0)


GOOD: dict[str, Callable[[Any], Any]] = {
    "process.channel.Channel.create.segment_bytes": same(2048),
    "process.channel.Channel.create.dtype": same(None),
    "process.channel.Channel.create.size": same(16),
    "process.channel.Channel.lookup.name": attribute("channel.name"),
    "process.channel.Channel.send_many.messages": same([b"one", b"two"]),
    "process.channel.Channel.send_packed.data": same(b"abc"),
    "process.channel.Channel.send_packed.lengths": same([1, 2]),
    "process.channel.Channel.send.message": same(b"one"),
    "process.channel.Channel.tx.burst": attribute("other"),
    "process.channel.Channel.rx.burst": attribute("burst"),
    "process.channel.Channel.reserve.length": same(20),
    "process.channel.Channel.send.timeout": same(0.001),
    "process.channel.Channel.send_many.timeout": same(0.001),
    "process.channel.Channel.send_packed.timeout": same(0.001),
    "process.channel.Channel.get.timeout": same(0.001),
    "process.channel.Channel.get_many.timeout": same(0.001),
    "process.channel.Channel.get_packed.timeout": same(0.001),
    "process.channel.Channel.receive.timeout": same(0.001),
    "process.channel.Channel.reserve.timeout": same(0.001),
    "process.channel.Channel.tx.timeout": same(0.001),
    "process.channel.Channel.rx.timeout": same(0.001),
}
