"""Headers of a packet in compiled code: found by looking, and their fields as DPDK names them.

A header that the packet does not have is false; reading a field of one raises.
"""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    lower_getattr_generic,
    lower_setattr_generic,
    overload,
    overload_attribute,
)

from pydpdk.jit.types import (
    FIELDS,
    HeaderType,
    PacketType,
    address_of,
    bare,
    emit_load,
    emit_store,
    loader,
    make_header,
)

_load8, _load16 = loader(1), loader(2, big_endian=True)
_ETHER_TYPE, _ = FIELDS["eth.ether_type"]
_IPV4, _VLAN, _QINQ = (FIELDS[f"RTE_ETHER_TYPE_{name}"][0] for name in ("IPV4", "VLAN", "QINQ"))
_ETH_LEN, _VLAN_LEN, _IPV4_LEN, _UDP_LEN, _TCP_LEN = (
    FIELDS[f"{name}_LEN"][0] for name in ("ETH", "VLAN", "IPV4", "UDP", "TCP")
)
_OFFSET_MASK, _UDP, _TCP = (
    FIELDS[name][0] for name in ("RTE_IPV4_HDR_OFFSET_MASK", "IPPROTO_UDP", "IPPROTO_TCP")
)
_VERSION_IHL, _FRAGMENT, _PROTO = (
    FIELDS[f"ipv4.{name}"][0] for name in ("version_ihl", "fragment_offset", "next_proto_id")
)
_eth, _ipv4, _udp, _tcp = (make_header(name) for name in ("eth", "ipv4", "udp", "tcp"))


@njit
def _find_ipv4(packet: Any) -> int:
    """Address of the IPv4 header, behind up to two VLAN tags; 0 where there is none."""
    at = _ETH_LEN
    for _ in range(2):
        if packet._length >= at:
            kind = _load16(packet._data + at - 2)
            if kind in (_VLAN, _QINQ):
                at += _VLAN_LEN
    if packet._length < at + _IPV4_LEN or _load16(packet._data + at - 2) != _IPV4:
        return 0
    version_ihl = _load8(packet._data + at + _VERSION_IHL)
    length = (version_ihl & 15) * 4
    if version_ihl >> 4 != 4 or length < _IPV4_LEN or packet._length < at + length:
        return 0
    return packet._data + at


@njit
def _find_l4(packet: Any, proto: int, length: int) -> int:
    """Address of what follows the IPv4 header, if it is of that protocol and all of it is here."""
    ipv4 = _find_ipv4(packet)
    if ipv4 == 0 or _load8(ipv4 + _PROTO) != proto:
        return 0
    if _load16(ipv4 + _FRAGMENT) & _OFFSET_MASK != 0:
        return 0
    found = ipv4 + (_load8(ipv4 + _VERSION_IHL) & 15) * 4
    return found if found + length <= packet._data + packet._length else 0


@overload_attribute(PacketType, "eth")
@bare
def _overload_eth(packet: Any) -> Any:
    def eth(packet: Any) -> Any:
        return _eth(packet._data if packet._length >= _ETH_LEN else 0)

    return eth


@overload_attribute(PacketType, "ipv4")
@bare
def _overload_ipv4(packet: Any) -> Any:
    return lambda packet: _ipv4(_find_ipv4(packet))


@overload_attribute(PacketType, "udp")
@bare
def _overload_udp(packet: Any) -> Any:
    return lambda packet: _udp(_find_l4(packet, _UDP, _UDP_LEN))


@overload_attribute(PacketType, "tcp")
@bare
def _overload_tcp(packet: Any) -> Any:
    return lambda packet: _tcp(_find_l4(packet, _TCP, _TCP_LEN))


@overload(bool)
@bare
def _overload_bool(header: Any) -> Any:
    return (lambda header: address_of(header) != 0) if isinstance(header, HeaderType) else None


@infer_getattr
class HeaderFields(AttributeTemplate):
    """A field of a header is a number, at its offset, in the order of bytes of the network."""

    key = HeaderType

    def generic_resolve(self, header: HeaderType, field: str) -> Any:
        """Return the type of a field; None where the header has none of that name."""
        return types.int64 if f"{header.header}.{field}" in FIELDS else None


def _at(context: Any, builder: Any, header: HeaderType, address: Any, field: str) -> Any:
    """Emit the check that the header is there; return the field's address, and its size."""
    offset, size = FIELDS[f"{header.header}.{field}"]
    with builder.if_then(cgutils.is_null(builder, address), likely=False):
        message = f"{field}: the packet has no {header.header} header"
        context.call_conv.return_user_exc(builder, ValueError, (message,))
    return builder.add(address, address.type(offset)), size


@lower_getattr_generic(HeaderType)
def _get(context: Any, builder: Any, header: HeaderType, address: Any, field: str) -> Any:
    at, size = _at(context, builder, header, address, field)
    return emit_load(builder, at, size, swap=True)


@lower_setattr_generic(HeaderType)
def _set(context: Any, builder: Any, sig: Any, args: Any, field: str) -> None:
    at, size = _at(context, builder, sig.args[0], args[0], field)
    emit_store(builder, at, args[1], size, swap=True)
