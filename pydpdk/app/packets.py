"""Send and receive packets as bytes, in one step: `Port.send` and `Port.sniff`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from itertools import islice

import numpy.typing as npt

from pydpdk._core.timeouts import deadline, left
from pydpdk.burst._packets import AnyPackets, chunks, each
from pydpdk.burst.burst import Burst
from pydpdk.burst.packet import Packet
from pydpdk.errors import NoRoomError, check_range
from pydpdk.ethdev.pauses import Pauses
from pydpdk.ethdev.port import Port
from pydpdk.ethdev.queue import TxQueue
from pydpdk.memory.mempool import Mempool
from pydpdk.tables.bpf import Bpf

BURST = 64
"""Packets that are sent or received at once."""

_MOST = (1 << 63) - 1


def send(
    port: Port,
    packets: AnyPackets,
    *,
    lengths: npt.ArrayLike | None = None,
    drop: bool = False,
    queue: int = 0,
    mempool: Mempool | None = None,
) -> int:
    """Send packets, as `Port.send`."""
    if isinstance(packets, Burst):
        raise TypeError(f"{packets!r} is sent by a queue: port.tx_queue.tx(burst)")
    queues = port.tx_queues or (port.tx_queue,)  # without any, it raises
    txq = queues[check_range("queue", queue, 0, len(queues) - 1)]
    pool = port.mempool if mempool is None else mempool
    if pool is None:
        raise TypeError(f"{port!r} has no mempool of its own: pass one, mempool=...")
    sent = 0
    for some in chunks(each(packets, lengths), BURST):
        n = _send_some(txq, pool, some, drop=drop, first=not sent)
        sent += n
        if n < len(some) and not drop:
            break
    return sent


def _send_some(
    txq: TxQueue, mempool: Mempool, packets: list[bytes], *, drop: bool, first: bool
) -> int:
    """Send up to a burst; of packets that have no mbufs none is sent."""
    try:
        burst = Burst.of(mempool, packets)
    except NoRoomError:
        if first:
            raise
        return 0
    with burst:
        try:
            return txq.tx(burst, drop=drop)
        finally:
            burst.free()


def sniff(
    port: Port,
    count: int | None = None,
    timeout: float | None = None,
    filter: str | None = None,  # noqa: A002  # as Scapy calls it
) -> Iterator[Packet]:
    """Receive packets, as `Port.sniff`."""
    most = _MOST if count is None else check_range("count", count, 0, _MOST, " packets")
    coming = _coming(port, deadline(timeout), filter)
    next(coming)  # makes what it needs now: a wrong filter raises here, not at the first packet
    return islice((packet for some in coming for packet in some or ()), most)


def _coming(port: Port, end: float | None, expression: str | None) -> Iterator[list[Packet] | None]:
    """Yield None once, then the packets of each poll that finds some."""
    queues = port.rx_queues
    with ExitStack() as stack:
        burst = stack.enter_context(Burst(BURST))
        stack.callback(burst.free)
        matching = None if expression is None else stack.enter_context(Bpf(expression))
        yield None
        pauses = Pauses([queue._fd for queue in queues])
        while (remaining := left(end)) != 0:
            came = 0
            for queue in queues:
                came += queue.rx(burst)
                if matching is not None:
                    burst.keep(matching.match(burst))
                if burst:
                    yield _copies(burst, port.name)
            if came:
                pauses.reset()
            else:
                pauses.wait(remaining)


async def bursts(port: Port) -> AsyncIterator[Burst]:
    """Yield a burst with the packets of each poll that finds some, as `async for burst in port`."""
    queues = port.rx_queues
    with ExitStack() as stack:
        burst = stack.enter_context(Burst(BURST))
        stack.callback(burst.free)
        pauses = Pauses([queue._fd for queue in queues])
        while True:
            came = False
            for queue in queues:
                if queue.rx(burst, free=True):
                    came = True
                    yield burst
            if came:
                pauses.reset()
                await asyncio.sleep(0)
            else:
                await pauses.await_(None)


def _copies(burst: Burst, port: str) -> list[Packet]:
    """Return copies of all packets, and free these."""
    now = time.time_ns()
    packets = [Packet(burst.bytes(i), now, port) for i in range(len(burst))]
    burst.free()
    return packets
