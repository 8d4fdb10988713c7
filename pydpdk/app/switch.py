"""A learning switch between ports: frames go where their destination was last seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydpdk._core.lifetime import Closing, Undo
from pydpdk.burst.burst import Burst
from pydpdk.errors import NoRoomError, check_range
from pydpdk.ethdev.port import Port
from pydpdk.ethdev.queue import RxQueue
from pydpdk.memory.mempool import Mempool

ADDRESSES_MAX = 65_536
"""MAC addresses that are remembered; those that come later are flooded."""

_MULTICAST = 1 << 40
_AGE_MAX_S = 1_000_000


class Switch(Closing):
    """Forwards frames between ports by MAC address, and floods those for addresses not seen yet.

    Parameters
    ----------
    ports
        At least two, started; each rx queue is polled, and frames leave by tx queue 0.
    mempool
        For the copies of flooded frames. Default: that of the first port.
    burst
        [packets] of one poll.
    max_age
        [s] after which an address that sent nothing is forgotten.

    Notes
    -----
    Owns     its bursts, until `close`
    Threads  one at a time
    """

    def __init__(
        self,
        ports: Sequence[Port],
        *,
        mempool: Mempool | None = None,
        burst: int = 64,
        max_age: float = 300,
    ) -> None:
        self.ports = tuple(ports)
        if len(self.ports) < 2 or not all(isinstance(port, Port) for port in self.ports):
            raise ValueError(f"ports must be at least two ports (got {ports!r})")
        if len(set(self.ports)) != len(self.ports):
            raise ValueError(f"ports must have each port once (got {ports!r})")
        pool = self.ports[0].mempool if mempool is None else mempool
        if not isinstance(pool, Mempool):
            raise TypeError(f"mempool must be a Mempool (got {pool!r})")
        check_range("max_age", int(max_age), 1, _AGE_MAX_S, " s")
        self._pool, self._max_age = pool, max_age
        self._flooded = self._missed = 0
        self._seen: dict[int, tuple[int, float]] = {}
        self._bursts: list[Burst] = []
        with Undo(self.close):
            for _ in range(len(self.ports) + 3):
                self._bursts.append(Burst(burst))
        self._came, *self._out, self._flood, self._stay = self._bursts
        self._columns = self._came.columns.bind("ether.src_addr", "ether.dst_addr", "ether?")

    @property
    def flooded(self) -> int:
        """[packets] that were sent to all other ports."""
        return self._flooded

    @property
    def missed(self) -> int:
        """[packets] that a port did not get, as the mempool had no mbufs for copies."""
        return self._missed

    @property
    def addresses(self) -> dict[str, str]:
        """The MAC addresses that are known, and the name of the port of each."""
        now = time.monotonic()
        return {
            mac.to_bytes(6, "big").hex(":"): self.ports[port].name
            for mac, (port, seen) in self._seen.items()
            if now - seen <= self._max_age
        }

    def step(self) -> int:
        """Poll each rx queue once, and forward what came; return how many packets came."""
        total = 0
        with Undo(self._drop):  # the next step begins with empty bursts
            for i, port in enumerate(self.ports):
                for queue in port.rx_queues:
                    total += self._serve(i, queue)
        return total

    def close(self) -> None:
        """Free its bursts."""
        for burst in self._bursts:
            burst.close(force=True)

    def _drop(self) -> None:
        for burst in self._bursts:
            if not burst.closed:
                burst.free()

    def _serve(self, i: int, queue: RxQueue) -> int:
        n = queue.rx(self._came)
        if n == 0:
            return 0
        sources, targets, is_frame = self._columns()
        now = time.monotonic()
        self._learn(i, _numbers(sources[is_frame]), now)
        ways = [self._way(i, mac, now) for mac in _numbers(targets)]
        classes = np.where(is_frame, np.array(ways, np.uint32), len(self.ports) + 1)
        self._came.split(classes.astype(np.uint32), (*self._out, self._flood, self._stay))
        self._stay.free()
        self._spread(i)
        for port, burst in zip(self.ports, self._out, strict=True):
            if burst:
                port.tx_queues[0].tx(burst, drop=True)
        return n

    def _learn(self, i: int, sources: list[int], now: float) -> None:
        for mac in set(sources):
            if mac & _MULTICAST:
                continue
            if mac not in self._seen and len(self._seen) >= ADDRESSES_MAX:
                self._forget(now)
                if len(self._seen) >= ADDRESSES_MAX:
                    continue
            self._seen[mac] = i, now

    def _forget(self, now: float) -> None:
        old = [mac for mac, (_, seen) in self._seen.items() if now - seen > self._max_age]
        for mac in old:
            del self._seen[mac]

    def _way(self, i: int, mac: int, now: float) -> int:
        """Return the number of the port to send to, or of the bursts to flood and to free."""
        port, seen = self._seen.get(mac, (-1, 0.0))
        if mac & _MULTICAST or port < 0 or now - seen > self._max_age:
            return len(self.ports)
        return len(self.ports) + 1 if port == i else port

    def _spread(self, i: int) -> None:
        """Put the frames to be flooded into the bursts of all ports but one, in copies but once."""
        n = len(self._flood)
        if n == 0:
            return
        self._flooded += n
        first, *others = [burst for j, burst in enumerate(self._out) if j != i]
        for burst in others:
            try:
                self._flood.copy(self._pool, burst)
            except NoRoomError:
                self._missed += n
        self._flood.take(np.ones(n, np.bool_), first)

    def __repr__(self) -> str:
        return f"<Switch of {', '.join(port.name for port in self.ports)}>"


def _numbers(macs: Any) -> list[int]:
    """Return addresses, `uint8[n, 6]`, as numbers."""
    wide = np.zeros((len(macs), 8), np.uint8)
    wide[:, 2:] = macs
    found: list[int] = wide.view(">u8")[:, 0].tolist()
    return found
