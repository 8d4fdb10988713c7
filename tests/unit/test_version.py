"""The version of this package, in its metadata, in Python and on the command line."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pydpdk
from pydpdk import version

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_version_is_that_of_the_project():
    assert pydpdk.__version__ == tomllib.loads(PROJECT.read_text())["project"]["version"]


def test_the_command_shows_both_versions():
    command = [sys.executable, "-m", "pydpdk", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    dpdk = f"DPDK {version.RUNNING} (compiled against {version.COMPILED})"
    assert done.stdout == f"pydpdk {pydpdk.__version__}, {dpdk}\n"


def test_the_shell_can_complete():
    command = f"{sys.executable} -m pydpdk --show-completion; exit $?"  # it detects its shell
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "COMPLETE" in done.stdout
