"""The sections of a file and their keys, named as DPDK names them.

`load` reads a file into a `Config`. The rules of single keys are here; those between keys are in
`references`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, PrivateAttr

from pydpdk.choices import RingSync
from pydpdk.config import kinds
from pydpdk.config.apps import AppSpec
from pydpdk.config.kinds import Section, empty_if_null
from pydpdk.config.source import Source
from pydpdk.eal.options import EalOptions
from pydpdk.host.devargs import Device, parse
from pydpdk.limits import DATA_ROOM, default_cache

N = TypeVar("N")
S = TypeVar("S")
_Named = Annotated[dict[N, S], BeforeValidator(empty_if_null)]


class MemzoneSpec(Section):
    """A named stretch of contiguous memory (`rte_memzone_reserve`)."""

    size: kinds.ByteSize
    """[bytes] as a number or as `64K`, `2M`, `1G`."""
    align: kinds.Alignment = 64
    """[bytes] A power of two; DPDK raises it to at least a cache line."""
    socket_id: kinds.SocketId = "any"
    """NUMA node to take the memory from, or `any`."""


class MempoolSpec(Section):
    """A pool of mbufs of one size (`rte_pktmbuf_pool_create`)."""

    n: kinds.Count
    """Number of mbufs. A power of two less one wastes the least memory."""
    cache_size: kinds.CacheSize | None = None
    """Mbufs in each lcore's cache, which may hold up to 1.5 times as many. 0: no cache.
    Default: 256, or the most that `n` allows, n / 1.5."""
    priv_size: kinds.PrivSize = 0
    """[bytes] of each mbuf for the application, a multiple of 8."""
    data_room_size: kinds.DataRoomSize = DATA_ROOM
    """[bytes] of each mbuf for headroom (128) and packet data."""
    socket_id: kinds.SocketId = "any"
    """NUMA node to take the memory from, or `any`."""
    ops_name: kinds.OpsName | None = None
    """How free mbufs are kept: `ring_mp_mc`, `ring_sp_sc`, `ring_mt_hts`, `stack`, `lf_stack`...
    Default: DPDK's choice, `ring_mp_mc`; with `workers` `lf_stack`."""

    @property
    def cached(self) -> int:
        """The cache size: the file's, or a default that fits."""
        return default_cache(self.n) if self.cache_size is None else self.cache_size


class RingSpec(Section):
    """A lock-free queue between lcores or processes (`rte_ring_create`)."""

    size: kinds.RingSize
    """Slots: a power of two, of which one stays empty; with `exact_size` any number."""
    element: Literal["uint64", "mbuf"] = "uint64"
    """The elements of the ring: numbers or packets."""
    producer: RingSync | None = None
    """How enqueuing threads are synchronized: `rts` and `hts` for any number on any CPUs, `multi`
    for any number with a CPU for each, `single` for one. Default: `rts`; with `workers` `hts`."""
    consumer: RingSync | None = None
    """How dequeuing threads are synchronized, with the same values."""
    exact_size: bool = False
    """Hold `size` elements, whatever the number (`RING_F_EXACT_SZ`)."""
    socket_id: kinds.SocketId = "any"
    """NUMA node to take the memory from, or `any`."""


