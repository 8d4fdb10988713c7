"""The command `pydpdk`: one file per command."""

from __future__ import annotations

import logging
import sys

import typer

from pydpdk import version
from pydpdk.cli import memory, plan, reap, run, schema
from pydpdk.errors import ConfigError, DpdkError, EalInitError, InUseError

app = typer.Typer(
    name="pydpdk",
    help="Drive a genuine DPDK from a YAML file.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("memory")(memory.memory)
app.command("reap")(reap.reap_command)
app.command("schema")(schema.schema)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"DPDK {version.RUNNING} (compiled against {version.COMPILED})")
        raise typer.Exit


@app.callback()
def _options(
    _version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the DPDK version."
    ),
) -> None:
    """Drive a genuine DPDK from a YAML file."""


def main() -> None:
    """Run a command; exit 2 for a bad file, 1 where DPDK cannot do what it says."""
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING)
    try:
        app()
    except ConfigError as error:
        _fail(error, 2)
    except (DpdkError, InUseError, ValueError) as error:
        _fail(error, 1)


def _fail(error: Exception, code: int) -> None:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, EalInitError):
        # what DPDK logged is on the screen already
        text = "\n  what to do: ".join([text.splitlines()[0], *error.hints])
    sys.stderr.write(f"{text}\n")
    raise SystemExit(code)
