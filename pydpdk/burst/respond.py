"""Answer what a host must answer to be found and pinged: ARP, neighbour solicitations, echoes."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.fixed import Fixed
from pydpdk.burst._addresses import number_of
from pydpdk.burst.burst import Burst
from pydpdk.burst.where import Where

_ARP_REPLY = 2
_ECHO_REPLY, _ECHO_REPLY6, _ADVERTISEMENT = 0, 129, 136
_SOLICITATION = 135
_TTL = 64
_ALL_NODES = list(IPv6Address("ff02::1").packed)
_ALL_NODES_MAC = [0x33, 0x33, 0, 0, 0, 1]
_SOLICITED, _OVERRIDE = 0x40, 0x20
_OPTION = 20  # [bytes] of flags and target before the option in a solicitation
_TARGET_LINK, _OPTION_BYTES = (2, 1), 8


class Responder(Fixed):
    """Answers ARP requests, neighbour solicitations and pings for some addresses.

    Parameters
    ----------
    addresses
        IPv4 and IPv6, as text: `10.0.0.2`, `fe80::2`.
    mac
        The MAC address that they are at, as `Port.mac` gives it.

    Raises
    ------
    ValueError
        There is no address, or a text is none.

    Notes
    -----
    Owns     nothing
    Threads  those of the burst
    """

    __slots__ = ("_begun", "_mac", "_queries", "_targets", "addresses", "mac")

    def __init__(self, addresses: Iterable[str], mac: str) -> None:
        self.addresses = tuple(map(_address, addresses))
        if not self.addresses:
            raise ValueError("addresses must be at least one")
        self.mac = mac
        self._mac = list(number_of("mac", mac).to_bytes(6, "big"))
        v4 = [str(one) for one in self.addresses if isinstance(one, IPv4Address)]
        v6 = [one for one in self.addresses if isinstance(one, IPv6Address)]
        self._targets = np.array([list(one.packed) for one in v6], np.uint8).reshape(-1, 16)
        v4_in, v6_in = f"in [{', '.join(v4)}]", f"in [{', '.join(map(str, v6))}]"
        self._queries = (
            _condition("arp.arp_opcode == 1 and arp.arp_data.arp_tip", v4_in, v4),
            _condition("icmp.icmp_type == 8 and ipv4.dst_addr", v4_in, v4),
            _condition("icmp6.icmp_type == 128 and ipv6.dst_addr", v6_in, v6),
            Where(f"icmp6.icmp_type == {_SOLICITATION} and ipv6.hop_limits == 255"),
        )

    def answer(self, burst: Burst) -> int:
        """Turn the requests in a burst into answers, and free all others; return how many are left.

        Not answered are requests with a wrong checksum, and fragments. The answers are to be sent
        by the port that received the requests.

        Raises
        ------
        ValueError
            A packet shares memory with other mbufs.
        """
        masks = self._requests(burst)
        wanted = np.logical_or.reduce(masks)
        if not burst.keep(wanted):
            return 0
        arp, _, _, solicited = (mask[wanted] for mask in masks)
        columns = burst.columns
        columns["ether.dst_addr"] = columns["ether.src_addr"]
        columns["ether.src_addr"] = self.mac
        if arp.any():
            self._answer_arp(burst)
        if not arp.all():
            self._answer_ip(burst, solicited)
        return len(burst)

    def _requests(self, burst: Burst) -> list[npt.NDArray[np.bool_]]:
        masks = [query.match(burst) for query in self._queries]
        if masks[3].any():
            target = burst.peek(8, 16, header="icmp6")
            ours = (target[:, None, :] == self._targets[None, :, :]).all(axis=2).any(axis=1)
            masks[3] &= ours
        ip_bad, l4_bad = burst.verify_checksums()
        sound = ~(ip_bad | l4_bad)
        return [mask & sound for mask in masks]

    def _answer_arp(self, burst: Burst) -> None:
        columns = burst.columns
        asker, ours = columns["arp.arp_data.arp_sip", "arp.arp_data.arp_tip"]
        columns["arp.arp_opcode"] = _ARP_REPLY
        columns["arp.arp_data.arp_tha"] = columns["arp.arp_data.arp_sha"]
        columns["arp.arp_data.arp_sha"] = self.mac
        columns["arp.arp_data.arp_tip"] = asker
        columns["arp.arp_data.arp_sip"] = ours

    def _answer_ip(self, burst: Burst, solicited: Any) -> None:
        columns = burst.columns
        src, dst, src6, dst6 = columns[
            "ipv4.src_addr", "ipv4.dst_addr", "ipv6.src_addr", "ipv6.dst_addr"
        ]
        kind6 = np.where(solicited, _ADVERTISEMENT, _ECHO_REPLY6).astype(np.uint8)
        if solicited.any():
            self._advertise(burst, solicited, src6, dst6)
        columns["ipv4.src_addr"], columns["ipv4.dst_addr"] = dst, src
        columns["ipv6.src_addr"], columns["ipv6.dst_addr"] = dst6, src6
        columns["ipv4.time_to_live"] = _TTL
        columns["icmp.icmp_type"] = _ECHO_REPLY
        columns["icmp6.icmp_type"] = kind6
        burst.compute_checksums()

    def _advertise(self, burst: Burst, solicited: Any, src6: Any, dst6: Any) -> None:
        """Write advertisements; put their addresses where those of the requests are swapped."""
        begin = 4  # behind type, code and checksum
        fixed = burst.peek(begin, _OPTION, header="icmp6")
        has_option = np.zeros(len(burst), np.bool_)
        option = burst.peek(begin + _OPTION, _OPTION_BYTES, header="icmp6", valid=has_option)
        probes = solicited & ~src6.any(axis=1)  # duplicate address detection has no source
        fixed[solicited, 0] = _SOLICITED | _OVERRIDE
        fixed[probes, 0] = _OVERRIDE
        option[solicited] = [*_TARGET_LINK, *self._mac]
        dst6[solicited] = fixed[solicited, 4:]
        src6[probes] = _ALL_NODES
        burst.poke(begin, fixed, header="icmp6")
        _poke_some(burst, begin + _OPTION, option, solicited & has_option)
        macs = burst.columns["ether.dst_addr"]
        macs[probes] = _ALL_NODES_MAC
        burst.columns["ether.dst_addr"] = macs


def _poke_some(burst: Burst, offset: int, data: Any, which: Any) -> None:
    """Write behind the ICMPv6 header of some packets; the others keep what they have."""
    there = burst.peek(offset, data.shape[1], header="icmp6")
    there[which] = data[which]
    burst.poke(offset, there, header="icmp6")


def _address(text: str) -> IPv4Address | IPv6Address:
    if not isinstance(text, str):
        raise TypeError(f"an address must be text, as 10.0.0.2 or fe80::2 (got {text!r})")
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f"an address must be as 10.0.0.2 or fe80::2 (got {text!r})") from None


def _condition(text: str, among: str, addresses: list[Any]) -> Where:
    """Return a condition; one that never holds where there are no addresses of the kind."""
    return Where(f"{text} {among}" if addresses else "mbuf.pkt_len < 0")
