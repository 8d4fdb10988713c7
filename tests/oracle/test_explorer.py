"""The explorer beside a testpmd that forwards: it sees what DPDK's tools see, and harms nothing."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from children import Child, python
from waiting import until

from oracle.testpmd import N_MBUFS, TESTPMD, Testpmd, running
from pydpdk.host import primary as host_primary
from pydpdk.version import RUNNING

PROC_INFO = shutil.which("dpdk-proc-info")
pytestmark = [
    pytest.mark.hugepages,
    pytest.mark.skipif(TESTPMD is None, reason="dpdk-testpmd is not installed"),
]
SERVICE_TABLES = 2 if tuple(map(int, RUNNING.split(".")[:2])) < (24, 11) else 1
"""Taken from the shared heap by rte_service_init, in every process."""
_COUNTS = ("Heap_size", "Free_", "Greatest_", "Alloc_")
_ZONE = r"Zone \d+: name:<(.+?)>, len:(0x\w+), virt:(0x\w+), socket_id:(-?\d+)"
HOLD = """
import json, sys
from pydpdk.explorer import attach, take_map
with attach(sys.argv[1]) as eal:
    memory = take_map()
    argv = " ".join(eal.argv)
    print(json.dumps({**memory.to_dict(), "argv": argv, "repr": repr(eal)}), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def testpmd() -> Iterator[Testpmd]:
    with running() as made:
        yield made


def cli(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pydpdk", "memory", *map(str, arguments)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@contextlib.contextmanager
def held(prefix: str) -> Iterator[dict[str, Any]]:
    """A map, while the process that took it is still attached."""
    child = Child(python(HOLD, prefix))
    yield json.loads(child.line())
    assert child.end() == ""


@pytest.fixture(scope="module")
def taken(testpmd: Testpmd) -> dict[str, Any]:
    done = cli("--file-prefix", testpmd.prefix, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_map_shows_the_pool_of_testpmd(testpmd: Testpmd, taken: dict[str, Any]):
    (pool,) = taken["pools"]
    said = testpmd.telemetry(f"/mempool/info,{pool['name']}")
    assert pool["name"] in testpmd.telemetry("/mempool/list")
    assert (pool["size"], pool["cache_size"]) == (said["populated_size"], said["cache_size"])
    assert pool["total_size"] == said["header_size"] + said["elt_size"] + said["trailer_size"]
    # net_null has a burst while it moves one
    assert pool["in_flight"] <= 2 * 32
    assert pool["in_flight"] + sum(pool["cached"].values()) + pool["common"] == N_MBUFS


def test_the_zones_are_those_of_telemetry(testpmd: Testpmd, taken: dict[str, Any]):
    zones = {}
    # the list numbers the zones in use, memzone_info the slots: alike while none was freed
    for index in testpmd.telemetry("/eal/memzone_list"):
        zone = testpmd.telemetry(f"/eal/memzone_info,{index}")
        if zone is not None:
            zones[zone["Name"]] = (zone["Length"], int(zone["Address"], 16))
    assert {z["name"]: (z["len"], z["addr"]) for z in taken["zones"]} == zones


def test_the_heap_is_that_of_telemetry_and_is_restored_after_detach(testpmd: Testpmd):
    (heap_id,) = testpmd.telemetry("/eal/heap_list")
    before = testpmd.telemetry(f"/eal/heap_info,{heap_id}")
    with held(testpmd.prefix) as memory:
        during = testpmd.telemetry(f"/eal/heap_info,{heap_id}")
        (heap,) = memory["heaps"]
        assert {
            "Heap_size": heap["size"], "Free_size": heap["free"],
            "Greatest_free_size": heap["largest_free"], "Free_count": heap["free_count"],
            "Alloc_count": heap["alloc_count"], "Alloc_size": heap["size"] - heap["free"],
        } == {key: during[key] for key in during if key.startswith(_COUNTS)}  # fmt: skip
        assert during["Alloc_count"] - before["Alloc_count"] == SERVICE_TABLES
    assert testpmd.telemetry(f"/eal/heap_info,{heap_id}") == before


@pytest.mark.skipif(PROC_INFO is None, reason="dpdk-proc-info is not installed")
def test_the_totals_are_those_of_proc_info(testpmd: Testpmd, taken: dict[str, Any]):
    assert PROC_INFO is not None
    done = subprocess.run(
        [PROC_INFO, "--file-prefix", testpmd.prefix, "--", "-m"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    host_primary.remove_traces(testpmd.prefix, 0)
    text = done.stdout + done.stderr
    zones = re.findall(_ZONE, text)
    assert sorted((n, int(ln, 16), int(at, 16), int(s)) for n, ln, at, s in zones) == sorted(
        (z["name"], z["len"], z["addr"], z["socket_id"]) for z in taken["zones"]
    )
    pages = re.findall(r"IOVA:0x\w+, len:(\d+), virt:0x\w+", text)
    mapped = sum(map(int, pages))
    assert mapped == taken["mapped"], text[:2000]


def test_the_explorer_takes_an_lcore_of_its_own(testpmd: Testpmd):
    with held(testpmd.prefix) as memory:
        number = re.search(r"--lcores (\d+)@", memory["argv"])
        assert number is not None
        assert int(number[1]) not in {0, 1}
        assert int(number[1]) not in host_primary.workers(testpmd.process.pid)
        assert memory["attached"] is True
        assert "secondary" in memory["repr"]
        with held(testpmd.prefix) as second:
            other = re.search(r"--lcores (\d+)@", second["argv"])
            assert other is not None
            assert other[1] != number[1]


def test_testpmd_goes_on_and_nothing_is_left(testpmd: Testpmd):
    files = testpmd.files()
    for _ in range(5):
        sent = testpmd.sent()
        child = Child([sys.executable, "-m", "pydpdk", "memory", "--file-prefix", testpmd.prefix])
        until(lambda sent=sent: testpmd.sent() > sent)
        done = child.finish()
        assert (done.returncode, done.stderr) == (0, "")
        assert "mb_pool_0" in done.stdout
    sent = testpmd.sent()
    until(lambda: testpmd.sent() > sent)
    assert testpmd.files() == files
    for port in (0, 1):
        assert testpmd.telemetry(f"/ethdev/link_status,{port}")["status"] == "UP"
    pool = testpmd.telemetry("/mempool/info,mb_pool_0")
    assert pool["populated_size"] == N_MBUFS


def test_the_page_names_the_pool(testpmd: Testpmd, tmp_path: Path):
    done = cli("--file-prefix", testpmd.prefix, "--html", tmp_path / "map.html")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "map.html") in done.stdout
    assert '"mb_pool_0"' in (tmp_path / "map.html").read_text()


def test_testpmd_closes_its_ports_itself(testpmd: Testpmd):
    """It is the last process that shares them, and says so: the explorer has not closed them."""
    said = testpmd.quit()
    assert testpmd.process.returncode == 0
    assert re.findall(r"Port \d is closed", said) == ["Port 0 is closed", "Port 1 is closed"]
    assert not re.search("(?i)error|fail|cannot", said.partition("testpmd>")[2]), said


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--no-huge", "-m", "64"), "runs with --no-huge"),
        (("--in-memory",), "runs with --in-memory or --no-shconf"),
        (("--huge-unlink=always",), "has unlinked its hugepages"),
    ],
)
def test_memory_that_is_not_shared_raises_before_the_eal_starts(
    arguments: tuple[str, ...], text: str
):
    with running(*arguments) as other:
        done = cli("--file-prefix", other.prefix)
        assert done.returncode == 1
        assert text in done.stderr
        assert "nothing can attach" in done.stderr
        assert "EAL" not in done.stderr
        assert other.telemetry("/ethdev/link_status,0")["status"] == "UP"


def test_the_error_says_that_the_primary_is_dead():
    with running() as other:
        other.kill()
        done = cli("--file-prefix", other.prefix)
        assert done.returncode == 1
        assert f"no DPDK program runs with file prefix '{other.prefix}'" in done.stderr
        assert "what it left is still there" in done.stderr


def test_a_wrong_prefix_names_the_right_one():
    with running() as other:
        assert repr(other.prefix) in cli("--file-prefix", "no-such-prefix").stderr
