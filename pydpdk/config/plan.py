"""Plan a file on this host, without starting the EAL."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydpdk.config import budget, devices, polling
from pydpdk.config.budget import PoolPlan
from pydpdk.config.model import Config
from pydpdk.config.polling import Poll
from pydpdk.eal.options import EalOptions
from pydpdk.eal.resolve import Resolved, needs_of, resolve
from pydpdk.exceptions import ConfigError
from pydpdk.host import cpus, hugepages
from pydpdk.host.needs import Needs
from pydpdk.limits import largest_cache


@dataclass(frozen=True)
class Plan:
    """A run of a file, worked out without starting anything.

    Attributes
    ----------
    config
        The file.
    start
        The EAL's options, with the devices of the ports, resolved on this host: what
        `eal.begin` starts.
    needed_bytes
        [bytes] of memory that the file needs, estimated.
    page_bytes, nb_hugepages
        [bytes] of a page of that memory, and how many hugepages; 0 where none are used.
    pools, polls
        The budget of each mempool; which lcore polls which queue.
    warnings
        Problems that do not stop the run.
    """

    config: Config
    start: Resolved
    needed_bytes: int
    page_bytes: int
    nb_hugepages: int
    pools: tuple[PoolPlan, ...]
    polls: tuple[Poll, ...]
    warnings: tuple[str, ...]

    @property
    def options(self) -> EalOptions:
        """The EAL's options, as it gets them."""
        return self.start.options

    @property
    def argv(self) -> tuple[str, ...]:
        """The argument vector of `rte_eal_init`; `pydpdk-<unique>` is a generated prefix."""
        return self.start.shown_argv

    @property
    def hugepages(self) -> bool:
        """Whether hugepages are used."""
        return self.start.hugepages

    @property
    def hugepages_reason(self) -> str:
        """Why hugepages are used, or not."""
        return self.start.hugepages_reason

    @property
    def main_lcore(self) -> int:
        """The lcore of the calling thread."""
        return polling.main_lcore(self.options)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, for JSON."""
        sections = ("argv", "hugepages", "hugepages_reason", "needed_bytes", "page_bytes")
        return {
            **{name: getattr(self, name) for name in (*sections, "nb_hugepages", "warnings")},
            "memory_mb": self.options.memory_mb,
            "main_lcore": self.main_lcore,
            "mempools": {
                pool.name: {
                    **asdict(pool),
                    "needed": pool.needed,
                    "spare": pool.spare,
                    "recommended_n": pool.recommended_n,
                }
                for pool in self.pools
            },
            "polls": [asdict(poll) for poll in self.polls],
        }


def make_plan(config: Config) -> Plan:
    """Plan a checked file on this host.

    Raises
    ------
    ConfigError
        The options have a fault that only this host shows.
    """
    polls = polling.polls(config)

    def pools_of(hugepages: bool) -> tuple[PoolPlan, ...]:
        return budget.pool_plans(config, polls, hugepages=hugepages)

    def need(hugepages: bool) -> int:
        return budget.total_bytes(config, pools_of(hugepages))

    wanted = devices.at_start(config, with_devices(config))
    try:
        start = resolve(wanted, need)
    except ValueError as error:
        raise ConfigError([f"{config.where('eal')}: {e}" for e in str(error).split("\n")]) from None
    pools, needed = pools_of(start.hugepages), need(start.hugepages)
    page_bytes = hugepages.default_page_size_bytes() if start.hugepages else mmap.PAGESIZE
    return Plan(
        config=config,
        start=start,
        needed_bytes=needed,
        page_bytes=page_bytes,
        nb_hugepages=-(-needed // page_bytes) if start.hugepages else 0,
        pools=pools,
        polls=polls,
        warnings=(
            *([start.warning] if start.warning else []),
            *_memory_warnings(wanted, start.options),
            *_capture_warnings(start.options),
            *_pool_warnings(pools),
            *_cache_warnings(config, polls),
            *_worker_warnings(config, start),
            *_device_warnings(config),
            *devices.warnings(config.ports),
            *_node_warnings(config, polls),
        ),
    )


def with_devices(config: Config) -> EalOptions:
    """Add the devices of the ports and the lcore of the app to the options.

    An interpreted app polls in the thread that starts the EAL, which is the main lcore.

    With `block` the EAL takes all other devices, so those of the ports need no `allow`.
    """
    eal, ports = config.eal, list(config.ports.values())
    if eal.proc_type == "secondary":  # it has the devices of its primary
        ports = []
    vdevs = tuple(port.parsed.text for port in ports if not port.pci)
    allow = tuple(port.device for port in ports if port.pci and not eal.block)
    extra = tuple(device for device in allow if device not in eal.allow)
    main_lcore = config.app.lcore if config.app else None
    return replace(
        eal,
        vdevs=eal.vdevs + vdevs,
        allow=eal.allow + extra,
        main_lcore=eal.main_lcore if main_lcore is None else main_lcore,
    )


def needs_of_file(config: Config) -> Needs:
    """Compute what a checked file needs of the host to run on hugepages, for `host.doctor`."""
    options = with_devices(config)
    pools = budget.pool_plans(config, polling.polls(config), hugepages=bool(options.hugepages))
    needed = budget.total_bytes(config, pools)
    return needs_of(options, needed, processes=bool(config.workers))


def _memory_warnings(wanted: EalOptions, options: EalOptions) -> Iterator[str]:
    asked = wanted.total_mb
    if options.hugepages is False and 0 < asked < options.total_mb:
        yield (
            f"eal.memory_mb: {asked} is not enough without hugepages, where memory cannot grow:"
            f" raised to {options.memory_mb}"
        )


def _capture_warnings(options: EalOptions) -> Iterator[str]:
    if not options.capture:
        return
    if options.hugepages is False:
        yield "eal.capture: nothing can attach without hugepages, so nothing can be captured"
    # two processes on one lcore share its mempool caches, and corrupt them
    shared = sorted(options.lcore_map.keys() & set(range(os.cpu_count() or 1)))
    if shared:
        yield (
            f"eal.capture: dpdk-dumpcap takes lcores 0 to {(os.cpu_count() or 1) - 1} for itself:"
            f' use higher numbers for this program, e.g. `lcores: "100@{shared[0]}"`'
        )


def _pool_warnings(pools: tuple[PoolPlan, ...]) -> Iterator[str]:
    for pool in pools:
        if pool.spare < 0:
            yield (
                f"mempools.{pool.name}: n is {pool.n}, but queues, caches and bursts may hold"
                f" {pool.needed}: packets will be missed; n: {pool.recommended_n} is enough"
            )
        elif pool.n & (pool.n + 1):
            yield (
                f"mempools.{pool.name}: n is {pool.n}; a power of two less one,"
                f" such as {(1 << pool.n.bit_length()) - 1}, wastes least memory"
            )


def _cache_warnings(config: Config, polls: tuple[Poll, ...]) -> Iterator[str]:
    """Warn of bursts that flush and refill an lcore's cache each time: docs/performance.md."""
    burst = budget.burst_of(config)
    for name in dict.fromkeys(budget.pool_of(config, poll) for poll in polls):
        pool = config.mempools.get(name or "")
        if pool and pool.cached < (faster := min(2 * burst, largest_cache(pool.n))):
            yield (
                f"mempools.{name}: bursts of {burst} are more than half of cache_size,"
                f" {pool.cached}, so each goes past the lcore's cache to the shared ring;"
                f" cache_size: {faster} is faster"
            )


def _worker_warnings(config: Config, start: Resolved) -> Iterator[str]:
    if config.workers and start.options.proc_type == "primary" and not start.shared:
        yield f"workers: no other process can attach to this memory ({start.hugepages_reason})"


def _device_warnings(config: Config) -> Iterator[str]:
    for name, port in config.ports.items():
        if not polling.is_present(port):
            yield f"ports.{name}: {port.device_name} is not on the PCI bus of this host"


def _node_warnings(config: Config, polls: tuple[Poll, ...]) -> Iterator[str]:
    online = cpus.numa_nodes()
    for section in ("memzones", "mempools", "rings"):
        for name, spec in getattr(config, section).items():
            if spec.socket_id != "any" and spec.socket_id not in online:
                yield f"{section}.{name}: NUMA node {spec.socket_id} is not on this host"
    lcores = {(poll.lcore, name) for poll in polls for name in (poll.rx_port, poll.tx_port) if name}
    for lcore, name in sorted(lcores):
        there, here = polling.port_node(config.ports[name]), polling.lcore_node(config.eal, lcore)
        if there is not None and there != here:
            yield (
                f"ports.{name} is on NUMA node {there}, lcore {lcore} that polls it on node"
                f" {here}: every packet crosses between them"
            )
