"""DPDK's multi-process channel: small messages, requests and file descriptors between processes.

A secondary talks to the primary, the primary to all secondaries. Handlers run on one Python
thread of this process, never inside DPDK.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pydpdk import eal
from pydpdk._core.callbacks import Voice, kept
from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Owner, Rank, Undo, address_of
from pydpdk._core.timeouts import deadline
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_errno
from pydpdk.process.messages import wire
from pydpdk.process.messages.requests import Replies, Reply, answer, request, request_sync

__all__ = ["Handler", "MpMessage", "Replies", "Reply", "handle", "lost", "on", "request",
           "request_sync", "send"]  # fmt: skip

_ERROR_MAX = 1000  # [bytes]
_logger = Voice("pydpdk.messages")


class MpMessage(Fixed):
    """A message for a handler; valid until the handler returns.

    Attributes
    ----------
    name : str
        The name that it was sent to.
    data : bytes
        [bytes], up to 256.
    fds : Fds
        File descriptors sent with the message. `fds.take()` makes them yours, others are closed
        when the handler returns.
    peer : int or None
        The process id of the secondary that sent it; None: the primary.
    """

    __slots__ = ("_answered", "_begun", "_name", "_path", "_socket", "data", "fds", "name", "peer")

    def __init__(self, msg: Any, path: bytes) -> None:
        self._name = bytes(ffi.string(msg.name))
        self._path = path
        self.name = self._name[len(wire.MESSAGE) :].decode(errors="replace")
        self.data = bytes(ffi.buffer(msg.param)[0 : msg.len_param])
        self.peer = wire.peer_of(os.fsdecode(path))
        self._answered = False
        fds = [msg.fds[i] for i in range(msg.num_fds)]
        asks = self._name.startswith(wire.REQUEST) and fds
        self._socket = socket.socket(fileno=fds.pop()) if asks else None
        self.fds = wire.Fds(fds)

    @property
    def answered(self) -> bool:
        """Whether it has been answered, or its handler has returned."""
        return self._answered

    def reply(self, data: Any = b"", fds: Sequence[Any] = ()) -> bool:
        """Answer a request, once, before the handler returns.

        Parameters
        ----------
        data
            Bytes or a buffer; up to 256 bytes.
        fds
            Open descriptors; they stay the caller's, the other side gets copies.

        Returns
        -------
        bool
            Whether the reply was sent; False if no process waits for it any more.

        Notes
        -----
        Wraps    rte_mp_reply (rte_eal.h) for a request of `rte_mp_request_sync`; else a socket
                 that came with the request
        Threads  any, and one reply only
        """
        raw, numbers = wire.check_data(data), wire.check_fds(fds, wire.FDS_MAX)
        if self._answered:
            raise RuntimeError(f"message {self.name!r} was answered, or its handler has returned")
        self._answered = True
        if self._socket is not None:
            return answer(self._socket, raw, numbers)
        reply = wire.fill(self._name, raw, numbers)
        wire.supported(lib.rte_mp_reply, reply, self._path, detail=self.name)
        return True

    def _fail(self, error: BaseException) -> None:
        if self._socket is not None and not self._answered:
            self._answered = True
            text = "".join(traceback.format_exception_only(error)).strip()
            answer(self._socket, text.encode(errors="replace")[:_ERROR_MAX], [], ok=False)

    def _close(self) -> None:
        self._answered = True
        self.fds.close()
        if self._socket is not None:
            self._socket.close()

    def __repr__(self) -> str:
        return f"<MpMessage {self.name!r} from {self.peer or 'primary'}, {len(self.data)} bytes>"


Function: TypeAlias = Callable[[MpMessage], object]


class Handler(Owner):
    """A handler for messages of one name.

    Notes
    -----
    Wraps    rte_mp_action_unregister (rte_eal.h) in `close`
    Owns     the name, until it or the EAL is closed; a call in progress completes
    Threads  calls run one at a time, on one thread for all handlers
    """

    _rank = Rank.ACTIVITY

    def __init__(self, name: str, function: Function, c: Any) -> None:
        super().__init__(name, c, ffi.addressof(c, "gate"), address=address_of(c))
        self.function = function
        _dispatch.handlers[name] = self

    def _free(self, force: bool) -> None:
        lib.pyd_mp_unregister(self._handle)

    def _abandon(self) -> None:
        super()._abandon()
        if _dispatch.handlers.get(self.name) is self:
            del _dispatch.handlers[self.name]


class _Dispatch:
    """Takes messages out of C and calls their handlers; one for the process."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self._thread: threading.Thread | None = None
        self._lost = 0

    def start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            fd = call_errno(lib.pyd_mp_open)
            self._thread = threading.Thread(
                target=self._run, args=(fd,), name="pydpdk-messages", daemon=True
            )
            self._thread.start()

    def _run(self, fd: int) -> None:
        msg, path = ffi.new("struct rte_mp_msg *"), ffi.new("char[]", lib.PYD_PEER_SIZE)
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while True:
            poll.poll()
            os.eventfd_read(fd)
            while lib.pyd_mp_take(msg, path):
                with kept():
                    self._call(msg, path)
            self._report()

    def _call(self, msg: Any, path: Any) -> None:
        try:
            message = MpMessage(msg, ffi.string(path))
        except OSError:
            _logger.exception("a request that came without a socket for its answer")
            wire.Fds(msg.fds[i] for i in range(msg.num_fds)).close()
            return
        handler = self.handlers.get(message.name)
        try:
            if handler is not None:
                handler.function(message)
        except BaseException as error:  # the thread must go on for the other handlers
            message._fail(error)
            _logger.exception("the handler of %r failed", message)
        finally:
            message._close()

    def _report(self) -> None:
        now = lost()
        if now > self._lost:
            _logger.warning("%d messages were dropped: too many waited", now - self._lost)
            self._lost = now


