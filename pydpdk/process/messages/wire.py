"""Messages over DPDK's multi-process channel: names, bytes and file descriptors.

Every process has a datagram socket in the runtime directory. A secondary's message goes to the
primary, the primary's to all secondaries.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pydpdk import eal
from pydpdk._core.fixed import Fixed
from pydpdk._core.timeouts import left_ms
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import (
    LeakWarning,
    NotSupportedError,
    call_rte_errno,
    check_name,
    check_range,
    make_error,
)

# Prefixes, so that no name is one of DPDK's own actions: their handlers trust their messages.
MESSAGE: Final = b"pydpdk:"  # also requests of C programs
REQUEST: Final = b"pydpdk?"  # our own requests: the last descriptor is a socket for the answer
NAME_MAX: Final = int(lib.RTE_MP_MAX_NAME_LEN) - 1 - len(MESSAGE)
DATA_MAX: Final = int(lib.RTE_MP_MAX_PARAM_LEN)
FDS_MAX: Final = int(lib.RTE_MP_MAX_FD_NUM)
_ALONE: Final = "no process can attach to this EAL: it needs hugepages, and not in_memory"


class Fds(Fixed, Sequence[int]):
    """File descriptors of a message; closed with it, unless they are taken."""

    __slots__ = ("_begun", "_numbers", "_open")

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = tuple(numbers)
        self._open = bool(self._numbers)

    def take(self) -> tuple[int, ...]:
        """Return the descriptors; from now on the caller must close them."""
        if self._numbers and not self._open:
            raise RuntimeError("the descriptors have been taken or closed")
        self._open = False
        return self._numbers

    def close(self) -> None:
        """Close the descriptors, unless they were taken."""
        if self._open:
            self._open = False
            for fd in self._numbers:
                with suppress(OSError):  # so that all are closed, even if one was closed before
                    os.close(fd)

    def __getitem__(self, i: Any) -> Any:
        return self._numbers[i]

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"<Fds {self._numbers}{'' if self._open else ' taken or closed'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # a copy would close the same numbers again, which may be in use for other files by then
        raise TypeError(f"{self!r} cannot be copied or pickled")

    def __del__(self) -> None:
        if self._open:
            warnings.warn(f"{self!r} were never closed", LeakWarning, 2, source=self)
            self.close()


def check_message_name(name: str) -> bytes:
    """Return the name as bytes, without our prefix."""
    return check_name("message", name, NAME_MAX)


def check_data(data: Any) -> bytes:
    """Return `data`, anything with the buffer protocol, as bytes of a length that DPDK takes."""
    try:
        raw = memoryview(data).tobytes()
    except TypeError:
        raise TypeError(
            f"data must be bytes or a buffer, 0..{DATA_MAX} bytes (got {data!r})"
        ) from None
    check_range("len(data)", len(raw), 0, DATA_MAX, " bytes")
    return raw


def check_fds(fds: Sequence[Any], most: int) -> list[int]:
    """Return open file descriptors as integers; accept objects with `fileno`, too."""
    numbers = [fd.fileno() if hasattr(fd, "fileno") else fd for fd in fds]
    check_range("len(fds)", len(numbers), 0, most)
    for fd in numbers:
        check_range("fds", fd, 0, 2**31 - 1)
        try:
            os.fstat(fd)
        except OSError:
            raise ValueError(f"fds={numbers}: {fd} is not open") from None
    return numbers


def fill(name: bytes, data: bytes, fds: Sequence[int]) -> Any:
    """Return a `struct rte_mp_msg *`; the arguments have been checked."""
    msg = ffi.new("struct rte_mp_msg *", {"len_param": len(data), "num_fds": len(fds)})
    ffi.buffer(msg.name)[0 : len(name)] = name
    ffi.buffer(msg.param)[0 : len(data)] = data
    for i, fd in enumerate(fds):
        msg.fds[i] = fd
    return msg


def supported(function: Any, *arguments: Any, detail: str) -> int:
    """Call a function of DPDK's channel; raise ENOTSUP if no process can attach."""
    try:
        return call_rte_errno(function, *arguments, detail=detail)
    except NotSupportedError as error:
        raise make_error(error.call, errno.ENOTSUP, _ALONE) from None


def send(name: bytes, data: bytes, fds: Sequence[int], end: float | None) -> set[int | None]:
    """Send to all peers; return them, as `peer_of` does."""
    peers = reachable(end)
    supported(lib.rte_mp_sendmsg, fill(name, data, fds), detail=name.decode())
    return peers


def peer_of(path: str) -> int | None:
    """Return the process id that a secondary's socket is named after; None for the primary."""
    number = Path(path).name.removeprefix("mp_socket").strip("_").partition("_")[0]
    return int(number) if number.isdecimal() else None


def reachable(end: float | None) -> set[int | None]:
    """Wait until all peers have room for a message; return them, without those that are dead.

    DPDK's send would wait forever, ignoring signals, for a process that is stopped.
    """
    peers = eal.current()._peers
    dead = peers.answered_for
    found = {peer_of(path) for path in _sockets() if _has_room(path, end)}
    return found - dead - peers.answered_for


def _sockets() -> Iterator[str]:
    directory = eal.current().runtime_dir
    if eal.is_primary():
        yield from sorted(map(str, directory.glob("mp_socket_*")))
    else:
        yield str(directory / "mp_socket")


def _has_room(path: str, end: float | None) -> bool:
    """Whether a process listens on the socket; wait until its queue is not full."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            if eal.is_primary():
                return False  # it has just died or left; DPDK removes its socket
            raise make_error("connect", error.errno or 0, "the primary process is gone") from None
        poll = select.poll()
        poll.register(probe, select.POLLOUT)
        if poll.poll(left_ms(end)):
            return True
    peer = peer_of(path)
    text = "the primary" if peer is None else f"process {peer}"
    raise make_error("rte_mp_sendmsg", errno.EBUSY, f"{text} does not read its messages")
