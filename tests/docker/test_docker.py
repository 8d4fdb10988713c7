"""The image, built and run: these tests check what the Dockerfile says about privileges."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import run_docker as docker

pytestmark = pytest.mark.docker

ON_HUGEPAGES = ("--user=0", "--cap-drop=ALL", "--volume=/dev/hugepages:/dev/hugepages")
MEMORY_POLICY = "--cap-add=SYS_NICE"
RUN_NULL = ("run", "configs/null.yaml", "--duration", "2", "--json")


def forwarded(image: str, *options: str) -> dict[str, Any]:
    """Run `configs/null.yaml` in a container, and check that packets moved."""
    report: dict[str, Any] = json.loads(docker("run", "--rm", *options, image, *RUN_NULL).stdout)
    assert report["ports"]
    for name, port in report["ports"].items():
        assert port["rx_packets"] > 0, name
        assert port["tx_packets"] > 0, name
    return report


def shell(image: str, *options: str, command: str) -> str:
    run = docker("run", "--rm", *options, "--entrypoint=sh", image, "-c", command)
    return run.stdout.strip()


@pytest.mark.parametrize("options", [(), ("--cap-drop=ALL", "--security-opt=no-new-privileges")])
def test_without_privilege_and_hugepages(image: str, options: tuple[str, ...]):
    assert not forwarded(image, *options)["hugepages"]


def test_on_hugepages_with_one_capability(image: str, hugepages: None):
    ours = "pydpdk-*map_*"  # others may use the host's hugetlbfs meanwhile
    before = set(Path("/dev/hugepages").glob(ours))
    assert forwarded(image, *ON_HUGEPAGES, MEMORY_POLICY)["hugepages"]
    assert set(Path("/dev/hugepages").glob(ours)) - before == set()


def test_the_error_names_the_missing_capability(image: str, hugepages: None):
    run = docker("run", "--rm", *ON_HUGEPAGES, image, *RUN_NULL)
    assert not json.loads(run.stdout)["hugepages"]
    assert "--cap-add SYS_NICE" in run.stderr


def test_user_has_no_privilege(image: str):
    status = shell(image, command="id -u; grep CapEff /proc/self/status")
    uid, _, capabilities = status.split()
    assert uid != "0"
    assert int(capabilities, 16) == 0


def test_no_compiler_and_no_source_inside(image: str):
    assert shell(image, command="command -v gcc pip; ls /src 2>/dev/null; true") == ""


def test_a_bad_file_ends_with_exit_code_2(image: str):
    assert docker("run", "--rm", image, "run", "/etc/passwd", check=False).returncode == 2
