"""Estimate how many mbufs and bytes a file needs; each estimate states its reason."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydpdk.config import polling
from pydpdk.config.devices import AF_XDP_FILL
from pydpdk.config.model import Config, MempoolSpec, PortSpec
from pydpdk.config.polling import Poll
from pydpdk.host.devargs import Device
from pydpdk.host.needs import AF_PACKET, FRAME_SLACK, frames_of
from pydpdk.limits import (
    CACHE_LINE,
    DATA_ROOM,
    DEFAULT_CACHE,
    DEFAULT_DESC,
    HEADROOM,
    MAX_CACHE,
    MAX_LCORE,
    MAX_ROOM,
)

AF_XDP = "net_af_xdp"

PYTHON_BURST = 512
"""Packets that a user's function is assumed to hold for each port."""

_SURELY = 1 << 20  # mbufs of a draft, whose cache fits
_RING_PMD_SLOTS = 1024  # net_ring's queues are rings of this size, whatever the file says
_OBJECT_HEADER = 64  # struct rte_mempool_objhdr, aligned to a cache line
_MBUF = 128  # sizeof(struct rte_mbuf)
_POOL_CACHES = MAX_LCORE * (2 * MAX_CACHE * 8 + CACHE_LINE)  # struct rte_mempool_cache of each
_RING_HEADER = 384  # struct rte_ring
_EAL_BYTES = 1 << 20  # measured 0.2 MB with no port
_PORT_BYTES = 2 << 20  # measured 0.1 MB (net_null) to 1.4 MB (net_tap) with one rx and one tx queue


@dataclass(frozen=True)
class PoolPlan:
    """The budget of one mempool, in mbufs."""

    name: str
    n: int
    descriptors: int
    """Held by the receive and transmit queues that use it."""
    caches: int
    """Held by lcore caches: `cache_size` x 1.5 for each lcore that uses it. A cache is flushed
    only beyond that (`CACHE_FLUSHTHRESH_MULTIPLIER` in `rte_mempool.c`)."""
    bursts: int
    """In flight in the bursts of the app."""
    rings: int
    """Held by rings of mbufs."""
    object_bytes: int
    """[bytes] of one mbuf with header and data room, estimated."""
    total_bytes: int
    """[bytes] of the pool with its free list and caches, estimated."""

    @property
    def needed(self) -> int:
        """Mbufs that may be out of the pool at once."""
        return self.descriptors + self.caches + self.bursts + self.rings

    @property
    def spare(self) -> int:
        """Mbufs left when all others are in use."""
        return self.n - self.needed

    @property
    def recommended_n(self) -> int:
        """The smallest 2^k - 1 that is enough."""
        return _cheapest(self.needed)


