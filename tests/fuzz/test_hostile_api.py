"""Bad calls of the API: each ends in a documented exception or a result, none in a signal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pydpdk.host import runtime

HOSTILE = Path(__file__).with_name("hostile.py")
CALLS, INITS = 4, 4


@pytest.mark.parametrize(
    ("kind", "part", "parts"),
    [("calls", i, CALLS) for i in range(CALLS)] + [("init", i, INITS) for i in range(INITS)],
)
def test_hostile_calls(kind: str, part: int, parts: int, on_hugepages: bool, capsys):
    prefix = f"test-{os.getpid()}-{kind}{part}"
    run = subprocess.run(
        [sys.executable, HOSTILE, kind, str(part), str(parts)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        env={
            **os.environ,
            "TEST_PREFIX": prefix,
            "TEST_MEMORY": "hugepages" if on_hugepages else "no-huge",
            "PYTHONIOENCODING": "utf-8:backslashreplace",
        },
    )
    left = runtime.leftovers(prefix)
    runtime.sweep(prefix)
    lines = run.stdout.splitlines()
    assert run.returncode == 0, f"after {lines[-1:]}: {run.returncode}\n{run.stderr[-3000:]}"
    found = [line for line in lines if re.match("UNDOCUMENTED|DIED", line)]
    assert found == [], f"{len(found)} of them"
    assert left == []
    n = int(lines[-1].removeprefix("DONE "))
    assert n >= 200
    with capsys.disabled():
        sys.stdout.write(f"\n{n} bad calls of {kind}, part {part + 1} of {parts}: ")
