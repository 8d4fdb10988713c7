"""Calls of channels, each with one argument open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydpdk import Burst, Channel

Call = Callable[[Any], Any]


class Channels:
    """One of bytes in segments, one of records, and one that is closed."""

    def __init__(self) -> None:
        self.bytes = Channel.create("bytes", 16, message_bytes=100, segment_bytes=64)
        self.records = Channel.create("records", 16, dtype=[("id", "u4"), ("data", "u1", 20)])
        self.gone = Channel.create("gone", 16)
        self.gone.close()

    def __iter__(self) -> Iterator[Channel]:
        return iter((self.bytes, self.records, self.gone))

    def tidy(self) -> None:
        for channel in (self.bytes, self.records):
            for message in list(channel._messages):
                message.release()
            channel.get_many(100, timeout=0)


def channel_calls(channels: Channels, burst: Burst, names: Iterator[str]) -> Iterator[tuple]:
    yield "Channel.create name", lambda v: Channel.create(v, 4)
    yield "Channel.create size", lambda v: Channel.create(next(names), _few(v))
    for key in ("message_bytes", "segment_bytes", "dtype", "socket_id"):
        yield f"Channel.create {key}", lambda v, k=key: Channel.create(next(names), 4, **{k: v})
    yield "Channel.lookup", Channel.lookup
    for channel in channels:
        yield from _calls(channel, burst)


def _calls(channel: Channel, burst: Burst) -> Iterator[tuple[str, Call]]:
    said = repr(channel)
    for method in ("send", "send_many", "tx"):
        yield f"{method} of {said}", lambda v, m=method: getattr(channel, m)(v, timeout=0)
    yield f"send_many item of {said}", lambda v: channel.send_many([b"good", v], timeout=0)
    yield f"send_packed of {said}", lambda v: channel.send_packed(v, [1, 2], timeout=0)
    yield f"send_packed lengths of {said}", lambda v: channel.send_packed(b"abc", v, timeout=0)
    yield f"send_packed length of {said}", lambda v: channel.send_packed(b"abc", [1, v], timeout=0)
    for method in ("get_many", "get_packed"):
        yield f"{method} of {said}", lambda v, m=method: getattr(channel, m)(v, timeout=0)
    for method in ("get", "receive"):
        yield (
            f"{method} timeout of {said}",
            lambda v, m=method: v is None or getattr(channel, m)(min(v, 0.01)),
        )
    yield f"rx of {said}", lambda v: channel.rx(v, timeout=0)
    yield f"rx n of {said}", lambda v: channel.rx(burst, n=v, timeout=0)
    yield f"reserve of {said}", channel.reserve
    yield f"spin_us of {said}", lambda v: setattr(channel, "spin_us", v)


def _few(n: Any) -> Any:
    """Not all the memory of the machine."""
    return n if not isinstance(n, int) or not 1 << 14 < n < 1 << 31 else 1 << 31
