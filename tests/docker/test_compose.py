"""configs/docker/compose.yaml, started: three containers over the same hugepages."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from conftest import Docker
from waiting import until

pytestmark = pytest.mark.docker
FILE = Path(__file__).parents[2] / "configs/docker/compose.yaml"
PROJECT = f"pydpdk{os.getpid()}"

Compose = Callable[..., str]


def command(docker: Docker) -> list[str]:
    if docker("compose", "version", check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("neither docker compose nor docker-compose is installed")


@pytest.fixture
def pages() -> Iterator[Path]:
    """A directory of hugetlbfs for these containers only."""
    made = Path(tempfile.mkdtemp(prefix="compose-", dir="/dev/hugepages"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def compose(docker: Docker, image: str, hugepages: None, pages: Path) -> Iterator[Compose]:
    environment = {**os.environ, "PYDPDK_IMAGE": image, "PYDPDK_HUGETLBFS": str(pages)}
    words = [*command(docker), "--project-name", PROJECT, "--file", str(FILE)]

    def run(*argv: str) -> str:
        done = subprocess.run(
            [*words, *argv], capture_output=True, text=True, env=environment, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("up", "--detach")
    give_way(docker, run("ps", "--quiet"))
    yield run
    run("down", "--volumes", "--timeout", "10")


def give_way(docker: Docker, containers: str) -> None:
    """Let Docker's own programs go first: the containers poll, which needs three CPUs at least."""
    docker("update", "--cpu-shares", "2", *containers.split(), check=False)


def moved(compose: Compose, service: str) -> int:
    """Return how many packets a container says it has moved."""
    said = re.findall(r"(?:sent|swapped) ([\d,]+) packets", compose("logs", service))
    return int(said[-1].replace(",", "")) if said else 0


def goes_on(compose: Compose, service: str) -> None:
    before = moved(compose, service)
    log = partial(compose, "logs", service)
    until(lambda: moved(compose, service) > before, every=0.2, what=log)


def says(compose: Compose, service: str, text: str) -> None:
    log = partial(compose, "logs", service)
    until(lambda: text in log(), every=0.2, what=log)


def test_three_containers_exchange_packets_and_survive_a_death(
    docker: Docker, compose: Compose, pages: Path
):
    for service in ("primary", "worker-1", "worker-2"):
        goes_on(compose, service)
    compose("kill", "-s", "KILL", "worker-1")
    for service in ("primary", "worker-2"):
        goes_on(compose, service)
    says(compose, "primary", "died without leaving 'compose'")
    says(compose, "primary", "recovered from process")
    compose("up", "--detach", "worker-1")  # its lcore and its registration are free again
    give_way(docker, compose("ps", "--quiet"))
    goes_on(compose, "worker-1")

    compose("kill", "-s", "KILL", "primary")
    assert list(pages.iterdir()) != []
    assert "removed compose: " in compose("run", "--rm", "reap")
    assert list(pages.iterdir()) == []


def test_all_end_in_order_and_leave_nothing(compose: Compose, pages: Path):
    goes_on(compose, "worker-2")
    compose("stop", "--timeout", "20")
    assert list(pages.iterdir()) == []
