"""Watch for the death of processes and changes of a file: one sleeping thread, no polling."""

from __future__ import annotations

import ctypes
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydpdk.host.fds import close_fds

_IN_CLOSE_WRITE = 0x8
_POLL_S = 0.2  # if the user has no inotify instance left (128 by default)
_libc = ctypes.CDLL(None, use_errno=True)


def inotify(path: Path, mask: int) -> int:
    """Return an inotify descriptor that watches a path; -1 if there is none to be had."""
    name = os.fsencode(path)
    fd = int(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
    if fd >= 0 and _libc.inotify_add_watch(fd, name, mask) < 0:
        os.close(fd)
        return -1
    return fd


class ProcessWatch:
    """A thread that calls `died` with each process that died, and `changed` for a written file.

    Notes
    -----
    Threads  `died` and `changed` run on the thread; add and stop from any
    """

    def __init__(self, died: Callable[[int], None], changed: Callable[[], None]) -> None:
        self._on_death, self._changed = died, changed
        self._lock = threading.Lock()
        self._pids: dict[int, int] = {}  # by pidfd
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._file = -1
        self._poll_s: float | None = None
        self._stopping = False
        self._epoll.register(self._wake, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="pydpdk-watch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def file(self, path: Path) -> None:
        """Call `changed` whenever a process closes the file after opening it for writing."""
        self._file = inotify(path, _IN_CLOSE_WRITE)
        if self._file < 0:
            self._poll_s = _POLL_S
        else:
            self._epoll.register(self._file, select.EPOLLIN)

    def process(self, pid: int) -> bool:
        """Watch a process; return False if it is dead already."""
        with self._lock:
            if pid in self._pids.values():
                return True
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                return False
            self._pids[fd] = pid
            self._epoll.register(fd, select.EPOLLIN)
            return True

    def leave(self, pid: int) -> None:
        """Stop watching a process."""
        with self._lock:
            fds = {known: fd for fd, known in self._pids.items()}
            if pid in fds:
                self._forget(fds[pid])

    def stop(self) -> None:
        """End the thread once its work is done; it is not waited for."""
        self._stopping = True
        with suppress(OSError):
            os.eventfd_write(self._wake, 1)

    def _forget(self, fd: int) -> None:
        del self._pids[fd]
        self._epoll.unregister(fd)
        os.close(fd)

    def _run(self) -> None:
        while not self._stopping:
            events = self._epoll.poll(self._poll_s)
            if self._poll_s is not None:
                self._changed()
            for fd, _ in events:
                if fd == self._file:
                    with suppress(BlockingIOError):
                        os.read(fd, 4096)
                    self._changed()
                elif fd != self._wake:
                    self._died(fd)
        self._close()

    def _died(self, fd: int) -> None:
        with self._lock:
            pid = self._pids.get(fd)
            if pid is None:
                return
            self._forget(fd)
        self._on_death(pid)

    def _close(self) -> None:
        with self._lock:
            self._epoll.close()
            close_fds(*self._pids, self._file, self._wake)
            self._pids.clear()
