"""Headers of a packet in compiled code, and their fields, with the names of columns.

A header that the packet does not have is false; reading one of its fields raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    lower_getattr_generic,
    lower_setattr_generic,
    overload_attribute,
)

from pydpdk._dpdk import lib
from pydpdk.burst._catalog import Spec, catalog
from pydpdk.jit.types import (
    ADDRESS,
    FIELDS,
    WORD,
    HeaderType,
    PacketType,
    address_of,
    always,
    emit_load,
    emit_load_pair,
    emit_store,
    emit_store_pair,
    external,
    function,
    loader,
    make_header,
)

_PAIR = 16  # [bytes] of an IPv6 address
_load8, _load16 = loader(1), loader(2, big_endian=True)
_TYPE_IPV4, _TYPE_VLAN, _TYPE_QINQ = (
    FIELDS[f"RTE_ETHER_TYPE_{name}"][0] for name in ("IPV4", "VLAN", "QINQ")
)
_ETHER_LEN, _VLAN_LEN, _IPV4_LEN, _UDP_LEN, _TCP_LEN = (
    FIELDS[f"{name}_LEN"][0] for name in ("ETHER", "VLAN", "IPV4", "UDP", "TCP")
)
_FRAGMENT, _IS_UDP, _IS_TCP = (
    FIELDS[name][0] for name in ("FRAGMENT", "IPPROTO_UDP", "IPPROTO_TCP")
)
_VERSION_IHL, _FRAGMENT_OFFSET, _PROTO = (
    catalog()[f"ipv4.{name}"].c["offset"]
    for name in ("version_ihl", "fragment_offset", "next_proto_id")
)
_OL_FLAGS, _ = FIELDS["mbuf.ol_flags"]
_find = external("pyd_worker_find", types.int64, types.int64, types.int64, types.int64)


def _name(column: str) -> str:
    """Return a column's name as an attribute: `vlan1` for `vlan[1]`."""
    return column.replace("[1]", "1")


_COLUMNS: dict[str, Spec] = {
    _name(name): spec
    for name, spec in catalog().items()
    if spec.c["how"] in (lib.PYD_COLUMN_FIELD, lib.PYD_COLUMN_MBUF)
}
HEADERS = {
    _name(name): spec.c["header"]
    for name, spec in catalog().items()
    if spec.c["how"] == lib.PYD_COLUMN_HAS
}
"""C's number of every header, by its name in compiled code; `mbuf` is one of them."""


def _length(header: str) -> int:
    """Return the [bytes] of a header's fields."""
    ends = [
        spec.c["offset"] + spec.c["width"]
        for name, spec in _COLUMNS.items()
        if name.startswith(f"{header}.")
    ]
    return max(ends)


@njit
def _find_ipv4(packet: Any) -> int:
    """Return the address of the IPv4 header, behind up to two VLAN tags; 0 if there is none."""
    at = _ETHER_LEN
    for _ in range(2):
        if packet._length >= at:
            kind = _load16(packet._data + at - 2)
            if kind in (_TYPE_VLAN, _TYPE_QINQ):
                at += _VLAN_LEN
    if packet._length < at + _IPV4_LEN or _load16(packet._data + at - 2) != _TYPE_IPV4:
        return 0
    version_ihl = _load8(packet._data + at + _VERSION_IHL)
    if version_ihl >> 4 != 4 or (version_ihl & 15) * 4 < _IPV4_LEN:
        return 0
    return packet._data + at


@njit
def _find_l4(packet: Any, header: int, proto: int, length: int) -> int:
    """Return the address of the L4 header if it is of that protocol and complete; else 0."""
    ipv4 = _find_ipv4(packet)
    if ipv4 == 0:
        return _find(packet._mbuf, header, length)
    if _load8(ipv4 + _PROTO) != proto or _load16(ipv4 + _FRAGMENT_OFFSET) & _FRAGMENT != 0:
        return 0
    found = ipv4 + (_load8(ipv4 + _VERSION_IHL) & 15) * 4
    return found if found + length <= packet._data + packet._length else 0


def _l4(header: str, proto: int, length: int) -> Any:
    number = HEADERS[header]
    return lambda make: lambda packet: make(_find_l4(packet, number, proto, length))


