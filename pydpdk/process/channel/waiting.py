"""Waits of a channel: in slices, so that signals are handled and dead peers are noticed."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from pydpdk import eal
from pydpdk._core.lifetime import Owner
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, make_error
from pydpdk.host.alive import is_alive
from pydpdk.memory.mbuf_owner import refuse

SLICE_NS = 100_000_000
"""Longest wait in C; then Python handles signals, and the peers are checked."""
NOTHING = -errno.EAGAIN
_INTERRUPTED = -errno.EINTR

N_MAX = (1 << 31) - 1

Attempt = Callable[[int], int]
Lengths: TypeAlias = npt.NDArray[np.uint32]


class Waiting(Owner):
    """A channel's waits; `_c` is its `struct pyd_channel *`, `_me` this process in it."""

    _c: Any
    _me: tuple[int, int]
    _deaths_reported: int
    dtype: np.dtype[Any] | None
    message_bytes: int

    @property
    def peers(self) -> tuple[int, ...]:
        """PIDs of the living processes that are attached, including this one."""
        places = _places(self._look())
        return tuple(sorted(pid for pid, started in places if is_alive(pid, started)))

    def _look(self) -> Any:
        """Return a copy of the memzone's header; the zone itself may be freed at any moment."""
        head = ffi.new("struct pyd_channel_head *")
        if lib.pyd_channel_look(self._c, head) < 0:
            raise self._closed_error()
        return head

    def _persist(
        self, result: int, attempt: Attempt, end: float | None, burst: object = None
    ) -> int:
        """Repeat an attempt until it succeeds or the time is up; return its last result.

        Parameters
        ----------
        result
            The result of the first attempt.
        attempt
            Takes a time to wait [ns], returns a count, or a negative errno.
        end
            The deadline, from `deadline`; None: never.

        Returns
        -------
        int
            `NOTHING` if the time was up.
        """
        deaths = None
        while result < 0:
            if result not in (NOTHING, _INTERRUPTED):
                self._raise(result, burst)
            wait_ns = SLICE_NS if end is None else min((end - time.monotonic()) * 1e9, SLICE_NS)
            if wait_ns <= 0:
                return NOTHING
            deaths = self._look().deaths if deaths is None else deaths
            result = attempt(int(wait_ns))
            if result == NOTHING and wait_ns == SLICE_NS:
                self._check_peers(deaths)
        return result

    def _check_peers(self, deaths: int) -> None:
        """Raise, once, if all peers have died; later calls wait for a new peer.

        Parameters
        ----------
        deaths
            The number of known deaths when the wait began.
        """
        if not eal.is_primary() and not lib.rte_eal_primary_proc_alive(ffi.NULL):
            raise make_error("rte_eal_primary_proc_alive", errno.ECONNRESET, "the primary died")
        others = [place for place in _places(self._look()) if place != self._me]
        dead = [place for place in others if not is_alive(*place)]
        for place in dead:
            lib.pyd_channel_remove(self._c, *place)
        known = self._look().deaths
        if len(dead) == len(others) and known > min(deaths, self._deaths_reported):
            self._deaths_reported = known
            raise make_error("", errno.ECONNRESET, f"{self!r}: all other processes of it died")

    def _raise(self, result: int, burst: object = None) -> NoReturn:
        if result == -errno.EPIPE:
            raise ClosedError(f"{self!r} was shut")
        if burst is None or result == -errno.EBADF:
            raise self._closed_error()
        refuse(-errno.EBADF if result == -errno.ENETDOWN else result, "channel", self, burst)


def _places(head: Any) -> list[tuple[int, int]]:
    """Return the PID and start time of each attached process."""
    bits = lib.PYD_CHANNEL_PID_BITS
    return [(peer & ((1 << bits) - 1), peer >> bits) for peer in head.peers if peer]


def deadline(timeout: float | None) -> float | None:
    """Return when a timeout [s] from now ends; None: never.

    Raises
    ------
    TypeError, ValueError
        `timeout` is neither None nor a number from 0.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout={timeout!r}: None or a number of seconds from 0 is allowed")
    if not timeout >= 0:
        raise ValueError(f"timeout={timeout}: None or a number of seconds from 0 is allowed")
    return time.monotonic() + min(timeout, 1e9)
