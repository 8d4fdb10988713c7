"""Check capture files as libpcap reads them: link type, and errors that end a file early.

net_pcap reads files with libpcap; it ignores the link type and errors.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from pydpdk.host.devargs import Device
from pydpdk.host.files import opened

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
_PCAP_MAJOR, _PCAP_MINOR = 2, 4
_OLD = (543, 0)  # of files with the two lengths of a packet in the other order
_LINK = 0x03FFFFFF  # the higher bits describe a checksum at the end of frames

_SECTION, _INTERFACE, _SIMPLE, _PACKETS = 0x0A0D0D0A, 1, 3, (2, 3, 6)
_BYTE_ORDER = 0x1A2B3C4D
_PCAPNG_VERSIONS = ((1, 0), (1, 2))
_BLOCK_MOST = 16 << 20  # [bytes] of the largest pcapng block that libpcap accepts
_BLOCK_LEAST = {_SECTION: 28, _INTERFACE: 20, 2: 32, _SIMPLE: 16, 6: 32}  # [bytes]
_HEAD = 28  # [bytes] of a block that are read: all before options and packets
_OPTIONS_AT = 16  # in a block of an interface
_END, _RESOLUTION, _OFFSET = 0, 9, 14  # options of an interface
_OPTION_BYTES = {_END: 0, _RESOLUTION: 1, _OFFSET: 8}
_FINEST = {0: 19, 0x80: 63}  # powers of 10 and of 2 [s]


@dataclass(frozen=True)
class Capture:
    """The properties of a capture file.

    Attributes
    ----------
    link : int or None
        The link type in the file; None if libpcap does not open it.
    longest : int
        [bytes] of the longest packet that libpcap returns.
    short : str
        Why libpcap does not return all packets, or does not open the file; empty if no error was
        found, or the file is neither pcap nor pcapng.
    """

    link: int | None
    longest: int = 0
    short: str = ""


def name_of(link: int) -> str:
    """Return the name and number of a link type: `RAW (101)`."""
    return f"{LINK_TYPES.get(link, 'unknown')} ({link})"


def look(path: str | os.PathLike[str]) -> Capture | None:
    """Check a capture file; return None if it cannot be read, or is no regular file."""
    try:
        with opened(path) as file:
            return _look(file, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError):  # ValueError: a path with a NUL
        return None


def files_of(device: Device) -> list[str]:
    """Return the capture files that net_pcap reads for a device."""
    return list(filter(None, device.values("rx_pcap"))) if device.driver == "net_pcap" else []


def _look(file: BinaryIO, size: int) -> Capture:
    head = file.read(24)
    for order in "<>":
        if len(head) < 24:
            break
        magic, *version, _, _, snaplen, link = struct.unpack(f"{order}IHHiIII", head)
        if magic in _MAGICS:
            records = _Records(file, order, size, magic, (version[0], version[1]))
            return records.capture(link & _LINK, _snapshot(snaplen))
        if magic == _SECTION and head[8:12] == struct.pack(f"{order}I", _BYTE_ORDER):
            file.seek(0)
            return _Sections(file, order, size).capture()
    return Capture(None)


def _snapshot(snaplen: int) -> int:
    """Return a snapshot length; libpcap reads an invalid one as the largest."""
    return snaplen if 0 < snaplen < 1 << 31 else MOST


class _Records:
    """A pcap file: one link type, and one record per packet."""

    def __init__(
        self, file: BinaryIO, order: str, size: int, magic: int, version: tuple[int, int]
    ) -> None:
        self._file, self._size, self._version = file, size, version
        self._header = _MAGICS[magic]
        self._lengths = f"{order}II"

    def capture(self, link: int, snapshot: int) -> Capture:
        known = (_PCAP_MAJOR, 0) <= self._version <= (_PCAP_MAJOR, _PCAP_MINOR)
        if not known and self._version != _OLD:
            major, minor = self._version
            return Capture(None, short=f"pcap of version {major}.{minor}")
        if self._header == _MODIFIED and link == ETHERNET:
            snapshot += 14  # as libpcap does: the patched one counted without Ethernet's header
        longest, short = self._records()
        return Capture(link, min(longest, snapshot), short)

    def _records(self) -> tuple[int, str]:
        """Return the length of the longest packet, and the error that ends the file, if any."""
        at, longest = 24, 0
        for n in range(_LOOKS):
            if at == self._size:
                break
            record = self._file.read(self._header)
            length = self._length(record) if len(record) == self._header else 0
            if length > MOST:
                return longest, f"packet {n} has a length of {length} bytes, more than {MOST}"
            at += self._header + length
            if at > self._size:
                return longest, f"it ends within packet {n}"
            longest = max(longest, length)
            self._file.seek(length, os.SEEK_CUR)
        return longest, ""

    def _length(self, record: bytes) -> int:
        """Return how many bytes follow; early files have the two lengths in the other order."""
        captured, length = struct.unpack_from(self._lengths, record, 8)
        other = self._version == _OLD or self._version < (_PCAP_MAJOR, 3)
        if self._version == (_PCAP_MAJOR, 3):
            other = captured > length
        return int(length if other else captured)


class _Sections:
    """A pcapng file: blocks; libpcap accepts only one kind of interface per file."""

    def __init__(self, file: BinaryIO, order: str, size: int) -> None:
        self._file, self._order, self._size = file, order, size
        self._kind: tuple[int, int] | None = None  # link type and snapshot length of the first
        self._interfaces = self._packets = self._longest = 0

    def capture(self) -> Capture:
        short = ""
        at = n = 0
        head = self._file.read(_HEAD)
        while at != self._size and not short and n < _LOOKS:
            n += 1
            kind, length = struct.unpack(f"{self._order}II", head[:8].ljust(8, b"\0"))
            short = self._wrong(at, kind, length, head)
            if not short:
                self._file.seek(at + length - 4)
                end = self._file.read(4 + _HEAD)  # of this block, and the beginning of the next
                short = self._end(at, length, end) or self._block(at, kind, length, head)
                head = end[4:]
            at += length
        if self._kind is None:
            return Capture(None, short=short)
        behind = f"behind {self._packets} packets " if self._packets else ""
        return Capture(self._kind[0], self._longest, behind + short if short else "")

    def _wrong(self, at: int, kind: int, length: int, head: bytes) -> str:
        if kind == _SECTION and head[8:12] != struct.pack(f"{self._order}I", _BYTE_ORDER):
            return "a section of the other byte order begins"
        if at + 12 > self._size or at + length > self._size:
            return "the file ends within a block"
        if not _BLOCK_LEAST.get(kind, 12) <= length <= _BLOCK_MOST or length % 4:
            return f"a block has a length of {length} bytes"
        return ""

    def _end(self, at: int, length: int, end: bytes) -> str:
        (said,) = struct.unpack(f"{self._order}I", end[:4])
        if said == length or at == 0:
            return ""
        return f"a block of {length} bytes ends with a length of {said}"

    def _block(self, at: int, kind: int, length: int, head: bytes) -> str:
        if kind == _SECTION:
            return self._section(at, head)
        if kind == _INTERFACE:
            return self._interface(at, length, head)
        return self._packet(kind, length, head) if kind in _PACKETS else ""

    def _section(self, at: int, head: bytes) -> str:
        """Check the version: libpcap ignores the minor one behind the first section."""
        version = struct.unpack_from(f"{self._order}HH", head, 12)
        self._interfaces = 0
        later = at > 0 and (self._kind is None or version[0] == _PCAPNG_VERSIONS[0][0])
        if later or version in _PCAPNG_VERSIONS:
            return ""
        return f"pcapng of version {version[0]}.{version[1]}"

    def _packet(self, kind: int, length: int, head: bytes) -> str:
        if self._kind is None:
            return "a packet comes before its interface"
        number, captured = 0, 0
        if kind == _SIMPLE:
            (captured,) = struct.unpack_from(f"{self._order}I", head, 8)
            captured = min(captured, self._kind[1])
        else:
            (number,) = struct.unpack_from(f"{self._order}{'H' if kind == 2 else 'I'}", head, 8)
            (captured,) = struct.unpack_from(f"{self._order}I", head, 20)
        if number >= self._interfaces:
            return f"a packet is of interface {number}, which there is not"
        if captured > min(length - _BLOCK_LEAST[kind], self._kind[1]):
            return f"packet {self._packets} has a length of {captured} bytes, more than fits"
        self._packets += 1
        self._longest = max(self._longest, captured)
        return ""

    def _interface(self, at: int, length: int, head: bytes) -> str:
        link, _, snaplen = struct.unpack_from(f"{self._order}HHI", head, 8)
        found = (link, _snapshot(snaplen))
        number = self._interfaces
        first = self._kind or found
        if link != first[0]:
            return f"interface {number} is {name_of(link)}, the first one {name_of(first[0])}"
        if found != first:
            return f"interface {number} has snapshot length {found[1]}, the first one {first[1]}"
        self._file.seek(at + _OPTIONS_AT)
        if not self._options_are_valid(self._file.read(length - _BLOCK_LEAST[_INTERFACE])):
            return f"interface {number} has invalid options"
        self._interfaces += 1
        self._kind = found
        return ""

    def _options_are_valid(self, options: bytes) -> bool:
        seen = set()
        while options:
            if len(options) < 4:
                return False
            code, length = struct.unpack_from(f"{self._order}HH", options)
            value, options = options[4 : 4 + length], options[4 + length + -length % 4 :]
            if len(value) < length or length != _OPTION_BYTES.get(code, length) or code in seen:
                return False
            if code == _END:
                break
            if code in _OPTION_BYTES:
                seen.add(code)
            if code == _RESOLUTION and value[0] & 0x7F > _FINEST[value[0] & 0x80]:
                return False
        return True
