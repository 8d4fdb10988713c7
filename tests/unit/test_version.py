"""The version of this package, in its metadata, in Python and on the command line."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pydpdk
from pydpdk import version
from pydpdk.exceptions import VersionError

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


def test_compiled_and_running_are_the_same_release():
    assert version.COMPILED.split(".")[:2] == version.RUNNING.split(".")[:2]
    version.check()


@pytest.mark.parametrize("running", ["22.11.0", "22.11.99"])
def test_stable_updates_are_accepted(monkeypatch: pytest.MonkeyPatch, running: str):
    monkeypatch.setattr(version, "COMPILED", "22.11.4")
    monkeypatch.setattr(version, "RUNNING", running)
    version.check()


@pytest.mark.parametrize("running", ["22.7.0", "23.11.0", "24.11.1"])
def test_another_release_raises_with_both_versions(monkeypatch: pytest.MonkeyPatch, running: str):
    monkeypatch.setattr(version, "COMPILED", "22.11.4")
    monkeypatch.setattr(version, "RUNNING", running)
    with pytest.raises(VersionError, match=rf"22\.11\.4 .* {running.replace('.', '[.]')}"):
        version.check()
