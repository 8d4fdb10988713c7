"""`pydpdk hugepages`: show hugepages by NUMA node and size, reserve and release them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pydpdk.cli.plan import Json

if TYPE_CHECKING:
    from pydpdk.host.hugepages import HugepagePool

app = typer.Typer(
    help="Show, reserve and release hugepages.", no_args_is_help=True, rich_markup_mode=None
)

Size = Annotated[str | None, typer.Option(help="Page size: 2M, 1G. Default: the kernel's.")]
Node = Annotated[int | None, typer.Option(help="NUMA node. Default: all.")]
Persistent = Annotated[bool, typer.Option("--persistent", help="At every boot, too.")]


@app.command()
def show(as_json: Json = False) -> None:
    """Show every pool of hugepages, and where they are mounted."""
    from pydpdk.host.hugepages import read_mounts, read_pools

    pools, mounts = read_pools(), read_mounts()
    if as_json:
        rows = [{**asdict(mount), "path": str(mount.path)} for mount in mounts]
        typer.echo(json.dumps({"pools": [asdict(p) for p in pools], "mounts": rows}, indent=2))
        return
    _table(pools)
    for mount in mounts:
        rights = "writable" if mount.writable else "not writable"
        typer.echo(f"{mount.path}: pages of {_size(mount.page_size_bytes)}, {rights}")


@app.command()
def reserve(
    count: Annotated[int, typer.Argument(help="Pages to have, in all.", min=1)],
    size: Size = None,
    node: Node = None,
    persistent: Persistent = False,
) -> None:
    """Reserve hugepages, at least COUNT in all; show how many the kernel reserved."""
    from pydpdk.host import reserve as pages

    _show_changed(pages.reserve(count, size_bytes=_bytes(size), node=node), persistent)


@app.command()
def release(
    count: Annotated[
        int | None, typer.Argument(help="Free pages to give back. Default: all.")
    ] = None,
    size: Size = None,
    node: Node = None,
    persistent: Persistent = False,
) -> None:
    """Give free hugepages back to the kernel; those in use stay."""
    from pydpdk.host import reserve as pages

    _show_changed(pages.release(count, size_bytes=_bytes(size), node=node), persistent)


def _show_changed(pools: list[HugepagePool], persistent: bool) -> None:
    from pydpdk.host import reserve as pages

    _table(pools)
    if persistent:
        typer.echo(f"at every boot, as {pages.persist(pools)} says")


def _table(pools: list[HugepagePool]) -> None:
    from pydpdk.config.report import table

    rows = [
        (_size(p.size_bytes), str(p.node), f"{p.total:,}", f"{p.free:,}", f"{_mb(p):,} MB")
        for p in pools
    ]
    for line in table([("size", "node", "total", "free", "memory"), *rows]):
        typer.echo(line)


def _mb(pool: HugepagePool) -> int:
    return pool.total * pool.size_bytes >> 20


def _bytes(size: str | None) -> int | None:
    from pydpdk.host.reserve import parse_size

    return None if size is None else parse_size(size)


def _size(size_bytes: int) -> str:
    return f"{size_bytes >> 30} GB" if size_bytes >> 30 else f"{size_bytes >> 10:,} kB"
