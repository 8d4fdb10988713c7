"""Random deaths of secondaries that make and free memory; the script does the checks."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.hugepages
ROOT = Path(__file__).parents[2]


def test_some_deaths_while_memory_grows_and_shrinks():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/tools/kill_growth"), "--rounds", "6", "--seed", "3"],
        capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 secondaries killed in ")
