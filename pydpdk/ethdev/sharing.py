"""The ownership of queues among the processes of a prefix.

DPDK's queues take no locks, and a driver cannot see that another process polls too. So a queue
belongs to the process that used it first, until that releases it, stops the port or ends; and a
port does not stop while another process uses its queues.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import Any

from pydpdk import eal
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import BusyError, NotSupportedError
from pydpdk.host.devargs import pci_address
from pydpdk.host.registry_page import RegisteredProcess

_VIRTUAL = ("net_null", "net_ring")
"""Drivers whose bursts need nothing that only the configuring process has."""


def publish(port_id: int, nb_rx_queues: int, nb_tx_queues: int) -> None:
    """Publish to secondaries that a port has been started, and where its queues are."""
    peers = eal.current()._peers
    arrays = _arrays(port_id)
    ports = {**peers.published("ports", {}), str(port_id): [nb_rx_queues, nb_tx_queues, *arrays]}
    peers.publish(ports=ports)


def withdraw(port_id: int) -> None:
    """Publish to secondaries that a port is not started, and that this process uses no queue."""
    peers = eal.current()._peers
    ports = {k: v for k, v in peers.published("ports", {}).items() if k != str(port_id)}
    mine = [queue for queue in peers.published("queues", []) if queue[0] != port_id]
    peers.publish(ports=ports, queues=mine)


def stop(port_id: int, name: str, device: Callable[[], None], *, force: bool = False) -> None:
    """Stop a port by calling `device`, if no other process uses a queue of it.

    Raises
    ------
    BusyError
        Another process does; the message names it.
    """
    peers = eal.current()._peers
    with peers.guarded():
        users = [f"{_say(queue)} by the {member}" for queue, member in _in_use(port_id)]
        if users and not force:
            text = f"rte_eth_dev_stop: {name} stays started: in use are {', '.join(users)}"
            raise BusyError(errno.EBUSY, text)
        device()
        withdraw(port_id)


def _in_use(port_id: int) -> Iterator[tuple[Any, RegisteredProcess]]:
    """Yield the queues of a port that other processes use, and which process each."""
    for member in eal.current()._peers.others():
        for queue in member.details.get("queues", []):
            if queue[0] == port_id:
                yield queue, member


def take(port_id: int, queue_id: int, is_tx: bool) -> bool:
    """Take a queue for this process; False if its port is not started.

    Raises
    ------
    BusyError
        Another process has it; the message names it.
    NotSupportedError
        The queue cannot be used in this process.
    """
    peers = eal.current()._peers
    wish = [port_id, queue_id, int(is_tx)]
    with peers.guarded():
        if not eal.is_primary() and not _adopt(port_id):
            return False
        _check_free(port_id, wish)
        mine = peers.published("queues", [])
        if wish not in mine:
            peers.publish(queues=[*mine, wish])
    return True


def _check_free(port_id: int, wish: list[int]) -> None:
    for queue, member in _in_use(port_id):
        if queue == wish:
            used = f"{_say(wish)} of port {port_id} is in use by the {member}"
            raise BusyError(errno.EBUSY, f"{used}: release() it there")


def release(port_id: int, queue_id: int, is_tx: bool) -> None:
    """Release a queue for other processes."""
    peers = eal.current()._peers
    wish = [port_id, queue_id, int(is_tx)]
    with peers.guarded():
        peers.publish(queues=list(filter(wish.__ne__, peers.published("queues", []))))


def queue_counts(port_id: int) -> tuple[int, int]:
    """Return how many rx and tx queues the primary has set up."""
    raw = ffi.new("struct rte_eth_dev_info *")
    if lib.rte_eth_dev_info_get(port_id, raw) < 0:
        return 0, 0
    return int(raw.nb_rx_queues), int(raw.nb_tx_queues)


def why_not(name: str, driver_name: str) -> str:
    """Return why this secondary cannot use the queues of a port; an empty string if it can."""
    if eal.current()._peers.primary() is None:
        return "its primary does not run pydpdk (or is gone), so it would not publish that it stops"
    if name.startswith(_VIRTUAL) or pci_address(name):
        return ""
    return (
        f"{driver_name} has no receive and transmit functions for a secondary process: pass mbufs"
        " through a Ring to the primary"
    )


def _adopt(port_id: int) -> bool:
    """Make this process's table of queues the primary's; False if that has none now."""
    primary = eal.current()._peers.primary()
    port = primary.details.get("ports", {}).get(str(port_id)) if primary is not None else None
    if port is None:
        return False
    arrays = tuple(port[2:])
    if _arrays(port_id) != arrays:  # configured after this process attached
        name = ffi.new("char[]", lib.RTE_ETH_NAME_MAX_LEN)
        lib.rte_eth_dev_get_name_by_port(port_id, name)
        if not ffi.string(name).decode().startswith(_VIRTUAL):
            raise NotSupportedError(
                errno.ENOTSUP,
                f"port {port_id} was configured after this process attached, and its driver chose"
                " its functions then: attach in a new process",
            )
        lib.pyd_queues_adopt(port_id, *arrays)
    return True


def _arrays(port_id: int) -> tuple[int, int]:
    rxq, txq = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    lib.pyd_queues_of(port_id, rxq, txq)
    return int(rxq[0]), int(txq[0])


def _say(queue: Any) -> str:
    return f"{'tx' if queue[2] else 'rx'} queue {queue[1]}"
