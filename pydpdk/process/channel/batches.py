"""Many messages in one call into C, copied from Python's buffers or into new ones."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from pydpdk._core.timeouts import deadline
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range
from pydpdk.process.channel.waiting import NOTHING, SLICE_NS, TOO_LONG, first_ns, persist

if TYPE_CHECKING:
    from pydpdk.process.channel import Channel

T = TypeVar("T")
Lengths: TypeAlias = npt.NDArray[np.uint32]

N_MAX = (1 << 31) - 1
BATCH_MAX = 4096
"""Most messages that one call into C receives."""
_ROOM_BYTES = 1 << 18  # buffer of one call: fits in a core's L2 cache, with space for other data
_KEPT_BYTES = 16 << 20

_send_many, _get_many = lib.pyd_channel_send_many, lib.pyd_channel_get_many
_new, _buffer, _unpack = ffi.new, ffi.from_buffer, ffi.unpack
raw = ffi.new_allocator(should_clear_after_alloc=False)
"""Allocate like `ffi.new`, without clearing the memory."""


class Room:
    """The buffers for one call that receives from a channel of bytes."""

    __slots__ = ("batch", "buffer", "c_lengths", "lengths", "view")

    def __init__(self, message_bytes: int) -> None:
        size = max(message_bytes, _ROOM_BYTES)
        self.buffer = raw("char[]", size)
        self.view = ffi.buffer(self.buffer)
        self.lengths = np.empty(BATCH_MAX, np.uint32)
        self.c_lengths = _buffer("uint32_t[]", self.lengths)
        self.batch = _new("struct pyd_batch *", (self.buffer, self.c_lengths, size, 0, 0, 0))


def keep_pages(size: int) -> None:
    """Let malloc keep the pages of lists of messages that were freed, up to 2 x `size` [bytes].

    bytes of more than 512 bytes come from malloc, and glibc unmaps free memory above twice the
    largest block that it has unmapped before, 128 KiB at first. So the pages of each list were
    unmapped, and faulted in again for the next: more than half of the time of `get_many`.
    """
    raw("char[]", min(size, _KEPT_BYTES))  # freed at once, and never touched


def send_batch(channel: Channel, data: Any, lengths: Any, n: int, timeout: float | None) -> int:
    """Send n messages of one buffer; return how many were sent. No lengths: they are records."""
    check_range("len(messages)", n, 0, N_MAX, " messages")
    c_data = _buffer("char[]", data)
    c_lengths = ffi.NULL if lengths is None else _buffer("uint32_t[]", lengths)
    batch = _new("struct pyd_batch *", (c_data, c_lengths, len(c_data), 0, n, 0))
    went = _send_many(channel._c, batch, SLICE_NS if timeout is None else first_ns(timeout))
    if went == n:
        return n
    if went == TOO_LONG:
        channel._too_long(max(lengths), len(c_data), sum(map(int, lengths)))
    end = deadline(timeout)
    while batch.done < n:
        went = went if went < 0 else NOTHING
        went = persist(channel, went, lambda ns: _send_many(channel._c, batch, ns), end)
        if went == NOTHING:
            break
    return int(batch.done)


def get_batch(
    channel: Channel,
    finish: Callable[[Room, int], T],
    n: int,
    timeout: float | None,
    before: object,
) -> tuple[T, bool]:
    """Receive the messages of one call; wait only if none came before.

    Returns
    -------
    tuple
        The result of `finish`, and whether more messages may be there.
    """
    room = channel._rooms.pop() if channel._rooms else Room(channel.message_bytes)
    batch = room.batch
    batch.n, batch.used, batch.done = min(n, BATCH_MAX), 0, 0
    wait_ns = SLICE_NS if timeout is None else first_ns(timeout)
    k = _get_many(channel._c, batch, 0 if before else wait_ns)
    if k < 0 and not before:
        k = _await(channel, batch, k, timeout)
    k = max(k, 0)
    made = finish(room, k)
    more = 0 < k < n and (k == BATCH_MAX or batch.size - batch.used < channel.message_bytes)
    channel._rooms.append(room)
    return made, more


def get_records(channel: Channel, dtype: np.dtype[Any], n: int, timeout: float | None) -> Any:
    """Wait for a record and receive all that are there, up to n, as an array `dtype[k]`."""
    out = np.empty(min(n, channel.capacity), dtype)
    c_out = _buffer("char[]", out.view(np.uint8), True)
    batch = _new("struct pyd_batch *", (c_out, ffi.NULL, out.nbytes, 0, len(out), 0))
    wait_ns = SLICE_NS if timeout is None else first_ns(timeout)
    k = _get_many(channel._c, batch, wait_ns) if n else 0
    if k < 0:
        k = max(_await(channel, batch, k, timeout), 0)
    return out[:k] if 2 * k > len(out) else out[:k].copy()


def _await(channel: Channel, batch: Any, result: int, timeout: float | None) -> int:
    """Go on with a call that found no message: wait for one, and return how many came."""
    return persist(channel, result, lambda ns: _get_many(channel._c, batch, ns), deadline(timeout))


def bytes_of(message: Any, dtype: np.dtype[Any] | None) -> Any:
    """Return one message as a buffer, or one record as its bytes."""
    if dtype is None:
        return _buffer("char[]", message)
    record = np.asarray(message, dtype)
    if record.size != 1:
        raise ValueError(f"{record.size} records: send takes one, send_many takes more")
    return record.tobytes()


def records_of(records: Any, dtype: np.dtype[Any] | None) -> npt.NDArray[Any]:
    """Return records as a contiguous array `dtype[n]`."""
    array = np.ascontiguousarray(records, dtype)
    if array.ndim != 1:
        raise ValueError(f"records must have one dimension (got the shape {array.shape})")
    return array


def lengths_of(channel: Channel, lengths: npt.ArrayLike) -> Lengths:
    """Return the lengths of messages as a contiguous array, checked to be short enough."""
    each = np.asarray(lengths)
    if each.ndim != 1 or (each.dtype.kind not in "iu" and each.size):
        raise TypeError(f"lengths must be integers[n] (got {each.dtype}, {each.shape})")
    wrong = each[(each < 0) | (each > channel.message_bytes)]
    if len(wrong):
        channel._too_long(int(wrong[0]))
    return np.ascontiguousarray(each, np.uint32)


def pack(messages: Iterable[Any]) -> tuple[bytes, array[int]]:
    """Join buffers into one; return it and the lengths."""
    try:
        data, lengths = b"".join(messages), array("I", map(len, messages))
    except (TypeError, ValueError):
        return pack([bytes(memoryview(message)) for message in messages])
    return data, lengths


def packed(room: Room, k: int) -> tuple[bytes, Lengths]:
    """Return the messages as contiguous bytes, and their lengths."""
    return _unpack(room.buffer, room.batch.used), room.lengths[:k].copy()


def split(room: Room, k: int) -> list[bytes]:
    """Split the buffer into messages; if all have one length at once, which is 6 times as fast."""
    view, lengths = room.view, _unpack(room.c_lengths, k)
    if k > 4 and lengths[0] and lengths.count(lengths[0]) == k:
        same: list[bytes] = np.frombuffer(view, f"V{lengths[0]}", k).tolist()
        return same
    ends = [*accumulate(lengths)]
    return [view[a:b] for a, b in zip([0, *ends], ends, strict=False)]
