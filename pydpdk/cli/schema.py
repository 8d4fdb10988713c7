"""`pydpdk schema`: the JSON Schema of the files, for editors."""

from __future__ import annotations

import json

import typer

from pydpdk.config.schema import json_schema


def schema() -> None:
    """Print the JSON Schema of the files."""
    typer.echo(json.dumps(json_schema(), indent=2))
