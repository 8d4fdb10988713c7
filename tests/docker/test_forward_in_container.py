"""Two containers that talk through a third, over Docker's eth0 and eth1, with all defaults."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import Child, Children
from conftest import Docker
from waiting import until

END = Path(__file__).parents[1] / "support" / "kernel_end.py"
FILE = """
eal: {hugepages: false}
mempools: {packets: {n: 8191}}
ports:
  a: {device: "net_af_packet0,iface=eth0"}
  b: {device: "net_af_packet1,iface=eth1"}
app: {forward: {pairs: [[a, b]], mode: io}}
"""
CAPABILITIES = [
    f"--cap-add={name}" for name in ("NET_ADMIN", "NET_RAW", "SYS_ADMIN")
]  # BPF is new to Docker
pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="enters network namespaces: needs root"),
    pytest.mark.skipif(not all(map(shutil.which, ("ip", "nsenter"))), reason="needs ip, nsenter"),
]


@pytest.fixture
def networks(docker: Docker) -> Iterator[list[str]]:
    names = [f"pydpdk-{os.getpid()}-{i}" for i in range(2)]
    for name in names:
        docker("network", "create", name)
    yield names
    docker("network", "rm", *names)


@pytest.fixture
def container(docker: Docker, networks: list[str]) -> Iterator[Callable[..., str]]:
    """Start a container on networks, in order; it is removed before they are."""
    made: list[str] = []

    def make(on: list[str], *arguments: str) -> str:
        made.append(docker("create", "--network", on[0], *arguments).stdout.strip())
        for network in on[1:]:
            docker("network", "connect", network, made[-1])
        docker("start", made[-1])
        return made[-1]

    yield make
    for one in made:
        docker("rm", "--force", one, check=False)


def pid_of(docker: Docker, container: str) -> str:
    return docker("inspect", "--format", "{{.State.Pid}}", container).stdout.strip()


def end(children: Children, pid: str, role: str, megabytes: int) -> Child:
    """Run the kernel's TCP inside of a container, which needs no tool of its own for it."""
    argv = ["nsenter", "--target", pid, "--net", sys.executable, END, "tcp", role, megabytes]
    process = children.start(argv)
    process.until_ready()
    process.write()
    assert process.line() == "configured"
    return process


def wait_for_sockets(docker: Docker, container: str, n: int) -> None:
    """Wait until the ports have packet sockets: their rings keep what is sent from then on."""
    table = Path(f"/proc/{pid_of(docker, container)}/net/packet")
    until(
        lambda: len(table.read_text().splitlines()) > n, 120, every=0.05,
        what=lambda: docker("logs", container).stderr,
    )  # fmt: skip


def test_100_mb_of_tcp_pass_between_containers(
    docker, children, image, networks, container, tmp_path
):
    near, far = networks
    file = tmp_path / "forward.yaml"
    file.write_text(FILE)
    tmp_path.chmod(0o755)
    idle = ("--entrypoint", "sleep", image, "600")
    client, server = container([near], *idle), container([far], *idle)
    between = container(
        networks, "--user=0", "--cap-drop=ALL", *CAPABILITIES, f"--volume={file}:/f.yaml:ro",
        image, "run", "/f.yaml", "--duration", "600", "--json",
    )  # fmt: skip
    wait_for_sockets(docker, between, 2)
    ends = [
        end(children, pid_of(docker, one), role, 100)
        for one, role in ((server, "server"), (client, "client"))
    ]
    assert ends[0].line() == "listening"
    ends[1].write()
    came, sent = (json.loads(one.line(240)) for one in ends)
    assert came == sent
    assert sent["wrong"] == {}
    docker("kill", "--signal=TERM", between)
    docker("wait", between)
    report = json.loads(docker("logs", between).stdout)
    assert report["ports"]["a"]["rx_bytes"] > 100 << 20
    assert report["ports"]["a"]["rx_packets"] > 60_000  # of 1,448 bytes: none was larger
