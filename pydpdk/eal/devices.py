"""Devices of the EAL: their names, and adding and removing them while it runs."""

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
    """Probe a device, and check that it has a port."""
    if not isinstance(devargs, str):
        raise TypeError(f"devargs must be a string (got {devargs!r})")
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


def take_away(devargs: str) -> None:
    """Remove a device that has a port, after its addition was interrupted."""
    if isinstance(devargs, str) and has_port(devargs):
        name = devargs.partition(",")[0]
        lib.rte_eal_hotplug_remove(bus_of(name).encode(), name.encode())


def remove(name: str) -> None:
    """Remove a device whose port is closed and that is in no bond."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a string (got {name!r})")
    port_id = ffi.new("uint16_t *")
    found = lib.rte_eth_dev_get_port_by_name(port_name_of(name).encode(), port_id) == 0
    if found and lib.pyd_eth_is_member(port_id[0]):
        raise make_error("rte_eal_hotplug_remove", errno.EBUSY, f"{name} is a member of a bond")
    call_errno(lib.rte_eal_hotplug_remove, bus_of(name).encode(), name.encode(), detail=name)


def keeps_interrupts() -> bool:
    """Whether DPDK watches a closed descriptor that virtio_user did not unregister.

    The driver registers the sockets of its connections for interrupts, but does not unregister all
    of them when a connection ends: `rte_eal_cleanup` would then panic in the interrupt thread. So
    it is not called: the memory stays mapped until the process ends, the files are removed.
    """
    return any(_LOST.search(line) for line in log.driver_failures("net_virtio_user"))


def spell(devargs: str) -> str:
    """Spell the members of a bond as this DPDK does: slaves before 23.11, members since."""
    if virtual.driver_of(devargs) != "net_bonding":
        return devargs
    year, month = map(int, version.COMPILED.split(".")[:2])
    old, new = ("member", "slave") if (year, month) < (23, 11) else ("slave", "member")
    return devargs.replace(f",{old}=", f",{new}=")


def bus_of(devargs: str) -> str:
    """Return the bus of a device by the form of its name: `pci` or `vdev`."""
    return "pci" if re.match(r"(?:[0-9a-fA-F]+:)?[0-9a-fA-F]+:[0-9a-fA-F]+\.", devargs) else "vdev"


def port_name_of(devargs: str) -> str:
    """Return the port name of a device: its own, except for net_ring's node actions."""
    name, _, arguments = devargs.partition(",")
    node = re.search(r"nodeaction=([^:,]+):", arguments)
    if node:
        return node[1]
    if bus_of(devargs) == "pci" and name.count(":") == 1:
        return f"0000:{name}"
    return name


def missing_ports(devices: Sequence[str]) -> Iterator[str]:
    """Yield the network devices that have no port: a driver that fails to probe only logs it."""
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
    if lib.rte_memzone_lookup(b"rte_eth_dev_data") == ffi.NULL:  # DPDK would read from NULL
        return False
    return bool(lib.rte_eth_dev_get_port_by_name(name, port_id) == 0)


def missing_error(missing: Sequence[str], lines: Sequence[str]) -> EalInitError:
    """Build the error for devices that have no port."""
    error = EalInitError(
        errno.ENODEV,
        f"rte_eal_init: no port came up for {', '.join(missing)}: ENODEV"
        + "".join(f"\n  {line}" for line in lines),
    )
    error.call, error.lines = "rte_eal_init", tuple(lines)
    return error
