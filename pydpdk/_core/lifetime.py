"""Ownership of DPDK objects, and when they may be closed.

`Owner` is the base of every Python object that stands for a DPDK object. It closes once, raises
while something still uses it, warns when it was never closed, and is closed in a forked child.

A signal handler can raise between any two steps of Python. So the gate, in C, says whether an
object is closed, and the call that frees the object closes the gate too; an `Undo` frees what was
made and has no owner yet; and a `Locked` holds a lock, which no exception leaves locked. `Pin`
counts the numpy views of a piece of memory.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from pydpdk._core.fixed import Fixed
from pydpdk._crossing import Buffer as Buffer, Locked as Locked, Undo as Undo
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, InUseError, LeakWarning, damaged

Bytes: TypeAlias = npt.NDArray[np.uint8]

_lock = threading.RLock()
_owners: weakref.WeakSet[Owner] = weakref.WeakSet()
_staying: set[Owner] = set()
_forked = False
_by_address: weakref.WeakValueDictionary[tuple[type, int], Owner] = weakref.WeakValueDictionary()


T = TypeVar("T", bound="Owner")
V = TypeVar("V")


class Closing(Fixed, ABC):
    """Closed by a `with` block; an exception of the block hides one of `close`."""

    @abstractmethod
    def close(self) -> None:
        """Close it; do nothing if it is closed."""

    def __enter__(self) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # a copy would close the same thing a second time
        raise TypeError(f"{self!r} cannot be copied or pickled: pass it by reference or by name")

    def __exit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        try:
            self.close()
        except InUseError as in_use:
            if error is None:
                raise
            # the block's own exception is the one to raise
            warnings.warn(str(in_use), LeakWarning, stacklevel=2)


class Rank(IntEnum):
    """The order of closing: users close before what they use."""

    ACTIVITY = 0
    """Runs by itself and may use everything else."""
    DEVICE = 1
    MBUFS = 2
    """Holds mbufs between calls."""
    STRUCTURE = 3
    """Has memory of its own, and perhaps mbufs or values in it."""
    POOL = 4
    MEMORY = 5
    WATCH = 6
    """Reports what the others do."""


class Owner(Closing):
    """One DPDK object of this process.

    A subclass sets `_rank`, its place in the order of closing, and writes `_why_open` (the reasons
    that keep it open, beside views) and `_free`.
    """

    _rank: ClassVar[Rank]
    _stays: ClassVar[bool] = False
    """Keep an open object without references: views of its memory may outlive them."""
    _attached: ClassVar[bool] = False
    """`lookup` takes a place in the object, which only `close` gives back."""

    _gate: Any = None
    """Its `struct pyd_gate *`: `closed` in it is the state. Calls of C take `_handle`."""

    def __init__(
        self, name: str, handle: Any, gate: Any, *, address: int = 0, owned: bool = True
    ) -> None:
        self.name = name
        self.owned = owned
        self.address = address
        self._handle: Any = handle
        self._users: weakref.WeakSet[Owner] = weakref.WeakSet()
        self._gate = gate
        self._note()
        if self._stays:
            self._stay()

    def _note(self) -> None:
        """Register it for `owners` and `find`."""
        _owners.add(self)
        _by_address[type(self), self.address] = self

    @property
    def handle(self) -> Any:
        """The C object; raises `ClosedError` once closed."""
        if self.closed:
            raise self._closed_error()
        return self._handle

    def _known(self, value: V) -> V:
        """Return a value that was read at opening and never changes; raise once closed.

        Another thread may free the memory between a read of `handle` and a read through it.
        """
        self.handle  # noqa: B018  # raises when closed
        return value

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return bool(self._gate.closed)

    def close(self, *, force: bool = False) -> None:
        """Give the object back to DPDK; do nothing if it is closed.

        Parameters
        ----------
        force
            Free it although something uses it. Views of its memory are then invalid, and
            touching one can crash the process.

        Raises
        ------
        InUseError
            Views, mbufs or other objects still use it; the message names them.
        """
        with lock():
            if not self.closed:
                reasons = [] if force else self._reasons()
                if reasons:
                    raise InUseError(f"{self!r} stays open: {'; '.join(reasons)}")
                if damaged():
                    self._halt()
                elif self.owned:
                    self._free(force)
            self._abandon()

    def _halt(self) -> None:
        """Stop its activity where memory is damaged and nothing can be freed."""

    def _reasons(self) -> list[str]:
        """Return all reasons that keep this object open; a looked-up one is only viewed."""
        return [*(self._why_open() if self.owned else []), *self._viewed()]

    def _why_open(self) -> list[str]:
        """Return the reasons that keep this object open, without views of its memory."""
        users = sorted(repr(user) for user in self._users if user._using)
        return [f"used by {', '.join(users)}"] if users else []

    @property
    def _using(self) -> bool:
        """Whether it still needs the objects that it uses; a job that has ended does not."""
        return not self.closed

    def _viewed(self) -> list[str]:
        views = self._view_count()
        return [f"{views} numpy view{'s are' if views > 1 else ' is'} alive"] if views else []

    def _view_count(self) -> int:
        """Return how many numpy views of this object's memory are alive."""
        return 0

    @abstractmethod
    def _free(self, force: bool) -> None:
        """Give the object back to DPDK; the C call that does so closes the gate as well."""

    def _abandon(self) -> None:
        """Forget the object without a call of DPDK: it is freed, or belongs to another process."""
        lib.pyd_gate_close(self._gate)
        _staying.discard(self)

    def _end(self) -> None:
        """End what runs by itself, before anything is closed; by default nothing does."""

    def _call_in(self) -> None:
        """Free the mbufs that it holds, as a pool is about to be freed; by default none."""

    def _lose_device(self, name: str) -> None:
        """Close what needs the port of that name, as its device is about to be removed."""

    def __repr__(self) -> str:
        try:
            state = "closed" if self.closed else self._state()
        except ClosedError:  # closed by another thread just now
            state = "closed"
        return f"<{type(self).__name__} {self.name!r} {state}>"

    def _closed_error(self) -> ClosedError:
        """Return the error of a closed object, without its state: DPDK is not asked any more."""
        what = f"<{type(self).__name__} {self.name!r} closed>"
        if _forked:
            return ClosedError(f"{what} is the parent's, from which this process was forked")
        return ClosedError(f"{what} is used after it was closed")

    def _stay(self) -> None:
        """Keep this object alive without references, until it is closed."""
        _staying.add(self)

    def _state(self) -> str:
        return "open"

    def __del__(self) -> None:
        if self._gate is None or self.closed or not (self.owned or self._attached):
            return
        # it owns DPDK memory, and perhaps mbufs: the end of the EAL must find it
        self._note()
        self._stay()
        if self.owned:
            warnings.warn(f"{self!r} was never closed", LeakWarning, source=self, stacklevel=2)


