"""The outstanding mbufs of a pool and their owners: for leak hunting, on any DPDK.

DPDK lists all objects of a pool; its free ones are in its ring or stack and in the lcore caches.
The process table lists the bursts of all processes of pydpdk, and rings are read in place. All
other mbufs are with a port or another program.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import lock, owners
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import NotSupportedError, call_errno
from pydpdk.host import alive
from pydpdk.memory.trace import Taken, taken

ELSEWHERE = "a port or another program"
_HELD = np.dtype(
    [("mbuf", "u8"), ("storage", "u8"), ("pid", "u4"), ("ours", "u4"), ("index", "u4"),
     ("cloned", "u4"), ("ring", "S32")]
)  # fmt: skip
_NAMED_MAX = 5  # owners that a message names

Addresses = npt.NDArray[np.uint64]


@frozen
class Outstanding:
    """One outstanding mbuf of a pool.

    Attributes
    ----------
    address : int
        Of its `struct rte_mbuf`.
    owner : str
        A burst of this process or of another one, or a ring, with the packet's index; else a port
        or another program.
    taken : Taken or None
        Where Python took it; None without `PYDPDK_TRACE`, or if C took it.
    """

    address: int
    owner: str
    taken: Taken | None

    def __str__(self) -> str:
        return f"{self.owner} ({self.taken})" if self.taken else self.owner


def outstanding(mp: Any) -> list[Outstanding]:
    """Return the outstanding mbufs of a pool, by address.

    Raises
    ------
    NotSupportedError
        The pool's ops are a hardware driver's, whose free list cannot be read.

    Notes
    -----
    Wraps    rte_mempool_obj_iter (rte_mempool.h)
    Threads  any; while others use the pool, the result is of no exact moment
    Cost     10 ms for a pool of 32,767; 60 ms with all of it out
    """
    with lock():
        everything = _addresses(lib.pyd_pool_objects, mp)
        out = np.setdiff1d(everything, _addresses(lib.pyd_pool_waiting, mp))
        owners = _mbuf_owners(out)
        mbufs = out.tolist()
        stamps = taken(mbufs)
    return [
        Outstanding(mbuf, owners.get(mbuf, ELSEWHERE), stamp)
        for mbuf, stamp in zip(mbufs, stamps, strict=True)
    ]


def culprits(mbufs: list[Outstanding]) -> str:
    """Return the owners of mbufs in one line, the largest first."""
    groups = Counter(
        m.owner.partition(", packet")[0] + (f", taken by {m.taken.where}" if m.taken else "")
        for m in mbufs
    )
    largest = groups.most_common(_NAMED_MAX)
    named = [f"{n} in {owner}" for owner, n in largest]
    rest = sum(groups.values()) - sum(n for _, n in largest)
    return "; ".join([*named, f"{rest} more"] if rest else named)


def culprits_of(mp: Any) -> str:
    """Return `: ` and the owners of a pool's outstanding mbufs; an empty string if unknown."""
    try:
        return f": {culprits(outstanding(mp))}"
    except NotSupportedError:
        return ""


def call_in(mp: Any) -> None:
    """Free the bursts of this process and all rings in which mbufs of a pool are.

    The pool is about to be freed by force, and no call may reach its memory afterwards.

    Notes
    -----
    Wraps  rte_pktmbuf_free_bulk (rte_mbuf.h), rte_ring_lookup (rte_ring.h)
    """
    with lock():
        held = _held(_addresses(lib.pyd_pool_objects, mp))
        _call_in_bursts(set(held["storage"][held["ours"] != 0].tolist()))
        for name in set(held["ring"].tolist()) - {b""}:
            lib.pyd_ring_call_in(name)


def _call_in_bursts(addresses: set[int]) -> None:
    for owner in owners():
        if owner.address in addresses:
            owner._call_in()


def _addresses(function: Any, mp: Any) -> Addresses:
    room = int(mp.size)
    found = np.empty(room, np.uint64)
    n = call_errno(function, mp, ffi.from_buffer("uint64_t *", found), room, detail="its mbufs")
    return found[: min(n, room)]


def _mbuf_owners(out: Addresses) -> dict[int, str]:
    name = _namer()
    held = _held(out)
    found: dict[int, str] = {}
    in_order = held[np.argsort(held["cloned"], kind="stable")]  # its owner before a clone's
    for mbuf, storage, pid, ours, index, cloned, ring in in_order.tolist():
        seen = ", seen by a clone" if cloned else ""
        found.setdefault(mbuf, f"{name(storage, pid, ours, ring)}, packet {index}{seen}")
    return found


def _namer() -> Callable[[int, int, int, bytes], str]:
    bursts = {owner.address: repr(owner) for owner in owners() if owner.address}

    @functools.cache
    def name(storage: int, pid: int, ours: int, ring: bytes) -> str:
        if ring:
            return f"ring {ring.decode(errors='replace')!r}"
        if ours:
            return bursts.get(storage, "a burst that nothing references")
        dead = "" if alive.start_time(pid) else " (dead)"
        return f"a burst of process {pid}{dead}"

    return name


def _held(out: Addresses) -> npt.NDArray[Any]:
    room = 64
    while True:
        found = np.empty(room, _HELD)
        n = lib.pyd_held(
            ffi.from_buffer("uint64_t *", out), len(out),
            ffi.from_buffer("struct pyd_held *", found), room,
        )  # fmt: skip
        if n <= room:
            held = found[:n]
            return held[np.isin(held["mbuf"], out)]
        room = n
