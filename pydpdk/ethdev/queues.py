"""The queues of a port: the primary makes them, a secondary finds them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any, Literal

from pydpdk._core.lifetime import lock
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, call_errno, make_error
from pydpdk.ethdev import sharing
from pydpdk.ethdev.queue import Queue, RxQueue, TxQueue
from pydpdk.ethdev.settings import PortSettings
from pydpdk.memory._rows import text
from pydpdk.memory.mempool import Mempool

State = Literal["unconfigured", "stopped", "started", "closed", "attached"]


class PortQueues(PortSettings):
    """The part of a `Port` that has its queues."""

    port_id: int
    _c: Any
    _mempool: Mempool | None
    _rx: tuple[RxQueue, ...]
    _tx: tuple[TxQueue, ...]

    @property
    def mempool(self) -> Mempool | None:
        """The pool of received packets."""
        return self._mempool

    @property
    def state(self) -> State:
        """`unconfigured`, `stopped`, `started` or `closed`; in a secondary `attached`."""
        if self.closed:
            return "closed"
        if not self.owned:
            return "attached"
        if self._c.started:
            return "started"
        return "stopped" if self._c.configured else "unconfigured"

    @property
    def rx(self) -> tuple[RxQueue, ...]:
        """The rx queues; empty until configured.

        Raises
        ------
        NotSupportedError
            In a secondary: the driver has no queues there, or the primary does not run pydpdk.
        """
        self._find_queues()
        return self._rx

    @property
    def tx(self) -> tuple[TxQueue, ...]:
        """The tx queues; as `rx`."""
        self._find_queues()
        return self._tx

    def _find_queues(self) -> None:
        """Make as many queues in a secondary as the primary has set up."""
        if self.owned:
            return
        with lock():
            reason = sharing.why_not(self.name, self.info.driver_name)
            if reason:
                raise make_error("rte_eth_rx_burst", errno.ENOTSUP, f"{self.name}: {reason}")
            nb_rx, nb_tx = sharing.queue_counts(self.handle)
            self._rx = self._rx[:nb_rx] + tuple(
                RxQueue(self, i, is_tx=False) for i in range(len(self._rx), nb_rx)
            )
            self._tx = self._tx[:nb_tx] + tuple(
                TxQueue(self, i, is_tx=True) for i in range(len(self._tx), nb_tx)
            )

    @property
    def handle(self) -> int:
        """DPDK's number; raises `ClosedError` once the port is gone, in a secondary by its primary.

        A driver in a secondary is not notified when the primary closes a port, and would then read
        from NULL.
        """
        port_id = int(super().handle)
        if self.state == "attached" and name_of(port_id) != self.name:
            self._abandon()
            raise ClosedError(f"{self!r}: the primary has closed it")
        return port_id

    def _may_take(self, queue: Queue) -> bool:
        """Return whether a queue is of the current configuration, and may be in use."""
        self.handle  # noqa: B018  # raises when it is gone
        return self.state in ("started", "attached") and any(q is queue for q in self._queues())

    def _freed(self) -> tuple[int, int]:
        cut, unsendable = sum(q.cut for q in self._rx), sum(q.unsendable for q in self._tx)
        return cut, unsendable

    def _forget_freed(self) -> None:
        for queue in self._queues():
            if queue._border is not None:
                queue._border.cut = queue._border.unsendable = 0

    def _queues(self) -> Iterator[RxQueue | TxQueue]:
        yield from self._rx
        yield from self._tx


def name_of(port_id: int) -> str:
    """Return the name of a port; an empty string if the primary has closed it."""
    if not any_port():
        return ""
    name = ffi.new("char[]", lib.RTE_ETH_NAME_MAX_LEN)
    call_errno(lib.rte_eth_dev_get_name_by_port, port_id, name, detail=f"port {port_id}")
    return text(name)


def any_port() -> bool:
    """Return whether there is a table of ports; without, DPDK's search by name reads from NULL.

    From 23.11 a secondary may have none: the table goes with the last port of the primary, and only
    the call that makes owner ids finds a new one.

    Notes
    -----
    Wraps  rte_eth_dev_owner_new (rte_ethdev.h)
    """
    if lib.rte_memzone_lookup(b"rte_eth_dev_data") == ffi.NULL:
        return False  # the call below would be fatal before 23.11
    return int(lib.rte_eth_dev_owner_new(ffi.new("uint64_t *"))) == 0
