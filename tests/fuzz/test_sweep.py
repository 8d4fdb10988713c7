"""Every public callable with bad values: a result or a documented exception, never a signal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from sweep_targets import EXCLUDED, found, reason, targets

from pydpdk.host import hugepages, runtime

HERE = Path(__file__).parent
PARTS, INIT_PARTS = 4, 4
ALONE = pytest.mark.alone
FLOOR = {"sweep": 8_000, "hostile_init": 250}
"""Calls of each part; what is found by introspection may grow, and must not get lost."""


@pytest.fixture
def directory() -> Iterator[Path]:
    """Files of the calls and the runtime directory, in a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="sweep-") as made:
        for below in ("deep/deeper/cwd", "run"):
            Path(made, below).mkdir(parents=True)
        yield Path(made)


def pages_left(prefix: str) -> list[Path]:
    """Return hugepage files of this prefix, and of those that begin with it."""
    mounts = hugepages.read_mounts()
    return [file for mount in mounts for file in mount.path.glob(f"{prefix}*")]


@pytest.mark.parametrize(
    ("script", "part", "parts"),
    [("sweep", i, PARTS) for i in range(PARTS)]
    # --legacy-mem and a large memory_mb take all hugepages
    + [pytest.param("hostile_init", i, INIT_PARTS, marks=ALONE) for i in range(INIT_PARTS)],
)
def test_bad_calls_end_in_a_result_or_a_documented_exception(
    script: str, part: int, parts: int, on_hugepages: bool, directory: Path, capsys, monkeypatch
):
    prefix = f"test-{os.getpid()}-{script}{part}"
    reserved = [pool.total for pool in hugepages.read_pools()]
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(directory / "run"))
    run = subprocess.run(
        [sys.executable, HERE / f"{script}.py", str(part), str(parts)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        cwd=directory / "deep/deeper/cwd",
        env={
            **os.environ,
            "TEST_PREFIX": prefix,
            "TEST_MEMORY": "hugepages" if on_hugepages else "no-huge",
            "PYTHONIOENCODING": "utf-8:backslashreplace",
            "PYTHONPATH": str(HERE.parent / "support"),
        },
    )
    left = pages_left(prefix)
    runtime.clean_up(prefix)
    lines = run.stdout.splitlines()
    assert run.returncode == 0, f"after {lines[-1:]}: {run.returncode}\n{run.stderr[-3000:]}"
    found = [line for line in lines if re.match("UNDOCUMENTED|DIED|NEWCOMER", line)]
    assert found == [], f"{len(found)} of them"
    assert left == []
    assert [pool.total for pool in hugepages.read_pools()] == reserved
    assert list((directory / "run" / "dpdk").glob("*")) == []
    n = int(lines[-1].removeprefix("DONE "))
    assert n >= FLOOR[script]
    with capsys.disabled():
        sys.stdout.write(f"\n{n:,} bad calls of {script}, part {part + 1} of {parts}: ")


def test_callables_that_are_left_out_exist_and_have_a_reason(capsys):
    names = {target.name for target in found()}
    assert [p for p in EXCLUDED if not any(fnmatchcase(n, p) for n in names)] == []
    left_out = sorted(name for name in names if reason(name))
    assert len(targets()) >= 400
    with capsys.disabled():
        sys.stdout.write(f"\n{len(targets())} callables swept; left out of {len(names)}:\n")
        for pattern, why in EXCLUDED.items():
            count = sum(fnmatchcase(name, pattern) for name in left_out)
            sys.stdout.write(f"  {pattern} ({count}): {why}\n")
