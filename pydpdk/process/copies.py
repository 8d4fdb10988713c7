"""Messages copied into a channel and out of it: one or many, bytes or records."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range
from pydpdk.process.waiting import NOTHING, SLICE_NS, Waiting, deadline

Lengths: TypeAlias = npt.NDArray[np.uint32]

BATCH_MAX = 4096
"""Messages that one crossing takes out."""
N_MAX = (1 << 31) - 1
_ROOM_BYTES = 1 << 18  # of one crossing: what a core's second cache holds beside other things

_send, _get = lib.pyd_channel_send, lib.pyd_channel_get
_send_many, _get_many = lib.pyd_channel_send_many, lib.pyd_channel_get_many
_new, _buffer, _unpack = ffi.new, ffi.from_buffer, ffi.unpack
_raw = ffi.new_allocator(should_clear_after_alloc=False)
_TOO_LONG = -errno.EMSGSIZE


class _Room:
    """Where one crossing puts what it takes out of a channel of bytes."""

    __slots__ = ("batch", "buffer", "c_lengths", "lengths")

    def __init__(self, message_bytes: int) -> None:
        size = max(message_bytes, _ROOM_BYTES)
        self.buffer = _raw("char[]", size)
        self.lengths = np.empty(BATCH_MAX, np.uint32)
        self.c_lengths = _buffer("uint32_t[]", self.lengths)
        self.batch = _new("struct pyd_batch *", (self.buffer, self.c_lengths, size, 0, 0, 0))


class Copies(Waiting):
    """What a channel does with messages that are copied."""

    dtype: np.dtype[Any] | None
    message_bytes: int
    size: int

    def __init__(self, name: str, handle: Any, *, address: int, owned: bool) -> None:
        self._buffers: list[Any] = []  # one for each thread that has been in `get` at a time
        self._rooms: list[_Room] = []
        super().__init__(name, handle, address=address, owned=owned)

    def send(self, message: Any, timeout: float | None = None) -> None:
        """Send one message.

        Parameters
        ----------
        message
            A buffer of up to `message_bytes`; for a channel of records, one record.
        timeout
            [s] to wait for room; None for as long as it takes.

        Raises
        ------
        ValueError
            Longer than `message_bytes`.
        TimeoutError
            No room in that time.
        ClosedError, PeerDiedError
            Nobody will receive it: the channel was shut, or the others died.

        Notes
        -----
        Wraps  rte_pktmbuf_alloc_bulk (rte_mbuf.h), rte_ring_enqueue_burst (rte_ring.h)
        """
        plain = type(message) is bytes and self.dtype is None
        data = message if plain else self._bytes_of(message)
        n = _send(self._c, data, len(data), SLICE_NS if timeout is None else 0)
        if n < 0:
            if n == _TOO_LONG:
                self._too_long(len(data))
            end = deadline(timeout)
            n = self._persist(n, lambda ns: int(_send(self._c, data, len(data), ns)), end)
            if n == NOTHING:
                raise TimeoutError(f"{self!r}: no room for a message in {timeout} s")

    def send_many(self, messages: Any, timeout: float | None = None) -> int:
        """Send messages; return how many went: all, unless the time was up.

        Parameters
        ----------
        messages
            A sequence of buffers; for a channel of records, an array `dtype[n]`.
        timeout
            [s] to wait for room for all of them; None for as long as it takes.

        Raises
        ------
        ValueError
            One of them is longer than `message_bytes`; none was sent.
        ClosedError, PeerDiedError
            Nobody will receive the rest.

        Notes
        -----
        Cost  one crossing for all of them while there is room
        """
        if self.dtype is not None:
            records = self._records_of(messages)
            return self._send_batch(records.view(np.uint8), None, len(records), timeout)
        data, lengths = _pack(messages)
        return self._send_batch(data, lengths, len(lengths), timeout)

    def send_packed(self, data: Any, lengths: npt.ArrayLike, timeout: float | None = None) -> int:
        """Send messages that lie one behind the other; return how many went.

        Parameters
        ----------
        data
            A contiguous buffer.
        lengths
            uint32[n] [bytes] of each message; together all of `data`.
        timeout
            As of `send_many`.

        Notes
        -----
        Cost  no Python object for a message
        """
        self._require_bytes()
        each = np.asarray(lengths)
        if each.ndim != 1 or (each.dtype.kind not in "iu" and each.size):
            raise TypeError(f"lengths of shape {each.shape}, {each.dtype}: a row of integers")
        if each.size and not 0 <= int(each.min()) <= int(each.max()) <= self.message_bytes:
            self._too_long(int(each.max() if each.min() >= 0 else each.min()))
        return self._send_batch(data, np.ascontiguousarray(each, np.uint32), len(each), timeout)

    def get(self, timeout: float | None = None) -> Any:
        """Receive one message: bytes, or from a channel of records a record.

        Parameters
        ----------
        timeout
            [s] to wait for it; None for as long as it takes.

        Raises
        ------
        TimeoutError
            None came in that time.
        ClosedError, PeerDiedError
            None will come: the channel was shut, or the others died, and nothing is left in it.

        Notes
        -----
        Wraps  rte_ring_dequeue_burst (rte_ring.h)
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
            [messages] at most.
        timeout
            [s] to wait for the first; None for as long as it takes.

        Returns
        -------
        list of bytes, or dtype[k]
            Of a channel of records, an array. Empty where none came in time.

        Raises
        ------
        ClosedError, PeerDiedError
            As of `get`.

        Notes
        -----
        Cost  one crossing for up to 4,096 messages
        """
        if self.dtype is not None:
            return self._get_records(self.dtype, check_range("n", n, 0, N_MAX, " records"), timeout)
        return _split(*self.get_packed(n, timeout))

    def get_packed(self, n: int, timeout: float | None = None) -> tuple[bytes, Lengths]:
        """Receive as `get_many`: all messages one behind the other, and uint32[k] lengths.

        Notes
        -----
        Cost  no Python object for a message
        """
        self._require_bytes()
        wanted = check_range("n", n, 0, N_MAX, " messages")
        data, lengths, more = self._get_some(wanted, timeout)
        if not more:
            return data, lengths
        parts, counts, k = [data], [lengths], len(lengths)
        while more and k < wanted:
            data, lengths, more = self._get_some(wanted - k, timeout, first=False)
            parts.append(data)
            counts.append(lengths)
            k += len(lengths)
        return b"".join(parts), np.concatenate(counts)

    def _get_some(
        self, n: int, timeout: float | None, *, first: bool = True
    ) -> tuple[bytes, Lengths, bool]:
        """Receive what fits into one crossing; say whether more may be there."""
        room = self._rooms.pop() if self._rooms else _Room(self.message_bytes)
        batch = room.batch
        batch.n, batch.used, batch.done = min(n, BATCH_MAX), 0, 0
        k = _get_many(self._c, batch, SLICE_NS if first and timeout is None else 0)
        if k < 0 and first:
            end = deadline(timeout)
            k = self._persist(k, lambda ns: int(_get_many(self._c, batch, ns)), end)
        k = max(k, 0)
        data, lengths = _unpack(room.buffer, batch.used), room.lengths[:k].copy()
        more = k == BATCH_MAX or (k > 0 and batch.size - batch.used < self.message_bytes)
        self._rooms.append(room)
        return data, lengths, more

    def _get_records(self, dtype: np.dtype[Any], n: int, timeout: float | None) -> Any:
        out = np.empty(min(n, self.size), dtype)
        c_out = _buffer("char[]", out.view(np.uint8), True)
        batch = _new("struct pyd_batch *", (c_out, ffi.NULL, out.nbytes, 0, len(out), 0))
        k = _get_many(self._c, batch, SLICE_NS if timeout is None else 0) if n else 0
        if k < 0:
            end = deadline(timeout)
            k = max(self._persist(k, lambda ns: int(_get_many(self._c, batch, ns)), end), 0)
        return out[:k] if 2 * k > len(out) else out[:k].copy()

    def _send_batch(self, data: Any, lengths: Any, n: int, timeout: float | None) -> int:
        check_range("len(messages)", n, 0, N_MAX, " messages")
        c_data = _buffer("char[]", data)
        c_lengths = ffi.NULL if lengths is None else _buffer("uint32_t[]", lengths)
        batch = _new("struct pyd_batch *", (c_data, c_lengths, len(c_data), 0, n, 0))
        went = _send_many(self._c, batch, SLICE_NS if timeout is None else 0)
        if went == n:
            return n
        if went == _TOO_LONG:
            self._too_long(int(lengths.max()), len(c_data), int(lengths.sum(dtype=np.uint64)))
        end = deadline(timeout)
        while batch.done < n:
            went = went if went < 0 else NOTHING
            went = self._persist(went, lambda ns: int(_send_many(self._c, batch, ns)), end)
            if went == NOTHING:
                break
        return int(batch.done)

    def _too_long(self, longest: int, size: int = 0, total: int = 0) -> NoReturn:
        if 0 <= longest <= self.message_bytes and size != total:
            raise ValueError(f"lengths: together {total} bytes, the data has {size}")
        raise ValueError(
            f"a message of {longest} bytes: 0 to {self.message_bytes} bytes are allowed by {self!r}"
        )

    def _bytes_of(self, message: Any) -> Any:
        if self.dtype is None:
            return _buffer("char[]", message)
        record = np.asarray(message, self.dtype)
        if record.size != 1:
            raise ValueError(f"{record.size} records: send takes one, send_many takes more")
        return record.tobytes()

    def _records_of(self, records: Any) -> npt.NDArray[Any]:
        array = np.ascontiguousarray(records, self.dtype)
        if array.ndim != 1:
            raise ValueError(f"records of shape {array.shape}: one dimension is allowed")
        return array

    def _require_bytes(self) -> None:
        if self.dtype is not None:
            raise TypeError(f"{self!r} carries records: use send_many and get_many")


def _pack(messages: Sequence[Any]) -> tuple[bytes, Lengths]:
    """Put buffers one behind the other."""
    try:
        data = b"".join(messages)
        lengths = np.fromiter(map(len, messages), np.uint32, len(messages))
    except (TypeError, ValueError):
        return _pack([bytes(memoryview(message)) for message in messages])
    if int(lengths.sum(dtype=np.uint64)) != len(data):  # items of more than one byte
        return _pack([bytes(memoryview(message)) for message in messages])
    return data, lengths


def _split(data: bytes, lengths: Lengths) -> list[bytes]:
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    return [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
