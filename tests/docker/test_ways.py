"""The three setups in Docker: each runs the very line that `pydpdk doctor --docker` prints."""

import itertools
import json
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from children import Child, Children
from conftest import Docker
from waiting import until

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
PRIVILEGES = ("--cap-add", "--user", "--privileged", "--network", "--device", "--security-opt")


def line_of(file: Path, image: str, *more: str) -> list[str]:
    """Return the line that doctor prints, with our image; words after the file go to `run`."""
    command = [sys.executable, "-m", "pydpdk", "doctor", str(file), "--docker"]
    words = shlex.split(subprocess.check_output(command, text=True))
    words[words.index("pydpdk")] = image
    return [*words, "--json", *more]


def given(line: list[str]) -> list[str]:
    """Return the privileges of a line, without --cap-drop ALL, which each line has."""
    assert line[line.index("--cap-drop") + 1] == "ALL"
    return [f"{a} {b}" for a, b in itertools.pairwise(line) if a in PRIVILEGES]


def run(line: list[str]) -> dict[str, Any]:
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def null_file(where: Path, *, hugepages: bool) -> Path:
    file = where / "null.yaml"
    null = (ROOT / "configs/null.yaml").read_text()
    file.write_text(f"{null}\neal: {{hugepages: {str(hugepages).lower()}}}\n")
    return file


def test_no_hugepages_and_no_capability_at_all(image: str, tmp_path: Path):
    line = line_of(null_file(tmp_path, hugepages=False), image, "--duration", "2")
    assert given(line) == []
    report = run(line)
    assert not report["hugepages"]
    assert report["ports"]["p0"]["rx_packets"] > 0


def test_hugepages_with_the_least_capabilities(image: str, hugepages: None, tmp_path: Path):
    line = line_of(null_file(tmp_path, hugepages=True), image, "--duration", "2")
    assert given(line) == ["--user 0", "--cap-add SYS_NICE"]
    report = run(line)
    assert report["hugepages"]
    assert report["ports"]["p0"]["rx_packets"] > 0


def test_af_packet_on_the_containers_own_interface(docker: Docker, children: Children, image: str):
    """The port receives datagrams that the host sends to the container's address."""
    name = f"pydpdk-own-{time.monotonic_ns()}"
    line = line_of(ROOT / "configs/docker/own_interface.yaml", image, "--duration", "6")
    if Path("/sys/class/net/eth0").exists():  # the host's: doctor cannot know which one is meant
        at = line.index("--network")
        del line[at : at + 2]
    assert given(line) == ["--user 0", "--cap-add NET_ADMIN", "--cap-add NET_RAW"]
    line[2:2] = ["--name", name]
    child = children.start(line)
    send_until_it_ends(child, address_of(docker, name))
    done = child.finish()
    assert done.returncode == 0, done.stderr
    port = json.loads(done.stdout)["ports"]["own"]
    assert port["rx_packets"] >= 100
    assert port["rx_bytes"] >= 100 * (14 + 20 + 8 + 100)


def address_of(docker: Docker, name: str) -> str:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"

    def address() -> str:
        return docker("inspect", "-f", form, name, check=False).stdout.strip()

    return until(address, every=0.1)


def send_until_it_ends(child: Child, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def sent_last() -> bool:
            sender.sendto(bytes(100), (address, 9))
            return child.process.poll() is not None

        until(sent_last, 120)
