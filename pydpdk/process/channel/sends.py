"""Copy messages into a channel: one or many, bytes or records."""

from __future__ import annotations

import errno
from array import array
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range
from pydpdk.process.channel.waiting import N_MAX, NOTHING, SLICE_NS, Lengths, Waiting, deadline

_send, _send_many = lib.pyd_channel_send, lib.pyd_channel_send_many
_new, _buffer = ffi.new, ffi.from_buffer
_TOO_LONG = -errno.EMSGSIZE


class Sends(Waiting):
    """The calls of a channel that copy messages into it."""

    def send(self, message: Any, timeout: float | None = None) -> None:
        """Send one message.

        Parameters
        ----------
        message
            A buffer of up to `message_bytes`; for a channel of records, one record.
        timeout
            [s] to wait for room; None: without limit.

        Raises
        ------
        ValueError
            The message is longer than `message_bytes`.
        TimeoutError
            The channel had no room in that time.
        ClosedError, PeerDiedError
            No process will receive it: the channel was shut, or its peers died.

        Notes
        -----
        Wraps  rte_pktmbuf_alloc_bulk (rte_mbuf.h), rte_ring_enqueue_burst_elem (rte_ring_elem.h)
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
        """Send messages; return how many were sent: all, unless the time was up.

        Parameters
        ----------
        messages
            A sequence of buffers; for a channel of records, an array `dtype[n]`.
        timeout
            [s] to wait for room for all of them; None: without limit.

        Raises
        ------
        ValueError
            A message is longer than `message_bytes`; none was sent.
        ClosedError, PeerDiedError
            No process will receive the rest.

        Notes
        -----
        Cost  one call into C for all of them, as long as there is room
        """
        if self.dtype is not None:
            records = self._records_of(messages)
            return self._send_batch(records.view(np.uint8), None, len(records), timeout)
        data, lengths = _pack(messages)
        return self._send_batch(data, lengths, len(lengths), timeout)

    def send_packed(self, data: Any, lengths: npt.ArrayLike, timeout: float | None = None) -> int:
        """Send messages from one contiguous buffer; return how many were sent.

        Parameters
        ----------
        data
            A contiguous buffer.
        lengths
            uint32[n] [bytes] of each message; together all of `data`.
        timeout
            As in `send_many`.

        Notes
        -----
        Cost  no Python object per message
        """
        self._require_bytes()
        each = lengths
        if type(each) is not np.ndarray or each.dtype != np.uint32 or not each.flags.c_contiguous:
            each = self._as_lengths(lengths)
        return self._send_batch(data, each.reshape(-1), each.size, timeout)

    def _send_batch(self, data: Any, lengths: Any, n: int, timeout: float | None) -> int:
        check_range("len(messages)", n, 0, N_MAX, " messages")
        c_data = _buffer("char[]", data)
        c_lengths = ffi.NULL if lengths is None else _buffer("uint32_t[]", lengths)
        batch = _new("struct pyd_batch *", (c_data, c_lengths, len(c_data), 0, n, 0))
        went = _send_many(self._c, batch, SLICE_NS if timeout is None else 0)
        if went == n:
            return n
        if went == _TOO_LONG:
            self._too_long(max(lengths), len(c_data), sum(map(int, lengths)))
        end = deadline(timeout)
        while batch.done < n:
            went = went if went < 0 else NOTHING
            went = self._persist(went, lambda ns: int(_send_many(self._c, batch, ns)), end)
            if went == NOTHING:
                break
        return int(batch.done)

    def _too_long(self, longest: int, size: int = 0, total: int = 0) -> NoReturn:
        if 0 <= longest <= self.message_bytes:
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

    def _as_lengths(self, lengths: npt.ArrayLike) -> Lengths:
        each = np.asarray(lengths)
        if each.ndim != 1 or (each.dtype.kind not in "iu" and each.size):
            raise TypeError(f"lengths of shape {each.shape}, {each.dtype}: 1-D, of integers")
        wrong = each[(each < 0) | (each > self.message_bytes)]
        if len(wrong):
            self._too_long(int(wrong[0]))
        return np.ascontiguousarray(each, np.uint32)

    def _require_bytes(self) -> None:
        if self.dtype is not None:
            raise TypeError(f"{self!r} carries records: use send_many and get_many")


def _pack(messages: Iterable[Any]) -> tuple[bytes, array[int]]:
    """Join buffers into one; return it and the lengths."""
    try:
        data, lengths = b"".join(messages), array("I", map(len, messages))
    except (TypeError, ValueError):
        return _pack([bytes(memoryview(message)) for message in messages])
    return data, lengths
