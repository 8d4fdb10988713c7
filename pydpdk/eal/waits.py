"""Waits for another EAL's lock: with a timeout before the start, with a warning afterwards."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

from pydpdk._core.callbacks import Voice, kept
from pydpdk.errors import make_error
from pydpdk.host import flocks, runtime
from pydpdk.host.hugepages import read_mounts

TIMEOUT_S = 60.0
_PATIENCE_S = 3.0
_logger = Voice("pydpdk")


def wait_for_turn(prefix: str, *, mounts: bool, timeout: float = TIMEOUT_S) -> None:
    """Wait while another EAL of this host is starting, or holds the lock of this prefix.

    Raises
    ------
    BusyError
        It keeps its lock: its `virtio_user` device waits for a peer, or the process is stopped.
    """
    for path in _paths(prefix, mounts=mounts):
        try:
            flocks.wait_for(path, timeout, patience=_PATIENCE_S, say=_say)
        except TimeoutError as late:
            raise make_error("rte_eal_init", errno.EBUSY, f"{late.strerror}") from None


def _paths(prefix: str, *, mounts: bool) -> list[Path]:
    return [*(mount.path for mount in read_mounts() if mounts), runtime.runtime_dir(prefix)]


def _say(wait: flocks.Wait) -> None:
    _logger.warning("a call into DPDK waits for %s", wait)


class Waits:
    """A thread that logs which lock this process's calls into DPDK wait for.

    Notes
    -----
    Threads  start and stop from any
    """

    def __init__(self, prefix: str, *, mounts: bool) -> None:
        self._paths = _paths(prefix, mounts=mounts)
        # no Event: an exception can leave it locked
        self._stopping: SimpleQueue[None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="pydpdk-waits", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; it is not waited for."""
        self._stopping.put(None)

    def _run(self) -> None:
        before: set[Path] = set()
        said: set[Path] = set()
        while not self._is_stopping():
            with kept():
                now = {wait.path: wait for wait in flocks.waits(os.getpid(), self._paths)}
                for path in before & now.keys() - said:
                    _say(now[path])
                said = (said | before) & now.keys()
                before = set(now)

    def _is_stopping(self) -> bool:
        try:
            self._stopping.get(timeout=_PATIENCE_S)
        except Empty:
            return False
        return True
