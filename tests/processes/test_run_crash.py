"""`pydpdk run` whose function crashes: what is left on the host, and what removes it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pydpdk.host import runtime

BODY = """
import os, signal, sys, threading, pydpdk
def main(app):
    burst = pydpdk.Burst(32)
    burst.alloc(app.mempools["packets"], 9)
    view = burst[0]
    {how}
"""


@pytest.fixture
def prefix(tmp_path: Path) -> Iterator[str]:
    yield f"crash-{os.getpid()}-{tmp_path.name}"[:60]
    runtime.clean_up(f"crash-{os.getpid()}-{tmp_path.name}"[:60])


@pytest.fixture
def run(tmp_path: Path, on_hugepages: bool, prefix: str):
    def with_end(how: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "mine.py").write_text(BODY.format(how=how))
        (tmp_path / "mine.yaml").write_text(
            f"eal: {{hugepages: {str(on_hugepages).lower()}, file_prefix: {prefix}}}\n"
            "mempools: {packets: {n: 1023}}\n"
            "ports: {p0: {device: 'net_null0,size=64', mempool: packets}}\n"
            "app: {python: 'mine:main'}\n"
        )
        return subprocess.run(
            [sys.executable, "-m", "pydpdk", "run", "mine.yaml", "--duration", "10"],
            capture_output=True, text=True, cwd=tmp_path, timeout=60,
            env={**os.environ, "PYDPDK_CHECK": "0"},
        )  # fmt: skip

    return with_end


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("raise RuntimeError('mine')", 1),
        ("sys.exit(3)", 3),
        ("raise KeyboardInterrupt", 0),
        ("os.kill(os.getpid(), signal.SIGTERM)", 0),
        ("app.eal.close(force=True)", 1),
    ],
)
def test_an_end_that_python_handles_leaves_nothing(run, prefix: str, how: str, code: int):
    done = run(how)
    assert done.returncode == code, done.stderr
    assert runtime.leftovers(prefix) == []


@pytest.mark.hugepages
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("os._exit(4)", 4),
        ("os.abort()", -signal.SIGABRT),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    ],
)
def test_reap_removes_what_a_crash_leaves(run, prefix: str, how: str, code: int):
    assert run(how).returncode == code
    assert runtime.leftovers(prefix) != []
    done = subprocess.run([sys.executable, "-m", "pydpdk", "reap", prefix], capture_output=True)
    assert done.returncode == 0
    assert runtime.leftovers(prefix) == []
