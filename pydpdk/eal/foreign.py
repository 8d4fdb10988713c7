"""Notice when a foreign program attaches: from then on mbufs from rings are checked."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterable

from pydpdk._core.lifetime import Locked
from pydpdk._dpdk import lib
from pydpdk.host import registry, runtime
from pydpdk.host.fds import close_fds
from pydpdk.host.watch import inotify

_IN_CREATE, _IN_MOVED_TO, _IN_DELETE_SELF, _IN_MOVE_SELF = 0x100, 0x80, 0x400, 0x800
_NEW = _IN_CREATE | _IN_MOVED_TO
_EVENT = struct.Struct("iIII")  # wd, mask, cookie, length of the name that follows


class ForeignWatch:
    """A thread, in a primary, that checks whether each process that attaches is ours.

    A new file in the runtime directory makes the memory suspect at once, in C. If it turns out to
    belong to a process of ours, the memory is trusted again. The memory stays suspect after a
    foreign program has attached, or one that had left before the thread looked at it, or if the
    directory cannot be watched.

    Notes
    -----
    Threads  start and stop from any
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._directory = runtime.runtime_dir(prefix)
        self._ours: dict[int, str] = {}  # names of sockets, by PID
        self._lock = threading.Lock()
        self._stopping = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._inotify = inotify(self._directory, _NEW | _IN_DELETE_SELF | _IN_MOVE_SELF)
        self._thread = threading.Thread(target=self._run, name="pydpdk-foreign", daemon=True)

    def start(self) -> None:
        """Start the thread; it checks the processes that are attached already, too."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; it is not waited for."""
        with Locked(self._lock):
            self._stopping = True
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        try:
            if not self._stays_ours():
                lib.pyd_foreign(lib.PYD_FOREIGN_SEEN, 0)
        finally:
            lib.pyd_foreign(lib.PYD_FOREIGN_UNSURE, 0)
            self._close()

    def _stays_ours(self) -> bool:
        """Watch until the stop; return False if the memory can no longer be trusted."""
        names: Iterable[str] | None = self._listed() if self._inotify >= 0 else None
        while not self._stopping:
            if names is None or not all(map(self._is_ours, names)):
                return False
            if lib.pyd_foreign_wait(self._inotify, self._wake) < 0:
                return False
            names = self._new_names()
        return True

    def _listed(self) -> list[str] | None:
        try:
            return [entry.name for entry in self._directory.iterdir()]
        except OSError:
            return None

    def _new_names(self) -> list[str] | None:
        """Return new names; None if events were lost, or the directory was removed or moved."""
        try:
            data = memoryview(os.read(self._inotify, 65536))
        except BlockingIOError:
            return []
        names = []
        while data:
            _, mask, _, length = _EVENT.unpack_from(data)
            if not mask & _NEW:
                return None
            end = _EVENT.size + length
            names.append(os.fsdecode(bytes(data[_EVENT.size : end]).rstrip(b"\0")))
            data = data[end:]
        return names

    def _is_ours(self, name: str) -> bool:
        """Whether a file is no process's socket, or the socket of a process of ours."""
        match = runtime.MP_SOCKET.fullmatch(name)
        if match is None:
            return True
        pid = int(match[1])
        known = self._ours.get(pid, name)
        if known != name and (self._directory / known).exists():
            return False  # another process of that PID, in another PID namespace
        if pid != os.getpid() and pid not in self._members():
            return False
        self._ours[pid] = name
        return True

    def _members(self) -> set[int]:
        """Return the PIDs of our processes, including dead ones that are still registered."""
        found = [*registry.members(self._prefix), *registry.dead(self._prefix)]
        return {member.pid for member in found}

    def _close(self) -> None:
        with Locked(self._lock):
            close_fds(self._wake, self._inotify)
            self._wake = self._inotify = -1
