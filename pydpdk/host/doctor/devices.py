"""Checks of the requested devices: on the PCI bus, and interfaces of the kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import files, interfaces
from pydpdk.host.cpus import format_list, numa_node_of_cpu
from pydpdk.host.devices import BIFURCATED, BUS, USERSPACE, PciDevice, read_device
from pydpdk.host.finding import Finding, Severity, as_root, error
from pydpdk.host.needs import Needs


def _pci(needs: Needs, root: Path) -> Iterator[Finding]:
    for address in needs.pci:
        device = read_device(address, root=root)
        if device is None:
            what = f"{address} is not on the PCI bus: `pydpdk devices list` shows what is"
            yield error("device-missing", what)
            continue
        yield from _driver(device)
        yield from _group(device, root)
        yield from _distance(device, needs, root)


def _driver(device: PciDevice) -> Iterator[Finding]:
    if device.driver in (*USERSPACE, *BIFURCATED):
        return
    if device.in_use:
        yield error("device-in-use", f"{device.address}: {'; '.join(device.in_use)}")
        return
    what = f"{device.address} has the kernel driver {device.driver or '(none)'}"
    command = as_root(f"pydpdk devices bind {device.address}")
    yield error("device-kernel-driver", what, command)


def _group(device: PciDevice, root: Path) -> Iterator[Finding]:
    if device.driver != "vfio-pci" or device.iommu_group is None:
        return
    node = root / f"dev/vfio/{device.iommu_group}"
    if node.exists() and not os.access(node, os.R_OK | os.W_OK):
        what = f"{node}, the IOMMU group of {device.address}, is not this user's"
        command = as_root(f"chown {os.geteuid()} {node}")
        yield error("vfio-not-writable", what, command)


def _distance(device: PciDevice, needs: Needs, root: Path) -> Iterator[Finding]:
    nodes = {numa_node_of_cpu(cpu, root=root) for cpu in needs.cpus}
    if device.numa_node is not None and nodes and device.numa_node not in nodes:
        what = (
            f"{device.address} is on NUMA node {device.numa_node}, the CPUs"
            f" {format_list(needs.cpus)} on {format_list(nodes)}: name lcores of node"
            f" {device.numa_node}"
        )
        yield Finding("device-other-node", Severity.WARNING, what)


def _vfio(needs: Needs, root: Path) -> Iterator[Finding]:
    """Check what vfio needs, for existing devices except those of bifurcated drivers."""
    found = (read_device(address, root=root) for address in needs.pci)
    devices = [device for device in found if device and device.driver not in BIFURCATED]
    if not devices:
        return
    if not (root / BUS / "drivers/vfio-pci").is_dir():
        what, command = "The module vfio-pci is not loaded", as_root("modprobe vfio-pci")
        yield error("vfio-not-loaded", what, command, True)
    unsafe = root / "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
    exposed = [device.address for device in devices if device.iommu_group is None]
    if exposed and files.word(unsafe) not in ("Y", "1"):
        what = f"{', '.join(exposed)} is behind no IOMMU: switch it on (intel_iommu=on), or do"
        what += " without its protection"
        yield error("iommu-missing", what, as_root(f"echo 1 > {unsafe}"))


def _interfaces(needs: Needs, root: Path) -> Iterator[Finding]:
    for name, driver in needs.interfaces().items():
        if not interfaces.exists(name, root=root):
            yield error("interface-missing", f"{driver} needs {name}, which is not here")
        elif not interfaces.is_up(name):
            command = as_root(f"ip link set {name} up")
            yield error("interface-down", f"{name} is down", command, True)


CHECKS = (_vfio, _pci, _interfaces)  # the module first: binding needs it
