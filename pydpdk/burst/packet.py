"""A packet as bytes of its own, to read and to keep: nothing of it is in DPDK's memory."""

from __future__ import annotations

from typing import IO, Self

from pydpdk._core.show import html_table, show_lines
from pydpdk.burst.dissect import PacketHeader, headers, summary

_LINE = 16  # [bytes] of a line of hexadecimal


class Packet(bytes):
    """The bytes of a packet, with when and where it came.

    Attributes
    ----------
    timestamp_ns : int or None
        [ns] since 1970 when it was received; None if it is not known.
    port : str or None
        The name of the port that it came by.

    Notes
    -----
    Owns  its bytes, a copy: it stays valid when the mbuf, the pool and the EAL are gone
    """

    timestamp_ns: int | None
    port: str | None

    def __new__(cls, data: bytes, timestamp_ns: int | None = None, port: str | None = None) -> Self:
        """Make a packet of bytes, as those of `burst.bytes(i)`."""
        if not isinstance(data, bytes):
            raise TypeError(f"data must be bytes (got {data!r})")
        packet = super().__new__(cls, data)
        packet.timestamp_ns, packet.port = timestamp_ns, port
        return packet

    def headers(self) -> list[PacketHeader]:
        """Return its headers from the outside, with the fields by the names of columns."""
        return list(headers(self))

    def summary(self) -> str:
        """Return one line: `10.0.0.1:5000 > 10.0.0.2:53 udp, 60 bytes`."""
        return summary(self)

    def show(self, file: IO[str] | None = None) -> None:
        """Print its headers, one on each line."""
        show_lines(map(str, headers(self)), file)

    def hexdump(self, file: IO[str] | None = None) -> None:
        """Print its bytes in hexadecimal and as text, 16 on each line."""
        show_lines(_hex_lines(self), file)

    def __repr__(self) -> str:
        return f"<Packet {self.summary()}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Show it as a table in a notebook."""
        rows = ((header.name, _text_of(header)) for header in headers(self))
        return html_table(self.summary(), ("header", "fields"), rows)


def _hex_lines(data: bytes) -> list[str]:
    """Return lines of up to 16 bytes: the offset, the bytes in hexadecimal, and as text."""
    lines = []
    for at in range(0, len(data), _LINE):
        part = data[at : at + _LINE]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{at:04x}  {part.hex(' '):<{3 * _LINE - 1}}  {text}")
    return lines


def _text_of(header: PacketHeader) -> str:
    return " ".join(f"{key}={value}" for key, value in header.fields.items())
