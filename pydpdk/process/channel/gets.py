"""Copy messages out of a channel: one or many, bytes or records."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np

from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range
from pydpdk.process.channel.sends import Sends
from pydpdk.process.channel.waiting import N_MAX, NOTHING, SLICE_NS, Lengths, deadline

T = TypeVar("T")

BATCH_MAX = 4096
"""Most messages that one call into C receives."""
_ROOM_BYTES = 1 << 18  # buffer of one call: fits in a core's L2 cache, with space for other data

_get, _get_many = lib.pyd_channel_get, lib.pyd_channel_get_many
_new, _buffer, _unpack = ffi.new, ffi.from_buffer, ffi.unpack
_raw = ffi.new_allocator(should_clear_after_alloc=False)


class _Room:
    """The buffers for one call that receives from a channel of bytes."""

    __slots__ = ("batch", "buffer", "c_lengths", "lengths")

    def __init__(self, message_bytes: int) -> None:
        size = max(message_bytes, _ROOM_BYTES)
        self.buffer = _raw("char[]", size)
        self.lengths = np.empty(BATCH_MAX, np.uint32)
        self.c_lengths = _buffer("uint32_t[]", self.lengths)
        self.batch = _new("struct pyd_batch *", (self.buffer, self.c_lengths, size, 0, 0, 0))


class Gets(Sends):
    """The calls of a channel that copy messages out of it."""

    size: int

    def __init__(self, name: str, handle: Any, gate: Any, *, address: int, owned: bool) -> None:
        self._buffers: list[Any] = []  # one per thread that was inside `get` at the same time
        self._rooms: list[_Room] = []
        super().__init__(name, handle, gate, address=address, owned=owned)

    def get(self, timeout: float | None = None) -> Any:
        """Receive one message: bytes, or a record from a channel of records.

        Parameters
        ----------
        timeout
            [s] to wait for it; None: without limit.

        Raises
        ------
        TimeoutError
            No message came in that time.
        ClosedError, PeerDiedError
            No message will come: the channel is empty, and it was shut or its peers died.

        Notes
        -----
        Wraps  rte_ring_dequeue_burst_elem (rte_ring_elem.h)
        """
        try:
            buffer = self._buffers.pop()
        except IndexError:
            buffer = _raw("char[]", self.message_bytes)
        n = _get(self._c, buffer, SLICE_NS if timeout is None else 0)
        if n < 0:
            end = deadline(timeout)
            n = self._persist(n, lambda ns: int(_get(self._c, buffer, ns)), end)
            if n == NOTHING:
                raise TimeoutError(f"{self!r}: no message in {timeout} s")
        data = _unpack(buffer, n)
        self._buffers.append(buffer)
        return data if self.dtype is None else np.frombuffer(data, self.dtype)[0]

    def get_many(self, n: int, timeout: float | None = None) -> Any:
        """Wait for a message and receive all that are there, up to n.

        Parameters
        ----------
        n
            [messages] at most; never more than `size`, however fast other processes send.
        timeout
            [s] to wait for the first; None: without limit.

        Returns
        -------
        list of bytes, or dtype[k]
            An array from a channel of records. Empty if no message came in time.

        Raises
        ------
        ClosedError, PeerDiedError
            As in `get`.

        Notes
        -----
        Cost  one call into C for up to 4,096 messages
        """
        wanted = check_range("n", n, 0, N_MAX, " messages")
        if self.dtype is not None:
            return self._get_records(self.dtype, wanted, timeout)
        wanted = min(wanted, self.size)
        messages, more = self._get_some(_messages, wanted, timeout, ())
        while more:
            some, more = self._get_some(_messages, wanted - len(messages), timeout, messages)
            messages += some  # in place: a new list for each call took most of the time
        return messages

    def get_packed(self, n: int, timeout: float | None = None) -> tuple[bytes, Lengths]:
        """Receive like `get_many`: all messages as contiguous bytes, and uint32[k] lengths.

        Notes
        -----
        Cost  no Python object per message
        """
        self._require_bytes()
        wanted = min(check_range("n", n, 0, N_MAX, " messages"), self.size)
        parts: list[bytes] = []
        counts: list[Lengths] = []
        k, more = 0, True
        while more:
            (data, lengths), more = self._get_some(_packed, wanted - k, timeout, parts)
            parts.append(data)
            counts.append(lengths)
            k += len(lengths)
        return (data, lengths) if len(parts) == 1 else (b"".join(parts), np.concatenate(counts))

    def _get_some(
        self, finish: Callable[[_Room, int], T], n: int, timeout: float | None, before: object
    ) -> tuple[T, bool]:
        """Receive the messages of one call; wait only if none came before.

        Returns
        -------
        tuple
            The result of `finish`, and whether more messages may be there.
        """
        room = self._rooms.pop() if self._rooms else _Room(self.message_bytes)
        batch = room.batch
        batch.n, batch.used, batch.done = min(n, BATCH_MAX), 0, 0
        k = _get_many(self._c, batch, 0 if before or timeout is not None else SLICE_NS)
        if k < 0 and not before:
            end = deadline(timeout)
            k = self._persist(k, lambda ns: int(_get_many(self._c, batch, ns)), end)
        k = max(k, 0)
        made = finish(room, k)
        more = 0 < k < n and (k == BATCH_MAX or batch.size - batch.used < self.message_bytes)
        self._rooms.append(room)
        return made, more

    def _get_records(self, dtype: np.dtype[Any], n: int, timeout: float | None) -> Any:
        out = np.empty(min(n, self.size), dtype)
        c_out = _buffer("char[]", out.view(np.uint8), True)
        batch = _new("struct pyd_batch *", (c_out, ffi.NULL, out.nbytes, 0, len(out), 0))
        k = _get_many(self._c, batch, SLICE_NS if timeout is None else 0) if n else 0
        if k < 0:
            end = deadline(timeout)
            k = max(self._persist(k, lambda ns: int(_get_many(self._c, batch, ns)), end), 0)
        return out[:k] if 2 * k > len(out) else out[:k].copy()


def _packed(room: _Room, k: int) -> tuple[bytes, Lengths]:
    return _unpack(room.buffer, room.batch.used), room.lengths[:k].copy()


def _messages(room: _Room, k: int) -> list[bytes]:
    """Split the buffer into messages; if all have one length at once, which is 6 times as fast."""
    data, lengths = _unpack(room.buffer, room.batch.used), _unpack(room.c_lengths, k)
    if k > 4 and lengths[0] and lengths.count(lengths[0]) == k:
        same: list[bytes] = np.frombuffer(data, f"V{lengths[0]}").tolist()
        return same
    ends = [*accumulate(lengths)]
    return [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
