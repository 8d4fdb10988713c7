"""Checks for virtual devices: kernel features, interfaces, and sockets of their peers."""

from __future__ import annotations

import errno
import os
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import interfaces, offloads
from pydpdk.host.finding import Finding, Severity, as_root, error
from pydpdk.host.needs import AF_PACKET, FRAME_SLACK, Needs, frames_of
from pydpdk.host.sockets import Endpoint, endpoint_of, is_served, is_vhost_net

_AF_XDP = 44  # Python's socket module has no name for it
_ETHER, _TAG, _HEADROOM, _BLOCK = 14, 4, 128, 4096
_OFFLOADS = "interface-offloads"
_NO_FAMILY = (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


def af_xdp_missing() -> str:
    """Return why this kernel has no AF_XDP sockets; empty if it has them."""
    try:
        socket.socket(_AF_XDP, socket.SOCK_RAW).close()
    except OSError as error:
        if error.errno in _NO_FAMILY:
            return f"socket(AF_XDP): {error.strerror}: it was built without CONFIG_XDP_SOCKETS"
    return ""


def _tun(needs: Needs, root: Path) -> Iterator[Finding]:
    node = root / "dev/net/tun"
    if {"net_tap", "net_tun"} & set(needs.drivers) and not node.exists():
        yield error("tun-missing", f"{node} does not exist", as_root("modprobe tun"), True)


def _xdp(needs: Needs, _root: Path) -> Iterator[Finding]:
    if "net_af_xdp" not in needs.drivers:
        return
    if missing := af_xdp_missing():
        yield error("af-xdp-unsupported", missing)
    for name, driver in needs.interfaces().items():
        if driver == "net_af_xdp" and interfaces.has_xdp(name):
            command = as_root(f"ip link set dev {name} xdp off")
            yield error("interface-xdp", f"{name} has an XDP program", command)


def _mtu(needs: Needs, _root: Path) -> Iterator[Finding]:
    """Compare the frames of net_af_packet with the MTU plus a VLAN tag."""
    for device in needs.devices:
        name = device.value("iface") if device.driver == AF_PACKET else ""
        frames = frames_of(device)
        mtu, room = offloads.mtu(name) if name else None, frames.longest - _ETHER - _TAG
        if mtu and mtu > room:
            size = -(-(mtu + frames.size - room) // _BLOCK) * _BLOCK
            what = (
                f"{name} has an MTU of {mtu}, and frames of {frames.size} bytes are for {room}:"
                f" longer packets are dropped; frame_size: {size} with a mempool of data_room_size:"
                f" {size - FRAME_SLACK + _HEADROOM} takes them, or"
            )
            command = as_root(f"ip link set {name} mtu {room}")
            yield Finding("interface-mtu", Severity.WARNING, what, command)


def _offloads(needs: Needs, _root: Path) -> Iterator[Finding]:
    """Report unfinished or too large packets: from the other end of a veth pair, or by GRO."""
    for name in needs.interfaces():
        yield from _other_end(name, offloads.peer(name))
        if offloads.Offload.GRO in offloads.enabled(name):
            what = f"{name} merges packets into ones of up to 64 KB, which are dropped (GRO)"
            yield Finding(_OFFLOADS, Severity.WARNING, what, as_root(f"ethtool -K {name} gro off"))


def _other_end(name: str, end: offloads.Peer | None) -> Iterator[Finding]:
    """Report offloads of a veth pair's other end; if it is not visible, assume this end's."""
    bad = {offloads.Offload.TX, offloads.Offload.TSO}
    if end is None or not offloads.enabled(end.name or name) & bad:
        return
    what = (
        f"{name} receives unfinished checksums and packets of up to 64 KB; pydpdk completes and"
        " splits them if it can (finish_checksums, split_large), which takes time; else,"
    )
    number = f'$(ip -o link | sed -n "s/^{end.index}: \\([^@:]*\\).*/\\1/p")'
    where = "" if end.name else " where its other end is,"
    command = f"ethtool -K {end.name or number} tx off tso off"
    yield Finding(_OFFLOADS, Severity.WARNING, what + where, as_root(command))


def _vhost_net(needs: Needs, _root: Path) -> Iterator[Finding]:
    for path in needs.vhost_net:
        if is_vhost_net(path) and not Path(path).exists():
            command = as_root("modprobe vhost_net")
            yield error("vhost-net-missing", f"{path} does not exist", command, True)


def _sockets(needs: Needs, root: Path) -> Iterator[Finding]:
    ends = [end for device in needs.devices if (end := endpoint_of(device))]
    served = {end.path for end in ends if end.serves}
    for end in ends:
        if end.abstract:
            continue
        directory = Path(end.path).parent
        if not directory.is_dir():
            what = f"{end.driver} has its socket in {directory}, which does not exist"
            command = f"mkdir -p {shlex.quote(str(directory))}"
            yield error("socket-directory-missing", what, command, True)
        elif end.serves:
            yield from _to_serve(end, root)
        elif end.path not in served and not is_served(end.path, root=root):
            what = f"No program serves {end.path}, which {end.driver} connects to: start it first"
            yield Finding("peer-missing", Severity.WARNING, what)


def _to_serve(end: Endpoint, root: Path) -> Iterator[Finding]:
    """Check that the socket of a device does not exist: no driver replaces a file."""
    if not os.path.lexists(end.path):
        return
    if is_served(end.path, root=root):
        yield error("socket-in-use", f"{end.path} is served by another program")
    else:
        what = f"{end.path} exists, and no process listens on it"
        yield error("socket-left", what, f"rm {shlex.quote(end.path)}")


CHECKS = (_tun, _xdp, _mtu, _offloads, _vhost_net, _sockets)
