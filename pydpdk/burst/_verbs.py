# Written by scripts/tools/gen_verbs from the table of verbs, pydpdk/_core/verbs.py; do not edit.
"""Verbs of a burst on all of its packets: one call into C each, for all packets or none."""

from __future__ import annotations

from typing import Any

from pydpdk._core.objects import BurstBase
from pydpdk.burst._checked import run
from pydpdk.burst.masks import Mask
from pydpdk.ethdev.flags import TxOffload


class BurstVerbs(BurstBase):
    """The verbs of the table, as they run where C does not take the arguments as they are."""

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
        run(self, "rewrite", name, value)

    def decrement_ttl(self) -> Mask:
        """Decrement each TTL or hop limit; return `bool[n]`, True for packets where it has expired.

        Those stay as they are, to be dropped: `burst.drop(burst.decrement_ttl())`.
        """
        return run(self, "decrement_ttl")[0]

    def verify_checksums(self) -> tuple[Mask, Mask]:
        """Return two `bool[n]`: packets with a wrong IPv4 checksum, and with a wrong L4 checksum.

        L4 is TCP, UDP, ICMP and ICMPv6. Packets without a checksum are not wrong: fragments,
        UDP with 0 over IPv4. A packet that ends before its own length, or before UDP's, is wrong;
        bytes behind UDP's length are not covered.

        Notes
        -----
        Wraps  rte_raw_cksum (rte_ip.h)
        """
        ip_bad, l4_bad = run(self, "verify_checksums")
        return ip_bad, l4_bad

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
        return run(self, "compute_checksums", offload)[0]

    def vlan_push(self, vlan_tci: Any, *, tpid: int = 0x8100) -> None:
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
        run(self, "vlan_push", vlan_tci, tpid)

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
        return run(self, "vlan_pop")[0]

    def set_header_lengths(self) -> Mask:
        """Set `l2_len`, `l3_len` and `l4_len` from the headers; return `bool[n]`: packets of IP.

        Ports need the lengths to compute checksums and to segment TCP: set the offload flags of an
        mbuf after this. Lengths are 0, and the result False, for packets that are not IP, and for
        those whose headers are longer than the mbuf's fields hold or not in the first segment. In
        a tunnel the lengths are those of the outer headers.

        Raises
        ------
        ValueError
            A packet has TX offloads, whose lengths stay as they are. Nothing was changed.
        """
        return run(self, "set_header_lengths")[0]

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
        run(self, "prepend", data)

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
        run(self, "adj", length)