def _elsewhere(header: str) -> Any:
    """Return the finder of a less common header: C finds it, as for columns."""
    number, length = HEADERS[header], _length(header)
    return lambda make: lambda packet: make(_find(packet._mbuf, number, length))


_USUAL: dict[str, Callable[[Any], Any]] = {
    "mbuf": lambda make: lambda packet: make(packet._mbuf),
    "ether": lambda make: lambda packet: make(packet._data if packet._length >= _ETHER_LEN else 0),
    "ipv4": lambda make: lambda packet: make(_find_ipv4(packet)),
    "udp": _l4("udp", _IS_UDP, _UDP_LEN),
    "tcp": _l4("tcp", _IS_TCP, _TCP_LEN),
}


def _attribute(name: str, header: str) -> None:
    """Add a header to packets as an attribute."""
    made = _USUAL.get(header, _elsewhere(header))(make_header(header))
    overload_attribute(PacketType, name)(always(made))


for _header in HEADERS:
    _attribute(_header, _header)
_attribute("eth", "ether")


@function(bool)
def _overload_bool(header: Any) -> Any:
    return (lambda header: address_of(header) != 0) if isinstance(header, HeaderType) else None


@infer_getattr
class HeaderFields(AttributeTemplate):
    """The typing of a header's field: a number, stored in network byte order.

    A field of 16 bytes is two numbers, a field with fields is a header.
    """

    key = HeaderType

    def generic_resolve(self, header: HeaderType, field: str) -> Any:
        """Return the type of a field; None if the header has none of that name."""
        name = f"{header.header}.{field}"
        if any(column.startswith(f"{name}.") for column in _COLUMNS):
            return HeaderType(name)
        spec = _COLUMNS.get(name)
        if spec is None:
            return None
        return ADDRESS if spec.c["width"] == _PAIR else types.int64


def _raise_if(context: Any, builder: Any, condition: Any, message: str) -> None:
    """Emit an exception under an unlikely condition."""
    with builder.if_then(condition, likely=False):
        context.call_conv.return_user_exc(builder, ValueError, (message,))


def _check_is_there(context: Any, builder: Any, header: str, address: Any, field: str) -> None:
    missing = cgutils.is_null(builder, address)
    _raise_if(context, builder, missing, f"{field}: the packet has no {header} header")


def _flags_at(builder: Any, address: Any) -> Any:
    return builder.add(address, address.type(_OL_FLAGS))


@lower_getattr_generic(HeaderType)
def _get(context: Any, builder: Any, header: HeaderType, address: Any, field: str) -> Any:
    name = f"{header.header}.{field}"
    spec = _COLUMNS.get(name)
    if spec is None:
        return address
    _check_is_there(context, builder, header.header, address, field)
    if spec.c["flags"]:
        flags = emit_load(builder, _flags_at(builder, address), 8, swap=False)
        absent = builder.and_(flags, WORD(spec.c["flags"]))
        _raise_if(context, builder, cgutils.is_null(builder, absent), f"{name}: it has none")
    at = builder.add(address, address.type(spec.c["offset"]))
    if spec.c["width"] == _PAIR:
        return emit_load_pair(builder, at)
    return emit_load(builder, at, spec.c["width"], swap=not name.startswith("mbuf."))


@lower_setattr_generic(HeaderType)
def _set(context: Any, builder: Any, sig: Any, args: Any, field: str) -> None:
    header, address = sig.args[0].header, args[0]
    spec = _COLUMNS.get(f"{header}.{field}")
    if spec is None or spec.c["write"] != lib.PYD_WRITE_ALWAYS:
        raise TypingError(f"{header}.{field} cannot be written in a worker")
    _check_is_there(context, builder, header, address, field)
    at = builder.add(address, address.type(spec.c["offset"]))
    if spec.c["width"] == _PAIR:
        emit_store_pair(builder, at, args[1])
    else:
        swap = not header.startswith("mbuf")
        emit_store(builder, at, args[1], spec.c["width"], swap=swap)
    if spec.c["flags"]:
        at = _flags_at(builder, address)
        flags = builder.or_(emit_load(builder, at, 8, swap=False), WORD(spec.c["flags"]))
        emit_store(builder, at, flags, 8, swap=False)
