"""Requests: a message that carries a socket for the answers.

DPDK's own request (`request_sync`) asks one secondary after the other, loses all answers when one
is late, and assigns a late answer to the next request. With a socket for each request, all peers
are asked at once, each answer has its sender, and a peer that dies or fails is noticed at once.
"""

from __future__ import annotations

import array
import os
import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any, Self

from pydpdk import eal
from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Locked
from pydpdk._core.timeouts import FOREVER_S, check_timeout, deadline, left
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import HandlerError
from pydpdk.process.messages import wire

_OK, _FAILED = b"\0", b"\1"
_UCRED = struct.Struct("3i")
_ROOM = 2048  # [bytes] of the buffer; the longest packet is 1,001
_CONTROL = socket.CMSG_SPACE(wire.FDS_MAX * 4) + socket.CMSG_SPACE(_UCRED.size)
_in_turn = threading.Lock()  # DPDK rejects a second request of the same name


class Reply(Fixed):
    """The answer of one process.

    Attributes
    ----------
    peer : int or None
        The process id of the secondary that answered; None: the primary, or unknown
        (`request_sync`).
    fds : Fds
        File descriptors sent with the answer; `fds.take()` makes them yours.
    error : str or None
        The exception of its handler.
    """

    __slots__ = ("_begun", "_data", "error", "fds", "peer")

    def __init__(
        self, peer: int | None, data: bytes, fds: Sequence[int], error: str | None = None
    ) -> None:
        self.peer = peer
        self._data = data
        self.fds = wire.Fds(fds)
        self.error = error

    @property
    def data(self) -> bytes:
        """The answer [bytes]; raises `HandlerError` if the handler raised."""
        if self.error is not None:
            raise HandlerError(f"in process {self.peer or 'primary'}: {self.error}")
        return self._data

    def __repr__(self) -> str:
        what = f"{len(self._data)} bytes" if self.error is None else self.error
        return f"<Reply from {self.peer or 'the primary'}: {what}>"


class Replies(list[Reply]):
    """The answers, in the order of arrival.

    Attributes
    ----------
    missed : tuple of (int or None)
        Peers that did not answer: process ids, None for the primary.

    Notes
    -----
    Owns  descriptors that were not taken: `close`, or `with messages.request(...) as replies:`
    """

    missed: tuple[int | None, ...] = ()

    def close(self) -> None:
        """Close the descriptors that were not taken."""
        for reply in self:
            reply.fds.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, tb: object) -> None:
        self.close()