def owners() -> list[Owner]:
    """Return all open objects in the order of closing."""
    with lock():
        _staying.difference_update(_closed(_staying))
        return sorted((o for o in _owners if not o.closed), key=lambda owner: owner._rank)


def _closed(owners: Iterable[Owner]) -> list[Owner]:
    return [owner for owner in owners if owner.closed]


def close_owners() -> list[str]:
    """Close all objects in order, by force; return what still used them, for `warn_of_leaks`."""
    leaks = []
    for owner in owners():
        if owner.closed:  # together with an earlier one that it was a part of
            continue
        reasons = owner._why_open() if owner.owned else []
        if reasons:
            leaks.append(f"{owner!r}: {'; '.join(reasons)}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LeakWarning)  # it is among the leaks
            owner.close(force=True)
    return leaks


def warn_of_leaks(leaks: list[str]) -> None:
    """Warn the caller of `Eal.close`, once all is closed: with `-W error` a warning raises."""
    for leak in leaks:
        warnings.warn(leak, LeakWarning, stacklevel=4)


def close_since(before: list[Owner]) -> None:
    """Close the objects that are not in `before`, under `lock`: for an `Undo` of several steps."""
    for owner in owners():
        if not any(owner is one for one in before):
            owner.close(force=True)


def find(kind: type[T], address: int) -> T | None:
    """Return the open object of a kind at an address: one for each, so that it knows all views."""
    owner = _by_address.get((kind, address))
    return owner if isinstance(owner, kind) and not owner.closed else None


def address_of(pointer: Any) -> int:
    """Return the address of a cdata pointer."""
    return int(ffi.cast("uintptr_t", pointer))


def lock() -> Locked:
    """Return a `with` block that holds the lock under which objects are made and closed."""
    return Locked(_lock)


def lock_and(check: Callable[[], object]) -> Locked:
    """Return a `lock` block that first runs a check, which may raise."""
    return Locked(_lock, check)


class Pin(Fixed):
    """A piece of DPDK memory as one private numpy array; callers get only views of it.

    Every array derived from a view (slice, reshape, field, memoryview, DLPack) references the
    private one, and arrays made of its buffer (`np.asarray(view.base.base)`) reference the buffer.
    So the two reference counts give the number of views.
    """

    __slots__ = ("_begun", "_buffer", "_root", "_unused", "address", "size")

    def __init__(self, address: int, size: int) -> None:
        self.address = address
        self.size = size
        self._buffer = ffi.buffer(ffi.cast("char *", address), size)
        self._root: Bytes = np.frombuffer(self._buffer, dtype=np.uint8)
        self._unused = self._references()

    def view(self, offset: int, length: int) -> Bytes:
        """Return `uint8[length]` over the memory at `offset`, writable."""
        return self._root[offset : offset + length]

    @property
    def views(self) -> int:
        """How many views are alive."""
        return self._references() - self._unused

    def _references(self) -> int:
        return sys.getrefcount(self._root) + sys.getrefcount(self._buffer)


def _abandon_all() -> None:
    """Forget all objects in a forked child, and the lock, which a thread of the parent may hold."""
    global _lock, _forked
    _lock, _forked = threading.RLock(), True
    for owner in list(_owners):
        owner._abandon()


os.register_at_fork(after_in_child=_abandon_all)
