"""Groups of packet sockets (PACKET_FANOUT): net_af_packet puts the sockets of a port into one.

The driver computes the number of the group: the PID, exclusive-or the index of the interface, of
which it keeps 16 bits. Two programs easily get the same number (docs/upstream/af_packet_fanout.md).
If their interfaces differ, the kernel rejects the second; on the same interface they share its
packets, and neither learns of it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_FANOUT = 263, 18  # Python's socket module has no names for them
_TYPES = (4, 5)
"""Random and queue: the driver's default is neither, and a group has one type."""


def taken_group(interface: str) -> int | None:
    """Return the group of a port of this process on an interface, if it is in use already.

    None if it is free, and if that cannot be known: no such interface, one that is down, no right
    to open packet sockets. The driver fails then, with a reason.
    """
    try:
        group = (os.getpid() ^ socket.if_nametoindex(interface)) & 0xFFFF
        taken = not all(_joins(interface, group, kind) for kind in _TYPES)
    except (OSError, ValueError):  # ValueError: a name that C cannot have
        return None
    return group if taken else None


def _joins(interface: str, group: int, kind: int) -> bool:
    """Whether a socket may join: no group has the number, or one of that type and interface."""
    # protocol 0: it receives nothing before it is bound to the interface
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as probe:
        probe.bind((interface, _ETH_P_ALL))
        down = probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if down:
            raise OSError(down, os.strerror(down))
        try:
            probe.setsockopt(_SOL_PACKET, _PACKET_FANOUT, struct.pack("=I", kind << 16 | group))
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return False
    return True
