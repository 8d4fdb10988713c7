"""Queues of a port, which receive and send bursts."""

from __future__ import annotations

import errno
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Undo, address_of, lock
from pydpdk._core.objects import QueueBase, install
from pydpdk._core.timeouts import deadline, left
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_errno
from pydpdk.ethdev import drivers, sharing
from pydpdk.ethdev.pauses import Pauses
from pydpdk.memory.mbuf_owner import MbufOwner, raise_for

if TYPE_CHECKING:
    from pydpdk.ethdev.port import Port

_rx, _tx, _tx_drop = lib.pyd_rx, lib.pyd_tx, lib.pyd_tx_drop


class Queue(Fixed, QueueBase):
    """One queue of a port.

    Notes
    -----
    Owns     nothing; it lives as long as its port is configured
    Threads  one at a time: a second one gets `BusyError`, as DPDK's queues take no locks; and one
             process, the first that uses it, until `release`
    """

    __slots__ = ("_begun", "_border", "_c", "_fd", "_may_wait", "_taken", "port", "queue_id")
    _is_tx: ClassVar[bool]

    def __init__(self, port: Port, queue_id: int) -> None:
        self.port = port
        self.queue_id = queue_id
        self._taken = False
        self._fd = -1  # readable when the kernel has a packet for the queue
        is_tx, info = self._is_tx, port.info()
        fields = {"port_id": port.port_id, "queue_id": queue_id, "is_tx": is_tx}
        fields |= drivers.tx_fields(info) if is_tx else drivers.rx_fields(info, port.mempool)
        self._c: Any = ffi.new("struct pyd_queue *", fields)
        self._keep(self._c)
        self._border: Any = ffi.new("struct pyd_border *")  # its counters are 0 unless guarded
        self._bind(address_of(self._c))
        self._may_wait = drivers.may_wait(port.name, info.driver_name)
        self._set_may_wait(self._may_wait)

    @property
    def packets(self) -> int:
        """[packets] that this object has moved."""
        return int(self._c.packets)

    def _guard(self, border: Any) -> None:
        """Check each packet as `struct pyd_border` says; the port must not be in use."""
        self._c.border = border
        self._border = border  # keeps the memory

    def take(self) -> bool:
        """Take the queue for this process, as its first use does; False if the port is stopped.

        Raises
        ------
        BusyError
            Another process uses it; the message names it.
        NotSupportedError
            In a secondary: the driver does not support it.
        """
        with lock():
            if not self._taken and self.port._may_take(self):
                with Undo(self._untake):
                    self._taken = sharing.take(*self._place())
                    self._c.gate.open = self._taken
            return self._taken

    def _place(self) -> tuple[int, int, bool]:
        return self.port.port_id, self.queue_id, self._is_tx

    def _untake(self) -> None:
        self._c.gate.open = self._taken = False
        sharing.release(*self._place())

    def _retake(self) -> None:
        """Undo an unfinished release."""
        if self._taken:
            sharing.take(*self._place())
        self._reopen()

    def release(self) -> None:
        """Release the queue for another process; the next use here takes it again.

        Raises
        ------
        BusyError
            A thread is using it.
        """
        with lock():
            if not self._taken:
                return
            with Undo(self._retake):
                self._shut()
                sharing.release(*self._place())
                self._taken = False

    def _first(self, result: int) -> bool:
        """Return whether to repeat a call that found the gate shut: a thread has opened it."""
        return result == -errno.ENETDOWN and self.take()

    def _reopen(self) -> None:
        self._c.gate.open = self._taken

    def _shut(self) -> None:
        """Shut the gate; `BusyError` while a thread is inside."""
        call_errno(lib.pyd_queue_shut, self._c, detail=repr(self))

    def _abandon(self) -> None:
        self._taken = False
        self._c.gate.open = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.queue_id} of port {self.port.name!r}>"


