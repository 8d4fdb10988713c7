"""`pydpdk schema`: the JSON Schema of the files, for editors."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON Schema of the files."""
    from pydpdk.config.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
