"""No verb that C serves leaves a reference or memory, on the fast path, in Python, or refused.

`scripts/tools/count_references --calls 10000000` does the same for hours.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "scripts" / "tools" / "count_references"


@pytest.mark.parametrize("options", [(), ("-X", "dev")], ids=["", "dev"])
def test_repeated_calls_leave_no_references(on_hugepages: bool, options: tuple[str, ...]):
    memory = [] if on_hugepages else ["--no-huge"]
    done = subprocess.run(
        [sys.executable, *options, TOOL, "--calls", "1000", *memory],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" cases of 1,000 calls, 0 wrong")


def test_a_reference_that_stays_is_found(tmp_path: Path):
    """With a call that keeps one object of each call, and one that keeps a reference."""
    script = f"""
import importlib.machinery, importlib.util, sys
sys.path.insert(0, {str(TOOL.parent)!r})
loader = importlib.machinery.SourceFileLoader("count_references", {str(TOOL)!r})
tool = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(tool)
thing, kept = object(), [None] * 10000
def keep(value): kept[kept.index(None)] = value
for call in (lambda: keep(object()), lambda: keep(thing), lambda: None):
    print(*tool.count(tool.Case((), call), 1000, (thing,))[:2])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert [(blocks >= 1000, references) for blocks, references in found] == [
        (True, 0),
        (False, 1000),
        (False, 0),
    ]
