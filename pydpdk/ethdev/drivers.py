"""Workarounds for single drivers, which do not check or leave undone what they need.

Among them are members of bonds and AF_XDP sockets.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydpdk import eal, log, version
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import InUseError, call_errno, make_error
from pydpdk.ethdev.checks import PortConfig
from pydpdk.ethdev.info import PortInfo
from pydpdk.host.devargs import Device, parse, pci_address
from pydpdk.host.fds import open_fds
from pydpdk.host.needs import VIRTIO_USER
from pydpdk.memory.dynfield import rx_timestamp
from pydpdk.memory.mempool import Mempool

if TYPE_CHECKING:
    from pydpdk.ethdev.port import Port

AF_XDP, BOND = "net_af_xdp", "net_bonding"
WITH_ALARMS = (BOND, VIRTIO_USER)

Socket = tuple[int, int]
"""A file descriptor and its inode: the number may since have been reused for another file."""

_FAMILY = 44  # AF_XDP, which Python's socket does not name
_DISCONNECT_US = 1  # as vhost_user_update_link_state sets its alarm
_FILL = 2048  # XSK_RING_PROD__DEFAULT_NUM_DESCS: mbufs that the kernel gets at once
_SPARE = 64  # for a burst in each direction besides
_STOP_WORLD_MS = 1000
_BOND_PERIOD_MS = 10  # DEFAULT_POLLING_INTERVAL_10_MS of the driver
_ALARM_TIMEOUT_MS = 5000
_RELEASE_S = 0.05  # the kernel releases queue and memory a moment after the socket is closed
_owing: set[Mempool] = set()

_RX_CHECKS = {"net_null": lib.PYD_CHECK_AGAIN, "net_ring": lib.PYD_CHECK_ALL}


_POLLED = {"net_null", "net_ring", "net_memif", "mlx5_auxiliary"}
"""Drivers whose queues make no system calls that could wait, beside those of PCI devices."""
_PCI_LENGTH = len("0000:01:00.0")  # a port of several of one device has more behind it
_PCAP = "net_pcap"
_PCAP_LONGEST = 0x3F00  # [bytes] RTE_ETH_PCAP_SNAPLEN, into which the driver copies a chain
_PCAP_STAMP_NS = 1000  # it stamps packets in microseconds; from 26.07 in nanoseconds


def may_wait(name: str, driver: str) -> bool:
    """Return whether a call of a port's queue may wait in the kernel, or for another thread.

    Unknown drivers may, as may the members of a bond or of net_failsafe.
    """
    return driver not in _POLLED and pci_address(name[:_PCI_LENGTH]) is None


def rx_fields(info: PortInfo, mempool: Mempool | None) -> dict[str, int]:
    """Return how C checks each packet that a driver delivers; see `_native/ethdev/malformed.h`."""
    fields = {"check": _RX_CHECKS.get(info.driver_name, lib.PYD_CHECK_LENGTHS), "unseen": 1}
    if info.driver_name != _PCAP:
        return fields
    if mempool is not None and _repeats_a_file(info.device):
        return {"check": lib.PYD_CHECK_AGAIN, "unseen": mempool.capacity}
    if _stamps_in_us():
        field, flag = rx_timestamp()
        fields |= {"stamp_at": field.offset, "stamp_flag": flag.mask, "stamp_ns": _PCAP_STAMP_NS}
    return fields


def tx_fields(info: PortInfo) -> dict[str, int]:
    """Return the length limit of packets that the driver would cut silently."""
    writes = info.device.values("tx_pcap", "tx_iface", "iface")
    cuts = info.driver_name == _PCAP and (writes or not info.devargs)
    return {"longest": _PCAP_LONGEST} if cuts else {}


def _repeats_a_file(device: Device) -> bool:
    """Return whether net_pcap read its packets at set-up; a second infinite_rx turns it off."""
    wishes = device.values("infinite_rx")
    on = len(wishes) == 1 and re.match(r"0*[1-9]", wishes[0])
    return bool(on and device.values("rx_pcap"))


def _stamps_in_us() -> bool:
    year, month = map(int, version.COMPILED.split(".")[:2])
    return (year, month) < (26, 7)


def is_member(port_id: int) -> bool:
    """Return whether a bond drives this port.

    Notes
    -----
    Wraps  rte_eth_dev_info_get (rte_ethdev.h): RTE_ETH_DEV_BONDING_MEMBER
    """
    return bool(lib.pyd_eth_is_member(port_id))


def check_no_member(call: str, name: str, port_id: int) -> None:
    """Raise if a bond polls the queues of the port, which a call would change."""
    if is_member(port_id):
        what = f"{name} is a member of a bond, which alone drives its queues: use the bond's port"
        raise make_error(call, errno.EBUSY, what)


def check_members_stopped(bond: Port, ports: Iterable[Port]) -> None:
    """Raise if a member of the bond, one of the open ports, was started before it joined."""
    for port in ports:
        if port.state == "started" and is_member(port.address):
            raise InUseError(f"{bond!r} stays stopped: its member {port!r} is started")


def leave_bond(port_id: int, ports: Iterable[Port]) -> None:
    """Close the bonds before a member is closed by force: they would poll a port that is gone."""
    if is_member(port_id):
        for port in ports:
            if _driver_of(port) == BOND:
                port.close(force=True)


def is_lost(driver: str, name: str, port_id: int) -> bool:
    """Return whether a virtio_user port, as the client, has lost the other side.

    It never connects again. Each further query of its link would set one more alarm of the driver,
    which unregisters an interrupt that is unregistered already.
    """
    device = parse(eal.current()._device(name))
    if driver != VIRTIO_USER or device.value("server", "0") != "0":
        return False
    down = f"virtio-user port {port_id} is down"
    return any(line.endswith(down) for line in log.driver_failures(driver))


def let_alarms_pass(name: str) -> None:
    """Wait until the alarms of a stopped bond, or of a lost virtio_user connection, have run.

    A bond polls its members every 10 ms on DPDK's interrupt thread, and no call ends that: the next
    alarm sees that it is stopped, if its memory is still there. (DPDK rejects its own
    lsc_poll_period_ms.)

    Notes
    -----
    Wraps  rte_eal_alarm_set (rte_alarm.h)
    """
    call_errno(lib.pyd_alarms_pass, _BOND_PERIOD_MS * 1000, _ALARM_TIMEOUT_MS, detail=name)


def check_af_xdp(
    name: str, mempool: Mempool | None, config: PortConfig, used: bool, users: Iterable[Port]
) -> None:
    """Raise where the driver would fail half-way and then use memory that it has freed.

    Parameters
    ----------
    used
        Whether the port was set up before.
    users
        The ports that use the mempool.

    Raises
    ------
    ValueError
        The driver does not accept it; the message says what it accepts.
    """
    of = f" on port {name!r}"
    if used:
        raise ValueError(
            f"configure{of}: net_af_xdp is set up once, as its socket stays: remove the device"
            " and add it again"
        )
    for what in ("nb_rx_desc", "nb_tx_desc"):
        value = getattr(config, what)
        if value & (value - 1):
            raise ValueError(f"{what}{of} must be a power of two (got {value})")
    if mempool is None:
        return
    others = [port for port in users if _driver_of(port) == AF_XDP and port.name != name]
    if others:
        raise ValueError(
            f"mempool={mempool!r}{of}: {others[0].name!r} has it already, and the kernel takes a"
            " pool for one AF_XDP socket only: make one for each such port"
        )
    chunks = int(mempool.handle.nb_mem_chunks)
    if chunks != 1:
        raise ValueError(
            f"mempool={mempool!r}{of}: its memory is in {chunks} pieces, and the kernel takes one:"
            " make it smaller, or earlier"
        )
    beyond = int(lib.pyd_beyond_count(mempool.handle))
    left = mempool.avail_count - beyond
    if left < _FILL + _SPARE:
        without = f", {beyond} not counted that this DPDK does not show it" if beyond else ""
        raise ValueError(
            f"mempool={mempool!r}{of}: the kernel gets {_FILL} mbufs at once, so {_FILL + _SPARE}"
            f" or more must be free: {left} are{without}"
        )


def let_disconnect_pass(name: str) -> None:
    """Wait until virtio_user has handled the loss of a connection that a query of its link found.

    The driver leaves that to an alarm. A second query before then sets a second alarm, which may
    close a new connection.

    Notes
    -----
    Wraps  rte_eal_alarm_set (rte_alarm.h)
    """
    call_errno(lib.pyd_alarms_pass, _DISCONNECT_US, _ALARM_TIMEOUT_MS, detail=name)


def beyond(mempool: Mempool | None) -> Any:
    """Allocate the list of the mbufs of a pool that net_af_xdp does not reach."""
    if mempool is None:
        return ffi.new("struct pyd_beyond *", {"mbufs": 0})
    return ffi.new("struct pyd_beyond *", {"mp": mempool.handle, "mbufs": mempool.capacity})


def take_beyond(name: str, mempool: Mempool, into: Any) -> None:
    """Take these mbufs out of their pool before the port is set up over it.

    They return when the port is closed, as do those that the kernel has.

    Raises
    ------
    InUseError
        Some of them are in use, or in a cache.
    """
    ret = lib.pyd_beyond_take(into, mempool._gate)
    if ret == -errno.EBUSY:
        raise InUseError(
            f"mempool={mempool!r} on port {name!r}: net_af_xdp of DPDK {version.RUNNING} does not"
            f" reach its last {lib.pyd_beyond_count(mempool.handle)} mbufs, and some are in use or"
            " in a cache: configure the port before the pool is used"
        )
    if ret != 0:
        raise make_error("rte_mempool_generic_get", -ret, mempool.name)


def _driver_of(port: Port) -> str:
    return "" if port.closed else port.info().driver_name


@contextmanager
def noting(driver: str, sockets: set[Socket]) -> Iterator[None]:
    """Record the AF_XDP sockets that a set-up opens."""
    before = _sockets() if driver == AF_XDP else set()
    try:
        yield
    finally:
        if driver == AF_XDP:
            sockets |= _sockets() - before


def _sockets() -> set[Socket]:
    found = set()
    for entry in open_fds():
        number = int(entry.name)
        try:
            about = os.fstat(number)
        except OSError:  # the descriptor of this listing
            continue
        if stat.S_ISSOCK(about.st_mode) and family_of(number) == _FAMILY:
            found.add((number, about.st_ino))
    return found


def family_of(number: int) -> int:
    """Return the address family of a socket."""
    # name a family, or Python queries the address, which AF_XDP does not have
    one = socket.socket(socket.AF_UNIX, socket.SOCK_RAW, 0, number)
    try:
        return one.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
    finally:
        one.detach()


def unref(sockets: set[Socket], pools: Iterable[Mempool]) -> None:
    """Close the sockets of a closed port, and take back the mbufs that the kernel had.

    DPDK 22.11 leaves the socket open, and no release gives the mbufs back. They are the mbufs of
    its pools that no pool, ring or burst has, which is only certain while no other port has any
    and no other process is there: until then they stay outstanding.

    Notes
    -----
    Wraps  rte_mempool_obj_iter (rte_mempool.h)
    """
    for number, inode in sockets:
        try:
            if os.fstat(number).st_ino == inode:
                os.close(number)
        except OSError:  # closed by the driver
            continue
    if sockets:
        _owing.update(pools)
        time.sleep(_RELEASE_S)
    sockets.clear()
    if _owing and not eal.current()._peers.attached():
        _owing.difference_update([pool for pool in _owing if pool.closed or _taken_back(pool)])


def _taken_back(pool: Mempool) -> bool:
    return bool(lib.pyd_take_back(pool.handle, _STOP_WORLD_MS) >= 0)
