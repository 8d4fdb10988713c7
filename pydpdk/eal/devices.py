"""Devices of the EAL: their names, and adding and removing them while it runs."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Sequence

from pydpdk import log
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.checks import device_problems
from pydpdk.eal.resolve import spelled
from pydpdk.errors import DpdkError, call_errno, make_error
from pydpdk.host import fanout
from pydpdk.host.devargs import Device, parse
from pydpdk.host.needs import AF_PACKET


def checked(devargs: object) -> Device:
    """Return a device that is to be added, in its parts.

    Raises
    ------
    TypeError, ValueError
        It is no device, or its driver does not take its arguments.
    """
    if not isinstance(devargs, str):
        raise TypeError(f"devargs must be a string (got {devargs!r})")
    device = parse(devargs)
    found = list(device_problems(device))
    if found:
        raise ValueError("; ".join(map(str, found)))
    return device


def check_new(device: Device) -> None:
    """Raise if there is a port of that name, whether options name its device or a scan found it."""
    if has_port(device.port_name):
        raise make_error("rte_eal_hotplug_add", errno.EEXIST, f"{device.name} exists already")


def check_fanout(call: str, device: Device) -> None:
    """Raise `BusyError` if the fanout group that net_af_packet would use is taken."""
    if device.known_driver != AF_PACKET:
        return
    group = fanout.taken_group(device.value("iface"))
    if group is not None:
        what = f"another port or program uses fanout group {group} of packet sockets, which the"
        what += " driver computes from the PID and the index of the interface: use another PID"
        raise make_error(call, errno.EBUSY, f"{device.text}: {what}")


def add(device: Device) -> None:
    """Probe a device that is new, and check that it has a port."""
    device = spelled(device)
    check_fanout("rte_eal_hotplug_add", device)
    since = log.failures_so_far()
    names = (device.bus, device.name, device.tail)
    call_errno(lib.rte_eal_hotplug_add, *map(str.encode, names), detail=device.text)
    try:
        if list(missing_ports([device])):
            raise make_error("rte_eal_hotplug_add", errno.ENODEV, f"{device.text} gave no port")
        said = log.driver_failures(device.known_driver or "", since)
        check_log("rte_eal_hotplug_add", device.text, said)
    except DpdkError:
        lib.rte_eal_hotplug_remove(device.bus.encode(), device.name.encode())
        raise


_LOST = re.compile(r"virtio-user port \d+ is down|delayed_disconnect_handler")
_SILENT = re.compile(r"Failed to (?:start device|update memory table)")


def check_log(call: str, what: str, said: Sequence[str]) -> None:
    """Raise if a driver has reported a failure in the log only.

    virtio_user returns 0 even if the other side did not map its memory: the link is up then, but no
    packet ever passes.

    Raises
    ------
    DpdkError
        EIO, with the lines and what to do.
    """
    if any(map(_SILENT.search, said)):
        hint = ""
        if any("memory" in line for line in said):
            hint = "; a vhost-user side maps eight files of memory: single_file_segments=True"
        raise make_error(call, errno.EIO, f"{what}: {'; '.join(said)}{hint}")


def take_away(device: Device) -> None:
    """Remove a device that has a port, after its addition was interrupted."""
    if has_port(device.port_name):
        lib.rte_eal_hotplug_remove(device.bus.encode(), device.name.encode())


def remove(device: Device) -> None:
    """Remove a device whose port is closed and that is in no bond."""
    port_id = ffi.new("uint16_t *")
    found = lib.rte_eth_dev_get_port_by_name(device.name.encode(), port_id) == 0
    if found and lib.pyd_eth_is_member(port_id[0]):
        what = f"{device.name} is a member of a bond"
        raise make_error("rte_eal_hotplug_remove", errno.EBUSY, what)
    names = (device.bus.encode(), device.name.encode())
    call_errno(lib.rte_eal_hotplug_remove, *names, detail=device.name)


def keeps_interrupts(devices: Iterable[str]) -> bool:
    """Whether the interrupt thread may use what `rte_eal_cleanup` frees; then it is not called.

    virtio_user does not unregister all sockets of a connection that ends: the thread would panic.
    net_memif never unregisters the socket that it listens to, whose handle is in DPDK's memory
    (docs/upstream/memif_listener.md). Without the call the memory stays mapped until the process
    ends; the files are removed.

    Parameters
    ----------
    devices
        All of this EAL, with those that were removed.
    """
    if any(parse(device).driver == "net_memif" for device in devices):
        return True
    return any(_LOST.search(line) for line in log.driver_failures("net_virtio_user"))


def missing_ports(devices: Iterable[Device]) -> Iterator[str]:
    """Yield the network devices that have no port: a driver that fails to probe only logs it."""
    for device in devices:
        if device.is_network and not has_port(device.port_name):
            yield device.text


def has_port(name: str) -> bool:
    """Whether there is a port of that name.

    Notes
    -----
    Wraps  rte_eth_dev_get_port_by_name (rte_ethdev.h)
    """
    if lib.rte_memzone_lookup(b"rte_eth_dev_data") == ffi.NULL:  # DPDK would read from NULL
        return False
    return bool(lib.rte_eth_dev_get_port_by_name(name.encode(), ffi.new("uint16_t *")) == 0)
