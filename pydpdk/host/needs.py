"""What a start of the EAL will ask of this host: what `doctor` measures the host against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What is needed; the default is an EAL with the default options and no device.

    Attributes
    ----------
    hugepages : bool or "auto"
        `"auto"` can do without, at a cost.
    memory_bytes : int
        [bytes] of memory, estimated.
    in_memory : bool
        Hugepages without files.
    lcores : dict of int to frozenset of int
        The CPUs of each lcore.
    pci, vdevs : tuple of str
        Devices: addresses, and virtual ones with their arguments.
    file_prefix : str or None
        None is made up at start.
    processes : bool
        Whether secondaries share the memory.
    secondary : bool
        Whether this one is one.
    """

    hugepages: bool | Literal["auto"] = "auto"
    memory_bytes: int = 0
    in_memory: bool = False
    lcores: Mapping[int, frozenset[int]] = field(default_factory=dict)
    pci: tuple[str, ...] = ()
    vdevs: tuple[str, ...] = ()
    iova_mode: Literal["va", "pa"] | None = None
    file_prefix: str | None = None
    processes: bool = False
    secondary: bool = False

    @property
    def cpus(self) -> frozenset[int]:
        """All CPUs of the lcores."""
        return frozenset().union(*self.lcores.values())

    @property
    def drivers(self) -> list[str]:
        """Drivers of the virtual devices: `net_null` of `net_null0`."""
        names = (vdev.partition(",")[0].rstrip("0123456789") for vdev in self.vdevs)
        return list(dict.fromkeys(names))

    def interfaces(self) -> dict[str, str]:
        """The kernel's interfaces that virtual devices take, each with the driver."""
        keys = {"net_af_packet": "iface", "net_af_xdp": "iface", "net_pcap": "iface"}
        found = {}
        for vdev in self.vdevs:
            name, *arguments = vdev.split(",")
            driver = name.rstrip("0123456789")
            for argument in arguments:
                key, _, value = argument.partition("=")
                if driver in keys and key == keys[driver] and value:
                    found[value] = driver
        return found
