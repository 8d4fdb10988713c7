"""`pydpdk doctor`: what DPDK will miss on this host, and the command that fixes it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pydpdk.cli.plan import Json

if TYPE_CHECKING:
    from pydpdk.host.finding import Finding
    from pydpdk.host.needs import Needs

File = Annotated[
    Path | None, typer.Argument(help="A YAML file to check the host for.", show_default=False)
]
Fix = Annotated[bool, typer.Option("--fix", help="Run the safe commands, asking before each.")]
Docker = Annotated[
    bool, typer.Option("--docker", help="Print the least `docker run` that the file needs.")
]


def doctor_command(
    file: File = None, as_json: Json = False, fix: Fix = False, run_docker: Docker = False
) -> None:
    """Check what DPDK needs of this host, before any EAL is started.

    Exits with 1 if something will fail.
    """
    from pydpdk.host import docker, doctor
    from pydpdk.host.finding import Severity

    needs = _needs(file)
    if run_docker:
        typer.echo(docker.run_line(needs, file))
        return
    found = doctor.examine(needs)
    if fix and _fix(found):
        found = doctor.examine(needs)
    _show(found, as_json)
    if any(finding.severity == Severity.ERROR for finding in found):
        raise typer.Exit(1)


def _needs(file: Path | None) -> Needs:
    from pydpdk.host.needs import Needs

    if file is None:
        return Needs()
    from pydpdk.config.load import load
    from pydpdk.config.plan import needs_of_file

    return needs_of_file(load(file, check_host=False))


def _fix(found: list[Finding]) -> bool:
    """Run the safe commands that the user agrees to; return whether any was run."""
    ran = False
    for finding in found:
        if finding.command and finding.safe:
            typer.echo(f"{finding.what}. {finding.means}", err=True)
            if typer.confirm(f"  run `{finding.command}`?", err=True):
                done = subprocess.run(finding.command, shell=True, check=False)  # noqa: S602  shown and agreed to
                typer.echo(f"  {'done' if done.returncode == 0 else 'it failed'}", err=True)
                ran = True
    return ran


def _show(found: list[Finding], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([finding.to_dict() for finding in found], indent=2))
        return
    for finding in found:
        typer.echo(f"{finding.severity:<8} {finding.code}: {finding.what}")
        typer.echo(f"         {finding.means}")
        if finding.command:
            typer.echo(f"         $ {finding.command}")
    if not found:
        typer.echo("nothing is missing")
