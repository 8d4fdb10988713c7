"""Waits of a channel: in slices, so that signals are handled and dead peers are noticed."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from pydpdk import eal
from pydpdk._core.timeouts import FOREVER_S, check_timeout, left_ns
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, make_error
from pydpdk.host.alive import is_alive
from pydpdk.memory.mbuf_owner import raise_for

if TYPE_CHECKING:
    from pydpdk.process.channel import Channel

SLICE_NS = 100_000_000
"""Longest wait in C; then Python handles signals, and the peers are checked."""
NOTHING = -errno.EAGAIN
TOO_LONG = -errno.EMSGSIZE
_INTERRUPTED = -errno.EINTR
_PLAIN = (float, int)

Attempt = Callable[[int], int]


def first_ns(timeout: Any) -> int:
    """Return how long the first attempt of a call waits [ns]: not at all if it has a timeout.

    Raises
    ------
    TypeError, ValueError
        As `check_timeout`.
    """
    if type(timeout) in _PLAIN and 0 <= timeout <= FOREVER_S:  # quick: once for each message
        return 0
    return SLICE_NS if check_timeout(timeout) is None else 0


def places(head: Any) -> list[tuple[int, int]]:
    """Return the PID and start time of each attached process."""
    bits = lib.PYD_CHANNEL_PID_BITS
    return [(peer & ((1 << bits) - 1), peer >> bits) for peer in head.peers if peer]


def persist(
    channel: Channel,
    result: int,
    attempt: Attempt,
    end: float | None,
    burst: object = None,
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
            _raise(channel, result, burst)
        wait_ns = left_ns(end, SLICE_NS)
        if wait_ns == 0:
            if channel._readable is not None:
                channel._readable.look_again()
            return NOTHING
        deaths = channel._look().deaths if deaths is None else deaths
        result = attempt(wait_ns)
        if result == NOTHING and wait_ns == SLICE_NS:
            _check_peers(channel, deaths)
    return result


def _check_peers(channel: Channel, deaths: int) -> None:
    """Raise, once, if all peers have died; later calls wait for a new peer.

    Parameters
    ----------
    deaths
        The number of known deaths when the wait began.
    """
    if not eal.is_primary() and not lib.rte_eal_primary_proc_alive(ffi.NULL):
        raise make_error("rte_eal_primary_proc_alive", errno.ECONNRESET, "the primary died")
    others = [place for place in places(channel._look()) if place != channel._me]
    dead = [place for place in others if not is_alive(*place)]
    for place in dead:
        lib.pyd_channel_remove(channel._c, *place)
    known = channel._look().deaths
    if len(dead) == len(others) and known > min(deaths, channel._deaths_reported):
        channel._deaths_reported = known
        raise make_error("", errno.ECONNRESET, f"{channel!r}: all other processes of it died")


def _raise(channel: Channel, result: int, burst: object) -> NoReturn:
    if result == -errno.EPIPE:
        raise ClosedError(f"{channel!r} was shut")
    if burst is None or result == -errno.EBADF:
        raise channel._closed_error()
    raise_for(-errno.EBADF if result == -errno.ENETDOWN else result, "channel", channel, burst)
