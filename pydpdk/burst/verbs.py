"""The rounds of a polling loop, bound once and run in one call into C."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

from pydpdk._core.choice import one_of
from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import address_of
from pydpdk._core.objects import QueueBase, install
from pydpdk._dpdk import ffi, lib
from pydpdk.burst.burst import Burst
from pydpdk.choices import ForwardMode
from pydpdk.errors import check_range
from pydpdk.ethdev.queue import RxQueue, TxQueue
from pydpdk.memory.mbuf_owner import raise_for

_MODES = {mode: getattr(lib, f"PYD_FORWARD_{mode.name}") for mode in ForwardMode}
HOPS_MAX = 1024
_forward_round = lib.pyd_forward_round


@install("forward")
class Forward(Fixed, QueueBase):
    """Forward from rx to tx queues: receive, send, free what the port did not take.

    Parameters
    ----------
    burst
        Carries the packets of each hop in turn; empty between rounds.
    hops
        (rx queue, tx queue), 1 to 1,024 of them, served in this order.
    mode
        `io`, or `macswap` to swap source and destination address.

    Notes
    -----
    Wraps    rte_eth_rx_burst, rte_eth_tx_burst, rte_pktmbuf_free_bulk
    Threads  one at a time, as its burst and queues
    Cost     one call into C a round, whatever the number of hops
    """

    __slots__ = ("_begun", "_c", "_hops", "burst", "hops")

    def __init__(
        self,
        burst: Burst,
        hops: Sequence[tuple[RxQueue, TxQueue]],
        mode: ForwardMode | str = ForwardMode.IO,
    ) -> None:
        if not isinstance(burst, Burst):
            raise TypeError(f"burst must be a Burst (got {burst!r})")
        c_mode = _MODES[one_of(ForwardMode, "mode", mode)]
        self.burst, self.hops = burst, tuple((rxq, txq) for rxq, txq in hops)
        check_range("len(hops)", len(self.hops), 1, HOPS_MAX)
        for rxq, txq in self.hops:
            if not (isinstance(rxq, RxQueue) and isinstance(txq, TxQueue)):
                raise TypeError(f"a hop must be an RxQueue and a TxQueue (got {rxq!r}, {txq!r})")
        queues = [(rxq._c, txq._c) for rxq, txq in self.hops]
        self._hops: Any = ffi.new("struct pyd_hop[]", queues)
        fields = {"burst": burst._c, "hops": self._hops, "n": len(queues), "mode": c_mode}
        self._c: Any = ffi.new("struct pyd_round *", fields)
        self._keep((self._c, self._hops))
        self._bind(address_of(self._c))
        self._set_may_wait(any(queue._may_wait for hop in self.hops for queue in hop))

    def step(self) -> int:
        """Serve every hop once; return how many packets were received.

        `txq.dropped` counts those freed.

        Raises
        ------
        ClosedError, InUseError, BusyError
            As `rx` and `tx`; the hops before the one that failed have been served.
        """
        n = _forward_round(self._c)
        if n < 0:
            served, came = self._c.served, self._c.came
            self._c.served = self._c.came = 0
            if n == -errno.ENETDOWN and all(queue.take() for queue in self.hops[served]):
                self._c.served, self._c.came = served, came
                return self.step()
            raise_for(n, "rte_eth_rx_burst, rte_eth_tx_burst", self.hops, self.burst)
        return n

    def __repr__(self) -> str:
        return f"<Forward {len(self.hops)} hops, {self.burst!r}>"
