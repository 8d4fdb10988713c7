"""The properties of a ring: its elements, its size, its synchronisation.

A ring carries either values of one numpy dtype or mbufs, forever: a value taken for an mbuf would
be a wild pointer. `rte_ring` records neither; the upper half of `rte_ring.flags` has the kind and
the element size, for every process.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pydpdk._core.choice import one_of
from pydpdk._dpdk import lib
from pydpdk.choices import RingSync
from pydpdk.errors import check_range, make_error
from pydpdk.limits import MAX_RING

Element: TypeAlias = npt.DTypeLike
"""`"mbuf"`, or what numpy accepts as a dtype."""
Kind: TypeAlias = "np.dtype[Any] | None"
"""The dtype of values; None for mbufs."""

ESIZE_MAX = lib.PYD_RING_ESIZE_MASK & ~3
POINTER = 8
# DPDK counts the words of a ring in a uint32_t, and adds two such counts (rte_ring_elem_pvt.h)
_WORDS_MAX = 1 << 31
_NO_DTYPE = (
    TypeError, ValueError, SyntaxError, LookupError, AttributeError, ArithmeticError,
    RecursionError,
)  # fmt: skip
"""Errors of numpy for values that are no dtype."""

# The GIL is released in a call, so the kernel can preempt a thread in the middle of one. On a
# `multi` ring all others then spin until it resumes. Python threads on one CPU, 1,024 elements a
# call [thousand calls/s of all; CPU time spun away], by scripts/bench/bench_ring_threads:
#     threads      multi         rts          hts
#           1  1026,  0 %   1073,  0 %   1120,  0 %
#           2    29, 97 %   1095,  1 %   1096,  1 %
#           4   122, 82 %   1045,  3 %   1049,  4 %
#           8   315, 70 %    848, 12 %    568, 18 %
# Of the other two, `rts` makes no thread wait, up to an eighth of the ring in flight; `hts` always
# waits for the thread before.
DEFAULT_SYNC = RingSync.RTS

# mode, its number, and the flags of a producer and of a consumer
_MODES = (
    (RingSync.MULTI, lib.RTE_RING_SYNC_MT, 0, 0),
    (RingSync.SINGLE, lib.RTE_RING_SYNC_ST, lib.RING_F_SP_ENQ, lib.RING_F_SC_DEQ),
    (RingSync.RTS, lib.RTE_RING_SYNC_MT_RTS, lib.RING_F_MP_RTS_ENQ, lib.RING_F_MC_RTS_DEQ),
    (RingSync.HTS, lib.RTE_RING_SYNC_MT_HTS, lib.RING_F_MP_HTS_ENQ, lib.RING_F_MC_HTS_DEQ),
)
SYNCS = {number: sync for sync, number, _, _ in _MODES}
PRODUCER_FLAGS = {sync: flag for sync, _, flag, _ in _MODES}
CONSUMER_FLAGS = {sync: flag for sync, _, _, flag in _MODES}


def check_element(element: Element) -> Kind:
    """Return the dtype of values, or None for mbufs.

    Raises
    ------
    ValueError
        It is no dtype, or one that no ring can carry.
    """
    if isinstance(element, str) and element == "mbuf":
        return None
    dtype = None
    if element is not None:  # numpy takes None for float64
        with suppress(*_NO_DTYPE):
            dtype = np.dtype(element)
    itemsize = 0 if dtype is None or dtype.hasobject or dtype.subdtype else dtype.itemsize
    if not 4 <= itemsize <= ESIZE_MAX or itemsize % 4:
        raise ValueError(
            f"element must be 'mbuf', or a numpy dtype of 4..{ESIZE_MAX} bytes, a multiple of 4,"
            f" without Python objects (got {element!r})"
        )
    return dtype


def check_sync(name: str, sync: RingSync | str, flags: dict[RingSync, int]) -> int:
    """Return the DPDK flag of a mode: two that contradict give a ring that is not initialised."""
    return flags[one_of(RingSync, name, sync)]


def check_size(size: int, exact_size: bool, esize: int) -> None:
    """Raise for sizes that DPDK rejects, or (0) accepts and then corrupts memory with."""
    check_range("size", size, 1, MAX_RING - 1 if exact_size else MAX_RING, " slots")
    if not exact_size and (size < 2 or size & (size - 1)):
        raise ValueError(
            f"size must be a power of two from 2, or any with exact_size=True (got {size})"
        )
    slots = 1 << size.__index__().bit_length() if exact_size else size
    if slots * (esize // 4) > _WORDS_MAX:
        raise ValueError(
            f"a ring must have up to {_WORDS_MAX * 4 >> 30} GiB (got size={size}: {slots} slots of"
            f" {esize} bytes)"
        )


def say(kind: Kind) -> str:
    """Return an element's name for messages."""
    return "mbuf" if kind is None else str(kind)


def esize_of(kind: Kind) -> int:
    """Return the size of an element [bytes]."""
    return POINTER if kind is None else kind.itemsize


def kind_of(name: str, ring: Any, element: Element | None) -> Kind:
    """Return what a ring carries, from its flags and the caller's argument.

    Raises
    ------
    ValueError
        The two contradict, or do not determine it.
    DpdkError
        EPERM: the ring is the inner one of a mempool.
    """
    known = element is not None
    kind = None if element is None else check_element(element)
    if name.startswith("MP_"):
        raise make_error("rte_ring_lookup", errno.EPERM, f"ring {name!r} is a mempool's own")
    esize = ring.flags >> lib.PYD_RING_ESIZE_SHIFT & lib.PYD_RING_ESIZE_MASK
    if not esize:
        return _foreign(name, ring, kind, known)
    if ring.flags & lib.PYD_RING_MBUFS:
        if known and kind is not None:
            raise ValueError(f"element={element!r}: ring {name!r} carries mbuf")
        return None
    if not known and esize == POINTER:
        return np.dtype(np.uint64)
    if kind is None or kind.itemsize != esize:
        asked = f"element={say(kind)!r}: " if known else "say element: "
        raise ValueError(f"{asked}ring {name!r} carries values of {esize} bytes")
    return kind


def _foreign(name: str, ring: Any, kind: Kind, known: bool) -> Kind:
    if not known:
        raise ValueError(f"ring {name!r} was not made by pydpdk: say element='mbuf' or a dtype")
    if name.startswith("ETH_RXTX") and kind is not None:
        raise ValueError(f"element={say(kind)!r}: ring {name!r} is a port's and carries mbufs")
    esize = esize_of(kind)
    if not lib.pyd_ring_fits(ring, esize):
        raise ValueError(
            f"ring {name!r} was not made by pydpdk, its elements are not of {esize} bytes"
        )
    return kind
