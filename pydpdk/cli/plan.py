"""`pydpdk plan`: show what a file would do, without starting the EAL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(help="A YAML file, see configs/.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def plan(file: File, as_json: Json = False) -> None:
    """Show what a file would do: EAL arguments, memory, mempools, polling, warnings."""
    from pydpdk.config.load import load
    from pydpdk.config.plan import make_plan
    from pydpdk.config.report import render

    made = make_plan(load(file))
    typer.echo(json.dumps(made.to_dict(), indent=2) if as_json else render(made), nl=as_json)
