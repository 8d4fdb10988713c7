"""Columns of captured packets against Scapy: every field that Scapy has, and every mask."""

from __future__ import annotations

import logging
import lzma
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scapy_columns import HEADERS, Fields, expected

from pydpdk import Burst, Mempool
from pydpdk.burst._catalog import catalog

HERE = Path(__file__).parent / "captures"
NAMES = [name for name in catalog() if name.partition(".")[0] in HEADERS]
SIZE = 128

logging.getLogger("scapy").setLevel(logging.CRITICAL)


class Found(NamedTuple):
    """Packet, fields compared, and where it differs from Scapy."""

    data: bytes
    fields: int
    differences: list[str]


def shipped() -> list[bytes]:
    """Return the packets of the capture beside this file."""
    data = lzma.decompress((HERE / "tcpdump.pcap.xz").read_bytes())
    found, at = [], 24
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        found.append(data[at + 16 : at + 16 + length])
        at += 16 + length
    return found


def compare(packets: list[bytes], mempool: Mempool) -> Iterator[Found]:
    with Burst(SIZE) as burst:
        bound = burst.columns.bind(*NAMES, *(f"{header}?" for header in HEADERS))
        for start in range(0, len(packets), SIZE):
            part = packets[start : start + SIZE]
            burst.alloc(mempool, len(part))
            burst.fill(part)
            columns = bound()
            values = dict(zip(NAMES, columns, strict=False))
            has = dict(zip(HEADERS, columns[len(NAMES) :], strict=True))
            for i, data in enumerate(part):
                yield _compare(
                    data,
                    {name: column[i] for name, column in values.items()},
                    {header: bool(mask[i]) for header, mask in has.items()},
                )
            burst.free()


def _compare(data: bytes, values: Fields, has: dict[str, bool]) -> Found:
    try:
        wanted = expected(data)
    except (struct.error, IndexError, AttributeError) as error:
        return Found(data, 0, [f"Scapy fails: {error!r}"])
    fields, differences = 0, []
    for header in HEADERS:
        if has[header] != (header in wanted):
            differences.append(f"{header}: {has[header]}")
            continue
        for name, want in wanted.get(header, {}).items():
            value = values[f"{header}.{name}"]
            got = value.tobytes() if isinstance(want, bytes) else int(value)
            fields += 1
            if got != want:
                differences.append(f"{header}.{name}: {got!r}, Scapy has {want!r}")
    return Found(data, fields, differences)


def explained(found: Found) -> str:
    """Return why Scapy and columns may differ in this packet, or nothing."""
    if found.differences[0].startswith("Scapy fails"):
        return "Scapy's own parser raises"
    if found.differences == ["arp: True"] and found.data[18:20] != b"\6\4":
        return "ARP with lengths of its own: Scapy needs as many bytes, DPDK's struct 28"
    ip = found.data[14:34]
    whole = found.data[12:14] == b"\x08\0" and ip[0] >> 4 == 4
    if whole and int.from_bytes(ip[2:4], "big") < len(found.data) - 14:
        return "Scapy takes what is behind total_length for padding, rte_net_get_ptype does not"
    return ""
