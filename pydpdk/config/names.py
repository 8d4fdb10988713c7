"""Names that collide in DPDK: each object of a file reserves memzones, named after it."""

from __future__ import annotations

from collections.abc import Iterator

from pydpdk.config.model import Config, MempoolSpec
from pydpdk.config.source import Fault
from pydpdk.host.devargs import Device, parse

_PROCESS_TABLE = "pydpdk"  # _native/core/process_table.h
_PORTS = "rte_eth_dev_data"
_RING_PORT_RINGS = 16  # RTE_PMD_RING_MAX_RX_RINGS
_STACKS = ("stack", "lf_stack")


def check(config: Config) -> Iterator[Fault]:
    """Check in the order in which the objects are created: the first one has the name."""
    taken = {_PROCESS_TABLE: "pydpdk itself"}
    if config.ports or config.eal.vdevs:
        taken[_PORTS] = "DPDK"
    for where, device in _devices(config):
        taken.update((zone, where) for zone in _of_device(device))
    for section, name, zones in _objects(config):
        found = [zone for zone in zones if zone in taken]
        if found:
            allowed = f"another name: {taken[found[0]]} has the memzone {found[0]}"
            yield Fault((section, name), repr(name), f"{allowed}, which this needs")
        for zone in zones:
            taken.setdefault(zone, f"{section}.{name}")


def _devices(config: Config) -> Iterator[tuple[str, Device]]:
    if config.eal.proc_type != "secondary":
        yield from (("eal.vdevs", parse(vdev)) for vdev in config.eal.vdevs)
        yield from ((f"ports.{name}", port.parsed) for name, port in config.ports.items())


def _of_device(device: Device) -> list[str]:
    if device.driver != "net_ring":
        return []
    name = device.port_name
    return [f"RG_ETH_RXTX{i}_{name}" for i in range(_RING_PORT_RINGS)]


def _objects(config: Config) -> Iterator[tuple[str, str, list[str]]]:
    """Yield section, name and memzones of each object, in the order of creation."""
    yield from (("memzones", name, [name]) for name in config.memzones)
    for name, pool in config.mempools.items():
        yield "mempools", name, _of_mempool(config, name, pool)
    yield from (("rings", name, [f"RG_{name}"]) for name in config.rings)


def _of_mempool(config: Config, name: str, pool: MempoolSpec) -> list[str]:
    """Return the pool's own memzone, its first piece of memory, and its list of free mbufs.

    How many more pieces there are depends on the host.
    """
    ops = pool.ops_name or ("lf_stack" if config.workers else "ring_mp_mc")
    free = "STK" if ops in _STACKS else "RG"
    return [f"MP_{name}", f"MP_{name}_0", f"{free}_MP_{name}"]
