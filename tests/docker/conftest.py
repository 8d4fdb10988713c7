"""A container engine, and the image built with it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pydpdk.host.hugepages import available

ROOT = Path(__file__).parents[2]
IMAGE = "pydpdk:test"

Docker = Callable[..., "subprocess.CompletedProcess[str]"]


def run_docker(*argv: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(("docker", *argv), capture_output=True, text=True)
    if check and done.returncode:
        pytest.fail(f"docker {' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


@pytest.fixture(scope="session")
def docker() -> Docker:
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    if run_docker("version", check=False).returncode:
        pytest.skip("no Docker engine answers")
    return run_docker


@pytest.fixture(scope="session")
def image(docker: Docker) -> str:
    given = os.environ.get("PYDPDK_IMAGE")  # built already
    if given is None:
        docker("build", "--network=host", "--tag", IMAGE, str(ROOT))
    return given or IMAGE


@pytest.fixture
def hugepages() -> None:
    answer = available(256 << 20)
    if not answer.usable:
        pytest.skip(answer.reason)
