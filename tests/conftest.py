"""A real EAL for the tests: one for this process, others in their own processes.

`pytest --memory=no-huge -m any_memory` runs, without hugepages, the tests that need none.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["PYDPDK_CHECK"] = "1"  # read once, when pydpdk is imported

import pytest
from children import Children, died_of_a_signal

import pydpdk
from pydpdk import eal as pydpdk_eal
from pydpdk._core import lifetime
from pydpdk.host import hugepages as host_hugepages, runtime
from pydpdk.memory.mempool import mempools
from pydpdk.memory.memzone import memzones

pytest_plugins = ["fast", "shared_fixtures"]  # of tests/support, as pyproject.toml says

ROOT = Path(__file__).parents[1]
ALONE = {"docker", "nic"}
"""Folders of what measures, or has a machine of its own: not beside other tests."""
ANY_MEMORY = {
    "app", "burst", "cli", "columns", "core", "eal", "ethdev", "examples", "explorer", "jit",
    "lcore", "memory", "oracle", "ring", "tables",
}  # fmt: skip
"""Folders whose tests run both with and without hugepages."""
LCORE, OTHER_CPU = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
WORKERS = (LCORE + 100, LCORE + 101)
"""Lcores of the EAL of the tests beside the main one; those of secondaries are lower."""
_numbers = itertools.count()

LCORES = ",".join([f"{LCORE}@{LCORE}", *(f"{worker}@{OTHER_CPU}" for worker in WORKERS)])

RunScript = Callable[..., "subprocess.CompletedProcess[str]"]
Device = Callable[[str], pydpdk.Port]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--memory",
        choices=("hugepages", "no-huge"),
        help="what the EAL of the tests runs on (default: hugepages where they are usable)",
    )


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # a background job of a shell: programs that the tests start would ignore SIGINT too
        signal.signal(signal.SIGINT, signal.default_int_handler)
    here = host_hugepages.available()
    config.usable_hugepages = here  # type: ignore[attr-defined]
    if config.getoption("memory") is None:
        config.option.memory = "hugepages" if here.usable else "no-huge"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        if folder in ANY_MEMORY:
            item.add_marker("any_memory")
        if folder in ALONE or item.path.name.startswith("test_bench_"):
            item.add_marker("alone")


def pytest_report_header(config: pytest.Config) -> str:
    here = config.usable_hugepages  # type: ignore[attr-defined]
    why = "" if here.usable else f" ({here.reason})"
    return f"DPDK {pydpdk.version.RUNNING} on {config.getoption('memory')}{why}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("hugepages") and item.config.getoption("memory") != "hugepages":
        here = item.config.usable_hugepages  # type: ignore[attr-defined]
        pytest.skip(here.reason or "runs with --memory=no-huge")


@pytest.fixture(scope="session")
def on_hugepages(request: pytest.FixtureRequest) -> bool:
    """Whether the EALs of this run use hugepages."""
    return bool(request.config.getoption("memory") == "hugepages")


@pytest.fixture(scope="session")
def eal(on_hugepages: bool) -> Iterator[pydpdk.Eal]:
    """Start the one EAL of this process."""
    prefix = f"test-{os.getpid()}"
    # tests that exhaust memory must not take the pages of parallel tests
    limit = ("--socket-limit=512",) if on_hugepages else ()
    running = pydpdk.init(file_prefix=prefix, hugepages=on_hugepages, lcores=LCORES, extra=limit)
    # memory that DPDK reserves with its first port and keeps
    running.add_device("net_null_first")
    pydpdk.Port.lookup("net_null_first").close()
    running.remove_device("net_null_first")
    yield running
    running.close()
    assert runtime.leftovers(prefix) == []


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Fail a test that leaves an open object, mbufs, a numpy view or DPDK memory behind."""
    if pydpdk_eal.state() != "running":
        yield
        return
    owners, zones = set(map(id, lifetime.owners())), _zone_names()
    yield
    left = [o for o in lifetime.owners() if id(o) not in owners]
    found = [f"{o!r} is open" for o in left]
    found += [f"{o!r} has {o._view_count()} views" for o in lifetime.owners() if o._view_count()]
    found += [f"{p.name}: {p.in_use_count} mbufs are out" for p in mempools() if p.in_use_count]
    for owner in left:
        owner.close(force=True)
    found += [f"memzone {name} stays" for name in sorted(_zone_names() - zones)]
    if found:
        pytest.fail("this test leaks: " + "; ".join(found), pytrace=False)


def _zone_names() -> set[str]:
    # kept by DPDK: net_ring makes 16 rings and frees one per queue of its port
    kept = ("RG_ETH_RXTX", "rte_mbuf_dyn")
    return {zone.name for zone in memzones() if not zone.name.startswith(kept)}


@pytest.fixture
def name() -> str:
    """Make a name that no other test uses."""
    return f"t{next(_numbers)}"


@pytest.fixture
def pool(eal: pydpdk.Eal, name: str) -> Iterator[pydpdk.Mempool]:
    """511 mbufs of the usual size, without a cache, so that all can be taken."""
    with pydpdk.Mempool.create(f"{name}-pool", 511, cache_size=0) as made:
        yield made


@pytest.fixture
def burst(pool: pydpdk.Mempool) -> Iterator[pydpdk.Burst]:
    """At most 32 packets; emptied after the test, before its pool is closed."""
    with pydpdk.Burst(32) as made:
        yield made
        made.free()


@pytest.fixture
def device(eal: pydpdk.Eal, pool: pydpdk.Mempool) -> Iterator[Device]:
    """Add devices with `device("net_null0,size=64")`; removed again before the pool closes."""
    added: list[str] = []

    def add(devargs: str) -> pydpdk.Port:
        port_name = eal.add_device(devargs)
        added.append(devargs.partition(",")[0])
        return pydpdk.Port.lookup(port_name)

    yield add
    for device_name in reversed(added):
        eal.remove_device(device_name)


@pytest.fixture
def children(on_hugepages: bool) -> Iterator[Children]:
    """Start child processes; they are ended after the test."""
    made = Children("hugepages" if on_hugepages else "no-huge")
    yield made
    made.close(f"test-{os.getpid()}")


@pytest.fixture
def run_script(children: Children, tmp_path: Path) -> RunScript:
    """Run Python code in its own process, with the names of `children.PRELUDE`.

    No signal may end the process, and nothing of its file prefix may be left afterwards.
    """

    def run(code: str, *argv: object, timeout: float = 120, **env: str) -> Any:
        prefix = f"test-{os.getpid()}-{next(_numbers)}"
        done = children.script(code, *argv, prefix=prefix, cwd=tmp_path, **env).finish(timeout)
        left = runtime.leftovers(prefix)
        runtime.clean_up(prefix)
        died = died_of_a_signal(done.returncode)
        assert not died, f"died of a signal: {done.returncode}\n{done.stderr}"
        assert left == [], done.stderr
        return done

    return run
