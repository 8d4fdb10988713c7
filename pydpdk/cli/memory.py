"""`pydpdk memory`: how DPDK memory is used, by a file or by a running program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pydpdk.cli.plan import Json
from pydpdk.host.errors import naming

if TYPE_CHECKING:
    from pydpdk.explorer.memory_map import MemoryMap

File = Annotated[
    Path | None, typer.Argument(help="A YAML file to bring up and look at.", show_default=False)
]
Prefix = Annotated[
    str | None,
    typer.Option(
        help="Look at a running program: pydpdk's, testpmd, any primary.", show_default=False
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(help="Write one self-contained page: the map, page by page.", show_default=False),
]


def memory(
    file: File = None, file_prefix: Prefix = None, html: Html = None, as_json: Json = False
) -> None:
    """Show where all DPDK memory went, from hugepages to mbufs."""
    from pydpdk.app.session import prepare  # here: other commands run without libdpdk
    from pydpdk.cli.stopping import attached, started
    from pydpdk.explorer import page, take_map

    if (file is None) == (file_prefix is None):
        raise typer.BadParameter("give a YAML file, or --file-prefix of a running program")
    if html is not None and not html.absolute().parent.is_dir():
        raise typer.BadParameter(f"{html}: no such directory")
    with attached(file_prefix or "") if file is None else started(*prepare(file)):
        taken = take_map()
    if html is not None:
        with naming(html):
            html.write_text(page.render(taken), encoding="utf-8")
    _show(taken, html, as_json)


def _show(taken: MemoryMap, html: Path | None, as_json: bool) -> None:
    from pydpdk.explorer import tree

    if as_json:
        typer.echo(json.dumps(taken.to_dict(), indent=2))
        return
    typer.echo(tree.render_map(taken))
    if html is not None:
        typer.echo(f"\n  the map, page by page: {html}")
