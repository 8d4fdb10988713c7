"""The kinds of value in a file: sizes, names, devices, targets.

Each kind is a type that pydantic checks, and its message says what is allowed. Limits are
DPDK's; a comment names the macro that sets each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from pydpdk import limits
from pydpdk.eal.lcores import parse_lcores
from pydpdk.host.devargs import parse

FRAME_SIZE = 2048
"""[bytes] DFLT_FRAME_SIZE of net_af_packet: a packet, and the kernel's metadata."""

_FRAME_MAX = 61440  # the largest whose packets fit in an mbuf

MEMPOOL_OPS = (
    "ring_mp_mc", "ring_sp_sc", "ring_mp_sc", "ring_sp_mc", "ring_mt_hts", "stack", "lf_stack",
    "bucket", "dpaa", "dpaa2", "octeontx_fpavf", "cn9k_mempool_ops", "cn10k_mempool_ops",
    "cn10k_hwpool_ops",
)  # fmt: skip
"""Mempool drivers of DPDK 22.11 to 25.11, but the lossy one; builds may lack some of them."""

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_MAX_BYTES = 1 << 40
_BYTES = r"^[0-9]{1,13}[KMG]$"
_MAC = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}")


class Section(BaseModel):
    """One map of a file: read-only, no undeclared keys, no silent conversion of values."""

    # each is built once, as a part of a whole file
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def empty_if_null(value: object) -> object:
    """Read a key without a value, which YAML allows, as an empty map."""
    return {} if value is None else value


def _byte_size(value: object) -> object:
    """Read `64K`, `2M`, `1G`; leave anything else to the check of integers."""
    if isinstance(value, str) and re.match(_BYTES, value):
        return int(value.rstrip("KMG")) * _UNITS[value[len(value.rstrip("KMG")) :]]
    return value


def _check(allowed: str, is_valid: Callable[[Any], object]) -> AfterValidator:
    """Return a check of a value; its message says what is allowed."""

    def check(value: Any) -> Any:
        if not is_valid(value):
            raise ValueError(allowed)
        return value

    return AfterValidator(check)


def _name(longest: int) -> AfterValidator:
    """Return a check for names that DPDK accepts, safe in file names and format strings."""
    valid = re.compile(rf"[!-$&-.0-~]{{1,{longest}}}")
    allowed = f"1 to {longest} printable ASCII characters, no space, '/' or '%'"
    return _check(allowed, valid.fullmatch)


def _lcore_text(value: object) -> object:
    """Turn one lcore or a list of lcores into text."""
    numbers = value if isinstance(value, tuple) else (value,)
    if numbers and all(type(number) is int for number in numbers):
        return ",".join(map(str, numbers))
    return value


def _lcores(value: str) -> str:
    parse_lcores(value)
    return value


