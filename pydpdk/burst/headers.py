"""Verbs of a burst on the headers of its packets: one call into C each, for all packets or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pydpdk._core.fastcall import Handle
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._catalog import find
from pydpdk.burst._fit import check_written, fit
from pydpdk.burst._known import known_column
from pydpdk.burst.masks import Mask
from pydpdk.errors import check_range
from pydpdk.ethdev.flags import TxOffload

if TYPE_CHECKING:
    from pydpdk.burst.burst import Burst

REWRITABLE = tuple(
    f"{header}.{field}"
    for header, fields in {
        "ipv4": ("type_of_service", "packet_id", "time_to_live", "src_addr", "dst_addr"),
        "ipv6": ("hop_limits", "src_addr", "dst_addr"),
        "l4": ("src_port", "dst_port"),
        "tcp": ("src_port", "dst_port", "sent_seq", "recv_ack", "tcp_flags", "rx_win", "tcp_urp"),
        "udp": ("src_port", "dst_port"),
        "icmp": ("icmp_type", "icmp_code", "icmp_ident", "icmp_seq_nb"),
        "icmp6": ("icmp_type", "icmp_code"),
    }.items()
    for field in fields
)
KNOWN: dict[str, Handle] = {}
"""Columns that were rewritten before, for the fast path."""
_OFFLOADS = {
    int(TxOffload[f"{name}_CKSUM"]): getattr(lib, f"PYD_OFFLOAD_{name}")
    for name in ("IPV4", "UDP", "TCP")
}
_WIDTH_MAX = 65535
QINQ, VLAN = 0x88A8, 0x8100


def rewrite(burst: Burst, name: str, value: Any) -> None:
    """Write a column and update checksums."""
    spec = find(name)
    if spec.name not in REWRITABLE:
        raise ValueError(f"column must be one of {', '.join(REWRITABLE)} (got {name!r})")
    n = len(burst)
    values = fit(spec.name, value, spec.base, (n, *spec.shape))
    column = ffi.new("struct pyd_column *", spec.c)
    data = ffi.from_buffer("char *", values)
    why = "its own memory is needed, and no SCTP, whose CRC does not follow"
    _check(burst, lib.pyd_burst_rewrite(burst._c, column, data, n), why)
    KNOWN.setdefault(spec.name, known_column(spec))


def decrement_ttl(burst: Burst) -> Mask:
    """Decrement each TTL or hop limit; return where it has expired."""
    return _mask(burst, lib.pyd_burst_decrement_ttl)


def verify_checksums(burst: Burst) -> tuple[Mask, Mask]:
    """Return where the IPv4 checksum is wrong, and where the L4 checksum is."""
    found = _mask(burst, lib.pyd_burst_verify_sums).view(np.uint8)
    return found & lib.PYD_SUM_IP_BAD != 0, found & lib.PYD_SUM_L4_BAD != 0


def compute_checksums(burst: Burst, offload: TxOffload | int) -> Mask:
    """Set the checksums of all packets; return which have any."""
    wanted = check_range("offload", offload, 0, (1 << 64) - 1)
    flags = sum(bit for flag, bit in _OFFLOADS.items() if wanted & flag) if wanted else 0
    return _mask(burst, lib.pyd_burst_compute_sums, flags)


def vlan_push(burst: Burst, vlan_tci: Any, tpid: int) -> None:
    """Insert a VLAN tag behind the addresses of each frame."""
    if tpid not in (VLAN, QINQ):
        raise ValueError(f"tpid must be 0x8100 or 0x88a8 (got {tpid!r})")
    n = len(burst)
    tags = fit("vlan_tci", vlan_tci, np.dtype(np.uint16), (n,))
    data = ffi.from_buffer("uint16_t *", tags)
    why = "14 bytes, 4 of headroom, its own memory and no TX offloads are needed"
    _check(burst, lib.pyd_burst_vlan_push(burst._c, data, tpid, n), why)


def vlan_pop(burst: Burst) -> Mask:
    """Remove the outermost VLAN tag of each frame; return which had one."""
    why = "its own memory, no TX offloads and 5 bytes in a segment are needed"
    return _mask(burst, lib.pyd_burst_vlan_pop, why=why)


def prepend(burst: Burst, data: Any) -> None:
    """Put bytes in front of every packet, into its headroom."""
    shape = np.shape(data)
    width = len(data) if isinstance(data, (bytes, bytearray)) else (shape or (0,))[-1]
    n, wide = len(burst), check_range("width", int(width), 1, _WIDTH_MAX, " bytes")
    values = fit("data", data, np.dtype(np.uint8), (n, wide))
    why = f"{wide} bytes of headroom, its own memory and no TX offloads are needed"
    address = ffi.from_buffer("char *", values)
    _check(burst, lib.pyd_burst_prepend(burst._c, address, wide, n), why)


def adj(burst: Burst, length: Any) -> None:
    """Remove bytes from the front of every packet."""
    n = len(burst)
    lengths = fit("length", length, np.dtype(np.uint32), (n,))
    why = "as many bytes in the first segment and no TX offloads are needed"
    address = ffi.from_buffer("uint32_t *", lengths)
    _check(burst, lib.pyd_burst_adj(burst._c, address, n), why)


def _mask(burst: Burst, function: Callable[..., int], *arguments: int, why: str = "") -> Mask:
    """Return an array with a byte for each packet, which C has filled."""
    found = np.empty(len(burst), np.bool_)
    data = ffi.from_buffer("uint8_t *", found)
    _check(burst, function(burst._c, *arguments, data, len(found)), why)
    return found


def _check(burst: Burst, result: int, why: str) -> None:
    if result > 0 and why:
        raise ValueError(f"packet {result - 1}: {why}")
    check_written(burst, result)
