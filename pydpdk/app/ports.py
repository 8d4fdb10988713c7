"""Ports in one line: the EAL, the devices, a mempool that fits; configured and started."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Self, TypedDict, Unpack

from pydpdk._core.lifetime import Undo
from pydpdk.config import budget
from pydpdk.eal import EalState, current, init, state
from pydpdk.eal.devices import checked, has_port
from pydpdk.errors import DpdkError, InUseError, NotFoundError, NotSupportedError, make_error
from pydpdk.ethdev.flags import RssHf, RxOffload, TxOffload
from pydpdk.ethdev.port import Port, PortState
from pydpdk.host.devargs import Device
from pydpdk.lcore import walk
from pydpdk.limits import DEFAULT_DESC, MEMPOOL_NAME
from pydpdk.memory.mempool import Mempool
from pydpdk.memory.pool_base import mempool_names


class PortSettings(TypedDict, total=False):
    """The settings of `Port.configure` but its mempool."""

    nb_rx_queues: int
    nb_tx_queues: int
    nb_rx_desc: int | None
    nb_tx_desc: int | None
    mtu: int | None
    rss: RssHf | int
    rx_offloads: RxOffload | int
    tx_offloads: TxOffload | int
    finish_checksums: bool | None
    split_large: bool | None


class Ports(tuple[Port, ...]):
    """Ports that a `with` block closes together."""

    __slots__ = ()

    def close(self) -> None:
        """Close all of them, the last one first."""
        for one in reversed(self):
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def port(
    device: str,
    *,
    mempool: Mempool | None = None,
    promiscuous: bool | None = None,
    **settings: Unpack[PortSettings],
) -> Port:
    """Open a device: start the EAL if there is none, make a mempool, configure and start the port.

    Parameters
    ----------
    device
        A virtual device with its arguments, `net_af_packet0,iface=eth0`, or a PCI address.
    mempool
        For received packets. Default: a new one, large enough for queues, caches and bursts, which
        is closed with the port, or with the EAL if packets of it are still in use.
    promiscuous
        Whether to receive packets for any MAC address. Default: yes if the driver can.
    settings
        As for `Port.configure`.

    Returns
    -------
    Port
        Started; a context manager, whose end closes the port and removes the device. The EAL runs
        until the process ends, or until `eal.current().close()`: DPDK starts once in a process.

    Raises
    ------
    ValueError, TypeError
        The device or a setting is none; the message says what is allowed.
    DpdkError
        As from `init`, `Eal.add_device`, `Port.configure` and `Port.start`; what was made so far
        is closed, but the EAL runs on.
    """
    return ports(device, mempool=mempool, promiscuous=promiscuous, **settings)[0]


def ports(
    *devices: str,
    mempool: Mempool | None = None,
    promiscuous: bool | None = None,
    **settings: Unpack[PortSettings],
) -> Ports:
    """Open several devices with equal settings, as `port`; by default they share a mempool.

    Returns
    -------
    Ports
        A tuple of them, `left, right = ...`; a context manager, whose end closes them all.
    """
    if not devices:
        raise TypeError("ports takes at least one device")
    for device in devices:
        checked(device)
    if state() == EalState.NEW:
        init()
    opened: list[Port] = []
    with Undo(_close_all, opened):
        for device in devices:
            _add(device, opened)
        for some in _by_pool(opened, mempool):
            pool = _fitting(some, settings) if mempool is None else mempool
            for one in some:
                one.configure(mempool=pool, **settings)
                _set_promiscuous(one, promiscuous)
                one.start()
        return Ports(opened)


def _add(device: str, opened: list[Port]) -> None:
    """Open the port of a device, which is added unless a scan of the bus found it."""
    parsed = checked(device)
    if not has_port(parsed.port_name):
        with Undo(_take_away, parsed):
            added = Port.lookup(_added(device, parsed))
            added._own_device = parsed.name
            opened.append(added)
            return
    if parsed.tail:
        text = f"{parsed.name} is there: name it without arguments"
        raise make_error("rte_eal_hotplug_add", errno.EEXIST, text)
    found = Port.lookup(parsed.port_name)
    if found.state != PortState.UNCONFIGURED:
        raise InUseError(f"{found!r} is in use already: Port.lookup finds it")
    opened.append(found)


def _added(device: str, parsed: Device) -> str:
    try:
        return current().add_device(device)
    except DpdkError as error:
        allowed = parsed.unknown_driver(is_port=True)
        if allowed:
            raise ValueError(f"device must be {allowed} (got {device!r})") from error
        raise


def _take_away(device: Device) -> None:
    with suppress(DpdkError):
        current().remove_device(device.name)


def _by_pool(opened: Sequence[Port], mempool: Mempool | None) -> Iterable[Sequence[Port]]:
    """Part ports that cannot share a mempool: the kernel takes one for one AF_XDP socket only."""
    if mempool is not None:
        return [opened]
    alone = [one for one in opened if one.info().driver_name == budget.AF_XDP]
    rest = [one for one in opened if one not in alone]
    return [*([rest] if rest else []), *([one] for one in alone)]


def _fitting(opened: Sequence[Port], settings: PortSettings) -> Mempool:
    """Make a mempool that suffices for these ports."""
    queues = sum(_descriptors(one, settings) for one in opened)
    n = budget.enough_mbufs(queues, lcores=len(list(walk())), ports=len(opened))
    room = budget.data_room_of(one.info().device for one in opened)
    name = _free_name(opened[0].name)
    with Undo(_close_pool, name):
        pool = Mempool.create(name, n, data_room_size=room)
        for one in opened:
            one._own_pool = pool
        return pool


def _close_pool(name: str) -> None:
    with suppress(NotFoundError, InUseError):
        Mempool.lookup(name).close()


def _descriptors(one: Port, settings: PortSettings) -> int:
    """Return the mbufs that full queues of a port hold."""
    info, total = one.info(), 0
    for kind, limit, most in (
        ("rx", info.rx_desc_lim, info.max_rx_queues),
        ("tx", info.tx_desc_lim, info.max_tx_queues),
    ):
        asked = settings.get(f"nb_{kind}_desc") or limit.nearest(DEFAULT_DESC)
        number = settings.get(f"nb_{kind}_queues", 1)
        # for others configure raises
        if isinstance(number, int) and isinstance(asked, int) and 0 < number <= most and asked > 0:
            total += number * budget.held_by(info.driver_name, asked)
    return total


def _free_name(wish: str) -> str:
    taken, name, i = set(mempool_names()), wish[:MEMPOOL_NAME], 0
    while name in taken:
        i += 1
        name = f"{wish[: MEMPOOL_NAME - len(str(i)) - 1]}.{i}"
    return name


def _set_promiscuous(one: Port, promiscuous: bool | None) -> None:
    try:
        one.promiscuous = True if promiscuous is None else promiscuous
    except NotSupportedError:  # such a driver receives everything anyway
        if promiscuous is not None:
            raise


def _close_all(opened: Sequence[Port]) -> None:
    for one in reversed(opened):
        one.close()
