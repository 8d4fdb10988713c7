"""The verbs of queues, bursts, rings and mempools in compiled code: a C call each, a whole burst.

Names and results are those of the interpreted classes.
"""

from __future__ import annotations

import errno
from typing import Any

from numba import njit
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import overload, overload_method

from pydpdk import lcore
from pydpdk._dpdk import ffi
from pydpdk.errors import BusyError, ClosedError, InUseError, NoRoomError
from pydpdk.jit.errors import StoppedError
from pydpdk.jit.types import (
    BURST,
    MEMPOOL,
    RX,
    TX,
    BurstType,
    RingType,
    RxType,
    TxType,
    address_of,
    bare,
    external,
    loader,
)

_int, _word = types.int32, types.int64
_running = external("pyd_job_running", _int)
_rx = external("pyd_worker_rx", _int, RX, BURST)
_tx = external("pyd_worker_tx", _int, TX, BURST)
_ring_rx = external("pyd_worker_ring_rx", _int, _word, BURST)
_ring_tx = external("pyd_worker_ring_tx", _int, _word, BURST)
_enqueue = external("pyd_ring_enqueue_burst", _int, _word, _word, types.uint32)
_dequeue = external("pyd_ring_dequeue_burst", _int, _word, _word, types.uint32)
_alloc = external("pyd_worker_alloc", _int, BURST, MEMPOOL, _word, _word)
_free = external("pyd_worker_free", _int, BURST)
_fill = external("pyd_worker_fill", _int, BURST, _word, _word)
_keep = external("pyd_worker_keep", _int, BURST, _word, _word)
_swap_macs = external("pyd_worker_swap_macs", _int, BURST)
_load32 = loader(4)
_N = ffi.offsetof("struct pyd_burst", "n")
_SIZE = ffi.offsetof("struct pyd_burst", "size")

_STOPPED, _DOWN, _HOLDS, _SHUT = -errno.ECANCELED, -errno.ENETDOWN, -errno.ENOTEMPTY, -errno.EBADF
_EMPTY, _TOO_LONG, _SHORT = -errno.ENOBUFS, -errno.EMSGSIZE, -errno.ERANGE
_DIED = -errno.EOWNERDEAD


@njit
def _done(n: int) -> int:
    """Return a count; raise what a negative one means."""
    if n >= 0:
        return n
    if n == _STOPPED:
        raise StoppedError("asked to stop")
    if n in (_DOWN, _SHUT):
        raise ClosedError("the port was stopped, or the ring was closed")
    if n == _HOLDS:
        raise InUseError("the burst still holds mbufs: send, enqueue or free them first")
    if n == _EMPTY:
        raise NoRoomError("rte_pktmbuf_alloc_bulk: the mempool has not so many mbufs left")
    if n == _TOO_LONG:
        raise ValueError("more packets than the burst takes, or more bytes than an mbuf has room")
    if n == _SHORT:
        raise ValueError("a mask of at least as many bools as the burst has packets is allowed")
    if n == _DIED:
        raise ClosedError("the process that repaired the shared memory died over it")
    raise BusyError("another thread uses this side of the ring")


@overload(lcore.running)
@bare
def _overload_running() -> Any:
    return lambda: _running() != 0


@overload(len)
@bare
def _overload_len(burst: Any) -> Any:
    if burst == BURST:
        return lambda burst: _load32(address_of(burst) + _N)
    return None


@overload_method(RxType, "rx")
@bare
def _overload_rx(queue: Any, burst: Any) -> Any:
    if burst == BURST:
        return lambda queue, burst: _done(_rx(queue, burst))
    return None


@overload_method(TxType, "tx")
@bare
def _overload_tx(queue: Any, burst: Any) -> Any:
    if burst == BURST:
        return lambda queue, burst: _done(_tx(queue, burst))
    return None


@overload_method(RingType, "rx")
@bare
def _overload_ring_rx(ring: Any, burst: Any) -> Any:
    if burst == BURST and ring.element is None:
        return lambda ring, burst: _done(_ring_rx(address_of(ring), burst))
    return None


@overload_method(RingType, "tx")
@bare
def _overload_ring_tx(ring: Any, burst: Any) -> Any:
    if burst == BURST and ring.element is None:
        return lambda ring, burst: _done(_ring_tx(address_of(ring), burst))
    return None


def _carries(ring: Any, values: Any) -> bool:
    """Whether an array is one of the ring's values, all of them side by side."""
    return (
        isinstance(values, types.Array)
        and (values.ndim, values.layout) == (1, "C")
        and values.dtype == ring.element
    )


@overload_method(RingType, "enqueue_burst")
@bare
def _overload_enqueue(ring: Any, values: Any) -> Any:
    if not _carries(ring, values):
        raise TypingError(f"enqueue_burst: a contiguous array of {ring.element} is allowed")

    def enqueue_burst(ring: Any, values: Any) -> int:
        return _done(_enqueue(address_of(ring), values.ctypes.data, len(values)))

    return enqueue_burst


@overload_method(RingType, "dequeue_burst")
@bare
def _overload_dequeue(ring: Any, out: Any) -> Any:
    if not _carries(ring, out) or not out.mutable:
        raise TypingError(f"dequeue_burst: a contiguous array of {ring.element} is allowed")

    def dequeue_burst(ring: Any, out: Any) -> int:
        return _done(_dequeue(address_of(ring), out.ctypes.data, len(out)))

    return dequeue_burst


@overload_method(BurstType, "alloc")
@bare
def _overload_alloc(burst: Any, mempool: Any, n: Any = None, length: Any = 0) -> Any:
    if mempool != MEMPOOL:
        return None
    if getattr(n, "value", n) in (None, types.none):  # left out, or None

        def alloc_all(burst: Any, mempool: Any, n: Any = None, length: Any = 0) -> int:
            size = _load32(address_of(burst) + _SIZE)
            return _done(_alloc(burst, mempool, size, length))

        return alloc_all if _whole(length) else None

    def alloc(burst: Any, mempool: Any, n: Any = None, length: Any = 0) -> int:
        return _done(_alloc(burst, mempool, n, length))

    return alloc if _whole(n) and _whole(length) else None


def _whole(number: Any) -> bool:
    """Whether an argument is an integer, or was left out."""
    return isinstance(number, int | types.Integer) or isinstance(
        getattr(number, "value", None), int
    )


@overload_method(BurstType, "free")
@bare
def _overload_free(burst: Any) -> Any:
    return lambda burst: _done(_free(burst))


@overload_method(BurstType, "swap_macs")
@bare
def _overload_swap_macs(burst: Any) -> Any:
    def swap_macs(burst: Any) -> None:
        _swap_macs(burst)

    return swap_macs


def _bytes(array: Any, dtype: Any) -> bool:
    return (
        isinstance(array, types.Array)
        and (array.ndim, array.layout) == (1, "C")
        and array.dtype == dtype
    )


@overload_method(BurstType, "fill")
@bare
def _overload_fill(burst: Any, packets: Any) -> Any:
    if not _bytes(packets, types.uint8):
        raise TypingError("fill: one packet as a contiguous array of uint8 is allowed")

    def fill(burst: Any, packets: Any) -> None:
        _done(_fill(burst, packets.ctypes.data, len(packets)))

    return fill


@overload_method(BurstType, "keep")
@bare
def _overload_keep(burst: Any, mask: Any) -> Any:
    if not _bytes(mask, types.boolean):
        raise TypingError("keep: a contiguous array of bool is allowed")
    return lambda burst, mask: _done(_keep(burst, mask.ctypes.data, len(mask)))
