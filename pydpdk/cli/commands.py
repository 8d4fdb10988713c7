"""The commands of `pydpdk`, and how their errors are printed.

The modules of the commands import on use: each command loads what it needs, `--help` nothing.
"""

from __future__ import annotations

import logging
import sys
from typing import Annotated, NoReturn

import typer

from pydpdk.cli import devices, doctor, hugepages, memory, output, plan, reap, run, schema
from pydpdk.exceptions import ConfigError, DpdkError, EalInitError, InUseError, VersionError
from pydpdk.host.errors import HostError

app = typer.Typer(
    name="pydpdk",
    help="Drive a genuine DPDK from a YAML file.",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich takes longer to import than all else that the help needs
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("memory")(memory.memory)
app.command("reap")(reap.reap_command)
app.command("schema")(schema.schema)
app.command("doctor")(doctor.doctor_command)
app.add_typer(hugepages.app, name="hugepages")
app.add_typer(devices.app, name="devices")


def _show_version(asked: bool) -> None:
    if asked:
        from importlib import metadata

        from pydpdk import version

        dpdk = f"DPDK {version.RUNNING} (compiled against {version.COMPILED})"
        typer.echo(f"pydpdk {metadata.version('pydpdk')}, {dpdk}")
        raise typer.Exit


_VERSION = "Show the versions of pydpdk and DPDK."
Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help=_VERSION)
]


@app.callback()
def _options(_version: Version = False) -> None:
    """Drive a genuine DPDK from a YAML file."""


def main() -> None:
    """Run the command line; print an error as one line and exit with a code."""
    output.check()
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except output.OutputError as error:
        output.give_up(error)
    except ConfigError as error:
        _fail(error, 2)
    except (DpdkError, HostError, InUseError, ValueError) as error:
        _fail(error, 1)
    except ImportError as error:
        if not _is_of_binding(error):
            raise
        _fail(error, 1)


_DOCTOR = "`pydpdk doctor` says what is missing, and how to fix it"


def _is_of_binding(error: ImportError) -> bool:
    """Whether libdpdk is missing, or not the one that the binding was compiled against."""
    named = (error.name or "").startswith("pydpdk.")
    return isinstance(error, VersionError) or named or "librte_" in str(error)


def _fail(error: Exception, code: int) -> NoReturn:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, EalInitError):
        # DPDK's log lines are on the screen already
        text = "\n  what to do: ".join([text.splitlines()[0], *error.hints])
    if isinstance(error, (EalInitError, ImportError)):
        text += f"\n  {_DOCTOR}"
    output.fail(text, code)
