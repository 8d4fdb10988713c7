"""The memory map as one self-contained HTML page: no server, no network, no library."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import Any

from pydpdk.explorer.memory_map import MemoryMap
from pydpdk.memory.live import PoolState

_EXACT = 1 << 53  # JavaScript's numbers are exact up to here; RTE_BAD_IOVA lies above
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render(memory: MemoryMap) -> str:
    """Return the page.

    Notes
    -----
    Names come from a program that is not trusted: they reach the page only as JSON, which the
    script shows as text, and the page's policy forbids to load or send anything.
    """
    page = _read("page.html")
    parts = {
        "title": html.escape(f"memory of {memory.file_prefix}"),
        "style": _read("page.css"),
        "data": _embed(page_data(memory)),
        "script": _read("common.js") + _read("map.js") + _read("page.js"),
    }
    head, *rest = page.split("{{")  # split first: data may contain a mark
    return head + "".join(parts[name] + text for name, _, text in (r.partition("}}") for r in rest))


def page_data(memory: MemoryMap) -> dict[str, Any]:
    """Return the page's data as lists: a map of a thousand pages stays a few hundred KB."""
    owners = {(share.kind, share.owner): i for i, share in enumerate(memory.shares)}
    inner = {pool.pool_data for pool in memory.pools}
    return {
        "taken": memory.taken,
        "dpdk": memory.dpdk_version,
        "prefix": memory.file_prefix,
        "attached": memory.attached,
        "iova_mode": memory.iova_mode,
        "mapped": memory.mapped,
        "reserved": memory.reserved,
        "owners": [list(share) for share in memory.shares],
        "lists": [
            [m.name, m.base_va, m.page_sz, m.len, m.socket_id, m.n_pages, m.n_used, m.external]
            for m in memory.lists
        ],
        "runs": [[r.addr, _exact(r.iova), r.pages, r.page_sz, r.socket_id] for r in memory.pages],
        "pieces": [
            [p.addr, p.len, owners[p.kind, p.owner], p.zone, p.blocks] for p in memory.pieces
        ],
        "zones": [
            [z.info.name, z.kind, z.owner, z.info.addr, _exact(z.info.iova), z.info.len,
             z.info.hugepage_sz, z.info.socket_id]
            for z in memory.zones
        ],
        "heaps": [
            [h.socket_id, h.size, h.free, h.largest_free, h.free_count, h.alloc_count]
            for h in memory.heaps
        ],
        "pools": [_pool(pool) for pool in memory.pools],
        "rings": [[r.name, r.count, r.capacity] for r in memory.rings if r.addr not in inner],
    }  # fmt: skip


def _pool(pool: PoolState) -> dict[str, Any]:
    same = ("name", "size", "cache_size", "common", "in_flight", "queue", "socket_id")
    return {name: getattr(pool, name) for name in same} | {
        "object": pool.total_size,
        "mbufs": pool.is_pktmbuf,
        "cached": [[lcore, held] for lcore, held in pool.cached.items()],
        "chunks": len(pool.chunks),
    }


def _exact(number: int) -> int | None:
    return number if number < _EXACT else None


def _embed(data: dict[str, Any]) -> str:
    """Return JSON that cannot end the script element around it."""
    return json.dumps(data, separators=(",", ":")).translate(_ESCAPES)


def _read(name: str) -> str:
    return files("pydpdk.explorer").joinpath("web", name).read_text(encoding="utf-8")
