"""Ports that connect to a socket of another program: wait until it serves the socket."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from pydpdk.app.stop import Stop
from pydpdk.errors import DpdkError, make_error
from pydpdk.host.sockets import Endpoint

_logger = logging.getLogger("pydpdk")

PEER_TIMEOUT_S = 10.0
"""[s] that a port waits for a program that serves its socket."""

_RETRY_S = 0.1
_SILENT = {
    "net_memif": "the other side is not there yet, or has another id, role or secret",
    "net_vhost": "no virtio_user and no virtual machine has connected yet",
    "net_virtio": "the vhost side does not answer",
    "net_bonding": "no member has a link",
    "net_tap": "the interface is down",
    "net_pcap": "the interface is down",
}

T = TypeVar("T")


def when_served(
    where: str,
    end: Endpoint | None,
    act: Callable[[], T],
    timeout: float = PEER_TIMEOUT_S,
    stop: Stop | None = None,
) -> T:
    """Call `act`, which needs a program that serves a socket; retry until there is one.

    Raises
    ------
    TimedOutError, DpdkError
        No program served the socket in time, or the driver's last error.
    StoppedError
        `stop` was requested meanwhile.
    """
    if end is None:
        return act()
    deadline, warned = time.monotonic() + timeout, False
    while True:
        if stop is not None:
            stop.check()
        last = time.monotonic() >= deadline
        try:
            if end.here:
                return act()
        except DpdkError:
            if last:
                raise
        if last:
            what = f"{where}: no program served {end.path} for {timeout:g} s: start it first"
            raise make_error("connect", errno.ETIMEDOUT, what)
        if not warned:
            _logger.warning(
                "%s: waiting up to %g s for a program to serve %s", where, timeout, end.path
            )
            warned = True
        time.sleep(_RETRY_S)


def why_silent(driver: str) -> str:
    """Return what a link that is down usually means for a driver."""
    return _SILENT.get(driver, "what it is connected to is down or not there")
