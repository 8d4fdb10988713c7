"""`pydpdk devices`: PCI devices and their drivers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pydpdk.cli.plan import Json

if TYPE_CHECKING:
    from pydpdk.host.devices import PciDevice

app = typer.Typer(
    help="List PCI devices; give them to DPDK and back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Addresses = Annotated[list[str], typer.Argument(help="As 0000:01:00.0.", metavar="ADDRESS")]
Driver = Annotated[str, typer.Option(help="The driver that gives the device to DPDK.")]
Force = Annotated[bool, typer.Option("--force", help="Even if this host uses it for its network.")]
All = Annotated[bool, typer.Option("--all", help="Every device, not only network controllers.")]


@app.command("list")
def list_command(every: All = False, as_json: Json = False) -> None:
    """List network controllers: driver, NUMA node, IOMMU group, and what they are needed for."""
    from pydpdk.config.report import table
    from pydpdk.host.devices import read_devices

    devices = [device for device in read_devices() if every or device.is_network]
    if as_json:
        typer.echo(json.dumps([device.to_dict() for device in devices], indent=2))
        return
    head = ("address", "id", "driver", "node", "IOMMU group", "interfaces", "in use")
    for line in table([head, *map(_row, devices)]):
        typer.echo(line)


@app.command()
def bind(addresses: Addresses, driver: Driver = "vfio-pci", force: Force = False) -> None:
    """Give devices to DPDK; the drivers that had them are remembered."""
    from pydpdk.host import binding

    for address in addresses:
        _say(binding.bind(address, driver, force=force))


@app.command()
def unbind(addresses: Addresses) -> None:
    """Return devices to the kernel drivers that they came from."""
    from pydpdk.host import binding

    for address in addresses:
        _say(binding.unbind(address))


def _say(device: PciDevice) -> None:
    typer.echo(f"{device.address}: {device.driver or 'no driver'}")


def _row(device: PciDevice) -> tuple[str, ...]:
    return (
        device.address,
        f"{device.vendor_id:04x}:{device.device_id:04x}",
        device.driver or "-",
        "-" if device.numa_node is None else str(device.numa_node),
        "-" if device.iommu_group is None else str(device.iommu_group),
        ", ".join(device.interfaces) or "-",
        "; ".join(device.in_use) or "-",
    )