class PortSpec(Section):
    """A device, virtual or on the PCI bus, and how it is configured."""

    device: kinds.Device
    """A virtual device with its arguments, e.g. `net_null0,size=64`, or a PCI address, e.g.
    `0000:01:00.0`."""
    nb_rx_queues: kinds.QueueCount = 1
    """Receive queues."""
    nb_tx_queues: kinds.QueueCount = 1
    """Transmit queues."""
    nb_rx_desc: kinds.DescriptorCount | None = None
    """Descriptors of each receive queue. Default: the driver's."""
    nb_tx_desc: kinds.DescriptorCount | None = None
    """Descriptors of each transmit queue. Default: the driver's."""
    mempool: kinds.MempoolName | None = None
    """The mempool of received packets. Default: the only one of the file; in a file without
    mempools one that suffices for the ports and the app, which `pydpdk plan` shows."""
    mtu: kinds.Mtu | None = None
    """[bytes] of the longest packet without the Ethernet header. Default: the driver's."""
    frame_size: kinds.FrameSize | None = None
    """[bytes] of the frames that net_af_packet shares with the kernel (sets `framesz` and
    `blocksz`): 2048, or a multiple of 4096. A packet may have 66 less; longer ones are dropped and
    counted. Default: 2048, for an MTU of up to 1964."""
    finish_checksums: bool | None = None
    """Complete TCP and UDP checksums that the kernel left undone. Default: true if the port
    receives from a kernel interface with checksum offload."""
    split_large: bool | None = None
    """Let the kernel split packets of up to 64 KB before they come over a veth pair to
    net_af_packet, by an XDP program. Default: true if the other end may send such packets."""
    promiscuous: bool = True
    """Receive packets for any MAC address."""
    rss: tuple[kinds.RssHash, ...] = ()
    """Fields that spread packets over the receive queues (`RTE_ETH_RSS_*`)."""
    rx_offloads: tuple[kinds.RxOffload, ...] = ()
    """Work that the device does on receipt (`RTE_ETH_RX_OFFLOAD_*`)."""
    tx_offloads: tuple[kinds.TxOffload, ...] = ()
    """Work that the device does on sending (`RTE_ETH_TX_OFFLOAD_*`)."""

    @property
    def parsed(self) -> Device:
        """The device, with arguments from other keys, in its parts."""
        size = self.frame_size
        block = max(size or 0, 4096)
        return parse(f"{self.device},framesz={size},blocksz={block}" if size else self.device)

    @property
    def pci(self) -> bool:
        """Whether the device is on the PCI bus."""
        return self.parsed.address is not None

    @property
    def device_name(self) -> str:
        """DPDK's name of the device: the virtual device's name, or the full address."""
        return self.parsed.name

    @property
    def driver(self) -> str | None:
        """The driver of a virtual device: `net_null` for `net_null0`."""
        return self.parsed.driver


class WorkerSpec(Section):
    """Your own function in a process of its own: a secondary that shares the memory."""

    python: kinds.Target
    """Your function as `module:function`, called with the open file, whose objects are looked up,
    not created. Loop `while app.running`."""
    lcores: kinds.Lcores | None = None
    """The lcore it runs on, as `10@1` for lcore 10 on CPU 1. Default: a free one."""
    restarts: kinds.Restarts = 0
    """How many times it is started again when its process dies."""


class DebugSpec(Section):
    """Help in finding faults."""

    trace_mbufs: bool = False
    """Stamp each mbuf with the line of Python that takes it, and warn at the end, with file and
    line, of mbufs that were not returned; `PYDPDK_TRACE=1` does so for any program. Not DPDK's
    own `--trace`."""


class Config(Section):
    """A pydpdk file: what to bring up, and what to do with it."""

    eal: Annotated[EalOptions, BeforeValidator(empty_if_null)] = EalOptions()
    """Options of the EAL: lcores, hugepages, devices, logs."""
    memzones: _Named[kinds.MemzoneName, MemzoneSpec] = Field(default_factory=dict)
    """Stretches of contiguous memory, by name."""
    mempools: _Named[kinds.MempoolName, MempoolSpec] = Field(default_factory=dict)
    """Pools of mbufs, by name."""
    rings: _Named[kinds.RingName, RingSpec] = Field(default_factory=dict)
    """Queues between lcores or processes, by name."""
    ports: _Named[kinds.PortName, PortSpec] = Field(default_factory=dict)
    """Devices, by the name that the file and the application use."""
    workers: _Named[kinds.WorkerName, WorkerSpec] = Field(default_factory=dict)
    """Functions in processes of their own, by name. With workers, mempools default to `lf_stack`
    and rings to `hts`: a process that is killed cannot leave these locked."""
    debug: Annotated[DebugSpec, BeforeValidator(empty_if_null)] = DebugSpec()
    """Help in finding faults, at the cost of speed."""
    app: AppSpec | None = None
    """The work on the packets. Not needed to open the file from Python."""

    _source: Source | None = PrivateAttr(None)
    _name: str = PrivateAttr("<config>")

    def where(self, *path: str) -> str:
        """Return the place of a key as `file:line: key.path`, for faults found later."""
        line = self._source.line(path) if self._source else 1
        return ": ".join(part for part in (f"{self._name}:{line}", ".".join(path)) if part)

    def locate(self, source: Source, name: str) -> None:
        """Remember the text that this config was read from."""
        self._source, self._name = source, name
