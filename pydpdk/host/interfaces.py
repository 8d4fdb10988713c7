"""The kernel's network interfaces, and what this host uses them for."""

from __future__ import annotations

import array
import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import files

_SIOCGIFCONF, _SIOCGIFFLAGS = 0x8912, 0x8913  # linux/sockios.h
_IFREQ = struct.Struct("16s24s")  # struct ifreq of 64-bit Linux
_RTF_UP = _IFF_UP = 1
_RTM_GETLINK, _NLM_F_REQUEST = 18, 1  # linux/rtnetlink.h, linux/netlink.h
_IFLA_XDP, _IFLA_XDP_ATTACHED = 43, 2  # linux/if_link.h
_LINK_LOCAL = "20"


def uses(interface: str, *, root: Path = Path("/")) -> list[str]:
    """Return what this host uses an interface for; empty if nothing."""
    addresses = list(addresses_of(interface, root=root))
    reasons = []
    if interface in _with_default_route(root):
        reasons.append("carries the default route")
    if _ssh_address() in addresses:
        reasons.append("carries this SSH session")
    if addresses:
        reasons.append(f"has the address {', '.join(addresses)}")
    master = root / f"sys/class/net/{interface}/master"
    if master.is_symlink():
        reasons.append(f"is a member of {master.readlink().name}")
    return reasons


def exists(interface: str, *, root: Path = Path("/")) -> bool:
    """Whether there is an interface of this name."""
    if root == Path("/"):  # /sys may be of another network namespace
        return interface in {name for _, name in socket.if_nameindex()}
    return (root / f"sys/class/net/{interface}").exists()


def is_up(interface: str) -> bool:
    """Whether an interface is up."""
    answer = ask(interface, _SIOCGIFFLAGS)
    return answer is not None and bool(struct.unpack_from("=H", answer, 16)[0] & _IFF_UP)


def ask(interface: str, command: int, data: bytes = b"") -> bytes | None:
    """Return the `struct ifreq` that answers an ioctl on an interface; None if it fails."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            return fcntl.ioctl(asking, command, _IFREQ.pack(interface.encode()[:15], data))
        except OSError:
            return None


def has_xdp(interface: str) -> bool:
    """Whether an XDP program is attached to an interface."""
    xdp = dict(nested(attributes(interface).get(_IFLA_XDP, b"")))
    return xdp.get(_IFLA_XDP_ATTACHED, b"\0") != b"\0"


def attributes(interface: str) -> dict[int, bytes]:
    """Return the kernel's attributes of an interface, by IFLA_* number; empty if there is none."""
    try:
        index = socket.if_nametoindex(interface)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as asking:
            body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0)  # ifinfomsg
            header = struct.pack("=IHHII", 16 + len(body), _RTM_GETLINK, _NLM_F_REQUEST, 1, 0)
            asking.send(header + body)
            answer = asking.recv(1 << 16)
    except OSError:
        return {}
    return dict(nested(answer[32:]))


def nested(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes of a netlink message."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind & 0x3FFF, data[4:length]
        data = data[-(-length // 4) * 4 :]


def addresses_of(interface: str, *, root: Path = Path("/")) -> Iterator[str]:
    """Yield the addresses of an interface, without IPv6 link-local ones, which all have."""
    for name, address in _ipv4():
        if name == interface:
            yield address
    for line in files.lines(root / "proc/net/if_inet6"):
        digits, _, _, scope, _, name = line.split()
        if name == interface and scope != _LINK_LOCAL:
            yield str(ipaddress.IPv6Address(int(digits, 16)))


def _ipv4() -> Iterator[tuple[str, str]]:
    """Yield every IPv4 address of this network namespace, with its interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        room = 64
        while True:
            buffer = array.array("B", bytes(room * _IFREQ.size))
            where, _ = buffer.buffer_info()
            request = struct.pack("iP", len(buffer), where)
            length, _ = struct.unpack("iP", fcntl.ioctl(asking, _SIOCGIFCONF, request))
            if length < len(buffer):
                break
            room *= 2
    for name, data in _IFREQ.iter_unpack(buffer[:length].tobytes()):
        # an address with a label has the interface name `eth0:label`
        yield name.rstrip(b"\0").decode().partition(":")[0], socket.inet_ntoa(data[4:8])


def _with_default_route(root: Path) -> set[str]:
    found = set()
    for line in files.lines(root / "proc/net/route")[1:]:
        name, destination, _, flags, _, _, _, mask, *_ = line.split()
        if int(destination, 16) == int(mask, 16) == 0 and int(flags, 16) & _RTF_UP:
            found.add(name)
    for line in files.lines(root / "proc/net/ipv6_route"):
        destination, length, *_, flags, name = line.split()
        if int(destination, 16) == int(length, 16) == 0 and int(flags, 16) & _RTF_UP:
            found.add(name)
    return found - {"lo"}


def _ssh_address() -> str | None:
    """Return the address of this host in the SSH session of this process."""
    fields = os.environ.get("SSH_CONNECTION", "").split()
    return fields[2] if len(fields) == 4 else None
