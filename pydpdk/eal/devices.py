"""Devices of the EAL: their names, and coming and going while it runs."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence

from pydpdk import log, version
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.checks import device_problems
from pydpdk.errors import DpdkError, EalInitError, call_errno, make_error
from pydpdk.host import virtual


def add(devargs: str) -> None:
    """Probe a device, and see that it has its port."""
    if not isinstance(devargs, str):
        raise TypeError(f"devargs={devargs!r}: a string is allowed")
    found = list(device_problems(devargs))
    if found:
        raise ValueError("; ".join(map(str, found)))
    devargs = spell(devargs)
    name, _, arguments = devargs.partition(",")
    if has_port(devargs):
        raise make_error("rte_eal_hotplug_add", errno.EEXIST, f"{name} is there already")
    since = log.failures_so_far()
    call_errno(
        lib.rte_eal_hotplug_add, bus_of(devargs).encode(), name.encode(), arguments.encode(),
        detail=devargs,
    )  # fmt: skip
    try:
        if list(missing_ports([devargs])):
            raise make_error("rte_eal_hotplug_add", errno.ENODEV, f"{devargs} gave no port")
        said = log.driver_failures(virtual.driver_of(devargs) or "", since)
        check_log("rte_eal_hotplug_add", devargs, said)
    except DpdkError:
        lib.rte_eal_hotplug_remove(bus_of(name).encode(), name.encode())
        raise


_LOST = re.compile(r"virtio-user port \d+ is down|delayed_disconnect_handler")
_SILENT = re.compile(r"Failed to (?:start device|update memory table)")


def check_log(call: str, what: str, said: Sequence[str]) -> None:
    """Raise where a driver has said in the log alone that it failed.

    virtio_user answers 0 though the other side did not take its memory: the link is up then, and no
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


def take_away(devargs: str) -> None:
    """Remove a device of which a port came, whatever its adding was parted by."""
    if isinstance(devargs, str) and has_port(devargs):
        name = devargs.partition(",")[0]
        lib.rte_eal_hotplug_remove(bus_of(name).encode(), name.encode())


def remove(name: str) -> None:
    """Remove a device whose port is closed, and that no bond polls."""
    if not isinstance(name, str):
        raise TypeError(f"name={name!r}: a string is allowed")
    port_id = ffi.new("uint16_t *")
    found = lib.rte_eth_dev_get_port_by_name(port_name_of(name).encode(), port_id) == 0
    if found and lib.pyd_eth_is_member(port_id[0]):
        raise make_error("rte_eal_hotplug_remove", errno.EBUSY, f"{name} is a member of a bond")
    call_errno(lib.rte_eal_hotplug_remove, bus_of(name).encode(), name.encode(), detail=name)


def keeps_interrupts() -> bool:
    """Whether DPDK watches a descriptor that is closed, as virtio_user has left it behind.

    The driver registers the sockets of its connections for interrupts and does not take all back
    when one has ended: `rte_eal_cleanup` then panics in the interrupt thread. The memory is left to
    the end of the process, and the files go as ever.
    """
    return any(_LOST.search(line) for line in log.driver_failures("net_virtio_user"))


def spell(devargs: str) -> str:
    """Name the members of a bond as this DPDK does: slaves before 23.11, members since."""
    if not devargs.startswith("net_bonding"):
        return devargs
    year, month = map(int, version.COMPILED.split(".")[:2])
    old, new = ("member", "slave") if (year, month) < (23, 11) else ("slave", "member")
    return devargs.replace(f",{old}=", f",{new}=")


def bus_of(devargs: str) -> str:
    """Return the bus of a device, told by the form of its name: `pci` or `vdev`."""
    return "pci" if re.match(r"(?:[0-9a-fA-F]+:)?[0-9a-fA-F]+:[0-9a-fA-F]+\.", devargs) else "vdev"


def port_name_of(devargs: str) -> str:
    """Return the port name that a device gets: its own, but for net_ring's node actions."""
    name, _, arguments = devargs.partition(",")
    node = re.search(r"nodeaction=([^:,]+):", arguments)
    if node:
        return node[1]
    if bus_of(devargs) == "pci" and name.count(":") == 1:
        return f"0000:{name}"
    return name


def missing_ports(devices: Sequence[str]) -> Iterator[str]:
    """Yield the network devices that have no port: drivers that refuse one only log it."""
    for device in devices:
        if bus_of(device) == "vdev" and not re.match("net_|eth_|virtio_user", device):
            continue  # crypto, event and other devices are no ports
        if not has_port(device):
            yield device


def has_port(device: str) -> bool:
    """Whether a device has its port.

    Notes
    -----
    Wraps  rte_eth_dev_get_port_by_name (rte_ethdev.h)
    """
    name, port_id = port_name_of(device).encode(), ffi.new("uint16_t *")
    if lib.rte_memzone_lookup(b"rte_eth_dev_data") == ffi.NULL:  # no table: DPDK reads from NULL
        return False
    return bool(lib.rte_eth_dev_get_port_by_name(name, port_id) == 0)


def missing_error(missing: Sequence[str], lines: Sequence[str]) -> EalInitError:
    """Build the error for devices that gave no port."""
    error = EalInitError(
        errno.ENODEV,
        f"rte_eal_init: no port came up for {', '.join(missing)}: ENODEV"
        + "".join(f"\n  {line}" for line in lines),
    )
    error.call, error.lines = "rte_eal_init", tuple(lines)
    return error
