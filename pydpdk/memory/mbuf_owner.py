"""The interface of a burst for queues and rings, and the errors of the data path."""

from __future__ import annotations

import errno
from typing import Any, NoReturn, Protocol, runtime_checkable

from pydpdk._core.lifetime import Bytes
from pydpdk.errors import BusyError, ClosedError, InUseError, make_error


@runtime_checkable
class MbufOwner(Protocol):
    """An owner of mbufs: `pydpdk.Burst`."""

    _c: Any
    _views: list[Any]

    def view(self, i: int) -> Bytes:
        """Return the data of packet i's first segment."""
        ...

    def _view_of(self, segment: Any) -> Bytes:
        """Return the data of a segment that C has described."""
        ...

    def bytes(self, i: int) -> bytes:
        """Return a copy of packet i."""
        ...

    def free(self) -> int:
        """Give all mbufs back to their pools; return how many."""
        ...

    def _stamp(self, first: int, call: str) -> None:
        """Stamp where the packets from `first` on were taken (tracing)."""
        ...

    def _check_views(self) -> None:
        """Raise if views of the mbufs are alive (check mode)."""
        ...


def raise_for(result: int, what: str, user: object, burst: object, why: str = "") -> NoReturn:
    """Raise the error for a negative result of the data path.

    Parameters
    ----------
    result
        A negative errno of a `pyd_*` function: a gate was shut, or the burst does not fit.
    what
        The DPDK call, for the message.
    user
        The queue, ring or pool.
    burst
        The burst.
    why
        Details that the caller adds to the message.
    """
    number = -result
    if number == errno.EBADF:
        raise ClosedError(f"{what}: {burst!r} is closed")
    if number == errno.ENETDOWN:
        raise ClosedError(f"{what}: {user!r} is not open; a port must be started")
    if number == errno.ENOTEMPTY:
        raise InUseError(f"{what}: {burst!r} still holds mbufs: send, enqueue or free them first")
    if number == errno.EBUSY:
        raise BusyError(number, f"{what}: another thread uses {burst!r}")
    if number == errno.EALREADY:
        raise BusyError(number, f"{what}: another thread uses {user!r}")
    raise make_error(what, number, f"{user!r}, {burst!r}{why}")
