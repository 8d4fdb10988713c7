"""Interrupt callbacks that virtio_user leaves registered for a port that is then closed."""

from __future__ import annotations

import errno
import os

from pydpdk import eal
from pydpdk._dpdk import lib
from pydpdk.errors import call_errno, make_error
from pydpdk.ethdev.drivers import let_alarms_pass
from pydpdk.host.devargs import parse
from pydpdk.host.fds import open_fds
from pydpdk.memory.critical import inside

_TRIES = 100


def unregister(name: str, port_id: int, *, configured: bool) -> None:
    """Let virtio_user unregister the callback of a stopped port, which a lost connection left.

    The interrupt thread would call it with a port that is closed. The driver does not unregister
    while the callback runs, and an alarm of the driver may register it again. Whether one is
    registered shows when another, which is not, is unregistered.

    Raises
    ------
    DpdkError
        EBUSY: it is registered all the same.

    Notes
    -----
    Wraps  rte_intr_callback_unregister (rte_interrupts.h)
    """
    device = parse(eal.current()._device(name))
    if device.value("server", "0") == "0":
        return  # the driver registers it only for one that serves
    path = os.fsencode(device.value("path"))
    for _ in range(_TRIES):
        if not _is_registered(path):
            return
        if not configured:
            break
        with inside():
            call_errno(lib.pyd_intr_unregister, port_id, detail=name, call="rte_eth_dev_stop")
        let_alarms_pass(name)
    raise make_error("rte_intr_callback_unregister", errno.EBUSY, name)


def _is_registered(path: bytes) -> bool:
    """Return whether the interrupt thread watches a socket that is bound to a path."""
    return any(
        call_errno(lib.pyd_intr_is_registered, int(fd.name), path, detail=os.fsdecode(path))
        for fd in open_fds()
    )
