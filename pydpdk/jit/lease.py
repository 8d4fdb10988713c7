"""The lease of a worker: its bursts, queues, rings and pools, for its whole run.

Only the worker may use a leased queue or burst, so it passes no gate for each call; rings and pools
are only kept from being closed. The error of a `close` names the worker.
"""

from __future__ import annotations

import errno
from typing import Any, NamedTuple

from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Owner, address_of
from pydpdk._dpdk import ffi, lib
from pydpdk.burst.burst import Burst
from pydpdk.errors import BusyError, ClosedError
from pydpdk.ethdev.queue import Queue, RxQueue, TxQueue
from pydpdk.lcore.job import Job
from pydpdk.memory.mempool import Mempool
from pydpdk.ring import Ring


class Leased(Fixed):
    """An object as compiled code takes it: an address and its kind.

    Attributes
    ----------
    kind : str
        `rx`, `tx`, `burst`, `ring` or `mempool`.
    detail : numpy.dtype or None
        The dtype of a ring's values; None for mbufs.
    """

    __slots__ = ("_begun", "address", "detail", "kind")

    def __init__(self, kind: str, address: int, detail: Any = None) -> None:
        self.kind = kind
        self.address = address
        self.detail = detail


class _Kind(NamedTuple):
    name: str
    alone: bool  # no other thread may use it during the lease


_KINDS: dict[type, _Kind] = {
    RxQueue: _Kind("rx", alone=True),
    TxQueue: _Kind("tx", alone=True),
    Burst: _Kind("burst", alone=True),
    Ring: _Kind("ring", alone=False),
    Mempool: _Kind("mempool", alone=False),
}


class Lease(Fixed):
    """The objects among the arguments of a worker; leased by `take` until `give_back`.

    Notes
    -----
    Owns     nothing; mbufs that are in the bursts at the end are freed
    Threads  taken by the launching thread, given back by the lcore
    """

    def __init__(self, args: tuple[Any, ...]) -> None:
        self._found: dict[int, Any] = {}
        self._taken: list[tuple[Any, Any]] = []  # with a word in which C says whether it is leased
        self._args = tuple(self._lease(arg) for arg in args)

    @property
    def args(self) -> tuple[Any, ...]:
        """The arguments as compiled code takes them; empty once they are given back."""
        return self._args

    def _lease(self, arg: Any) -> Any:
        """Return the argument as compiled code takes it; also objects inside tuples."""
        if type(arg) is tuple:
            return tuple(self._lease(item) for item in arg)
        kind = _KINDS.get(type(arg))
        if kind is None:
            return arg
        self._found[id(arg)] = arg
        detail = arg.dtype if isinstance(arg, Ring) else None
        return Leased(kind.name, address_of(arg._c), detail)

    def take(self, job: Job) -> None:
        """Lease all objects or none.

        Raises
        ------
        ClosedError, BusyError
            One is closed, not started, or in use.
        """
        try:
            for found in self._found.values():
                self._take(found, job)
        except BaseException:
            self.give_back()
            raise

    def _take(self, found: Any, job: Job) -> None:
        owner: Owner = found.port if isinstance(found, Queue) else found
        owner.handle  # noqa: B018  # raises when closed
        if isinstance(found, Burst) and found._views:
            found._check_views()
        if isinstance(found, Queue):
            found.take()
        leased = ffi.new("uint32_t *")
        self._taken.append((found, leased))
        result = lib.pyd_lease(*_gate_of(found), leased)
        if result == -errno.EBUSY:
            others = sorted(repr(u) for u in owner._users if isinstance(u, Job) and u.running())
            raise BusyError(
                errno.EBUSY, f"{found!r} is in use by {', '.join(others) or 'another thread'}"
            )
        if result < 0:
            raise ClosedError(f"{found!r} is not open; a port must be started")
        owner._users.add(job)

    def give_back(self) -> None:
        """End the lease; free the mbufs in the bursts."""
        self._found, self._args = {}, ()
        for found, leased in self._taken:
            if isinstance(found, Burst) and leased[0]:
                lib.pyd_worker_free(found._c)
        for found, leased in self._taken:
            lib.pyd_return(*_gate_of(found), leased)


def _gate_of(found: Any) -> tuple[Any, bool]:
    """Return the object's gate, and whether its lease is alone in it."""
    return ffi.addressof(found._c, "gate"), _KINDS[type(found)].alone
