"""Verbs on the headers of all packets: one call into C each, for all packets or none."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.fastcall import Handle, rows
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._catalog import find
from pydpdk.burst._fit import check_written, fit
from pydpdk.burst._known import COLUMN, known_column
from pydpdk.burst.masks import Masks
from pydpdk.errors import check_range
from pydpdk.ethdev.flags import TxOffload
from pydpdk.memory.mbuf_owner import BURST

Mask = npt.NDArray[np.bool_]
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
_OFFLOADS = {
    int(TxOffload.IPV4_CKSUM): lib.PYD_OFFLOAD_IPV4,
    int(TxOffload.UDP_CKSUM): lib.PYD_OFFLOAD_UDP,
    int(TxOffload.TCP_CKSUM): lib.PYD_OFFLOAD_TCP,
}
_WIDTH_MAX = 65535
_CHAR, _U64 = ffi.typeof("char *"), ffi.typeof("uint64_t *")
_known: dict[str, Handle] = {}  # columns that have been rewritten
_QINQ, _VLAN = 0x88A8, 0x8100


class Headers(Masks):
    """The part of `Burst` that changes headers.

    Notes
    -----
    Owns     nothing of its own: `Burst` does
    Threads  those of the burst
    """

    @rows("pyd_rows_rewrite", BURST, "kv", other=COLUMN, known=_known)
    def rewrite(self, name: str, value: Any) -> None:
        """Write a column and update checksums: `burst.rewrite("ipv4.dst_addr", addresses)`.

        The checksum of L4 covers the last destination and the first source (RFC 8200, 8.1), so it
        stays as it is where a routing header, source route or home address option has these. In a
        fragment, the checksum of the whole datagram is updated if the fragment has it; an L4
        header in a first fragment, which columns do not show, is written if it is complete.

        Parameters
        ----------
        name
            A column: addresses, ports, TTL and other fields that may change in transit.
        value
            An array, or one value for all packets that have the field.

        Raises
        ------
        ValueError
            It does not fit, a checksum cannot be updated, or a packet shares memory with other
            mbufs. Nothing was written.

        Notes
        -----
        Cost  checksums are updated incrementally, whatever the packet's length
        """
        spec = find(name)
        if spec.name not in REWRITABLE:
            raise ValueError(f"column {name!r}: one of {', '.join(REWRITABLE)} is allowed")
        n = len(self)
        values = fit(spec.name, value, spec.base, (n, *spec.shape))
        column = ffi.new("struct pyd_column *", spec.c)
        data = ffi.from_buffer("char *", values)
        why = "its own memory is needed, and no SCTP, whose CRC does not follow"
        self._checked(lib.pyd_burst_rewrite(self._c, column, data, n), why)
        _known.setdefault(spec.name, known_column(spec))

    @rows("pyd_rows_ttl", BURST, "", "?")
    def decrement_ttl(self) -> Mask:
        """Decrement each TTL or hop limit; return `bool[n]`, True for packets where it has expired.

        Those stay as they are, to be dropped: `burst.drop(burst.decrement_ttl())`.
        """
        expired = np.empty(len(self), np.bool_)
        data = ffi.from_buffer("uint8_t *", expired)
        check_written(self, lib.pyd_burst_decrement_ttl(self._c, data, len(expired)))
        return expired

    @rows("pyd_rows_verify", BURST, "", "??")
    def verify_checksums(self) -> tuple[Mask, Mask]:
        """Return two `bool[n]`: packets with a wrong IPv4 checksum, and with a wrong L4 checksum.

        L4 is TCP, UDP, ICMP and ICMPv6. What has no checksum is not wrong: fragments, UDP with 0
        over IPv4. A packet that ends before its own length, or before UDP's, is wrong; bytes behind
        UDP's length are not covered.

        Notes
        -----
        Wraps  rte_raw_cksum (rte_ip.h)
        """
        found = np.empty(len(self), np.uint8)
        data = ffi.from_buffer("uint8_t *", found)
        check_written(self, lib.pyd_burst_verify_sums(self._c, data, len(found)))
        return found & lib.PYD_SUM_IP_BAD != 0, found & lib.PYD_SUM_L4_BAD != 0

    @rows("pyd_rows_compute", BURST, "", "?")
    def compute_checksums(self, offload: TxOffload | int = 0) -> Mask:
        """Set the checksums of IPv4, TCP, UDP, ICMP and ICMPv6; return `bool[n]`: packets with any.

        Packets that are not IP, or that end before their own length or UDP's, stay as they are; of
        fragments only the checksum of IPv4 is set.

        Parameters
        ----------
        offload
            The `tx_offloads` that the port was configured with. It computes these checksums,
            except those of L4 that the IP header does not fully determine (routes, IPv6 extension
            headers, bytes behind the datagram). TX offloads that a packet had before are replaced.

        Notes
        -----
        Wraps  rte_raw_cksum, rte_ipv4_cksum, rte_ipv4_udptcp_cksum (rte_ip.h),
               rte_net_intel_cksum_prepare (rte_net.h)
        """
        wanted = check_range("offload", offload, 0, (1 << 64) - 1)
        flags = sum(bit for flag, bit in _OFFLOADS.items() if wanted & flag) if wanted else 0
        done = np.empty(len(self), np.bool_)
        data = ffi.from_buffer("uint8_t *", done)
        check_written(self, lib.pyd_burst_compute_sums(self._c, flags, data, len(done)))
        return done

    @rows("pyd_rows_vlan_push", BURST, "2")
    def vlan_push(self, vlan_tci: Any, *, tpid: int = _VLAN) -> None:
        """Insert a VLAN tag behind the addresses of each frame.

        Parameters
        ----------
        vlan_tci
            Priority, CFI and VLAN id: a number, or `uint16[n]`.
        tpid
            0x8100, or 0x88a8 for the outer tag of QinQ.

        Raises
        ------
        ValueError
            A packet is too short, shared, without headroom, or has TX offloads, whose lengths
            would be wrong. Nothing was written.

        Notes
        -----
        Wraps  rte_vlan_insert (rte_ether.h)
        """
        if tpid not in (_VLAN, _QINQ):
            raise ValueError(f"tpid={tpid!r}: 0x8100 or 0x88a8 is allowed")
        n = len(self)
        tags = fit("vlan_tci", vlan_tci, np.dtype(np.uint16), (n,))
        data = ffi.from_buffer("uint16_t *", tags)
        why = "14 bytes, 4 of headroom, its own memory and no TX offloads are needed"
        self._checked(lib.pyd_burst_vlan_push(self._c, data, tpid, n), why)

    @rows("pyd_rows_vlan_pop", BURST, "", "?")
    def vlan_pop(self) -> Mask:
        """Remove the outermost VLAN tag of each frame; return `bool[n]`: frames that had one.

        The tag is in `columns["mbuf.vlan_tci"]` then, as if the port had stripped it.

        Raises
        ------
        ValueError
            A tagged packet is shared, has TX offloads, or has no segment of 5 bytes. Nothing was
            written.

        Notes
        -----
        Wraps  rte_vlan_strip (rte_ether.h)
        """
        popped = np.empty(len(self), np.bool_)
        data = ffi.from_buffer("uint8_t *", popped)
        why = "its own memory, no TX offloads and 5 bytes in a segment are needed"
        self._checked(lib.pyd_burst_vlan_pop(self._c, data, len(popped)), why)
        return popped

    @rows("pyd_rows_prepend", BURST, "w")
    def prepend(self, data: Any) -> None:
        """Put bytes in front of every packet, into its headroom, as for a tunnel.

        Parameters
        ----------
        data
            Bytes for all packets, or `uint8[n, width]`.

        Raises
        ------
        ValueError
            A packet has too little headroom, is shared, or has TX offloads. Nothing was written.

        Notes
        -----
        Wraps  rte_pktmbuf_prepend (rte_mbuf.h)
        """
        shape = np.shape(data)
        width = len(data) if isinstance(data, (bytes, bytearray)) else (shape or (0,))[-1]
        n, wide = len(self), check_range("width", int(width), 1, _WIDTH_MAX, " bytes")
        values = fit("data", data, np.dtype(np.uint8), (n, wide))
        why = f"{wide} bytes of headroom, its own memory and no TX offloads are needed"
        address = ffi.from_buffer("char *", values)
        self._checked(lib.pyd_burst_prepend(self._c, address, wide, n), why)

    @rows("pyd_rows_adj", BURST, "4")
    def adj(self, length: Any) -> None:
        """Remove bytes from the front of every packet.

        Parameters
        ----------
        length
            [bytes], a number or `uint32[n]`; not more than the first segment has.

        Raises
        ------
        ValueError
            A packet is shorter, or has TX offloads. Nothing was changed.

        Notes
        -----
        Wraps  rte_pktmbuf_adj (rte_mbuf.h)
        """
        n = len(self)
        lengths = fit("length", length, np.dtype(np.uint32), (n,))
        why = "as many bytes in the first segment and no TX offloads are needed"
        address = ffi.from_buffer("uint32_t *", lengths)
        self._checked(lib.pyd_burst_adj(self._c, address, n), why)

    def copy_out(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint64]]:
        """Return copies of all packets in one `uint8[bytes]`, and their offsets `uint64[n + 1]`.

        Packet i is `data[offsets[i]:offsets[i + 1]]`, the layout that columnar and machine
        learning libraries take.
        """
        n = len(self)
        offsets = np.empty(n + 1, np.uint64)
        starts = ffi.from_buffer(_U64, offsets)
        total = lib.pyd_burst_copy_out(self._c, ffi.NULL, 0, starts, n)  # only counts
        check_written(self, min(total, 0))
        data = np.empty(total, np.uint8)
        result = lib.pyd_burst_copy_out(self._c, ffi.from_buffer(_CHAR, data), total, starts, n)
        check_written(self, min(result, 0))
        if result > total:
            raise ValueError(f"{self!r} has other packets by now")
        return data, offsets

    def _checked(self, result: int, why: str) -> None:
        if result > 0:
            raise ValueError(f"packet {result - 1}: {why}")
        check_written(self, result)
