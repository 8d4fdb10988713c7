"""`pydpdk reap`: what dead programs left on this host, and its removal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pydpdk.cli.plan import Json

if TYPE_CHECKING:
    from pydpdk.host.reap import DeadPrefix

Prefixes = Annotated[
    list[str] | None,
    typer.Argument(help="File prefixes. Default: all dead ones.", metavar="PREFIX"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list; remove nothing.")]


def reap_command(prefixes: Prefixes = None, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Remove the hugepage files and runtime directories of programs that died.

    Exits with 1 if a prefix that was named is in use, or something could not be removed.
    """
    from pydpdk.host.reap import dead_prefixes, in_use, reap

    named = prefixes or []
    used = in_use(named)
    reaped = [] if dry_run else reap(named)
    dead = dead_prefixes(named) if dry_run else [entry.dead for entry in reaped]
    kept = [path for entry in reaped for path in entry.kept]
    if as_json:
        entries = [entry.to_dict() for entry in (dead if dry_run else reaped)]
        typer.echo(json.dumps({"prefixes": entries, "in_use": used}, indent=2))
    else:
        _show(dead, kept, used, dry_run)
    if used or kept:
        raise typer.Exit(1)


def _show(dead: list[DeadPrefix], kept: list[Path], used: list[str], dry_run: bool) -> None:
    for prefix in dead:
        typer.echo(f"{'would remove' if dry_run else 'removed'} {prefix}")
    for path in kept:
        typer.echo(f"still there: {path}")
    for name in used:
        typer.echo(f"{name}: a live process uses it, nothing is removed")
    if not dead and not used:
        typer.echo("nothing to reap")
