"""What runs where C does not take the arguments as they are: convert them, or say what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pydpdk._core.objects import rewritten
from pydpdk._core.verbs import VERBS, Column, Constant, Each, Octets, Takes, Values
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._addresses import as_values, kind_of
from pydpdk.burst._catalog import Spec, find
from pydpdk.burst._fit import check_number, fit
from pydpdk.burst._known import KnownColumn
from pydpdk.burst.masks import Mask
from pydpdk.errors import check_range
from pydpdk.ethdev.flags import TxOffload

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
    int(TxOffload[f"{name}_CKSUM"]): getattr(lib, f"PYD_OFFLOAD_{name}")
    for name in ("IPV4", "UDP", "TCP")
}
_WIDTH_MAX = 65535
QINQ, VLAN = 0x88A8, 0x8100
_NAMED = {verb.name: verb for verb in VERBS}
_POINTERS = {"u1": "uint8_t *", "u2": "uint16_t *", "u4": "uint32_t *", "u8": "uint64_t *"}


class _Call:
    """The arguments of C, and what later ones and the message need of them."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.c: list[Any] = []
        self.specs: list[Spec] = []
        self.width = 0


def run(burst: Any, name: str, *values: Any) -> tuple[Mask, ...]:
    """Run a verb of the table for all packets or none; return its arrays.

    Raises
    ------
    ValueError, TypeError
        An argument does not fit, or a packet cannot be processed. Nothing was changed.
    """
    verb = _NAMED[name]
    call = _Call(len(burst))
    for argument, value in zip(verb.takes, values, strict=True):
        _TAKERS[type(argument)](call, argument, value)
    found = tuple(np.empty(call.n, np.bool_) for _ in verb.gives)
    data = [ffi.from_buffer("uint8_t *", mask) for mask in found]
    result = getattr(lib, f"pyd_burst_{name}")(burst._c, call.n, *call.c, *data)
    if result > 0:
        raise ValueError(f"packet {result - 1}: {verb.why.format(width=call.width)}")
    check_number(burst, result)
    burst._done(result, "columns")
    for spec in call.specs:
        rewritten.setdefault(spec.name, KnownColumn(spec))
    return found


def _each(call: _Call, argument: Each, value: Any) -> None:
    values = fit(argument.name, value, np.dtype(argument.dtype), (call.n,))
    call.c.append(ffi.from_buffer(_POINTERS[argument.dtype], values))


def _octets(call: _Call, argument: Octets, value: Any) -> None:
    shape = np.shape(value)
    width = len(value) if isinstance(value, (bytes, bytearray)) else (shape or (0,))[-1]
    call.width = check_range("width", int(width), 1, _WIDTH_MAX, " bytes")
    values = fit(argument.name, value, np.dtype(np.uint8), (call.n, call.width))
    call.c += [ffi.from_buffer("char *", values), call.width, call.width]


def _column(call: _Call, argument: Column, value: Any) -> None:
    spec = find(value)
    if spec.name not in REWRITABLE:
        raise ValueError(f"column must be one of {', '.join(REWRITABLE)} (got {value!r})")
    call.specs.append(spec)
    call.c.append(ffi.new("struct pyd_column *", spec.c))


def _values(call: _Call, argument: Values, value: Any) -> None:
    spec = call.specs[-1]
    value = as_values(spec.name, kind_of(spec), value)
    values = fit(spec.name, value, spec.base, (call.n, *spec.shape))
    call.c.append(ffi.from_buffer("char *", values))


def _constant(call: _Call, argument: Constant, value: Any) -> None:
    call.c.append(_CHECKS[argument.name](value))


def _tpid(value: Any) -> Any:
    if value not in (VLAN, QINQ):
        raise ValueError(f"tpid must be 0x8100 or 0x88a8 (got {value!r})")
    return value


def _offload(value: Any) -> int:
    wanted = check_range("offload", value, 0, (1 << 64) - 1)
    return sum(bit for flag, bit in _OFFLOADS.items() if wanted & flag) if wanted else 0


_CHECKS: dict[str, Callable[[Any], Any]] = {"tpid": _tpid, "offload": _offload}
_TAKERS: dict[type[Takes], Callable[..., None]] = {
    Each: _each, Octets: _octets, Column: _column, Values: _values, Constant: _constant,
}  # fmt: skip