@install("rx")
class RxQueue(Queue):
    """A queue that receives packets."""

    __slots__ = ()
    _is_tx = False

    @property
    def malformed(self) -> int:
        """[packets] that `rx` dropped: their segments and lengths contradict each other."""
        return int(self._c.malformed)

    @property
    def cut(self) -> int:
        """[packets] freed because net_af_packet received only their beginning; see `framesz`."""
        return int(self._border.cut)

    @property
    def finished(self) -> int:
        """[packets] whose unfinished checksum was finished: see `Port.configure`."""
        return int(self._border.finished)

    def rx(self, burst: MbufOwner, *, free: bool = False, timeout: float | None = 0) -> int:
        """Receive into an empty burst; return how many packets came, 0 for none.

        Packets whose segments and lengths contradict each other are dropped, see `malformed`.

        Parameters
        ----------
        burst
            It owns the packets afterwards.
        free
            Whether to free the packets that it still holds.
        timeout
            [s] to wait for a packet, None for ever; by default it does not wait. On net_af_packet
            the kernel wakes the thread; else it sleeps between polls, 50 us at first and up to
            1 ms.

        Raises
        ------
        ClosedError, InUseError, BusyError
            The port is not started or the burst is closed; the burst is not empty; another thread
            uses one of them.

        Notes
        -----
        Wraps  rte_eth_rx_burst (rte_ethdev.h)
        Cost   65 ns over what the driver needs
        """
        end = None if timeout == 0 else deadline(timeout)
        n = self._receive(burst, free=free)
        if n or timeout == 0:
            return n
        pauses = Pauses([self._fd])
        while not n and (remaining := left(end)) != 0:
            pauses.wait(remaining)
            n = self._receive(burst)
        return n

    def aget(self, burst: MbufOwner, *, timeout: float | None = None) -> Coroutine[Any, Any, int]:
        """Receive into a burst whose packets are freed first; to be awaited, other tasks run on.

        Parameters
        ----------
        burst
            It owns the packets afterwards.
        timeout
            [s] to wait for a packet; None, the default, for ever.

        Returns
        -------
        int
            How many packets came; 0 only at the timeout.

        Raises
        ------
        ClosedError, BusyError
            As from `rx`.

        Notes
        -----
        Wraps  rte_eth_rx_burst (rte_ethdev.h)
        """
        return self._aget(burst, deadline(timeout))

    async def _aget(self, burst: MbufOwner, end: float | None) -> int:
        n = self._receive(burst, free=True)
        pauses = Pauses([self._fd])
        while not n and (remaining := left(end)) != 0:
            await pauses.await_(remaining)
            n = self._receive(burst)
        return n

    def _receive(self, burst: MbufOwner, *, free: bool = False) -> int:
        try:
            if free:
                burst.free()
            n = _rx(self._c, burst._c)
        except (AttributeError, TypeError):
            raise TypeError(f"rx takes a Burst (got {burst!r})") from None
        if n < 0:
            if self._first(n):
                return self._receive(burst)
            raise_for(n, "rte_eth_rx_burst", self, burst)
        return n


@install("tx")
class TxQueue(Queue):
    """A queue that sends packets."""

    __slots__ = ()
    _is_tx = True

    @property
    def dropped(self) -> int:
        """[packets] that were freed, not sent.

        `Forward`, and `tx` with `drop`, free what the port did not take; `tx` frees packets that
        net_pcap would write only in part: more than 16,128 bytes in several mbufs.
        """
        return int(self._c.dropped)

    @property
    def unsendable(self) -> int:
        """[packets] freed because the port can never send them: see `tx`."""
        return int(self._border.unsendable)

    def tx(self, burst: MbufOwner, *, drop: bool = False) -> int:
        """Send the burst; return how many packets the port took. The others stay in the burst.

        A packet that the port can never send is freed and counted in `unsendable`: one above the
        frame size or the MTU of net_af_packet, above the MTU of net_tap, of several segments for
        net_af_xdp. The driver would count it as sent, or never send it nor any packet behind it.

        Parameters
        ----------
        burst
            It owns what was not sent, now at its front.
        drop
            Whether to free what was not sent, and count it in `dropped`.

        Raises
        ------
        ClosedError, BusyError
            The port is not started or the burst is closed; another thread uses one of them.

        Notes
        -----
        Wraps  rte_eth_tx_burst (rte_ethdev.h)
        Owns   the port owns what was sent
        Cost   65 ns over what the driver needs
        """
        try:
            if burst._views:
                burst._check_views()
            n = (_tx_drop if drop else _tx)(self._c, burst._c)
        except (AttributeError, TypeError):
            raise TypeError(f"tx takes a Burst (got {burst!r})") from None
        if n < 0:
            if self._first(n):
                return self.tx(burst, drop=drop)
            raise_for(n, "rte_eth_tx_burst", self, burst)
        return n
