"""PCI devices of this host: identity, driver, and what this host uses them for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydpdk.host import files, interfaces
from pydpdk.host.devargs import pci_address

BUS = "sys/bus/pci"
USERSPACE = ("vfio-pci", "uio_pci_generic", "igb_uio")
"""Kernel drivers that give a device to DPDK."""
BIFURCATED = ("mlx4_core", "mlx5_core", "mana")
"""Kernel drivers that share a device with DPDK: it stays bound to them."""
_NETWORK = 0x02


@dataclass(frozen=True)
class PciDevice:
    """A device on the PCI bus.

    Attributes
    ----------
    address : str
        `0000:01:00.0`.
    class_code, vendor_id, device_id : int
        Numbers of the PCI specification.
    driver : str or None
        The kernel driver that it is bound to.
    numa_node : int or None
        None if it is unknown.
    iommu_group : int or None
        None without an IOMMU.
    interfaces : tuple of str
        The kernel's network interfaces on it.
    in_use : tuple of str
        The uses of these interfaces by this host.
    """

    address: str
    class_code: int
    vendor_id: int
    device_id: int
    driver: str | None
    numa_node: int | None
    iommu_group: int | None
    interfaces: tuple[str, ...]
    in_use: tuple[str, ...]

    @property
    def is_network(self) -> bool:
        """Whether it is a network controller."""
        return self.class_code >> 16 == _NETWORK

    def to_dict(self) -> dict[str, Any]:
        """Return the device as plain data, for JSON."""
        return asdict(self)


def full_address(address: str) -> str:
    """Return an address with its domain.

    Raises
    ------
    ValueError
        It is no PCI address; the message shows one.
    """
    full = pci_address(address)
    if full is None:
        raise ValueError(f"address must be a PCI address such as 0000:01:00.0 (got {address!r})")
    return full


def read_devices(*, root: Path = Path("/")) -> list[PciDevice]:
    """Return every device on the PCI bus, by address."""
    addresses = (entry.name for entry in (root / BUS / "devices").glob("*"))
    found = (read_device(a, root=root) for a in sorted(addresses) if pci_address(a))
    return [device for device in found if device]


def read_device(address: str, *, root: Path = Path("/")) -> PciDevice | None:
    """Return the device at an address; None if there is none."""
    address = full_address(address)
    where = root / BUS / "devices" / address
    if not where.exists():
        return None
    group = where / "iommu_group"
    names = {entry.name for pattern in ("net/*", "*/net/*") for entry in where.glob(pattern)}
    return PciDevice(
        address=address,
        class_code=files.number(where / "class", 16) or 0,
        vendor_id=files.number(where / "vendor", 16) or 0,
        device_id=files.number(where / "device", 16) or 0,
        driver=_link(where / "driver"),
        numa_node=numa_node_of(address, root=root),
        iommu_group=int(_link(group) or 0) if group.is_symlink() else None,
        interfaces=tuple(sorted(names)),
        in_use=tuple(f"{n} {use}" for n in sorted(names) for use in interfaces.uses(n, root=root)),
    )


def is_present(address: str, *, root: Path = Path("/")) -> bool:
    """Whether a device is on the PCI bus, by its full address."""
    return (root / BUS / "devices" / address).exists()


def numa_node_of(address: str, *, root: Path = Path("/")) -> int | None:
    """Return the NUMA node of a device, by its full address; None if it is unknown."""
    node = files.number(root / BUS / "devices" / address / "numa_node")
    return None if node is None or node < 0 else node


def _link(link: Path) -> str | None:
    return link.readlink().name if link.is_symlink() else None
