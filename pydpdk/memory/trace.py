"""Where mbufs were taken: a stamp in each, written only while tracing is on.

The stamp is a dynamic field: it needs no table and stays with the mbuf through rings, ports and
processes. It also stays when the mbuf goes back to its pool, until the mbuf is taken again.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._dpdk import ffi, lib
from pydpdk.memory.dynfield import DynField

FROM_ENVIRONMENT = os.environ.get("PYDPDK_TRACE", "0") not in ("", "0")
_STAMP = [("pid", "u4"), ("site", "u4"), ("ms", "u4")]
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120  # as in code objects
_sites: list[str] = [""]
_numbers: dict[tuple[Any, int, str], int] = {}
_field: list[DynField] = []
_state = {"on": False}


@frozen
class Taken:
    """Where an mbuf was last taken by Python, and how long ago.

    Attributes
    ----------
    where : str
        `operation at file:line`; for another process, its pid.
    seconds : float
        [s] since then; wrong after 49 days.
    """

    where: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.where}, {self.seconds:.3f} s ago"


def is_on() -> bool:
    """Return whether mbufs are stamped."""
    return _state["on"]


def switch(on: bool) -> None:
    """Turn stamps on or off; `pydpdk.burst.tracing` adds them to the data path."""
    _state["on"] = on


def stamp(burst: Any, first: int, operation: str) -> None:
    """Stamp the packets of a burst, from `first` on, with the line that took them."""
    if not _field:
        _field.append(DynField.register("pydpdk_taken", _STAMP))
    lib.pyd_burst_stamp(burst, first, _field[0].offset, _site(operation), os.getpid())


def taken(mbufs: list[int]) -> list[Taken | None]:
    """Return where each mbuf was taken; None for one without a stamp."""
    if not _field or eal.state() != eal.EalState.RUNNING:
        return [None] * len(mbufs)
    stamps = ffi.new("struct pyd_stamp[]", len(mbufs))
    lib.pyd_read_stamps(mbufs, len(mbufs), _field[0].offset, stamps)
    now = lib.pyd_stamp_ms()
    return [_read(stamps[i], now) for i in range(len(mbufs))]


def summary(mbufs: list[int], most: int = 5) -> str:
    """Return `: n taken by ...`, the largest numbers first; an empty string without stamps."""
    places = Counter(stamp.where for stamp in taken(mbufs) if stamp).most_common(most)
    return f": {'; '.join(f'{n} taken by {where}' for where, n in places)}" if places else ""


def _read(c: Any, now: int) -> Taken | None:
    if not c.pid:
        return None
    ours = c.pid == os.getpid() and c.site < len(_sites)
    where = _sites[c.site] if ours else f"process {c.pid}"
    return Taken(where, ((now - c.ms) & 0xFFFFFFFF) / 1000)


def _site(operation: str) -> int:
    """Return the number of the calling line outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    key = (frame.f_code, frame.f_lineno, operation)
    number = _numbers.get(key)
    if number is None:
        number = _numbers[key] = len(_sites)
        _sites.append(f"{operation} at {frame.f_code.co_filename}:{frame.f_lineno}")
    return number
