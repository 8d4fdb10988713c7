"""Check capture files as libpcap reads them: link type, and errors that end a file early.

net_pcap reads files with libpcap; it ignores the link type and errors.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

ETHERNET = 1
MOST = 262_144
"""[bytes] of the longest packet that libpcap accepts (MAXIMUM_SNAPLEN)."""

LINK_TYPES = {
    0: "NULL", 1: "EN10MB", 6: "IEEE802", 7: "ARCNET", 8: "SLIP", 9: "PPP", 10: "FDDI",
    50: "PPP_SERIAL", 51: "PPP_ETHER", 100: "ATM_RFC1483", 101: "RAW", 104: "C_HDLC",
    105: "IEEE802_11", 107: "FRELAY", 108: "LOOP", 113: "LINUX_SLL", 114: "LTALK", 117: "PFLOG",
    119: "PRISM_HEADER", 122: "IP_OVER_FC", 127: "IEEE802_11_RADIO", 138: "APPLE_IP_OVER_IEEE1394",
    143: "DOCSIS", 144: "LINUX_IRDA", 163: "IEEE802_11_RADIO_AVS", 165: "BACNET_MS_TP",
    187: "BLUETOOTH_HCI_H4", 189: "USB_LINUX", 192: "PPI", 195: "IEEE802_15_4_WITHFCS",
    201: "BLUETOOTH_HCI_H4_WITH_PHDR", 220: "USB_LINUX_MMAPPED", 227: "CAN_SOCKETCAN", 228: "IPV4",
    229: "IPV6", 230: "IEEE802_15_4_NOFCS", 239: "NFLOG", 240: "NETANALYZER", 242: "IPOIB",
    247: "INFINIBAND", 249: "USBPCAP", 251: "BLUETOOTH_LE_LL", 253: "NETLINK", 271: "VSOCK",
    274: "ETHERNET_MPACKET", 276: "LINUX_SLL2", **{147 + i: f"USER{i}" for i in range(16)},
}  # fmt: skip
"""libpcap's names of common link types, by number."""

_LOOKS = 100_000  # records to check; errors behind them show when the file is read
_HEADER, _MODIFIED = 16, 24  # of a record; the second in files of a patched libpcap
_MAGICS = {0xA1B2C3D4: _HEADER, 0xA1B23C4D: _HEADER, 0xA1B2CD34: _MODIFIED}
_SECTION, _INTERFACE, _SIMPLE, _PACKETS = 0x0A0D0D0A, 1, 3, (2, 3, 6)
_BLOCK_MOST = 16 << 20  # [bytes] of the largest pcapng block that libpcap accepts
_LINK = 0x03FFFFFF  # the higher bits describe a checksum at the end of frames


@dataclass(frozen=True)
class Capture:
    """The properties of a capture file.

    Attributes
    ----------
    link : int or None
        The link type in the file; None if it is no capture file.
    longest : int
        [bytes] of the longest packet that libpcap returns.
    short : str
        Why libpcap does not return all packets; empty if no error was found.
    """

    link: int | None
    longest: int = 0
    short: str = ""

    @property
    def link_name(self) -> str:
        """The link type's name in libpcap, and its number."""
        return name_of(self.link or 0)


def name_of(link: int) -> str:
    """Return the name and number of a link type: `RAW (101)`."""
    return f"{LINK_TYPES.get(link, 'unknown')} ({link})"


