"""The `app` section: what is done with the packets."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pydpdk.choices import ForwardMode
from pydpdk.config.kinds import (
    Address,
    AgeSeconds,
    BurstSize,
    Lcore,
    PacketCondition,
    PacketRate,
    PortName,
    Section,
    Target,
    empty_if_null,
)
from pydpdk.config.packet import UdpPacket

MIN_FRAME = 14
"""[bytes] An Ethernet header: the shortest valid template."""

APPS = ("forward", "drop", "generate", "respond", "switch", "python", "worker")
"""The kinds of app; a file has one of these keys."""

DEFAULT_BURST = 32
"""Packets per call, as in DPDK's examples (`MAX_PKT_BURST`)."""


def _hex_packet(value: str) -> str:
    try:
        length = len(bytes.fromhex(value))
    except ValueError:
        length = 0
    if length < MIN_FRAME:
        raise ValueError(f"at least {MIN_FRAME} bytes in hex, or a map of fields such as src_mac")
    return value


_Queue = Annotated[int, Field(ge=0, le=1023)]
Hop = tuple[PortName, _Queue, PortName, _Queue]
"""rx port, rx queue, tx port, tx queue."""

HexPacket = Annotated[str, AfterValidator(_hex_packet)]


# an empty list would mean none, and no list means all
_NotEmpty = Field(min_length=1)


class PollingSpec(Section):
    """Keys of every built-in app."""

    burst: BurstSize = DEFAULT_BURST
    """Most packets that one call receives or sends. The interpreted loop is fastest at 128
    to 256."""
    lcore: Lcore | None = None
    """Lcore that polls. Default: the main lcore."""


class ReceivingSpec(PollingSpec):
    """Keys of every built-in app that receives."""

    idle: Literal["poll", "adaptive"] = "poll"
    """While no packet comes: `poll` keeps the CPU busy, for the least latency; `adaptive` sleeps
    after 256 polls that found none, 50 us at first and up to 1 ms; on net_af_packet until the
    kernel has a packet."""


class ForwardSpec(ReceivingSpec):
    """Forward packets from one port to another."""

    pairs: Annotated[tuple[tuple[PortName, PortName], ...], _NotEmpty] = ()
    """Pairs of ports, forwarded in both directions; a port paired with itself sends back what
    it receives. Default: the first port with the second, the third with the fourth."""
    mode: ForwardMode = ForwardMode.IO
    """`io` leaves packets as they are, `macswap` swaps source and destination MAC address."""
    where: PacketCondition | None = None
    """Forward only packets for which this condition holds, and free the others: names of columns,
    compared with numbers and addresses (docs/columns.md)."""


class DropSpec(ReceivingSpec):
    """Receive packets and free them."""

    ports: Annotated[tuple[PortName, ...], _NotEmpty] = ()
    """Ports to receive from. Default: all."""
    where: PacketCondition | None = None
    """Free only packets for which this condition holds, and forward the others from the first
    port to the second, from the third to the fourth, and back."""

    @property
    def pairs(self) -> tuple[tuple[PortName, PortName], ...]:
        """The ports between which it forwards what it does not free."""
        return tuple(zip(self.ports[::2], self.ports[1::2], strict=False)) if self.where else ()


class GenerateSpec(PollingSpec):
    """Send copies of one packet."""

    ports: Annotated[tuple[PortName, ...], _NotEmpty] = ()
    """Ports to send from. Default: all."""
    rate_pps: PacketRate | None = None
    """[packets/s] of each port. Default: as fast as the port accepts them."""
    packet: HexPacket | UdpPacket = UdpPacket()
    """The packet: hex digits of the whole frame, or fields of a UDP packet."""

    @property
    def template(self) -> bytes:
        """The frame to send."""
        packet = self.packet
        return bytes.fromhex(packet) if isinstance(packet, str) else packet.to_bytes()


class RespondSpec(ReceivingSpec):
    """Answer ARP requests, neighbour solicitations and pings for some addresses."""

    addresses: Annotated[tuple[Address, ...], _NotEmpty]
    """IPv4 and IPv6 addresses; they are at the MAC address of each port. All other packets are
    freed."""
    ports: Annotated[tuple[PortName, ...], _NotEmpty] = ()
    """Ports to answer on. Default: all."""


class SwitchSpec(ReceivingSpec):
    """Forward frames by MAC address, as a learning switch."""

    ports: Annotated[tuple[PortName, ...], _NotEmpty] = ()
    """Ports of the switch. Default: all."""
    max_age_s: AgeSeconds = 300
    """[s] after which an address that sent nothing is forgotten."""


class AppSpec(Section):
    """The app for the packets: one of the keys."""

    forward: ForwardSpec | None = None
    """Forward between pairs of ports."""
    drop: DropSpec | None = None
    """Receive packets and free them."""
    generate: GenerateSpec | None = None
    """Send copies of one packet."""
    respond: RespondSpec | None = None
    """Answer ARP requests, neighbour solicitations and pings."""
    switch: SwitchSpec | None = None
    """Forward frames by MAC address between all ports."""
    python: Target | None = None
    """Your own function as `module:function`, called with the open file."""
    worker: Target | None = None
    """Your own compiled worker (`@pydpdk.worker`) as `module:function`, launched on each of
    `lcores` with its hops, a burst and an array of counters: docs/workers.md."""
    queues: Annotated[tuple[Hop, ...], _NotEmpty] = ()
    """For a worker: hops as `[rx port, rx queue, tx port, tx queue]`, assigned to the lcores in
    turn; hops that share a tx queue share an lcore. Default: as `forward` pairs the ports."""
    lcores: Annotated[tuple[Lcore, ...], _NotEmpty] = ()
    """For a worker: the lcores that it runs on. Default: all but the main one."""
    burst: BurstSize = DEFAULT_BURST
    """For a worker: the size of its burst, in packets."""

    @model_validator(mode="before")
    @classmethod
    def _empty_if_null(cls, data: Any) -> Any:
        """Read `drop:` without a value as `drop: {}`."""
        if not isinstance(data, dict):
            return data
        return {key: empty_if_null(value) for key, value in data.items()}

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(getattr(self, name) is not None for name in APPS) != 1:
            raise ValueError(f"exactly one of {', '.join(APPS)}")
        if self.worker is None and self.model_fields_set & {"queues", "lcores", "burst"}:
            raise ValueError("queues, lcores and burst only with worker")
        return self

    @property
    def kind(self) -> str:
        """The key that the file has."""
        return next(name for name in APPS if getattr(self, name) is not None)

    @property
    def lcore(self) -> int | None:
        """The lcore of a built-in app, if the file names one."""
        polling = self.forward or self.drop or self.generate or self.respond or self.switch
        return polling.lcore if polling else None
