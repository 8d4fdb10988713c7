"""Needs of a start of the EAL from this host; the doctor checks the host against them."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pydpdk.host.devargs import Device, parse

AF_PACKET = "net_af_packet"
VIRTIO_USER = "net_virtio_user"

FRAME_HEAD = 66
"""[bytes] before the packet in a frame of net_af_packet, for the kernel (TPACKET_V2)."""

FRAME_SLACK = 32
"""[bytes] The driver's value of that: TPACKET2_HDRLEN - sizeof(struct sockaddr_ll)."""


_INTERFACES = {
    AF_PACKET: ("iface",),
    "net_af_xdp": ("iface",),
    "net_pcap": ("iface", "rx_iface", "rx_iface_in", "tx_iface"),
}
"""Arguments that name an interface of the kernel."""


class Frames(NamedTuple):
    """The ring that net_af_packet shares with the kernel."""

    size: int
    block: int
    number: int

    @property
    def longest(self) -> int:
        """[bytes] of the longest packet, with its Ethernet header, that fits in a frame."""
        return self.size - FRAME_HEAD


def frames_of(device: Device) -> Frames:
    """Read the arguments of a net_af_packet device as the driver does (`atoi`)."""

    def last(key: str, default: int) -> int:
        digits = re.match(r"\d+", device.value(key), re.ASCII)
        return int(digits[0]) if digits and int(digits[0]) else default

    return Frames(last("framesz", 2048), last("blocksz", mmap.PAGESIZE), last("framecnt", 512))


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Needs of a start; the default is an EAL with default options and no device.

    Attributes
    ----------
    hugepages : bool or "auto"
        `"auto"` can run without, at a cost.
    memory_bytes : int
        [bytes] of memory, estimated.
    in_memory : bool
        Hugepages without files.
    lcores : dict of int to frozenset of int
        The CPUs of each lcore.
    pci, vdevs : tuple of str
        Devices: addresses, and virtual devices with their arguments.
    file_prefix : str or None
        None: generated at start.
    processes : bool
        Whether secondaries share the memory.
    secondary : bool
        Whether this process is a secondary.
    """

    hugepages: bool | Literal["auto"] = "auto"
    memory_bytes: int = 0
    in_memory: bool = False
    lcores: Mapping[int, frozenset[int]] = field(default_factory=dict)
    pci: tuple[str, ...] = ()
    vdevs: tuple[str, ...] = ()
    iova_mode: str | None = None
    file_prefix: str | None = None
    processes: bool = False
    secondary: bool = False

    @property
    def cpus(self) -> frozenset[int]:
        """All CPUs of the lcores."""
        return frozenset().union(*self.lcores.values())

    @property
    def devices(self) -> list[Device]:
        """The virtual devices."""
        return [parse(vdev) for vdev in self.vdevs]

    @property
    def drivers(self) -> list[str]:
        """Drivers of the virtual devices: `net_null` for `net_null0`."""
        return list(dict.fromkeys(device.driver or "" for device in self.devices))

    @property
    def vhost_net(self) -> list[str]:
        """Paths of virtio_user devices: of the kernel's vhost-net, or of a vhost-user socket."""
        users = (device for device in self.devices if device.driver == VIRTIO_USER)
        return [path for device in users for path in device.values("path")]

    def interfaces(self) -> dict[str, str]:
        """Return the kernel's interfaces that virtual devices use, each with the driver."""
        return {
            interface: device.driver or ""
            for device in self.devices
            for interface in device.values(*_INTERFACES.get(device.driver or "", ()))
            if interface
        }
