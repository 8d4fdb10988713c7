"""Mbuf chains against a model that consists only of lists of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import pydpdk
from pydpdk import Burst, Mbuf, Mempool

SIZE, ROOM, HEADROOM = 12, 96, 128
EXAMPLES = 300
STEPS = 50

pick = st.integers(0, SIZE - 1)
data = st.binary(max_size=40)


class Buffer:
    """The memory of one segment, and how many share it."""

    def __init__(self) -> None:
        self.bytes = bytearray(HEADROOM + ROOM)
        self.seen = 0


class Segment:
    """A window on a buffer."""

    def __init__(self, buffer: Buffer, start: int, end: int) -> None:
        self.buffer, self.start, self.end = buffer, start, end
        buffer.seen += 1

    def __bytes__(self) -> bytes:
        return bytes(self.buffer.bytes[self.start : self.end])

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def shared(self) -> bool:
        return self.buffer.seen > 1

    @classmethod
    def of(cls, content: bytes) -> Segment:
        made = cls(Buffer(), HEADROOM, HEADROOM + len(content))
        made.buffer.bytes[HEADROOM : made.end] = content
        return made


Packet = list[Segment]


def cut(content: bytes) -> Packet:
    """Fill segment after segment, at least one."""
    parts = [content[i : i + ROOM] for i in range(0, len(content), ROOM)] or [b""]
    return [Segment.of(part) for part in parts]


def whole(packet: Packet) -> bytes:
    return b"".join(map(bytes, packet))


def release(packet: Packet) -> None:
    for segment in packet:
        segment.buffer.seen -= 1


class Chains(RuleBasedStateMachine):
    """One burst, one pool, and a list of what its packets should be."""

    pool: Mempool
    burst: Burst
    spare: Burst
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.model: list[Packet] = []

    def teardown(self) -> None:
        self.burst.free()
        assert self.pool.in_use_count == 0

    def at(self, i: int) -> tuple[Mbuf, Packet]:
        i %= len(self.model)
        return self.burst.mbuf(i), self.model[i]

    @rule(contents=st.lists(st.binary(max_size=3 * ROOM), min_size=1, max_size=4))
    def fresh(self, contents: list[bytes]) -> None:
        self.burst.free()
        for packet in self.model:
            release(packet)
        self.burst.alloc(self.pool, len(contents))
        self.burst.fill(contents)
        self.model = [cut(content) for content in contents]

    @precondition(lambda self: self.model)
    @rule(i=pick, content=data)
    def append(self, i: int, content: bytes) -> None:
        mbuf, packet = self.at(i)
        last = packet[-1]
        if last.shared or last.end + len(content) > HEADROOM + ROOM:
            with pytest.raises(pydpdk.DpdkError):
                mbuf.append(content)
            return
        mbuf.append(content)
        last.buffer.bytes[last.end : last.end + len(content)] = content
        last.end += len(content)

    @precondition(lambda self: self.model)
    @rule(i=pick, content=data)
    def prepend(self, i: int, content: bytes) -> None:
        mbuf, packet = self.at(i)
        first = packet[0]
        if first.shared or first.start < len(content):
            with pytest.raises(pydpdk.DpdkError):
                mbuf.prepend(content)
            return
        mbuf.prepend(content)
        first.start -= len(content)
        first.buffer.bytes[first.start : first.start + len(content)] = content

    @precondition(lambda self: self.model)
    @rule(i=pick, n=st.integers(0, 60), front=st.booleans())
    def shorten(self, i: int, n: int, front: bool) -> None:
        mbuf, packet = self.at(i)
        segment = packet[0 if front else -1]
        change = mbuf.adj if front else mbuf.trim
        if n > len(segment):
            with pytest.raises(pydpdk.NoRoomError):
                change(n)
            return
        change(n)
        if front:
            segment.start += n
        else:
            segment.end -= n

    @precondition(lambda self: len(self.model) > 1)
    @rule(i=pick, j=pick)
    def chain(self, i: int, j: int) -> None:
        i, j = i % len(self.model), j % len(self.model)
        if i == j:
            return
        mbuf = self.burst.mbuf(i)
        mbuf.chain(self.burst.mbuf(j))
        self.model[i] += self.model[j]
        expected = whole(self.model[i])
        del self.model[j]
        assert bytes(mbuf) == expected

    @precondition(lambda self: 0 < len(self.model) < SIZE)
    @rule(i=pick)
    def clone(self, i: int) -> None:
        mbuf, packet = self.at(i)
        mbuf.clone(self.pool, self.burst)
        self.model.append([Segment(s.buffer, s.start, s.end) for s in packet])

    @precondition(lambda self: 0 < len(self.model) < SIZE)
    @rule(i=pick, offset=st.integers(0, 100), length=st.integers(1, 300))
    def copy(self, i: int, offset: int, length: int) -> None:
        mbuf, packet = self.at(i)
        content = whole(packet)[offset:][:length]
        if not content:
            with pytest.raises(ValueError, match="offset"):
                mbuf.copy(self.pool, self.burst, offset=offset, length=length)
            return
        mbuf.copy(self.pool, self.burst, offset=offset, length=length)
        self.model.append(cut(content))

    @precondition(lambda self: self.model)
    @rule(i=pick)
    def linearize(self, i: int) -> None:
        mbuf, packet = self.at(i)
        first, rest = packet[0], whole(packet[1:])
        if len(packet) > 1 and (first.shared or first.end + len(rest) > HEADROOM + ROOM):
            with pytest.raises(pydpdk.DpdkError):
                mbuf.linearize()
            return
        mbuf.linearize()
        first.buffer.bytes[first.end : first.end + len(rest)] = rest
        first.end += len(rest)
        release(packet[1:])
        del packet[1:]

    @precondition(lambda self: self.model)
    @rule(i=pick, offset=st.integers(0, 300), length=st.integers(0, 300))
    def read(self, i: int, offset: int, length: int) -> None:
        mbuf, packet = self.at(i)
        content = whole(packet)
        if offset + length > len(content):
            with pytest.raises(ValueError, match="must"):
                mbuf.read(offset, length)
        else:
            assert mbuf.read(offset, length) == content[offset : offset + length]

    @precondition(lambda self: self.model)
    @rule(i=pick, k=pick, value=st.integers(0, 255))
    def write(self, i: int, k: int, value: int) -> None:
        mbuf, packet = self.at(i)
        segment = packet[k % len(packet)]
        view = mbuf.segments[k % len(packet)]
        assert view.flags.writeable is not segment.shared
        if len(segment) and not segment.shared:
            view[0] = value
            segment.buffer.bytes[segment.start] = value

    @precondition(lambda self: self.model)
    @rule(kind=st.sampled_from(["clone", "copy"]))
    def whole_burst(self, kind: str) -> None:
        if kind == "copy" and not all(map(whole, self.model)):
            with pytest.raises(ValueError, match="offset"):
                self.burst.copy(self.pool, self.spare)
            return
        getattr(self.burst, kind)(self.pool, self.spare)
        assert [self.spare.bytes(i) for i in range(len(self.spare))] == list(map(whole, self.model))
        self.spare.free()

    @invariant()
    def same(self) -> None:
        type(self).steps += 1
        assert len(self.burst) == len(self.model)
        for i, packet in enumerate(self.model):
            mbuf = self.burst.mbuf(i)
            assert [view.tobytes() for view in mbuf.segments] == list(map(bytes, packet))
            assert bytes(mbuf) == whole(packet)
            assert (mbuf.nb_segs, mbuf.check()) == (len(packet), None)


@pytest.fixture
def machine(eal: object, name: str) -> Iterator[Any]:
    room = HEADROOM + ROOM
    with (
        Mempool.create(name, 4095, cache_size=0, data_room_size=room) as pool,
        Burst(SIZE) as burst,
        Burst(SIZE) as spare,
    ):
        Chains.pool, Chains.burst, Chains.spare, Chains.steps = pool, burst, spare, 0
        yield Chains


def test_chains_match_the_model(machine: Any):
    """At least 10,000 steps without a difference, and the pool is full at the end."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), derandomize=True,
        ),
    )  # fmt: skip
    assert machine.steps >= 10_000
    assert machine.pool.in_use_count == 0