def enough_mbufs(descriptors: int, *, lcores: int, ports: int) -> int:
    """Return how many mbufs are enough for a function that polls these ports."""
    return _cheapest(descriptors + lcores * (DEFAULT_CACHE * 3 // 2) + ports * PYTHON_BURST)


def data_room_of(devices: Iterable[Device]) -> int:
    """Return the [bytes] of an mbuf that takes what these devices receive: the default or more."""
    least = [DATA_ROOM]
    for device in devices:
        if device.null_bytes is not None:
            least.append(device.null_bytes + HEADROOM)
        if device.driver == AF_PACKET:
            least.append(frames_of(device).size - FRAME_SLACK + HEADROOM)
    return min(max(least), MAX_ROOM)


def held_by(driver: str | None, descriptors: int) -> int:
    """Return how many mbufs a full queue of a driver holds."""
    if driver == AF_XDP:
        return AF_XDP_FILL
    return _RING_PMD_SLOTS if driver == "net_ring" else descriptors


def pool_plans(config: Config, polls: Sequence[Poll], *, hugepages: bool) -> tuple[PoolPlan, ...]:
    """Compute the budget of every mempool of a file."""
    return tuple(_pool_plan(config, polls, name, hugepages) for name in config.mempools)


def with_mempools(config: Config, name: str) -> Config:
    """Give the ports of a file that names no mempool one that suffices.

    Each net_af_xdp port gets one of its own, since the kernel takes a pool for one socket only.
    """
    alone = [port for port, spec in config.ports.items() if spec.driver == AF_XDP]
    pool_of_port = dict.fromkeys(config.ports, name)
    pool_of_port |= {port: f"{name}_{i}" for i, port in enumerate(alone)}
    ports = {
        port: spec.model_copy(update={"mempool": pool_of_port[port]})
        for port, spec in config.ports.items()
    }
    cache_size = max(DEFAULT_CACHE, min(2 * burst_of(config), MAX_CACHE))
    pools = {}
    for pool in dict.fromkeys(pool_of_port.values()):
        room = data_room_of(spec.parsed for spec in ports.values() if spec.mempool == pool)
        if config.app and config.app.generate:
            room = max(room, len(config.app.generate.template) + HEADROOM)
        pools[pool] = MempoolSpec(n=_SURELY, cache_size=cache_size, data_room_size=room)
    drafted = config.model_copy(update={"ports": ports, "mempools": pools})
    polls = polling.polls(drafted)
    for plan in pool_plans(drafted, polls, hugepages=True):
        n = max(plan.recommended_n, _cheapest(cache_size * 3 // 2))
        pools[plan.name] = pools[plan.name].model_copy(update={"n": n})
    return drafted.model_copy(update={"mempools": pools})


def total_bytes(config: Config, pools: Iterable[PoolPlan]) -> int:
    """Estimate the [bytes] that a file needs in all."""
    zones = sum(_round(zone.size) + zone.align for zone in config.memzones.values())
    rings = sum(_RING_HEADER + 8 * _power_of_two(r.size + 1) for r in config.rings.values())
    ports = _PORT_BYTES * (len(config.ports) + len(config.eal.vdevs))
    return _EAL_BYTES + zones + rings + ports + sum(pool.total_bytes for pool in pools)


def _pool_plan(config: Config, polls: Sequence[Poll], name: str, hugepages: bool) -> PoolPlan:
    pool, app = config.mempools[name], config.app
    drawing = [poll for poll in polls if pool_of(config, poll) == name]
    lcores, bursts = {poll.lcore for poll in drawing}, len(drawing) * burst_of(config)
    ports = [port for port in config.ports.values() if port.mempool == name]
    if app and app.python:
        lcores, bursts = set(config.eal.lcore_map), len(ports) * PYTHON_BURST
    ring_sizes = (ring.size for ring in config.rings.values() if ring.element == "mbuf")
    object_bytes = _round(_OBJECT_HEADER + _MBUF + pool.priv_size + pool.data_room_size)
    free_list = _RING_HEADER + 8 * _power_of_two(pool.n + 1)
    objects = pool.n * object_bytes if hugepages else _in_small_pages(pool.n, object_bytes)
    caches = _POOL_CACHES if pool.cached else 0
    return PoolPlan(
        name=name,
        n=pool.n,
        descriptors=_descriptors(config, ports, drawing),
        caches=len(lcores) * (pool.cached * 3 // 2),
        bursts=bursts,
        rings=sum(ring_sizes),
        object_bytes=object_bytes,
        total_bytes=objects + free_list + caches,
    )


def pool_of(config: Config, poll: Poll) -> str | None:
    """Return the pool of the packets of a poll."""
    port = poll.tx_port if poll.rx_port is None else poll.rx_port
    return None if port is None else config.ports[port].mempool


def burst_of(config: Config) -> int:
    """Return the burst size of a built-in app or worker; 0 for a `python` app or none."""
    app = config.app
    polling = app and (app.forward or app.drop or app.generate or app.respond or app.switch)
    if app and app.worker:
        return app.burst
    return polling.burst if polling else 0


def _descriptors(config: Config, ports: Sequence[PortSpec], drawing: Iterable[Poll]) -> int:
    """Mbufs in full receive queues of the pool's ports and full transmit queues that it feeds."""
    rx = sum(port.nb_rx_queues * _desc(port, port.nb_rx_desc) for port in ports)
    if config.app and config.app.python:
        return rx + sum(port.nb_tx_queues * _desc(port, port.nb_tx_desc) for port in ports)
    queues = {(poll.tx_port, poll.tx_queue) for poll in drawing if poll.tx_port is not None}
    sinks = [config.ports[name] for name, _ in queues if name is not None]
    return rx + sum(_desc(port, port.nb_tx_desc) for port in sinks)


def _desc(port: PortSpec, asked: int | None) -> int:
    return held_by(port.driver, asked or DEFAULT_DESC)


def _in_small_pages(n: int, object_bytes: int) -> int:
    """[bytes] of n objects if none crosses a page: `rte_mempool_op_calc_mem_size_helper`.

    A page of 4 KB holds a single mbuf of the default size: without hugepages a pool takes 1.7
    times the memory (measured: 33.6 MB instead of 19.4 MB for 8,191 mbufs).
    """
    in_page = mmap.PAGESIZE // object_bytes
    if in_page == 0:
        return n * -(-object_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
    return -(-n // in_page) * mmap.PAGESIZE


def _cheapest(needed: int) -> int:
    """Return the smallest 2^k - 1 that is at least so many."""
    return (1 << needed.bit_length()) - 1


def _round(size: int) -> int:
    return -(-size // CACHE_LINE) * CACHE_LINE


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
