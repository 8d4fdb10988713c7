"""Addresses in columns as text, and back: IPv4, IPv6 and MAC."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal, TypeAlias

import numpy as np

from pydpdk.burst._catalog import Spec

Kind: TypeAlias = Literal["mac", "ipv4", "ipv6"]

_NAMES = ("src_addr", "dst_addr", "arp_sip", "arp_tip")
_MAC = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}")
_BYTES = {"mac": 6, "ipv6": 16}
_EXAMPLES = {"mac": "02:00:00:00:00:01", "ipv4": "10.0.0.1", "ipv6": "fe80::1"}


def kind_of(spec: Spec) -> Kind | None:
    """Return the kind of address that a column has; None: it has numbers."""
    if spec.shape in ((6,), (16,)):
        return "mac" if spec.shape == (6,) else "ipv6"
    is_ipv4 = spec.dtype.itemsize == 4 and spec.name.rpartition(".")[2] in _NAMES
    return "ipv4" if is_ipv4 else None


def number_of(kind: Kind, text: str) -> int:
    """Return the number of an address.

    Raises
    ------
    ValueError
        It is no address of this kind.
    """
    if kind != "mac":
        return int((IPv4Address if kind == "ipv4" else IPv6Address)(text))
    if not _MAC.fullmatch(text):
        raise ValueError(text)
    return int(text.replace(":", ""), 16)


def as_values(name: str, kind: Kind | None, value: Any) -> Any:
    """Return a value of an array of addresses: of text or a list of texts, its numbers or bytes.

    Parameters
    ----------
    name
        For the message.
    kind
        That of the array; of None the value is returned as it is.

    Raises
    ------
    ValueError
        A text is no address of this kind.
    """
    if kind is None:
        return value
    if isinstance(value, str):
        return _as_value(name, kind, value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value):
        return [_as_value(name, kind, one) for one in value]
    return value


def _as_value(name: str, kind: Kind, text: str) -> int | list[int]:
    try:
        number = number_of(kind, text)
    except ValueError:
        wanted = f"an address as {_EXAMPLES[kind]}"
        raise ValueError(f"{name} must be {wanted} (got {text!r})") from None
    return number if kind == "ipv4" else list(number.to_bytes(_BYTES[kind], "big"))


def texts_of(spec: Spec, column: Any, has: Any) -> list[str]:
    """Return the values of a column as text; an empty one for a packet that has none."""
    kind = kind_of(spec)
    return [_text(kind, value) if there else "" for value, there in zip(column, has, strict=True)]


def _text(kind: Kind | None, value: Any) -> str:
    if kind == "mac":
        return bytes(value).hex(":")
    if kind == "ipv4":
        return str(IPv4Address(int(value)))
    if kind == "ipv6":
        return str(IPv6Address(bytes(value)))
    return str(np.asarray(value).tolist())
