"""Device strings, as `--vdev` and `-a` take them: a virtual device or PCI address, and arguments.

A virtual device's name must start with the name of its driver. DPDK passes the arguments to the
driver, which usually only logs unknown ones.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydpdk.host import driver_arguments
from pydpdk.host.driver_arguments import ARGUMENTS

LONGEST = 1023
"""[bytes] of a device string: what `ethdev.info` has room for."""

ALIASES = {
    "eth_null": "net_null", "eth_ring": "net_ring", "eth_pcap": "net_pcap",
    "eth_af_packet": "net_af_packet", "eth_tap": "net_tap", "eth_vhost": "net_vhost",
    "virtio_user": "net_virtio_user", "eth_bond": "net_bonding",
}  # fmt: skip
"""Other names of the same drivers (`RTE_PMD_REGISTER_ALIAS`)."""

_OTHERS = (
    "net_failsafe", "net_softnic", "net_vdev_netvsc", "eth_vdev_netvsc", "net_kni", "net_mvneta",
    "net_mvpp2", "eth_mvpp2", "net_octeontx", "eth_octeontx", "net_pfe", "net_enetfec", "net_ionic",
)  # fmt: skip
NAMES = (*ARGUMENTS, *ALIASES, *_OTHERS)
"""All names that `drivers/net` registers in DPDK 22.11 to 25.11 (`RTE_PMD_REGISTER_VDEV`)."""


_NAME = re.compile(r"[A-Za-z][\w.-]{0,61}", re.ASCII)  # RTE_DEV_NAME_MAX_LEN, 64
_PCI = re.compile(
    r"(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([01]?[0-9a-f])\.([0-7])", re.IGNORECASE | re.ASCII
)
_NULL_BYTES = 64  # default_packet_size of net_null


def pci_address(text: str) -> str | None:
    """Return a PCI address in full, `0000:01:00.0`, as DPDK names the device; None for other text.

    DPDK takes it with or without the domain, and numbers without leading zeros.
    """
    match = _PCI.fullmatch(text)
    if match is None:
        return None
    domain, bus, slot, function = match.groups()
    return f"{int(domain or '0', 16):04x}:{int(bus, 16):02x}:{int(slot, 16):02x}.{function}"


@dataclass(frozen=True)
class Device:
    """A device string in its parts; `parse` makes it, of any text.

    Attributes
    ----------
    text : str
        As it was given.
    name : str
        DPDK's name of the device: `net_null0`, or its PCI address in full.
    tail : str
        The arguments as text.
    address : str or None
        The PCI address; None for a virtual device.
    """

    text: str
    name: str
    tail: str
    address: str | None

    @property
    def bus(self) -> Literal["pci", "vdev"]:
        """DPDK's name of its bus."""
        return "vdev" if self.address is None else "pci"

    @cached_property
    def arguments(self) -> tuple[tuple[str, str], ...]:
        """Keys and values, in order; DPDK splits at `,` and `=` (`rte_kvargs`)."""
        parts = (part.partition("=") for part in self.tail.split(",") if part)
        return tuple((key, value) for key, _, value in parts)

    def values(self, *keys: str) -> list[str]:
        """Return the values of these keys; a driver gets each one that is given."""
        return [value for key, value in self.arguments if key in keys]

    def value(self, key: str, default: str = "") -> str:
        """Return the last value of a key."""
        return next(reversed(self.values(key)), default)

    @cached_property
    def known_driver(self) -> str | None:
        """DPDK's name of the driver of a virtual network device; None if it has none."""
        found = max((known for known in NAMES if self.name.startswith(known)), key=len, default="")
        return ALIASES.get(found, found) or None

    @property
    def driver(self) -> str | None:
        """The driver of a virtual device, `net_null` for `net_null0`; None on the PCI bus."""
        if self.address is not None:
            return None
        return self.known_driver or self.name.rstrip("0123456789")

    @property
    def is_network(self) -> bool:
        """Whether it is to be a port; there are crypto, event and other devices."""
        return self.bus == "pci" or self.name.startswith(("net_", "eth_", "virtio_user"))

    @property
    def port_name(self) -> str:
        """The name of its port: its own, except for net_ring's node actions."""
        node, colon, _ = self.value("nodeaction").partition(":")
        return node if node and colon else self.name

    @property
    def null_bytes(self) -> int | None:
        """[bytes] of the longest packet that net_null makes; None for another driver.

        The driver does not compare it with the mbuf. It takes the last of several sizes, or of a
        text that is no number 0.
        """
        if self.driver != "net_null":
            return None
        return max([_NULL_BYTES, *map(_strtoul, self.values("size"))])

    @property
    def is_well_formed(self) -> bool:
        """Whether DPDK accepts the name, and reads the arguments as they are written."""
        named = self.address is not None or _NAME.fullmatch(self.name)
        whole = "," not in self.text or all(self.tail.split(","))
        return bool(named and whole and self.text.isprintable() and len(self.text) <= LONGEST)

    def unknown_driver(self, *, is_port: bool) -> str:
        """Return the known drivers if a virtual device names none of them; else empty.

        Parameters
        ----------
        is_port
            Whether it must be a port; else it may be of another class, such as `crypto_null`.
        """
        if self.address is not None or self.known_driver:
            return ""
        name = self.driver or ""
        close = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.6 if is_port else 0.85)
        if not (is_port or close or self.is_network):
            return ""
        hint = f"; did you mean {close[0]}?" if close else ""
        return f"a driver of DPDK: {', '.join(ARGUMENTS)}{hint}"

    def argument_faults(self, *, attached: bool = False) -> list[str]:
        """Return the faults in the arguments of a virtual device, if its driver is known.

        Parameters
        ----------
        attached
            Whether the device is the primary's, which has its arguments.
        """
        return list(
            driver_arguments.faults(self.driver or "", self.name, self.tail, attached=attached)
        )


def parse(text: str) -> Device:
    """Split a device string into its parts; `Device.is_well_formed` says what DPDK accepts."""
    name, _, tail = text.partition(",")
    address = pci_address(name)
    return Device(text, address or name, tail, address)


def _strtoul(text: str) -> int:
    """Read a number as drivers do: 0x is hex, 0 octal, and a negative one wraps around."""
    match = re.match(r"\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", text)
    if match is None:
        return 0
    sign, digits = match.groups()
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    return int(sign + digits, base) % (1 << 64)