_dispatch = _Dispatch()


def handle(name: str, function: Function) -> Handler:
    """Call `function(message)` for each message and request of that name.

    Parameters
    ----------
    name
        1 to 56 printable ASCII characters other than space, % and /. C programs use the action
        `pydpdk:<name>`.
    function
        Gets an `MpMessage`. An exception is logged with its traceback, and sent to `request`.

    Raises
    ------
    NameTakenError
        This process already has a handler of that name.
    NotSupportedError
        No process can attach: no hugepages, or in_memory.

    Notes
    -----
    Wraps    rte_mp_action_register (rte_eal.h)
    Owns     the name, until the handler or the EAL is closed
    Threads  the function runs on the thread `pydpdk-messages`, and may send and request itself
    """
    eal.require_running()
    plain = wire.check_message_name(name)
    if not callable(function):
        raise TypeError(f"function must be callable with an MpMessage (got {function!r})")
    actions = (wire.MESSAGE + plain, wire.REQUEST + plain)
    c = ffi.new("struct pyd_listener *")
    with eal.running(), Undo(lib.pyd_mp_unregister, c):
        _dispatch.start()
        wire.supported(lib.pyd_mp_register, c, *actions, detail=name)
        return Handler(name, function, c)


def on(name: str) -> Callable[[Function], Function]:
    """Decorate a function that handles messages of that name, as `handle` does: `@on("stats")`."""

    def decorate(function: Function) -> Function:
        handle(name, function)
        return function

    return decorate


def send(
    name: str, data: Any = b"", fds: Sequence[Any] = (), *, timeout: float | None = 5.0
) -> None:
    """Send a message, without an answer and without knowing whether a process handles it.

    Parameters
    ----------
    data
        Bytes or a buffer; up to 256 bytes.
    fds
        Open descriptors, up to 8 (253 from DPDK 24.11); they stay the caller's, the peers get
        copies.
    timeout
        [s] to wait for room in the peers' queues; 0 looks once, None waits for ever.

    Raises
    ------
    BusyError
        A peer does not read its messages; nothing was sent.
    DpdkError
        ECONNREFUSED: the primary is gone.

    Notes
    -----
    Wraps    rte_mp_sendmsg (rte_eal.h)
    Threads  any
    """
    eal.require_running()
    plain, raw = wire.check_message_name(name), wire.check_data(data)
    end = deadline(timeout)
    wire.send(wire.MESSAGE + plain, raw, wire.check_fds(fds, wire.FDS_MAX), end)


def lost() -> int:
    """Return how many messages this process dropped because its queue was full.

    The queue holds 1,024 messages, with 256 descriptors.
    """
    return int(lib.pyd_mp_lost())
