"""The verbs of queues, bursts, rings and mempools in compiled code: one C call for a whole burst.

Names and results are those of the interpreted classes.
"""

from __future__ import annotations

import errno
from typing import Any

from numba import njit
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import overload, overload_attribute, overload_method

from pydpdk import cycles, lcore
from pydpdk._dpdk import ffi
from pydpdk.errors import BusyError, ClosedError, InUseError, NoRoomError
from pydpdk.jit.errors import WorkerStoppedError
from pydpdk.jit.types import (
    BURST,
    COUNT,
    MEMPOOL,
    BurstType,
    RingType,
    RxType,
    TxType,
    address_of,
    always,
    external,
    function,
    is_array,
    is_whole,
    loader,
    method,
)

_int, _word = types.int32, types.int64
_running = external("pyd_job_running", _int)
_ring_count = external("pyd_ring_count", _int, _word)
_alloc = external("pyd_worker_alloc", _int, BURST, MEMPOOL, _word, _word)
_free = external("pyd_worker_free", _int, BURST)
_fill = external("pyd_worker_fill", _int, BURST, _word, _word)
_part = external("pyd_worker_part", _int, BURST, _word, _word, _word)
_take = external("pyd_worker_take", _int, BURST, _word, _word, BURST)
_rdtsc = external("rte_rdtsc", types.int64)
_get_tsc_hz = external("rte_get_tsc_hz", types.int64)
_swap_macs = external("pyd_worker_swap_macs", _int, BURST)
_load32 = loader(4)
_SIZE = ffi.offsetof("struct pyd_burst", "size")

_STOPPED, _DOWN, _HOLDS, _SHUT = -errno.ECANCELED, -errno.ENETDOWN, -errno.ENOTEMPTY, -errno.EBADF
_EMPTY, _TOO_LONG, _SHORT = -errno.ENOBUFS, -errno.EMSGSIZE, -errno.ERANGE
_DIED, _FULL, _SAME = -errno.EOWNERDEAD, -errno.ENOSPC, -errno.EINVAL


@njit
def _check_arguments(n: int) -> None:
    """Raise if the result says that an argument is wrong."""
    if n == _EMPTY:
        raise NoRoomError("rte_pktmbuf_alloc_bulk: the mempool has too few mbufs left")
    if n == _FULL:
        raise NoRoomError("the other burst has no room for all of them: nothing was moved")
    if n == _TOO_LONG:
        raise ValueError("more packets than fit in the burst, or more bytes than fit in an mbuf")
    if n == _SHORT:
        raise ValueError("the mask must have a bool for each packet of the burst")
    if n == _SAME:
        raise ValueError("into must be another burst")


@njit
def _done(n: int) -> int:
    """Return a count; raise for a negative one."""
    if n >= 0:
        return n
    if n == _STOPPED:
        raise WorkerStoppedError("asked to stop")
    if n in (_DOWN, _SHUT):
        raise ClosedError("the port was stopped, or the ring was closed")
    if n == _HOLDS:
        raise InUseError("the burst still holds mbufs: send, enqueue or free them first")
    if n == _DIED:
        raise ClosedError("the recovering process died during the recovery of shared memory")
    _check_arguments(n)
    raise BusyError("another thread uses this side of the ring")


overload(lcore.running)(always(lambda: _running() != 0))
overload(cycles.rdtsc)(always(lambda: _rdtsc()))
overload(cycles.get_tsc_hz)(always(lambda: _get_tsc_hz()))


@function(len)
def _overload_len(leased: Any) -> Any:
    if leased == BURST:
        return lambda leased: _load32(address_of(leased) + COUNT)
    if isinstance(leased, RingType):
        return lambda leased: _done(_ring_count(address_of(leased)))
    return None


@overload_attribute(BurstType, "capacity")
@always
def _capacity(burst: Any) -> Any:
    return _load32(address_of(burst) + _SIZE)


def _moves_burst(kind: type[types.Type], verb: str, function: str) -> None:
    """Make the verb that moves a burst out of, or into, a queue or a ring of mbufs."""
    call = external(function, _int, _word, BURST)

    @method(kind, verb)
    def _overload(queue: Any, burst: Any) -> Any:
        if burst == BURST and getattr(queue, "element", None) is None:
            return lambda queue, burst: _done(call(address_of(queue), burst))
        return None


_moves_burst(RxType, "rx", "pyd_worker_rx")
_moves_burst(TxType, "tx", "pyd_worker_tx")
_moves_burst(RingType, "rx", "pyd_worker_ring_rx")
_moves_burst(RingType, "tx", "pyd_worker_ring_tx")


def _moves_values(verb: str, *, writes: bool) -> None:
    """Make a verb that moves values between a ring and an array of its dtype."""
    call = external(f"pyd_worker_{verb}", _int, _word, _word, types.uint32)

    @method(RingType, verb)
    def _overload(ring: Any, values: Any) -> Any:
        if not is_array(values, ring.element) or (writes and not values.mutable):
            raise TypingError(f"{verb} takes a contiguous array of {ring.element}")
        return lambda ring, values: _done(call(address_of(ring), values, len(values)))


for _how in ("burst", "bulk"):
    _moves_values(f"enqueue_{_how}", writes=False)
    _moves_values(f"dequeue_{_how}", writes=True)


@method(BurstType, "alloc")
def _overload_alloc(burst: Any, mempool: Any, n: Any = None, length: Any = 0) -> Any:
    if mempool != MEMPOOL:
        return None
    if getattr(n, "value", n) in (None, types.none):  # left out, or None

        def alloc_all(burst: Any, mempool: Any, n: Any = None, length: Any = 0) -> int:
            return _done(_alloc(burst, mempool, burst.capacity, length))

        return alloc_all if is_whole(length) else None

    def alloc(burst: Any, mempool: Any, n: Any = None, length: Any = 0) -> int:
        return _done(_alloc(burst, mempool, n, length))

    return alloc if is_whole(n) and is_whole(length) else None


overload_method(BurstType, "free")(always(lambda burst: _done(_free(burst))))


@overload_method(BurstType, "swap_macs")
@always
def _swap_all(burst: Any) -> None:
    _swap_macs(burst)


@method(BurstType, "fill")
def _overload_fill(burst: Any, packets: Any) -> Any:
    if not is_array(packets, types.uint8):
        raise TypingError("fill takes one packet as a contiguous array of uint8")

    def fill(burst: Any, packets: Any) -> None:
        _done(_fill(burst, packets, len(packets)))

    return fill


def _parts(verb: str, stay: int) -> None:
    """Make a verb that frees packets by a mask."""

    @method(BurstType, verb)
    def _overload(burst: Any, mask: Any) -> Any:
        if not is_array(mask, types.boolean):
            raise TypingError(f"{verb} takes a contiguous array of bool")
        return lambda burst, mask: _done(_part(burst, mask, len(mask), stay))


_parts("keep", 1)
_parts("drop", 0)


@method(BurstType, "take")
def _overload_take(burst: Any, mask: Any, into: Any) -> Any:
    if not is_array(mask, types.boolean) or into != BURST:
        raise TypingError("take needs a contiguous array of bool, and another burst")
    return lambda burst, mask, into: _done(_take(burst, mask, len(mask), into))
