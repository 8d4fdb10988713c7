"""Bind a PCI device to a driver for DPDK, and return it to its kernel driver."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

from pydpdk.host import files
from pydpdk.host.devices import BUS, USERSPACE, PciDevice, full_address, read_device
from pydpdk.host.errors import HostError, InterfaceInUseError, naming

_MEMORY = "run/pydpdk/drivers"  # below /run: lost at the next boot, like the binding itself
_NO_IOMMU = "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"


def bind(
    address: str, driver: str = "vfio-pci", *, force: bool = False, root: Path = Path("/")
) -> PciDevice:
    """Bind a device to a driver; remember its kernel driver for `unbind`.

    Parameters
    ----------
    driver
        `vfio-pci`, or another that is loaded.
    force
        Even if this host uses the device: a default route, an address, a bond.

    Raises
    ------
    InterfaceInUseError
        This host uses it; the message says for what.
    HostError
        There is no such device or driver, or the kernel failed; the binding is unchanged.

    Notes
    -----
    Threads  one at a time: it writes several files of the kernel in order
    """
    device = _found(address, root)
    if device.driver == driver:
        return device
    if device.in_use and not force:
        uses = "; ".join(device.in_use)
        raise InterfaceInUseError(
            errno.EBUSY, f"{device.address}: {uses}: not taken from the kernel without force"
        )
    _check_driver(device, driver, root)
    if device.driver and device.driver not in USERSPACE:
        _remember(device, root)
    try:
        return _hand_over(device, driver, root)
    except HostError:
        with suppress(HostError):
            _hand_over(_found(address, root), device.driver or "", root, keep=False)
        raise


def unbind(address: str, *, root: Path = Path("/")) -> PciDevice:
    """Return a device from DPDK to the kernel driver that it had before `bind`.

    If none is remembered, the kernel chooses the driver.

    Raises
    ------
    HostError
        There is no such device, or the kernel failed.
    """
    device = _found(address, root)
    memory = _memory(device.address, root)
    wanted = files.word(memory)
    if device.driver and device.driver not in USERSPACE:
        return device  # it has a kernel driver already
    given = _hand_over(device, wanted, root, keep=False)
    with suppress(OSError):
        memory.unlink()
    return given


def remembered(address: str, *, root: Path = Path("/")) -> str | None:
    """Return the kernel driver that `unbind` would return a device to."""
    memory = _memory(full_address(address), root)
    return files.word(memory) or None


def _found(address: str, root: Path) -> PciDevice:
    device = read_device(address, root=root)
    if device is None:
        raise HostError(errno.ENODEV, f"{full_address(address)} is not on the PCI bus of this host")
    return device


def _check_driver(device: PciDevice, driver: str, root: Path) -> None:
    if "/" in driver or not (root / BUS / "drivers" / driver).is_dir():
        raise HostError(
            errno.ENOENT, f"the kernel has no PCI driver {driver!r}: `modprobe {driver}` loads it"
        )
    if driver == "vfio-pci" and device.iommu_group is None:
        if files.word(root / _NO_IOMMU) == "Y":
            return
        raise HostError(
            errno.ENOTSUP,
            f"{device.address} is behind no IOMMU: switch it on (intel_iommu=on or amd_iommu=on on"
            f" the kernel's line), or, with no protection, `echo 1 > /{_NO_IOMMU}`",
        )


def _hand_over(device: PciDevice, driver: str, root: Path, *, keep: bool = True) -> PciDevice:
    """Move a device to a driver; an empty name means the kernel's choice."""
    where = root / BUS / "devices" / device.address
    _write(where / "driver_override", driver or "\n")
    if device.driver:
        _write(where / "driver/unbind", device.address)
    _write(root / BUS / "drivers_probe", device.address)
    if not keep:
        _write(where / "driver_override", "\n")  # from now on the kernel matches the driver
    now = _found(device.address, root)
    if driver and now.driver != driver:
        raise HostError(
            errno.EIO, f"{device.address}: the kernel did not give it to {driver}; `dmesg` says why"
        )
    return now


def _write(file: Path, text: str) -> None:
    with naming(file), file.open("w") as opened:
        opened.write(text)


def _remember(device: PciDevice, root: Path) -> None:
    memory = _memory(device.address, root)
    with naming(memory):
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(f"{device.driver}\n")


def _memory(address: str, root: Path) -> Path:
    return root / _MEMORY / address
