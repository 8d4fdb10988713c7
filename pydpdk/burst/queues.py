"""Interfaces that ports' queues, rings of mbufs and channels share, for functions over any."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pydpdk.burst.burst import Burst


@runtime_checkable
class BurstSource(Protocol):
    """Anything to receive packets from: an `RxQueue`, a `Ring` of mbufs, a `Channel`."""

    def rx(self, burst: Burst, /) -> int:
        """Receive into an empty burst, which then owns the packets; return how many came.

        A port's queue and a ring do not wait: 0 means that there was nothing.
        """
        ...


@runtime_checkable
class BurstSink(Protocol):
    """Anything to send packets to: a `TxQueue`, a `Ring` of mbufs, a `Channel`."""

    def tx(self, burst: Burst, /) -> int:
        """Send the burst; return how many packets were taken. The others stay at its front."""
        ...
