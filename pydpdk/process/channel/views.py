"""Messages without copying: in bursts, or one in a `with` block."""

from __future__ import annotations

import errno
from typing import Any

from pydpdk._core.lifetime import Undo
from pydpdk._dpdk import lib
from pydpdk.burst import Burst
from pydpdk.errors import check_range
from pydpdk.memory.mempool import Mempool
from pydpdk.process.channel.gets import Gets
from pydpdk.process.channel.message import Message
from pydpdk.process.channel.waiting import SLICE_NS, Attempt, deadline

_tx, _rx = lib.pyd_channel_tx, lib.pyd_channel_rx


class Views(Gets):
    """The calls of a channel that do not copy messages."""

    mempool: Mempool
    segment_bytes: int

    def __init__(self, name: str, handle: Any, gate: Any, *, address: int, owned: bool) -> None:
        self._spares: list[Burst] = []
        self._messages: set[Message] = set()
        super().__init__(name, handle, gate, address=address, owned=owned)

    def receive(self, timeout: float | None = None) -> Message:
        """Receive one message without copying it, for a `with` block.

        Parameters
        ----------
        timeout
            [s] to wait for it; None: without limit.

        Raises
        ------
        TimeoutError, ClosedError, PeerDiedError
            As in `get`.

        Notes
        -----
        Owns  the message, until the block is left
        """
        burst = self._spare()
        with Undo(self._unused, burst):
            self.rx(burst, timeout=timeout)
            if not burst:
                raise TimeoutError(f"{self!r}: no message in {timeout} s")
            return self._out(Message(self, burst, to_send=False))

    def reserve(self, length: int | None = None, timeout: float | None = None) -> Message:
        """Make a message in place; it is sent at the end of the `with` block.

        Parameters
        ----------
        length
            [bytes], up to `segment_bytes`. Default: all of them; a record has one size.
        timeout
            [s] to wait for room when it is sent; None: without limit.

        Raises
        ------
        NoRoomError
            All mbufs of the channel are in use.
        TimeoutError, ClosedError, PeerDiedError
            As in `send`, at the end of the block.

        Notes
        -----
        Wraps  rte_pktmbuf_alloc_bulk (rte_mbuf.h)
        Owns   the message, until the block is left
        """
        most = min(self.message_bytes, self.segment_bytes)
        least = most if self.dtype is not None else 0
        wanted = check_range("length", most if length is None else length, least, most, " bytes")
        burst = self._spare()
        with Undo(self._unused, burst):
            burst.alloc(self.mempool, 1, length=wanted)
            return self._out(Message(self, burst, to_send=True, timeout=timeout))

    def tx(self, burst: Burst, timeout: float | None = None) -> int:
        """Send the burst's mbufs, each a message; mbufs without room in time stay in the burst.

        Parameters
        ----------
        burst
            Of mbufs of this channel's pool, or of another pool that all processes know.
        timeout
            [s] to wait for room; None: without limit.

        Returns
        -------
        int
            [messages] that were sent.

        Raises
        ------
        ValueError
            One is longer than `message_bytes`, or not of the size of a record; none was sent.
        ClosedError, PeerDiedError
            No process will receive them.

        Notes
        -----
        Wraps  rte_ring_enqueue_burst_elem (rte_ring_elem.h)
        Owns   the channel owns the mbufs that were sent
        """
        self._check("tx", burst)
        if burst._views:
            burst.check_views()
        before, end = len(burst), deadline(timeout)
        while len(burst):
            if self._move(lambda ns: int(_tx(self._c, burst._c, ns)), timeout, end, burst) <= 0:
                break
        return before - len(burst)

    def rx(self, burst: Burst, *, n: int | None = None, timeout: float | None = None) -> int:
        """Receive messages into an empty burst; return how many.

        Parameters
        ----------
        n
            [messages] at most. Default: the burst's size.
        timeout
            [s] to wait for the first; None: without limit.

        Raises
        ------
        ClosedError, PeerDiedError
            As in `get`.

        Notes
        -----
        Wraps  rte_ring_dequeue_burst_elem (rte_ring_elem.h)
        Owns   the burst owns the received mbufs
        """
        self._check("rx", burst)
        wanted = burst.size if n is None else check_range("n", n, 0, burst.size, " messages")
        got = self._move(
            lambda ns: int(_rx(self._c, burst._c, wanted, ns)), timeout, deadline(timeout), burst
        )
        if got > 0:
            burst.taken(0, "rte_ring_dequeue")
        return max(got, 0)

    def _move(
        self, attempt: Attempt, timeout: float | None, end: float | None, burst: Burst
    ) -> int:
        result = attempt(SLICE_NS if timeout is None else 0)
        if result == -errno.EMSGSIZE:
            self._too_long(int(burst.lengths.max()))
        return result if result >= 0 else self._persist(result, attempt, end, burst)

    def _check(self, verb: str, burst: Burst) -> None:
        if not isinstance(burst, Burst):
            raise TypeError(f"{verb}({burst!r}): a Burst is allowed")

    def _spare(self) -> Burst:
        return self._spares.pop() if self._spares else Burst(1)

    def _unused(self, burst: Burst) -> None:
        """Keep the burst of a message that was not made for reuse."""
        if burst.closed or any(message._burst is burst for message in self._messages):
            return
        burst.free()
        self._spares.append(burst)

    def _out(self, message: Message) -> Message:
        self._messages.add(message)
        return message

    def _back(self, message: Message, burst: Burst) -> None:
        """Keep a message's empty burst for reuse; its mbufs may make room for senders."""
        if message not in self._messages:
            return
        if self.closed:
            burst.close()
        elif burst not in self._spares:
            self._spares.append(burst)
        self._messages.discard(message)
        lib.pyd_channel_room(self._c)