def request(
    name: str, data: Any = b"", *, timeout: float | None = 5.0, fds: Sequence[Any] = ()
) -> Replies:
    """Send a request to all peers at once, and wait for their answers.

    Parameters
    ----------
    data
        Bytes or a buffer; up to 256 bytes.
    timeout
        [s] for the whole call, which returns earlier if every peer has answered, died or failed.
        0 looks once, None waits for ever.
    fds
        Open descriptors, up to 7 (252 from DPDK 24.11); they stay the caller's.

    Returns
    -------
    Replies
        A list; `missed` names peers that did not answer: too late, dead, or without a handler.

    Raises
    ------
    BusyError
        A peer does not read its messages; nothing was sent.
    DpdkError
        ECONNREFUSED: the primary is gone.

    Notes
    -----
    Wraps    rte_mp_sendmsg (rte_eal.h); the answers come through a socket sent with the request
    Threads  any, many at a time, also in a handler
    """
    eal.require_running()
    plain, raw = wire.check_message_name(name), wire.check_data(data)
    end, numbers = deadline(timeout), wire.check_fds(fds, wire.FDS_MAX - 1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        asked = wire.send(wire.REQUEST + plain, raw, [*numbers, theirs.fileno()], end)
        theirs.close()  # so that the socket ends once all peers have closed their copies
        return _collect(ours, asked, end)


def answer(to: socket.socket, data: bytes, fds: Sequence[int], *, ok: bool = True) -> bool:
    """Write one reply and close the socket; return whether a process waits for it."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    flags = socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT
    with to:
        try:
            to.sendmsg([_OK if ok else _FAILED, data], rights, flags)
        except OSError:
            return False
    return True


def _collect(ours: socket.socket, asked: set[int | None], end: float | None) -> Replies:
    replies = Replies()
    waiting = set(asked)
    try:
        _receive_all(ours, replies, waiting, end)
    except BaseException:
        replies.close()
        raise
    replies.missed = tuple(sorted(waiting, key=lambda peer: peer or 0))
    return replies


def _receive_all(
    ours: socket.socket, replies: Replies, waiting: set[int | None], end: float | None
) -> None:
    while waiting and (reply := _receive(ours, end)) is not None:
        replies.append(reply)
        waiting.discard(reply.peer)


def _receive(ours: socket.socket, end: float | None) -> Reply | None:
    """Return the next reply; None if the time is up or no peer can answer any more."""
    ours.settimeout(left(end))
    try:
        packet, control, _, _ = ours.recvmsg(_ROOM, _CONTROL, socket.MSG_CMSG_CLOEXEC)
    except (TimeoutError, BlockingIOError, ConnectionResetError):
        return None
    if not packet:
        return None
    fds, pid = array.array("i"), 0
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(value[: len(value) - len(value) % fds.itemsize])
        elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid = _UCRED.unpack(value)[0]
    peer = pid if eal.is_primary() else None
    if packet[:1] == _FAILED:
        return Reply(peer, b"", fds, packet[1:].decode(errors="replace"))
    return Reply(peer, packet[1:], fds)


class _Sync(threading.Thread):
    """One `rte_mp_request_sync`, which signals cannot interrupt, on a thread of its own."""

    def __init__(self, msg: Any, timeout_ns: int, detail: str) -> None:
        super().__init__(name="pydpdk-request", daemon=True)
        self._arguments = (msg, ffi.new("struct rte_mp_reply *"), timeout_ns)
        self._detail = detail
        self.replies = Replies()
        self.error: Exception | None = None
        self.left = False

    def run(self) -> None:
        reply = self._arguments[1]
        try:
            with Locked(_in_turn):
                wire.supported(lib.pyd_mp_request_sync, *self._arguments, detail=self._detail)
            self.replies += [_native(reply.msgs[i]) for i in range(reply.nb_received)]
        except Exception as error:  # raised in the calling thread
            self.error = error
        finally:
            lib.pyd_mp_free(reply)
        if self.left:
            self.replies.close()


def _native(msg: Any) -> Reply:
    fds = [msg.fds[i] for i in range(msg.num_fds)]
    for fd in fds:
        os.set_inheritable(fd, False)  # DPDK does not set close-on-exec
    return Reply(None, bytes(ffi.buffer(msg.param)[0 : msg.len_param]), fds)


def request_sync(
    name: str, data: Any = b"", *, timeout: float | None = 5.0, fds: Sequence[Any] = ()
) -> Replies:
    """Send a request to C programs, which have an action `pydpdk:<name>`.

    DPDK asks one peer after the other. If one does not answer in time, DPDK drops the answers of
    the others (and leaks descriptors that came with them), so this raises.

    Raises
    ------
    TimedOutError
        A peer did not answer.
    DpdkError
        ECONNREFUSED: the primary is gone.

    Notes
    -----
    Wraps    rte_mp_request_sync (rte_eal.h)
    Threads  any; one request at a time. Meanwhile no process can attach
    """
    eal.require_running()
    plain, raw = wire.check_message_name(name), wire.check_data(data)
    seconds, numbers = check_timeout(timeout), wire.check_fds(fds, wire.FDS_MAX)
    wire.reachable(deadline(seconds))
    msg = wire.fill(wire.MESSAGE + plain, raw, numbers)
    job = _Sync(msg, int((FOREVER_S if seconds is None else seconds) * 1e9), name)
    job.start()
    try:
        job.join()
    except BaseException:
        job.left = True
        if not job.is_alive():
            job.replies.close()
        raise
    if job.error is not None:
        raise job.error
    return job.replies
