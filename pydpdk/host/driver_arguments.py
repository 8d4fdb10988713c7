"""The arguments of virtual network devices: keys, values, and which of them a driver needs.

From the sources of DPDK 22.11 to 25.11: each value that one of these releases reads is valid here.
A driver that reads a number takes what follows it as nothing, and other text as 0; here a value
must be a number as a whole.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SOCKET_PATH = 107
"""[bytes] of a socket's path (`sun_path` without its NUL); drivers cut longer ones."""

_INTERFACE = re.compile(r"[^\s/:]{1,15}")  # IFNAMSIZ less the NUL, as the kernel names them
_MAC = re.compile(r"[0-9a-fA-F]{1,2}([-:.])(?:[0-9a-fA-F]{1,2}\1){4}[0-9a-fA-F]{1,2}")
_MAC_OF_3 = re.compile(r"[0-9a-fA-F]{4}([-:.])[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}")
_DECIMAL = re.compile(r"[0-9]+", re.ASCII)
_ANY_BASE = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*", re.ASCII)
_NODE_ACTION = re.compile(r"[^:]{1,17}:-?[0-9]{1,9}:(?:ATTACH|CREATE)", re.ASCII)
_UINT32 = (1 << 32) - 1
_INT32 = (1 << 31) - 1
_QUEUES = 1024  # RTE_MAX_QUEUES_PER_PORT


