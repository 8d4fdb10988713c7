"""Closed sets of strings that both files and arguments take; needs no libdpdk.

A member equals its string, so `"hts"` does where a `RingSync` is asked for.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class _Choice(StrEnum):
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let pydantic take a member's string, though it reads each value strictly."""
        schema = handler(source)
        handler.resolve_ref_schema(schema)["strict"] = False
        return schema


class ProcType(_Choice):
    """Type of a process in its file prefix (`--proc-type`)."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    AUTO = "auto"


class IovaMode(_Choice):
    """Addresses that devices use: virtual or physical ones (`--iova-mode`)."""

    VA = "va"
    PA = "pa"


class RingSync(_Choice):
    """How the threads of one side of a ring are synchronised (`enum rte_ring_sync_type`)."""

    MULTI = "multi"
    SINGLE = "single"
    RTS = "rts"
    HTS = "hts"


class ForwardMode(_Choice):
    """How forwarding changes packets: not at all, or it swaps their MAC addresses."""

    IO = "io"
    MACSWAP = "macswap"


class GilMode(_Choice):
    """When calls of the data path give up Python's GIL: see `pydpdk.gil`."""

    AUTO = "auto"
    KEEP = "keep"
    RELEASE = "release"
