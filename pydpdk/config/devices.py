"""Rules of single virtual devices: own mempools, bond members, order of start, memory files."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydpdk.config.model import Config, PortSpec
from pydpdk.config.source import Fault, KeyPath
from pydpdk.eal.options import EalOptions
from pydpdk.host import captures
from pydpdk.host.devargs import Device, parse
from pydpdk.host.doctor import virtual
from pydpdk.host.finding import Severity
from pydpdk.host.needs import AF_PACKET, FRAME_SLACK, VIRTIO_USER, Needs, frames_of
from pydpdk.host.sockets import VHOST, Endpoint, endpoint_of
from pydpdk.limits import HEADROOM

if TYPE_CHECKING:
    from pydpdk.config.references import Scope

AF_XDP_FILL = 2048
"""Mbufs that an AF_XDP socket gives to the kernel at once (XSK_RING_PROD__DEFAULT_NUM_DESCS)."""

_PLANNED = ("interface-mtu",)
"""Findings that are no EAL failure, but make a device differ from the file."""

_AF_XDP_LEAST = AF_XDP_FILL + 64
_BOND = "net_bonding"
_PCAP_MOST = 65_535  # [bytes] net_pcap counts in 16 bits
_NO_MAC = ("net_ring", "net_pcap", "net_memif", VHOST, "net_af_xdp")


def check(scope: Scope) -> Iterator[Fault]:
    """Check what the drivers would detect too late, or not at all."""
    yield from _af_xdp(scope)
    yield from _af_packet(scope)
    if scope.check_host:
        yield from _captures(scope.config)
    for name, port in scope.config.ports.items():
        if port.driver == _BOND:
            yield from _bond(scope, name, port)


def _captures(config: Config) -> Iterator[Fault]:
    """Check link types: net_pcap treats the packets of any capture as Ethernet frames."""
    devices: list[tuple[KeyPath, Device]] = [
        (("ports", name, "device"), port.parsed) for name, port in config.ports.items()
    ]
    devices += [(("eal", "vdevs"), parse(device)) for device in config.eal.vdevs]
    for path, device in devices:
        for file in captures.files_of(device):
            found = captures.look(file)
            if found is None or found.link == captures.ETHERNET:
                continue
            if found.link is None:
                wanted, this = "file, pcap or pcapng", found.short or "neither"
            else:
                wanted = f"of link type {captures.name_of(captures.ETHERNET)}"
                this = captures.name_of(found.link)
            yield Fault(path, repr(file), f"a capture {wanted}: this is {this}")


def _af_xdp(scope: Scope) -> Iterator[Fault]:
    taken: dict[str, str] = {}
    for name, port in scope.config.ports.items():
        pool_name = scope.mempool_of(port)
        if port.driver != "net_af_xdp" or pool_name is None or scope.computes:
            continue
        first = taken.setdefault(pool_name, name)
        if first != name:
            allowed = f"a mempool of its own: ports.{first} uses it, and the kernel takes a pool"
            allowed += " for one AF_XDP socket only"
            yield Fault(("ports", name, "mempool"), repr(pool_name), allowed)
        pool = scope.config.mempools.get(pool_name)
        if first == name and pool and pool.n < _AF_XDP_LEAST:
            allowed = f"at least {_AF_XDP_LEAST}: ports.{name} gives {AF_XDP_FILL} to the kernel"
            yield Fault(("mempools", pool_name, "n"), str(pool.n), allowed)
        for key in ("nb_rx_desc", "nb_tx_desc"):
            value = getattr(port, key)
            if value and value & (value - 1):
                yield Fault(("ports", name, key), str(value), "a power of two for net_af_xdp")


def _af_packet(scope: Scope) -> Iterator[Fault]:
    for name, port in scope.config.ports.items():
        if port.split_large and port.driver != AF_PACKET:
            allowed = f"false or nothing: only {AF_PACKET} on a veth pair has packets to split"
            yield Fault(("ports", name, "split_large"), "True", allowed)
        if port.frame_size and port.driver != AF_PACKET:
            allowed = f"nothing: {port.driver or port.device} has no frames, {AF_PACKET} has"
            yield Fault(("ports", name, "frame_size"), str(port.frame_size), allowed)
        elif port.driver == AF_PACKET:
            yield from _frames(scope, name, port)


def _frames(scope: Scope, name: str, port: PortSpec) -> Iterator[Fault]:
    """Check that frames fill blocks, as the driver supports no gaps, and fit in an mbuf."""
    fault = partial(Fault, ("ports", name, "device"), repr(port.device))
    if port.frame_size and parse(port.device).values("framesz", "blocksz"):
        yield fault(f"no framesz and no blocksz beside frame_size: {port.frame_size}")
        return
    frames = frames_of(port.parsed)
    if frames.block % mmap.PAGESIZE or frames.block % frames.size or frames.size % 16:
        allowed = f"framesz={frames.size} that divides blocksz={frames.block}, a multiple of "
        yield fault(f"{allowed}{mmap.PAGESIZE}: leave both out, and choose frame_size")
    elif frames.number % (frames.block // frames.size):
        yield fault(f"framecnt of whole blocks, a multiple of {frames.block // frames.size}")
    pool_name = scope.mempool_of(port)
    pool = scope.config.mempools.get(pool_name) if pool_name else None
    least = frames.size - FRAME_SLACK + HEADROOM
    if pool and port.nb_rx_queues and pool.data_room_size < least:
        allowed = f"at least {least}: ports.{name} has frames of {frames.size} bytes"
        path = ("mempools", str(pool_name), "data_room_size")
        yield Fault(path, str(pool.data_room_size), allowed)


def members(device: Device) -> list[Device]:
    """Return the members that a bond names; before DPDK 23.11 they were called slaves."""
    return list(map(parse, device.values("member", "slave")))


def _bond(scope: Scope, name: str, port: PortSpec) -> Iterator[Fault]:
    path = ("ports", name, "device")
    eal, ports = scope.config.eal, scope.config.ports
    there = [parse(device).name for device in (*eal.vdevs, *eal.allow)]
    for member in members(port.parsed):
        fault = partial(Fault, path, repr(member.text))
        taken = [other for other, spec in ports.items() if spec.device_name == member.name]
        if taken:
            yield fault(
                f"members that are no ports, as ports.{taken[0]} is: list them in eal.vdevs"
            )
        elif member.name not in there:
            listed = ", ".join(there) or "there are none"
            yield fault(f"members of eal.vdevs or eal.allow: {listed}")
        elif member.driver in _NO_MAC:
            yield fault("members whose MAC address can be set, such as net_tap or net_af_packet")
    if not members(port.parsed):
        yield Fault(path, repr(port.device), "a member at least: net_bonding0,member=net_tap0")


def awaited(port: PortSpec) -> Endpoint | None:
    """Return the socket that another program must serve before this port can start."""
    end = endpoint_of(port.parsed)
    # a vhost client connects by itself, as soon as its peer is there
    return None if end is None or end.serves or end.driver == VHOST else end


def is_late(port: PortSpec) -> bool:
    """Whether to add the device after the others: virtio_user connects when it is created."""
    return awaited(port) is not None and port.driver == VIRTIO_USER


def at_start(config: Config, options: EalOptions) -> EalOptions:
    """Leave out devices that are added later; use one memory file if a device shares memory.

    A vhost server maps at most eight files, and memif shares one region for each.
    """
    late = {port.device for port in config.ports.values() if is_late(port)}
    devices = [port.parsed for port in config.ports.values()]
    mapped = any(device.driver == VIRTIO_USER and endpoint_of(device) for device in devices)
    one_file = mapped or any(device.value("zero-copy") == "yes" for device in devices)
    return replace(
        options,
        vdevs=tuple(vdev for vdev in options.vdevs if vdev not in late),
        single_file_segments=options.single_file_segments or one_file,
    )


def warnings(ports: Mapping[str, PortSpec]) -> Iterator[str]:
    """Warn of devices that will not come up on this host, or not as the file says."""
    needs = Needs(vdevs=tuple(port.parsed.text for port in ports.values() if not port.pci))
    for check_host in virtual.CHECKS:
        for finding in check_host(needs, Path("/")):
            if finding.severity == Severity.ERROR or finding.code in _PLANNED:
                yield str(finding)
    for name, port in ports.items():
        for file in captures.files_of(port.parsed):
            found = captures.look(file)
            if found and found.short:
                yield f"ports.{name}: {file}: packets will be missing: {found.short}"
            if found and found.longest > _PCAP_MOST:
                yield (
                    f"ports.{name}: {file} has a packet of {found.longest:,} bytes: of those over"
                    f" {_PCAP_MOST:,} the driver loses bytes; they are dropped as malformed"
                )
        end = endpoint_of(port.parsed)
        if end and end.serves and port.driver == VIRTIO_USER:
            yield (
                f"ports.{name}: with server=1 the start blocks, and cannot be interrupted,"
                f" until a peer connects to {end.path}: let the vhost side serve instead"
            )
