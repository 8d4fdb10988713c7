"""Checks for virtual devices: what the kernel must have, and the sockets of their peers."""

from __future__ import annotations

import errno
import os
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import interfaces
from pydpdk.host.finding import Finding, as_root
from pydpdk.host.needs import Needs
from pydpdk.host.sockets import Endpoint, endpoint_of, is_served, is_vhost_net

_AF_XDP = 44  # which Python's socket does not name
_NO_FAMILY = (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


def af_xdp_missing() -> str:
    """Say why this kernel has no AF_XDP sockets; nothing where it has them."""
    try:
        socket.socket(_AF_XDP, socket.SOCK_RAW).close()
    except OSError as error:
        if error.errno in _NO_FAMILY:
            return f"socket(AF_XDP): {error.strerror}: it was built without CONFIG_XDP_SOCKETS"
    return ""


def _tun(needs: Needs, root: Path) -> Iterator[Finding]:
    node = root / "dev/net/tun"
    if {"net_tap", "net_tun"} & set(needs.drivers) and not node.exists():
        what = f"{node} is not there"
        yield Finding("tun-missing", "error", what, as_root("modprobe tun"), True)


def _xdp(needs: Needs, _root: Path) -> Iterator[Finding]:
    if "net_af_xdp" not in needs.drivers:
        return
    missing = af_xdp_missing()
    if missing:
        yield Finding("af-xdp-unsupported", "error", missing)
    for name, driver in needs.interfaces().items():
        if driver == "net_af_xdp" and interfaces.has_xdp(name):
            command = as_root(f"ip link set dev {name} xdp off")
            yield Finding("interface-xdp", "error", f"{name} has an XDP program", command)


def _vhost_net(needs: Needs, _root: Path) -> Iterator[Finding]:
    for path in needs.vhost_net:
        if is_vhost_net(path) and not Path(path).exists():
            what = f"{path} is not there"
            yield Finding("vhost-net-missing", "error", what, as_root("modprobe vhost_net"), True)


def _sockets(needs: Needs, root: Path) -> Iterator[Finding]:
    ends = [end for vdev in needs.vdevs if (end := endpoint_of(vdev))]
    served = {end.path for end in ends if end.serves}
    for end in ends:
        if end.abstract:
            continue
        directory = Path(end.path).parent
        if not directory.is_dir():
            what = f"{end.driver} has its socket in {directory}, which is not there"
            command = f"mkdir -p {shlex.quote(str(directory))}"
            yield Finding("socket-directory-missing", "error", what, command, True)
        elif end.serves:
            yield from _to_serve(end, root)
        elif end.path not in served and not is_served(end.path, root=root):
            what = f"Nobody serves {end.path}, which {end.driver} connects to: start that side"
            yield Finding("peer-missing", "warning", what)


def _to_serve(end: Endpoint, root: Path) -> Iterator[Finding]:
    """A driver does not replace a file, whoever's it is."""
    if not os.path.lexists(end.path):
        return
    if is_served(end.path, root=root):
        yield Finding("socket-in-use", "error", f"{end.path} is served by another program")
    else:
        what = f"{end.path} is there, and nobody listens on it"
        yield Finding("socket-left", "error", what, f"rm {shlex.quote(end.path)}")


CHECKS = (_tun, _xdp, _vhost_net, _sockets)
