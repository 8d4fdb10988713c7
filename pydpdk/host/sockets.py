"""Sockets that virtual devices use to connect to their peers: memif, vhost, virtio_user."""

from __future__ import annotations

import errno
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from pydpdk.host import files
from pydpdk.host.devargs import Device
from pydpdk.host.driver_arguments import SOCKET_PATH
from pydpdk.host.needs import VIRTIO_USER

_MEMIF_PATH = "/run/memif.sock"  # drivers/net/memif: the default, as an abstract name
VHOST = "net_vhost"
_LISTENS = 1 << 16  # __SO_ACCEPTCON in the flags of /proc/net/unix


@dataclass(frozen=True)
class Endpoint:
    """One end of a socket that a device uses.

    Attributes
    ----------
    serves : bool
        Whether the device listens; else a peer must listen before the device is created.
    abstract : bool
        Whether it is a name of the network namespace instead of a file.
    """

    driver: str
    path: str
    serves: bool
    abstract: bool = False

    @property
    def here(self) -> bool:
        """Whether a peer may be listening: the file exists, or the name is abstract."""
        return self.abstract or Path(self.path).exists()


def endpoint_of(device: Device) -> Endpoint | None:
    """Return the socket of a device; None if it has none."""
    driver, path = device.driver or "", device.value("path")
    if driver == "net_memif":
        serves = device.value("role") in ("server", "master")
        abstract = device.value("socket-abstract", "yes") != "no"
        return Endpoint(driver, device.value("socket", _MEMIF_PATH), serves, abstract)
    if driver == VHOST and device.values("iface"):
        return Endpoint(driver, device.value("iface"), device.value("client", "0") == "0")
    if driver == VIRTIO_USER and path and not is_vhost_net(path):
        return Endpoint(driver, path, device.value("server", "0") != "0")
    return None


def is_vhost_net(path: str) -> bool:
    """Whether a path of virtio_user is the kernel's vhost-net device file."""
    try:
        return stat.S_ISCHR(Path(path).stat().st_mode)
    except OSError:
        return path.startswith("/dev/")


def is_served(path: str, *, root: Path = Path("/")) -> bool:
    """Whether a process listens on a socket file.

    The kernel lists only sockets of this network namespace; for others it tries to connect.
    """
    for line in files.lines(root / "proc/net/unix")[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[7] == path and int(fields[3], 16) & _LISTENS:
            return True
    return _answers(path)


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        result = probe.connect_ex(os.fsencode(path)[:SOCKET_PATH])
    return result in (0, errno.EAGAIN, errno.EPROTOTYPE)
