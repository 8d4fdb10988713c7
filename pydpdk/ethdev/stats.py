"""The counters of a port, and the state of its link."""

from __future__ import annotations

import time
from dataclasses import field, fields

from pydpdk._core.frozen import frozen
from pydpdk._core.show import html_table, rate_text
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_errno
from pydpdk.memory._rows import read, text

_SPEED_UNKNOWN = 0xFFFFFFFF


@frozen
class PortStats:
    """Counters of a port, named as in `struct rte_eth_stats`.

    Attributes
    ----------
    ipackets, opackets : int
        [packets] received and sent.
    ibytes, obytes : int
        [bytes]; net_null and net_ring do not count them.
    imissed : int
        [packets] that the device dropped, as no descriptor was free.
    rx_nombuf : int
        How often the pool had no mbuf left.
    time_ns : int
        [ns] on the clock of `time.monotonic_ns`, when they were read.

    Notes
    -----
    `after - before` is a `PortInterval`, which has rates.
    """

    ipackets: int
    opackets: int
    ibytes: int
    obytes: int
    imissed: int
    ierrors: int
    oerrors: int
    rx_nombuf: int
    time_ns: int = field(default=0, compare=False, repr=False)

    def __sub__(self, earlier: PortStats) -> PortInterval:
        """Return what the counters have gained since an earlier reading."""
        if not isinstance(earlier, PortStats) or isinstance(self, PortInterval):
            return NotImplemented
        gained = {name: getattr(self, name) - getattr(earlier, name) for name in _names()}
        return PortInterval(**gained)

    def _repr_html_(self) -> str:
        """Show it as a table in a notebook."""
        return html_table(type(self).__name__, ("counter", "value"), vars(self).items())


@frozen
class PortInterval(PortStats):
    """The gain of a port's counters between two readings: `after - before`.

    Attributes
    ----------
    time_ns : int
        [ns] between the readings.
    """

    def rates(self) -> PortRates:
        """Return the gain in each second.

        Raises
        ------
        ValueError
            No time passed between the readings.
        """
        if self.time_ns <= 0:
            raise ValueError(f"no time passed between the two readings ({self.time_ns} ns)")
        return PortRates(
            **{name: getattr(self, name) * 1e9 / self.time_ns for name in _names()[:-1]}
        )


@frozen
class PortRates:
    """Counters of a port in each second; see `PortStats` for their meaning.

    Attributes
    ----------
    ipackets, opackets : float
        [packets/s] received and sent.
    ibytes, obytes : float
        [bytes/s].
    """

    ipackets: float
    opackets: float
    ibytes: float
    obytes: float
    imissed: float
    ierrors: float
    oerrors: float
    rx_nombuf: float

    def __str__(self) -> str:
        return f"rx {rate_text(self.ipackets)}, tx {rate_text(self.opackets)}"


@frozen
class Link:
    """State of a port's link.

    Attributes
    ----------
    speed_mbps : int or None
        [Mbit/s]; None if the device does not report it.
    """

    up: bool
    speed_mbps: int | None
    full_duplex: bool
    autoneg: bool


def _names() -> list[str]:
    """Return the counters of `PortStats`, and last its time."""
    return [one.name for one in fields(PortStats)]


def read_stats(port_id: int, cut: int = 0, unsendable: int = 0) -> PortStats:
    """Return a port's counters, with [packets] that are errors beside those of the driver.

    Notes
    -----
    Wraps  rte_eth_stats_get (rte_ethdev.h)
    """
    raw = ffi.new("struct rte_eth_stats *")
    call_errno(lib.rte_eth_stats_get, port_id, raw, detail=f"port {port_id}")
    now = time.monotonic_ns()
    errors = {"time_ns": now, "ierrors": raw.ierrors + cut, "oerrors": raw.oerrors + unsendable}
    return read(PortStats, raw, **errors)


def read_xstats(port_id: int) -> dict[str, int]:
    """Return a port's extended counters by name.

    Notes
    -----
    Wraps  rte_eth_xstats_get_names, rte_eth_xstats_get (rte_ethdev.h)
    """
    n = call_errno(lib.rte_eth_xstats_get_names, port_id, ffi.NULL, 0, detail=f"port {port_id}")
    names = ffi.new("struct rte_eth_xstat_name[]", n)
    values = ffi.new("struct rte_eth_xstat[]", n)
    call_errno(lib.rte_eth_xstats_get_names, port_id, names, n, detail=f"port {port_id}")
    got = call_errno(lib.rte_eth_xstats_get, port_id, values, n, detail=f"port {port_id}")
    return {text(names[values[i].id].name): values[i].value for i in range(min(n, got))}


def read_link(port_id: int) -> Link:
    """Return the state of a port's link, without waiting.

    Notes
    -----
    Wraps  rte_eth_link_get_nowait (rte_ethdev.h)
    """
    raw = ffi.new("struct pyd_link *")
    call_errno(lib.pyd_eth_link, port_id, raw, detail=f"port {port_id}")
    return read(Link, raw, speed_mbps=None if raw.speed in (0, _SPEED_UNKNOWN) else raw.speed)
