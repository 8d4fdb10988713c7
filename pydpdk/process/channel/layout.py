"""The layout of a channel in memory: the sizes of its parts, and its memzone's header."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range
from pydpdk.limits import MAX_ROOM, MEMZONE_NAME
from pydpdk.memory.mempool import HEADROOM
from pydpdk.memory.memzone import Memzone
from pydpdk.memory.objects_kind import dtype_of

_PREFIX = "pydpdk_ch_"
NAME_MAX = MEMZONE_NAME - len(_PREFIX)
SIZE_MAX = 1 << 24
MESSAGE_BYTES = 2048
SEGMENT_BYTES = 16384
SEGMENTS_MAX: int = lib.PYD_CHANNEL_BATCH
_LINE: int = lib.RTE_CACHE_LINE_SIZE
SEGMENT_BYTES_MAX = (MAX_ROOM - HEADROOM) // _LINE * _LINE
OPS = "ring_mt_hts"
"""The pool's driver. If a process dies inside it, recovery rolls the operation back, as for the
channel's own ring, which is HTS too. `lf_stack` needs no roll back, but its list nodes move between
the cores one by one: 1.5 M messages/s, where this reaches 3.5."""
_CACHE_MAX = 128  # [mbufs] of an lcore's cache; it flushes above 1.5 times as many
_KEPT_MIN = 768
_HEAD = ffi.sizeof("struct pyd_channel_head")


def zone_name(name: str) -> str:
    """Return the name of a channel's memzone."""
    return _PREFIX + name


def sizes(
    message_bytes: int | None, kind: np.dtype[Any] | None, segment_bytes: int | None
) -> tuple[int, int]:
    """Return the lengths of the longest message and of a segment [bytes]."""
    if kind is not None and message_bytes is not None:
        raise ValueError("give message_bytes or dtype, not both")
    longest = MESSAGE_BYTES if message_bytes is None else message_bytes
    if kind is not None:
        longest = kind.itemsize
    longest = check_range("message_bytes", longest, 1, SEGMENTS_MAX * SEGMENT_BYTES_MAX, " bytes")
    least = -(-longest // SEGMENTS_MAX)
    segment = max(min(longest, SEGMENT_BYTES), least)
    if segment_bytes is not None:
        segment = check_range("segment_bytes", segment_bytes, least, SEGMENT_BYTES_MAX, " bytes")
    return longest, -(-segment // _LINE) * _LINE


def pool_size(size: int, segments: int) -> tuple[int, int]:
    """Return the number of mbufs in the pool, and in an lcore's cache.

    There are enough for `size` of the longest messages, however many mbufs are in the caches of all
    processes that can attach.
    """
    needed = size * segments
    kept = max(_KEPT_MIN, min(needed, _CACHE_MAX * 3 // 2 * lib.PYD_CHANNEL_PEERS))
    return needed + kept, kept * 2 // 3 // lib.PYD_CHANNEL_PEERS


def make_zone(
    name: str, socket_id: int | None, longest: int, segment: int, dtype: tuple[Any, bytes]
) -> Memzone:
    """Make the memzone with the header for processes that look up; the magic number comes last."""
    kind, text = dtype
    zone = Memzone.reserve(zone_name(name), _HEAD + len(text), socket_id=socket_id)
    address = zone.info.addr
    ffi.buffer(ffi.cast("char *", address), _HEAD + len(text))[:] = bytes(_HEAD) + text
    head = ffi.cast("struct pyd_channel_head *", address)
    head.message_bytes, head.segment_bytes = longest, segment
    head.itemsize = 0 if kind is None else kind.itemsize
    head.dtype_len = len(text)
    head.magic = lib.PYD_CHANNEL_MAGIC
    return zone


def read_dtype(head: Any) -> np.dtype[Any] | None:
    """Return the dtype of a channel's records; None if its messages are bytes."""
    text = bytes(ffi.buffer(ffi.cast("char *", head) + _HEAD, head.dtype_len))
    return dtype_of(text) if text else None