@dataclass(frozen=True)
class Rule:
    """The values that a driver accepts for one argument.

    Attributes
    ----------
    words : str
        That, for a message: `1..14`.
    fits : callable
        Whether the driver reads the value as it is written.
    choices : sequence of str
        All values, if they are few.
    bare : bool
        Whether the key may stand alone, without `=`.
    """

    words: str
    fits: Callable[[str], object]
    choices: Sequence[str] = ()
    bare: bool = False

    def fault(self, key: str, value: str | None) -> str:
        """Return the accepted values if this is none; else empty. None: a key without `=`."""
        if self.bare if value is None else self.fits(value):
            return ""
        close = difflib.get_close_matches((value or "").lower(), self.choices, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        got = f"{key}={value}" if value is not None else f"{key} without a value"
        return f"{key}=<{self.words}>, not {got!r}{hint}"


def _number(least: int, most: int, of: str = "", *, decimal: bool = False) -> Rule:
    """Return a rule for numbers; unless `decimal`, 0x begins a hexadecimal one, 0 an octal one."""
    form = _DECIMAL if decimal else _ANY_BASE
    return Rule(
        f"{least}..{most}{of}",
        lambda text: bool(form.fullmatch(text)) and least <= _read(text, decimal) <= most,
    )


def _read(text: str, decimal: bool) -> int:
    if len(text) > 20:  # beyond 64 bits, and maybe beyond what Python converts
        return 1 << 64
    if not decimal and text[:2] not in ("0x", "0X") and text[0] == "0":
        return int(text, 8)
    return int(text, 10 if decimal else 0)


def _one_of(*choices: str) -> Rule:
    return Rule("|".join(choices), lambda text: text in choices, choices)


def _flag(*, decimal: bool = False) -> Rule:
    """Return a rule for 0 or 1; drivers read other numbers as 1."""
    number = _number(0, 65535, decimal=decimal)
    return Rule("0|1", number.fits)


def _text(words: str, most: int = 1023) -> Rule:
    return Rule(words, lambda text: 1 <= len(text.encode(errors="replace")) <= most)


def _is_mac(text: str) -> bool:
    return bool(_MAC.fullmatch(text) or _MAC_OF_3.fullmatch(text))


_BIT = _one_of("0", "1")
_YES_NO = _one_of("yes", "no")
_MAC_RULE = Rule("a MAC address such as 02:00:00:00:00:01", _is_mac)
_TAP_MAC = Rule(
    "fixed, or a MAC address such as 02:00:00:00:00:01",
    lambda text: text[:5].lower() == "fixed" or _is_mac(text),
    ("fixed",),
    bare=True,
)
_IFACE = Rule("an interface's name of 1..15 bytes, no space, '/' or ':'",
              lambda text: _INTERFACE.fullmatch(text) and len(text.encode()) < 16)  # fmt: skip
_TAP_IFACE = Rule(_IFACE.words, _IFACE.fits, bare=True)
_SOCKET = _text(f"a socket's path of 1..{SOCKET_PATH} bytes", SOCKET_PATH)
_FILE = _text("a file's path")
_DEVICE = _text("an interface's name")  # of libpcap, which has others than the kernel
_ANY = Rule("text", lambda text: True, bare=True)
_NATURAL = _number(0, _INT32, decimal=True)
_OWNER = _number(0, _UINT32 - 1, decimal=True)
_SPEEDS = ("10000", "20000", "25000", "40000", "50000", "56000", "100000", "200000", "400000",
           "800000")  # fmt: skip

_TAP = {"iface": _TAP_IFACE, "remote": _TAP_IFACE, "mac": _TAP_MAC, "persist": _ANY}
ARGUMENTS: dict[str, dict[str, Rule]] = {
    "net_null": {
        "size": _number(1, _UINT32 - 1, " bytes"),
        "copy": _flag(),
        "no-rx": _flag(),
    },
    "net_ring": {  # not `internal`, an address that the driver reads from
        "nodeaction": Rule(
            "name:node:ATTACH or name:node:CREATE, with a name of up to 17 characters",
            _NODE_ACTION.fullmatch,
        ),
    },
    "net_pcap": {
        **dict.fromkeys(("rx_pcap", "tx_pcap"), _FILE),
        **dict.fromkeys(("rx_iface", "rx_iface_in", "tx_iface", "iface"), _DEVICE),
        **dict.fromkeys(("phy_mac", "infinite_rx"), _flag(decimal=True)),
    },
    "net_af_packet": {
        "iface": _IFACE,
        "qpairs": _number(1, _QUEUES, decimal=True),
        **dict.fromkeys(("blocksz", "framesz", "framecnt"), _number(1, _INT32, decimal=True)),
        "qdisc_bypass": _BIT,
        "fanout_mode": _one_of("hash", "lb", "cpu", "rollover", "rnd", "qm"),
    },
    "net_af_xdp": {
        "iface": _IFACE,
        **dict.fromkeys(("start_queue", "queue_count", "shared_umem"), _NATURAL),
        **dict.fromkeys(("force_copy", "use_cni", "use_pinned_map"), _NATURAL),
        "xdp_prog": _FILE,
        "busy_budget": _number(0, 65535, decimal=True),
        "dp_path": _FILE,
        "mode": _one_of("skb", "drv"),
    },
    "net_tap": _TAP,
    "net_tun": _TAP,
    "net_memif": {
        "id": _number(0, _UINT32, decimal=True),
        "role": _one_of("server", "client", "master", "slave"),
        "bsize": _number(1, 65535, " bytes", decimal=True),
        "rsize": _number(1, 14, ", log2 of the slots", decimal=True),
        "socket": _SOCKET,
        "socket-abstract": _YES_NO,
        "owner-uid": _OWNER,
        "owner-gid": _OWNER,
        "mac": _MAC_RULE,
        "zero-copy": _YES_NO,
        "secret": _text("1..24 bytes", 24),
    },
    "net_vhost": {
        "iface": _SOCKET,
        "queues": _number(1, _QUEUES),
        **dict.fromkeys(
            ("client", "iommu-support", "postcopy-support", "tso", "legacy-ol-flags"), _flag()
        ),
        "linear-buffer": _BIT,  # other numbers than 1 are 0
        "ext-buffer": _BIT,
    },
    "net_virtio_user": {
        "path": _SOCKET,
        "mac": _MAC_RULE,
        "queue_size": _number(1, 32768),
        "queues": _number(1, _QUEUES),
        "iface": _IFACE,
        **dict.fromkeys(
            ("cq", "server", "mrg_rxbuf", "in_order", "packed_vq", "vectorized"), _flag()
        ),
        "speed": _one_of(*_SPEEDS),
    },
    "net_bonding": {
        **dict.fromkeys(("member", "slave", "primary"), _text("a device's name")),
        "mode": _one_of(*map(str, range(7))),
        "xmit_policy": _one_of("l2", "l23", "l34"),
        "agg_mode": _one_of("stable", "bandwidth", "count"),
        "socket_id": _one_of("-1", *map(str, range(32))),
        "mac": _MAC_RULE,
    },
}
"""Keys of the drivers (their `valid_arguments`), and what each accepts."""

_ONE = {
    "net_af_packet": "iface",
    "net_af_xdp": "iface",
    "net_vhost": "iface",
    "net_virtio_user": "path",
}
"""The argument that a driver needs, exactly once."""

_PCAP_ENDS = ("rx_pcap", "tx_pcap", "rx_iface", "rx_iface_in", "tx_iface")
_RING_PORT_NAME = 17  # RTE_RING_NAMESIZE less the NUL and "ETH_RXTX15_"


def faults(driver: str, name: str, tail: str, *, attached: bool = False) -> Iterator[str]:
    """Find the faults in the arguments of a device, each with the accepted values.

    Parameters
    ----------
    driver
        DPDK's name of it; nothing is a fault if it is unknown.
    name
        The device's.
    tail
        The arguments as text. DPDK splits them at `,` and `=`, so no value can contain one.
    attached
        Whether the device is the primary's, which has its arguments.
    """
    if driver not in ARGUMENTS:
        return
    arguments = [part.partition("=") for part in tail.split(",")] if tail else []
    found = [fault for part in arguments if (fault := _fault(driver, *part))]
    yield from found
    if not (found or attached):
        yield from _together(driver, name, [(key, value) for key, _, value in arguments])


def _fault(driver: str, key: str, equals: str, value: str) -> str:
    if "=" in value:
        whole = f"{key}={value}"
        return f"no '=' or ',' in a value or path, as DPDK splits arguments there: {whole!r}"
    rules = ARGUMENTS[driver]
    if key in rules:
        return rules[key].fault(key, value if equals else None)
    allowed = f"arguments of {driver}: {', '.join(rules)}; {key!r} is none"
    if not equals:
        return f"{allowed}, and no path can have a ',' in it"
    close = difflib.get_close_matches(key, rules, n=1)
    return f"{allowed}; did you mean {close[0]}?" if close else allowed


def _together(driver: str, name: str, given: list[tuple[str, str]]) -> Iterator[str]:
    """Find arguments that are missing, or that a driver does not accept together."""
    keys, values = [key for key, _ in given], dict(given)
    one = _ONE.get(driver)
    if one and keys.count(one) != 1:
        yield f"{one}=<{ARGUMENTS[driver][one].words}> once: {driver} needs it"
    elif driver == "net_pcap" and keys.count("iface") != 1 and not set(_PCAP_ENDS) & set(keys):
        yield f"one of {', '.join(_PCAP_ENDS)} or one iface: net_pcap needs a file or an interface"
    elif driver == "net_ring" and not keys and len(name) > _RING_PORT_NAME:
        yield f"a name of up to {_RING_PORT_NAME} characters: net_ring names its rings by it"
    elif driver == "net_null" and _is_on(values.get("copy")) and _is_on(values.get("no-rx")):
        yield "copy=1 or no-rx=1: net_null does not take both"
    elif driver == "net_virtio_user" and not _is_on(values.get("packed_vq")):
        size = _read(values.get("queue_size", "256"), decimal=False)
        if size & (size - 1):
            yield "a power of two as queue_size, or packed_vq=1"


def _is_on(value: str | None) -> bool:
    return bool(value) and _read(str(value), decimal=False) != 0
