"""Commands whose standard output is closed, full or an unread pipe: one line and an exit code."""

from __future__ import annotations

import builtins
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import pydpdk

COMMANDS = [
    ["--help"],
    ["--version"],
    ["schema"],
    ["plan", "null.yaml"],
    ["run", "null.yaml", "--duration", "0.2"],
    ["run", "null.yaml", "--duration", "0.2", "--json"],
    ["memory", "null.yaml"],
    ["doctor"],
    ["reap", "--dry-run", "no-such-prefix"],
    ["devices", "list"],
    ["hugepages", "show"],
]


@pytest.fixture(params=COMMANDS, ids=" ".join)
def arguments(request, command):
    """Arguments for each command; files use the memory of this run."""
    name, *options = request.param
    if "null.yaml" in options:
        made = command(options[0])  # a copy of the file, for the memory of this run
        options[0] = made[made.index("run") + 1]
    return [sys.executable, "-m", "pydpdk", name, *options]


def _check(done, code):
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("standard output: ")]
    assert (done.returncode, len(lines)) == (code, 1), done.stderr


def _run(command, **options):
    return subprocess.run(
        command, stderr=subprocess.PIPE, text=True, timeout=120, check=False, **options
    )


def test_full(arguments):
    with Path("/dev/full").open("wb") as full:
        _check(_run(arguments, stdout=full), 1)


def test_an_unread_pipe(arguments):
    read, write = os.pipe()
    os.close(read)
    done = _run(arguments, stdout=write)
    os.close(write)
    _check(done, 1)


def test_closed(arguments):
    _check(_run(["sh", "-c", 'exec "$@" >&-', "sh", *arguments]), 1)


def test_run_ends_when_its_reader_does(command):
    with subprocess.Popen(
        command("null.yaml"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=60) == 1
    assert "standard output: Broken pipe" in errors
    assert "Traceback" not in errors


def test_a_star_import_shadows_no_builtin():
    modules = [pydpdk, *map(importlib.import_module, ("pydpdk.app", "pydpdk.host"))]
    packages = [m.name for m in pkgutil.iter_modules(pydpdk.__path__, "pydpdk.") if m.ispkg]
    for module in (*modules, *map(importlib.import_module, packages)):
        names: dict[str, object] = {}
        exec(f"from {module.__name__} import *", names)
        names.pop("__builtins__")
        assert not names.keys() & vars(builtins).keys(), module.__name__
