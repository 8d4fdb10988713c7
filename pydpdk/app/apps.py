"""The built-in apps: what one lcore does with the packets, in interpreted Python.

Each app is a function that makes its bursts and returns a round: a function that polls every
queue a few hundred times. The caller runs rounds until a stop is requested.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from pydpdk.app.session import App
from pydpdk.app.switch import Switch
from pydpdk.burst.burst import Burst
from pydpdk.burst.respond import Responder
from pydpdk.burst.verbs import Forward
from pydpdk.burst.where import Where
from pydpdk.choices import ForwardMode
from pydpdk.config.apps import DropSpec, ForwardSpec, GenerateSpec, RespondSpec, SwitchSpec
from pydpdk.errors import ConfigError, NoRoomError
from pydpdk.ethdev.queue import RxQueue, TxQueue
from pydpdk.memory.mempool import Mempool

Round = Callable[[], None]
_POLLS = 256  # polls of a round: enough that checking for a stop costs nothing


def forward(app: App, spec: ForwardSpec) -> Round:
    """Forward between the ports of each pair, in both directions."""
    hops = app._hops(app.plan.polls)
    if spec.where is not None:
        return _select(app, spec, hops)
    step = Forward(app.burst(spec.burst), hops, spec.mode).step

    def round_() -> None:
        for _ in range(_POLLS):
            step()

    return round_


def _select(
    app: App, spec: ForwardSpec | DropSpec, hops: Sequence[tuple[RxQueue, TxQueue]]
) -> Round:
    """Forward the packets for which a condition holds, or, to drop these, does not hold."""
    burst = app.burst(spec.burst)
    match = Where(spec.where or "").match
    part = burst.drop if isinstance(spec, DropSpec) else burst.keep
    swaps = isinstance(spec, ForwardSpec) and spec.mode == ForwardMode.MACSWAP

    def round_() -> None:
        for _ in range(_POLLS):
            for rxq, txq in hops:
                if rxq.rx(burst):
                    part(match(burst))
                    if swaps:
                        burst.swap_macs()
                    txq.tx(burst, drop=True)

    return round_


def drop(app: App, spec: DropSpec) -> Round:
    """Receive from each port, and free the packets."""
    if spec.where is not None:
        return _select(app, spec, app._hops(app.plan.polls))
    queues = [queue for name in spec.ports for queue in app.ports[name].rx_queues]
    burst = app.burst(spec.burst)

    def round_() -> None:
        for _ in range(_POLLS):
            for queue in queues:
                if queue.rx(burst):
                    burst.free()

    return round_


class _Source:
    """Sends copies of one packet out of one queue, at most at a rate."""

    def __init__(self, txq: TxQueue, mempool: Mempool, burst: Burst, spec: GenerateSpec) -> None:
        self._txq = txq
        self._mempool = mempool
        self._burst = burst
        self._template = spec.template
        self._rate_pps = spec.rate_pps
        self._start = time.monotonic()
        self._made = 0

    def poll(self) -> None:
        """Send the packets that are due; keep those that the port rejects for the next poll."""
        burst = self._burst
        if not burst:
            n = self._due()
            if n == 0:
                return
            # an empty pool: the port still holds its mbufs, so the next poll tries again
            with suppress(NoRoomError):
                burst.alloc(self._mempool, n)
                burst.fill(self._template)
                self._made += n
        self._txq.tx(burst)

    def _due(self) -> int:
        size = self._burst.capacity
        if self._rate_pps is None:
            return size
        due = int((time.monotonic() - self._start) * self._rate_pps) - self._made
        return max(0, min(size, due))


def generate(app: App, spec: GenerateSpec) -> Round:
    """Send copies of the template packet out of each port."""
    sources = []
    for name in spec.ports:
        pool = app.config.ports[name].mempool
        if pool is None:
            where = app.config.where("ports", name)
            raise ConfigError([f"{where}: mempool: needed, packets to send come from it"])
        sources += [
            _Source(txq, app.mempools[pool], app.burst(spec.burst), spec)
            for txq in app.ports[name].tx_queues
        ]

    def round_() -> None:
        for _ in range(_POLLS):
            for source in sources:
                source.poll()

    return round_


def respond(app: App, spec: RespondSpec) -> Round:
    """Answer requests for addresses on each port."""
    burst = app.burst(spec.burst)
    ends = [
        (rxq, txq, Responder(spec.addresses, rxq.port.mac).answer)
        for rxq, txq in app._hops(app.plan.polls)
    ]

    def round_() -> None:
        for _ in range(_POLLS):
            for rxq, txq, answer in ends:
                if rxq.rx(burst) and answer(burst):
                    txq.tx(burst, drop=True)

    return round_


def switch(app: App, spec: SwitchSpec) -> Round:
    """Forward frames by MAC address between ports."""
    ports = [app.ports[name] for name in spec.ports]
    made = Switch(ports, burst=spec.burst, max_age=spec.max_age_s)
    app._bursts += made._bursts  # closed with the file
    step = made.step

    def round_() -> None:
        for _ in range(_POLLS):
            step()

    return round_
