"""Reserve and release hugepages, by NUMA node and size, and check the result."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import files
from pydpdk.host.errors import HostError, naming
from pydpdk.host.hugepages import HugepagePool, default_page_size_bytes, read_pools

_TMPFILES = "etc/tmpfiles.d/pydpdk-hugepages.conf"
_HEAD = "# Hugepages reserved at boot, written by `pydpdk hugepages reserve --persistent`.\n"
_MAX_PAGES = 1 << 30
_DENIED = "needs root"


def reserve(
    pages: int,
    *,
    size_bytes: int | None = None,
    node: int | None = None,
    root: Path = Path("/"),
) -> list[HugepagePool]:
    """Reserve at least this many pages, spread over the nodes or on one of them.

    Pools that have more keep them. The result is checked: the kernel silently reserves fewer pages
    if it lacks memory.

    Parameters
    ----------
    pages
        [pages] in all.
    size_bytes
        Default: the kernel's default size.
    node
        Default: all nodes, in equal parts.

    Raises
    ------
    ValueError
        The size, node or number of pages is invalid; the message says which.
    HostError
        The kernel has too little contiguous memory, or the user no permission. Reserved pages stay.
    """
    if isinstance(pages, bool) or not 1 <= pages <= _MAX_PAGES:
        raise ValueError(f"pages must be 1..{_MAX_PAGES} (got {pages})")
    pools = _chosen(size_bytes, node, root)
    share, rest = divmod(pages, len(pools))
    for i, pool in enumerate(pools):
        wanted = share + (i < rest)
        if pool.total < wanted:
            _set(pool, wanted, root)
    return _chosen(size_bytes, node, root)


def release(
    pages: int | None = None,
    *,
    size_bytes: int | None = None,
    node: int | None = None,
    root: Path = Path("/"),
) -> list[HugepagePool]:
    """Return free pages to the kernel: this many, or all; pages in use stay.

    Raises
    ------
    ValueError
        `pages` is more than are free.
    HostError
        The user has no permission.
    """
    pools = _chosen(size_bytes, node, root)
    free = sum(pool.free for pool in pools)
    if pages is not None and (isinstance(pages, bool) or not 0 <= pages <= free):
        raise ValueError(f"pages must be 0..{free}, which are free (got {pages})")
    left = free if pages is None else pages
    for pool in pools:
        gone = min(left, pool.free)
        left -= gone
        if gone:
            _set(pool, pool.total - gone, root)
    return _chosen(size_bytes, node, root)


def persist(pools: list[HugepagePool], *, root: Path = Path("/")) -> Path:
    """Reserve these pools at every boot (systemd-tmpfiles); return the file that was written.

    Other pools in the file stay as they are. Reserve pages of 1 GB on the kernel's command line
    instead (`hugepagesz=1G hugepages=N`): later there may be no contiguous memory left.
    """
    file = root / _TMPFILES
    known = dict(_known(file))
    known |= {f"/{_file(pool, root).relative_to(root)}": pool.total for pool in pools}
    lines = [f"w {name} - - - - {total}\n" for name, total in sorted(known.items()) if total]
    with naming(file, _DENIED):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_HEAD + "".join(lines))
    return file


def parse_size(text: str) -> int:
    """Return the [bytes] of `2M`, `1G`, `64K`.

    Raises
    ------
    ValueError
        The text is no size.
    """
    match = re.fullmatch(r"(\d{1,9})([KMG])B?", text.strip(), re.IGNORECASE)
    if not match:
        raise ValueError(f"size must be a page size such as 2M or 1G (got {text!r})")
    return int(match[1]) << {"K": 10, "M": 20, "G": 30}[match[2].upper()]


def _chosen(size_bytes: int | None, node: int | None, root: Path) -> list[HugepagePool]:
    size = default_page_size_bytes(root=root) if size_bytes is None else size_bytes
    pools = read_pools(root=root)
    of_size = [pool for pool in pools if pool.size_bytes == size]
    if not of_size:
        sizes = ", ".join(f"{s >> 10} kB" for s in sorted({p.size_bytes for p in pools}))
        raise ValueError(f"size={size >> 10} kB: this host has pages of {sizes or 'no size'}")
    chosen = [pool for pool in of_size if node is None or pool.node == node]
    if not chosen:
        nodes = ", ".join(str(pool.node) for pool in of_size)
        raise ValueError(f"node={node}: this host has {nodes}")
    return chosen


def _set(pool: HugepagePool, total: int, root: Path) -> None:
    """Write a pool's number of pages, and check the result."""
    file = _file(pool, root)
    with naming(file, _DENIED):
        file.write_text(f"{total}\n")
        now = int(file.read_text())
    if now != total:
        size = f"{pool.size_bytes >> 10} kB"
        raise HostError(
            errno.ENOMEM,
            f"node {pool.node} has {now} pages of {size} now, {total} were requested: memory is"
            " fragmented, reserve at boot"
            f" (`hugepagesz={pool.size_bytes >> 20}M hugepages={total}` on the kernel's line)",
        )


def _file(pool: HugepagePool, root: Path) -> Path:
    name = f"hugepages-{pool.size_bytes >> 10}kB/nr_hugepages"
    of_node = root / f"sys/devices/system/node/node{pool.node}/hugepages/{name}"
    return of_node if of_node.exists() else root / "sys/kernel/mm/hugepages" / name


def _known(file: Path) -> Iterator[tuple[str, int]]:
    for line in files.lines(file):
        match = re.fullmatch(r"w (\S+/nr_hugepages) - - - - (\d+)", line)
        if match:
            yield match[1], int(match[2])
