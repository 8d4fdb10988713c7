"""What `doctor` finds: stable codes, what each means, and how a mending command is written."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
"""`error`: the EAL will fail; `warning`: it runs, but not as asked; `note`: good to know."""

MEANINGS = {
    "hugepages-unsupported": "The kernel has no hugepages, or /sys is not mounted.",
    "hugepages-unreadable": "How many hugepages there are cannot be read, nor can the EAL read it.",
    "hugepages-none": "DPDK keeps packets in hugepages, and none are reserved.",
    "hugepages-too-few": "Fewer hugepages are free than are needed.",
    "hugepages-wrong-node": "Memory far from its device or CPU costs time with every packet.",
    "hugepages-cgroup-limit": "The control group allows fewer hugepages than are needed.",
    "hugetlbfs-not-mounted": "The EAL makes its hugepages as files, and has no place for them.",
    "hugetlbfs-not-writable": "The EAL makes its hugepages as files, and may not write there.",
    "hugetlbfs-size-limit": "The mount has a size of its own, less than is needed.",
    "memory-policy-refused": "Without the NUMA policy calls the EAL takes no hugepage.",
    "runtime-dir-not-writable": "The EAL keeps the files that processes share in this directory.",
    "runtime-dir-full": "The EAL maps its files there, and dies where a page of them has no room.",
    "runtime-dir-untrusted": "Another user could put files there, which the EAL would open.",
    "hugetlbfs-strange-file": "The EAL opens every file of such a name, and waits at a FIFO.",
    "cpus-outside-affinity": "The EAL aborts when it may not put an lcore on its CPU.",
    "cpu-quota": "The control group stops polling threads for a part of every period.",
    "cpus-not-isolated": "The scheduler puts other work on the CPUs of polling lcores.",
    "cpu-governor": "Clocks that change make a polling loop slow in its first milliseconds.",
    "limit-memlock": "A device maps all DPDK memory for DMA, which counts as locked.",
    "limit-nofile": "The EAL opens pipes for each lcore and aborts when there are none.",
    "limit-nproc": "The EAL starts a thread for each lcore and aborts when it may not.",
    "limit-address-space": "The EAL reserves address space for all memory it could ever have.",
    "limit-file-size": "A hugepage is a file: the kernel kills who makes it larger than this.",
    "capability-missing": "The device needs a right that this process does not have.",
    "iommu-missing": "Without an IOMMU vfio keeps no device from writing anywhere.",
    "iova-pa-unprivileged": "Physical addresses are shown only to CAP_SYS_ADMIN.",
    "vfio-not-loaded": "A NIC is reached through vfio, and its kernel module is not there.",
    "vfio-not-writable": "The device's IOMMU group belongs to another user.",
    "device-missing": "The file names a device that is not on the PCI bus.",
    "device-kernel-driver": "The kernel uses the device; DPDK takes it from vfio-pci.",
    "device-in-use": "This host talks over the device: taking it cuts the connection.",
    "device-other-node": "Every packet crosses between the NUMA nodes of device and CPU.",
    "interface-missing": "The file names a network interface that is not there.",
    "interface-down": "No packet passes an interface that is down.",
    "interface-mtu": "Packets longer than a frame of the port's are received cut, and dropped.",
    "interface-offloads": "Checksums and the splitting of large packets are left to a NIC there.",
    "interface-xdp": "An interface takes one XDP program, and a program that died leaves its own.",
    "af-xdp-unsupported": "The kernel was built without the sockets that net_af_xdp needs.",
    "tun-missing": "net_tap makes its interfaces through this file of the kernel's.",
    "vhost-net-missing": "virtio_user reaches the kernel's network through this file.",
    "socket-directory-missing": "A device makes or finds its socket in this directory.",
    "socket-in-use": "One program serves a socket: choose another path, or end that one.",
    "socket-left": "A program died and left its socket, and no driver replaces a file.",
    "peer-missing": "The device connects when it comes up; pydpdk run waits 10 s for it.",
    "pmd-missing": "The driver of a device is a plugin, and it is not installed.",
    "pmd-directory-missing": "The EAL loads its drivers from this directory, and finds none.",
    "pmd-directory-writable": "The EAL loads nothing from a directory that anybody can write to.",
    "libdpdk-missing": "The binding loads DPDK's shared libraries, and one is not there.",
    "libdpdk-version": "DPDK's inline functions are compiled in, so both releases must be one.",
    "binding-missing": "pydpdk is compiled on each machine, and here it was not.",
    "aslr": "A secondary must map all memory where its primary has it, and chance moves things.",
    "prefix-in-use": "A file prefix has one primary, and another program is it.",
    "primaries": "Other DPDK programs run here and have their share of the hugepages.",
    "leftovers": "A program died; the files that it left pin hugepages.",
}  # fmt: skip
"""Every code, and what it means."""


@dataclass(frozen=True)
class Finding:
    """One thing about this host that DPDK will stumble over, or that is good to know.

    Attributes
    ----------
    code : str
        One of `MEANINGS`; it stays the same, so programs may act on it.
    what : str
        What was found here.
    command : str
        The exact command that mends it; empty where no command can.
    safe : bool
        Whether `--fix` may run the command: it takes nothing from anyone, can be taken back, and
        works from a process of its own.
    """

    code: str
    severity: Severity
    what: str
    command: str = ""
    safe: bool = False

    def __post_init__(self) -> None:
        if self.code not in MEANINGS:
            raise ValueError(f"code={self.code!r}: one of {', '.join(MEANINGS)}")

    @property
    def means(self) -> str:
        """What it means for DPDK."""
        return MEANINGS[self.code]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, for JSON."""
        return {**asdict(self), "means": self.means}

    def __str__(self) -> str:
        mend = f" `{self.command}`" if self.command else ""
        return f"{self.what}{mend} [{self.code}]"


def as_root(command: str) -> str:
    """Write a command as this user must type it, when only root may do it."""
    if os.geteuid() == 0:
        return command
    simple = not set(command) & set("><|&;$")
    return f"sudo {command}" if simple else f"sudo sh -c {shlex.quote(command)}"
