"""Fixtures about other processes: a group, handlers, and what only the EAL makes."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydpdk import EalOptions, Group, messages
from pydpdk.eal.deaths import Watcher
from pydpdk.eal.peers import Peers
from pydpdk.eal.resolve import resolve
from pydpdk.host import registry
from pydpdk.host.registry import Registration
from pydpdk.host.watch import ProcessWatch
from pydpdk.process.messages import Handler, MpMessage, wire
from pydpdk.process.messages.wire import Fds

PREFIX = "swept-registrations"
"""A file prefix of which no EAL runs, but a registry is there."""


class CompiledWorkers:
    """The fixtures about other processes; no process is started."""

    keep: Callable[[str, Callable[[], Any]], Any]

    def __init__(self) -> None:
        self._resolved = resolve(EalOptions(file_prefix="no-such-prefix"))
        self._group: Group | None = None
        self._closed_group: Group | None = None
        self._watcher: Watcher | None = None
        self._registration: Registration | None = None
        self.watched = self.new_watch()
        self._far: list[socket.socket] = []

    @property
    def alone(self) -> Peers:
        """Peers that share no memory; new ones, as they keep what they publish."""
        return Peers(self._resolved, None, None)

    @property
    def group(self) -> Group:
        """A group without processes."""
        if self._group is None or self._group._closed:
            self._group = Group(timeout=0)
        return self._group

    @property
    def closed_group(self) -> Group:
        """One group for all: a group is a thread and a pipe."""
        if self._closed_group is None:
            self._closed_group = Group(timeout=0)
            self._closed_group.close()
        return self._closed_group

    @property
    def handler(self) -> Handler:
        return self.keep("handler", lambda: messages.handle("kept", print))

    def message(self, kind: bytes = wire.REQUEST) -> MpMessage:
        """A request as the handler thread makes it, and an end that waits for the reply."""
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for old in self._far:
            old.close()
        self._far = [near]
        fds = [far.detach()] if kind == wire.REQUEST else []
        if not fds:
            far.close()
        return MpMessage(wire.fill(kind + b"x", b"data", fds), b"/nowhere/mp_socket_1_2")

    def fds(self) -> Fds:
        return Fds([os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)])

    @property
    def watcher(self) -> Watcher:
        """A watcher without callbacks."""
        if self._watcher is None:
            self._watcher = self.new_watcher()
        return self._watcher

    def new_watcher(self) -> Watcher:
        return Watcher("no-such-prefix", os.getpid(), None)

    def new_watch(self) -> ProcessWatch:
        return ProcessWatch(lambda pid: None, lambda: None)

    @property
    def registration(self) -> Registration:
        if self._registration is None or not self._registration.in_place:
            self._registration = registry.register(PREFIX, "secondary", "sweep", lambda others: [7])
        return self._registration

    def dismiss(self) -> None:
        """Close the group, and remove what registries without an EAL leave."""
        if self._group is not None:
            self._group.close()
        for old in self._far:
            old.close()
        if self._registration is not None:
            self._registration.give_back()
        for left in Path(os.environ["RUNTIME_DIRECTORY"], "dpdk").glob("*"):
            if {file.name for file in left.glob("*")} <= {registry.FILE}:
                shutil.rmtree(left)  # a rejected registration leaves a registry without processes
