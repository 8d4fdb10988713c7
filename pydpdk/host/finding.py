"""Findings of the doctor: stable codes, their meanings, and commands that fix them."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """`error`: the EAL will fail; `warning`: it runs, but not as intended; `note`: only to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


MEANINGS = {
    "hugepages-unsupported": "The kernel has no hugepages, or /sys is not mounted.",
    "hugepages-unreadable": "The number of hugepages cannot be read, not by the EAL either.",
    "hugepages-none": "DPDK keeps packets in hugepages, and none are reserved.",
    "hugepages-too-few": "Fewer hugepages are free than are needed.",
    "hugepages-wrong-node": "Memory far from its device or CPU costs time with every packet.",
    "hugepages-cgroup-limit": "The control group allows fewer hugepages than are needed.",
    "hugetlbfs-not-mounted": "The EAL creates hugepages as files, and has no mount for them.",
    "hugetlbfs-not-writable": "The EAL creates hugepages as files, and may not write there.",
    "hugetlbfs-size-limit": "The mount has a size limit that is less than is needed.",
    "memory-policy-denied": "Without the NUMA policy calls the EAL can use no hugepages.",
    "runtime-dir-not-writable": "The EAL keeps the files that processes share in this directory.",
    "runtime-dir-full": "The EAL maps its files there, and dies if there is no space for a page.",
    "runtime-dir-untrusted": "Another user could put files there, which the EAL would open.",
    "runtime-dir-strange-file": "The EAL opens its files there, blocks on a FIFO, follows links.",
    "hugetlbfs-strange-file": "The EAL opens every file with such a name, and blocks on a FIFO.",
    "cpus-outside-affinity": "The EAL aborts if it cannot pin an lcore to its CPU.",
    "cpu-quota": "The control group stops polling threads for a part of every period.",
    "cpus-not-isolated": "The scheduler puts other work on the CPUs of polling lcores.",
    "cpu-governor": "Clocks that change make a polling loop slow in its first milliseconds.",
    "limit-memlock": "A device maps all DPDK memory for DMA, which counts as locked.",
    "limit-nofile": "The EAL opens pipes for each lcore and aborts if it cannot.",
    "limit-nproc": "The EAL starts a thread for each lcore and aborts if it cannot.",
    "limit-address-space": "The EAL reserves address space for all memory it could ever have.",
    "limit-file-size": "A hugepage is a file: the kernel kills a process that exceeds the limit.",
    "capability-missing": "The device needs a capability that this process does not have.",
    "iommu-missing": "Without an IOMMU a device under vfio can write to any memory.",
    "iova-pa-unprivileged": "Physical addresses are visible only with CAP_SYS_ADMIN.",
    "vfio-not-loaded": "DPDK uses NICs through vfio, and its kernel module is not loaded.",
    "vfio-not-writable": "The device's IOMMU group belongs to another user.",
    "device-missing": "The file names a device that is not on the PCI bus.",
    "device-kernel-driver": "The kernel uses the device; DPDK needs it bound to vfio-pci.",
    "device-in-use": "This host uses the device for its network: taking it cuts the connection.",
    "device-other-node": "Every packet crosses between the NUMA nodes of device and CPU.",
    "interface-missing": "The file names a network interface that does not exist.",
    "interface-down": "No packet passes an interface that is down.",
    "interface-mtu": "Packets longer than a frame of the port are truncated, and dropped.",
    "interface-offloads": "The kernel leaves checksums and splitting of large packets to the NIC.",
    "interface-xdp": "An interface takes one XDP program; a program that died leaves its own.",
    "af-xdp-unsupported": "The kernel was built without the sockets that net_af_xdp needs.",
    "tun-missing": "net_tap creates its interfaces through this file of the kernel.",
    "vhost-net-missing": "virtio_user reaches the kernel's network through this file.",
    "socket-directory-missing": "A device creates or finds its socket in this directory.",
    "socket-in-use": "One program serves a socket: choose another path, or end that program.",
    "socket-left": "A program died and left its socket, and no driver replaces a file.",
    "peer-missing": "The device connects when it comes up; pydpdk run waits 10 s for the peer.",
    "pmd-missing": "The driver of a device is a plugin, and it is not installed.",
    "pmd-directory-missing": "The EAL loads its drivers from this directory, and finds none.",
    "pmd-directory-writable": "The EAL loads nothing from a directory that all users can write to.",
    "libdpdk-missing": "The binding loads DPDK's shared libraries, and one is missing.",
    "libdpdk-version": "DPDK's inline functions are compiled in, so both releases must match.",
    "binding-missing": "pydpdk is compiled on each machine, and here it was not.",
    "aslr": "A secondary must map all memory at its primary's addresses, which may be taken.",
    "prefix-in-use": "A file prefix has one primary, and another program is it.",
    "primaries": "Other DPDK programs run here and use some of the hugepages.",
    "leftovers": "A program died; the files that it left pin hugepages.",
}  # fmt: skip
"""All codes and their meanings."""


@dataclass(frozen=True)
class Finding:
    """One problem of this host for DPDK, or a note.

    Attributes
    ----------
    code : str
        One of `MEANINGS`; codes are stable, so programs may use them.
    what : str
        The state of this host.
    command : str
        The command that fixes it; empty if no command can.
    safe : bool
        Whether `--fix` may run the command: it harms no other program or user, can be undone, and
        works from a child process.
    """

    code: str
    severity: Severity
    what: str
    command: str = ""
    safe: bool = False

    def __post_init__(self) -> None:
        if self.code not in MEANINGS:
            raise ValueError(f"code must be one of {', '.join(MEANINGS)} (got {self.code!r})")

    @property
    def means(self) -> str:
        """The meaning for DPDK."""
        return MEANINGS[self.code]

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data, for JSON."""
        return {**asdict(self), "means": self.means}

    def __str__(self) -> str:
        fix = f" `{self.command}`" if self.command else ""
        return f"{self.what}{fix} [{self.code}]"


def error(code: str, what: str, command: str = "", safe: bool = False) -> Finding:
    """Return a finding because of which the EAL will fail."""
    return Finding(code, Severity.ERROR, what, command, safe)


def as_root(command: str) -> str:
    """Write a command that needs root as this user must type it."""
    if os.geteuid() == 0:
        return command
    simple = not set(command) & set("><|&;$")
    return f"sudo {command}" if simple else f"sudo sh -c {shlex.quote(command)}"