def _whole(value: object) -> object:
    """Read `1e6`, a float in YAML, as a whole number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_target(value: str) -> bool:
    module, _, function = value.partition(":")
    return all(part.isidentifier() for part in (*module.split("."), function))


def _ipv4(value: str) -> str:
    try:
        return str(IPv4Address(value))
    except ValueError:
        raise ValueError("an IPv4 address such as '198.18.0.1'") from None


_power_of_two = _check("a power of two", lambda n: not n & (n - 1))
_aligned = _check(f"a multiple of {limits.PRIV_ALIGN}", lambda n: n % limits.PRIV_ALIGN == 0)
_frame_size = _check(  # frames are in blocks of whole pages, and the driver supports no gaps
    f"{FRAME_SIZE}, or a multiple of 4096 up to {_FRAME_MAX}",
    lambda size: size == FRAME_SIZE or size % 4096 == 0,
)
_lossless = _check(  # see memory.pool_base.check_ops_name
    "it loses mbufs; ring_mt_hts, lf_stack and others do not", lambda ops: ops != "ring_mt_rts"
)
_port_name = _check(
    "1 to 63 printable characters", lambda name: 1 <= len(name) <= 63 and name.isprintable()
)
_device = _check(
    "a virtual device such as 'net_null0,size=64' or a PCI address such as '0000:01:00.0'",
    lambda text: parse(text).is_well_formed,
)
_target = _check("'module:function'", _is_target)
_mac = _check("a MAC address such as '02:00:00:00:00:01'", _MAC.fullmatch)

Count = Annotated[int, Field(ge=1, le=limits.MAX_OBJECTS)]
QueueCount = Annotated[int, Field(ge=0, le=limits.MAX_QUEUES)]
DescriptorCount = Annotated[int, Field(ge=1, le=limits.MAX_DESC)]


def _condition(value: str) -> str:
    """Check a condition on packets by the columns of the binding; without it, the start does."""
    from pydpdk.exceptions import VersionError

    try:
        from pydpdk.burst._condition import parse
    except (ImportError, VersionError):
        return value
    try:
        parse(value)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"condition {value!r}: ")) from None
    return value


PacketCondition = Annotated[
    str,
    AfterValidator(_condition),
    Field(examples=["udp.dst_port == 53 and ipv4.src_addr in 10.0.0.0/8"]),
]
BurstSize = Annotated[int, Field(ge=1, le=4096)]
Lcore = Annotated[int, Field(ge=0, le=1023)]  # RTE_MAX_LCORE of the largest build
SocketId = Literal["any"] | Annotated[int, Field(ge=0, le=limits.MAX_NODES - 1)]

ByteSize = Annotated[
    int,
    BeforeValidator(_byte_size),
    Field(ge=1, le=_MAX_BYTES),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": _MAX_BYTES},
                {"type": "string", "pattern": _BYTES, "examples": ["64K", "2M", "1G"]},
            ]
        }
    ),
]
Alignment = Annotated[ByteSize, _power_of_two]
CacheSize = Annotated[int, Field(ge=0, le=limits.MAX_CACHE)]
PrivSize = Annotated[int, Field(ge=0, le=limits.MAX_PRIV), _aligned]
DataRoomSize = Annotated[int, Field(ge=limits.HEADROOM + 1, le=limits.MAX_ROOM)]
RingSize = Annotated[int, Field(ge=1, le=limits.MAX_RING)]
FrameSize = Annotated[int, Field(ge=FRAME_SIZE, le=_FRAME_MAX), _frame_size]  # struct tpacket_req
Mtu = Annotated[int, Field(ge=limits.MIN_MTU, le=limits.MAX_MTU)]  # a larger one is truncated

MempoolName = Annotated[str, _name(limits.MEMPOOL_NAME)]
RingName = Annotated[str, _name(limits.RING_NAME)]
MemzoneName = Annotated[str, _name(limits.MEMZONE_NAME)]
OpsName = Annotated[str, _name(limits.OPS_NAME), _lossless]
PortName = Annotated[str, _port_name]
Device = Annotated[str, _device, Field(examples=["net_null0,size=64", "0000:01:00.0"])]
Target = Annotated[str, _target, Field(examples=["module:function"])]
WorkerName = Annotated[str, _name(63)]
Lcores = Annotated[str, AfterValidator(_lcores), BeforeValidator(_lcore_text)]
PacketRate = Annotated[int, Field(ge=1, le=1_000_000_000), BeforeValidator(_whole)]
AgeSeconds = Annotated[int, Field(ge=1, le=1_000_000)]
Restarts = Annotated[int, Field(ge=0, le=1_000_000)]


def _address(value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        raise ValueError("an address as 10.0.0.2 or fe80::2") from None
    return value


Address = Annotated[str, AfterValidator(_address), Field(examples=["10.0.0.2", "fe80::2"])]
Ipv4 = Annotated[str, AfterValidator(_ipv4), Field(examples=["198.18.0.1"])]
Mac = Annotated[str, _mac, Field(examples=["02:00:00:00:00:01"])]

RssHash = Literal["IP", "TCP", "UDP", "SCTP"]
RxOffload = Literal[
    "VLAN_STRIP", "IPV4_CKSUM", "UDP_CKSUM", "TCP_CKSUM", "TCP_LRO", "QINQ_STRIP",
    "OUTER_IPV4_CKSUM", "MACSEC_STRIP", "VLAN_FILTER", "VLAN_EXTEND", "SCATTER", "TIMESTAMP",
    "SECURITY", "KEEP_CRC", "SCTP_CKSUM", "OUTER_UDP_CKSUM", "RSS_HASH",
]  # fmt: skip
TxOffload = Literal[
    "VLAN_INSERT", "IPV4_CKSUM", "UDP_CKSUM", "TCP_CKSUM", "SCTP_CKSUM", "TCP_TSO", "UDP_TSO",
    "OUTER_IPV4_CKSUM", "QINQ_INSERT", "VXLAN_TNL_TSO", "GRE_TNL_TSO", "IPIP_TNL_TSO",
    "GENEVE_TNL_TSO", "MACSEC_INSERT", "MT_LOCKFREE", "MULTI_SEGS", "MBUF_FAST_FREE", "SECURITY",
    "UDP_TNL_TSO", "IP_TNL_TSO", "OUTER_UDP_CKSUM", "SEND_ON_TIMESTAMP",
]  # fmt: skip