def look(path: str | os.PathLike[str]) -> Capture | None:
    """Check a capture file; return None if it cannot be read, or is no regular file."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return None
        with Path(path).open("rb") as file:
            return _look(file, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError):  # ValueError: a path with a NUL
        return None


def files_of(device: str) -> Iterator[str]:
    """Yield the capture files that net_pcap reads for a device string."""
    name, *arguments = device.split(",")
    if name.rstrip("0123456789_").startswith(("net_pcap", "eth_pcap")):
        for argument in arguments:
            key, _, value = argument.partition("=")
            if key == "rx_pcap" and value:
                yield value


def _look(file: BinaryIO, size: int) -> Capture:
    head = file.read(24)
    for order in "<>":
        if len(head) < 24:
            break
        magic, *_, snaplen, link = struct.unpack(f"{order}IHHiIII", head)
        if magic in _MAGICS:
            longest, short = _records(file, order, _MAGICS[magic], size)
            return Capture(link & _LINK, min(longest, _snapshot(snaplen)), short)
        if magic == _SECTION and head[8:12] == struct.pack(f"{order}I", 0x1A2B3C4D):
            file.seek(0)
            return _Sections(file, order, size).capture()
    return Capture(None)


def _snapshot(snaplen: int) -> int:
    """Return a snapshot length; libpcap reads an invalid one as the largest."""
    return snaplen if 0 < snaplen < 1 << 31 else MOST


def _records(file: BinaryIO, order: str, header: int, size: int) -> tuple[int, str]:
    """Return the length of the longest packet, and the error that ends the file, if any."""
    at, longest = 24, 0
    for n in range(_LOOKS):
        if at == size:
            break
        record = file.read(header)
        length = struct.unpack_from(f"{order}I", record, 8)[0] if len(record) == header else 0
        if length > MOST:
            return longest, f"packet {n} has a length of {length} bytes, more than {MOST}"
        at += header + length
        if at > size:
            return longest, f"it ends within packet {n}"
        longest = max(longest, length)
        file.seek(length, os.SEEK_CUR)
    return longest, ""


class _Sections:
    """A pcapng file: blocks; libpcap accepts only one kind of interface per file."""

    def __init__(self, file: BinaryIO, order: str, size: int) -> None:
        self._file, self._order, self._size = file, order, size
        self._kind: tuple[int, int] | None = None  # link type and snapshot length of the first
        self._interfaces = self._packets = self._longest = 0

    def capture(self) -> Capture:
        short = ""
        at = n = 0
        while at != self._size and not short and n < _LOOKS:
            n += 1
            head = self._file.read(28)
            kind, length = struct.unpack(f"{self._order}II", head[:8].ljust(8, b"\0"))
            short = self._wrong(at, kind, length) or self._block(kind, head)
            at += length
            self._file.seek(at)
        if self._kind is None:
            return Capture(None)
        behind = f"behind {self._packets} packets " if self._packets else ""
        longest = min(self._longest, self._kind[1])
        return Capture(self._kind[0], longest, behind + short if short else "")

    def _wrong(self, at: int, kind: int, length: int) -> str:
        if kind == _SECTION and at and not self._same_order(at):
            return "a section of the other byte order begins"
        if at + 12 > self._size or at + length > self._size:
            return "the file ends within a block"
        if length < 12 or length % 4 or length > _BLOCK_MOST:
            return f"a block has a length of {length} bytes"
        return ""

    def _same_order(self, at: int) -> bool:
        self._file.seek(at + 8)
        return self._file.read(4) == struct.pack(f"{self._order}I", 0x1A2B3C4D)

    def _block(self, kind: int, head: bytes) -> str:
        self._packets += kind in _PACKETS
        if kind in _PACKETS:
            at = 8 if kind == _SIMPLE else 20
            self._longest = max(self._longest, *struct.unpack_from(f"{self._order}I", head, at))
        if kind == _SECTION:
            self._interfaces = 0
        if kind != _INTERFACE:
            return ""
        link, _, snaplen = struct.unpack_from(f"{self._order}HHI", head, 8)
        found = (link, _snapshot(snaplen))
        number, self._interfaces = self._interfaces, self._interfaces + 1
        self._kind = self._kind or found
        if link != self._kind[0]:
            return f"interface {number} is {name_of(link)}, the first one {name_of(self._kind[0])}"
        if found != self._kind:
            return (
                f"interface {number} has snapshot length {found[1]}, the first one {self._kind[1]}"
            )
        return ""
