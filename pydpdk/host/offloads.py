"""Offloads: checksums and segmentation that the kernel leaves to the NIC, even if there is none.

A packet that passes no NIC (over veth, as for every container, or between virtual machines), or
that GRO has merged, arrives with an unfinished checksum and up to 64 KB long.
"""

from __future__ import annotations

import array
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum

from pydpdk.host import interfaces


class Offload(StrEnum):
    """Work that a kernel interface may leave to its NIC, as `ethtool -K` names it."""

    TX = "tx"
    TSO = "tso"
    GSO = "gso"
    GRO = "gro"


_SIOCETHTOOL, _SIOCGIFMTU = 0x8946, 0x8921  # linux/sockios.h
_GET: dict[Offload, int] = {  # linux/ethtool.h
    Offload.TX: 0x16,  # ETHTOOL_GTXCSUM
    Offload.TSO: 0x1E,
    Offload.GSO: 0x23,
    Offload.GRO: 0x2B,
}
_SET_GRO = 0x2C  # ETHTOOL_SGRO
_IFLA_LINK, _IFLA_LINKINFO, _IFLA_LINK_NETNSID, _INFO_KIND = 5, 18, 37, 1  # linux/if_link.h


@dataclass(frozen=True)
class Peer:
    """The other end of a veth pair.

    Attributes
    ----------
    name : str
        Empty if it is in another network namespace.
    index : int
        Its interface index there.
    """

    name: str
    index: int


def enabled(interface: str) -> frozenset[Offload]:
    """Return the enabled offloads of an interface; empty if they cannot be read.

    All are for packets that it sends, except `gro`, which is for packets that it receives.
    """
    return frozenset(name for name, command in _GET.items() if _ethtool(interface, command))


def disable_gro(interface: str) -> None:
    """Stop merging packets that an interface receives; do nothing if that is not possible."""
    _ethtool(interface, _SET_GRO, 0)


def mtu(interface: str) -> int | None:
    """Return the MTU of an interface in bytes; None if there is no such interface."""
    answer = interfaces.ask(interface, _SIOCGIFMTU)
    return None if answer is None else int(struct.unpack_from("=i", answer, 16)[0])


def peer(interface: str) -> Peer | None:
    """Return the other end of a veth pair; None for any other interface."""
    about = interfaces.attributes(interface)
    kind = dict(interfaces.nested(about.get(_IFLA_LINKINFO, b""))).get(_INFO_KIND, b"")
    if kind.rstrip(b"\0") != b"veth" or _IFLA_LINK not in about:
        return None
    (index,) = struct.unpack("=I", about[_IFLA_LINK])
    if _IFLA_LINK_NETNSID in about:
        return Peer("", index)
    try:
        return Peer(socket.if_indextoname(index), index)
    except OSError:
        return Peer("", index)


def _ethtool(interface: str, command: int, data: int = 0) -> int:
    """Get or set one value of `struct ethtool_value`; return 0 if that fails."""
    value = array.array("I", (command, data))
    pointer = struct.pack("P", value.buffer_info()[0])
    return 0 if interfaces.ask(interface, _SIOCETHTOOL, pointer) is None else value[1]
