"""Random deaths of primaries and secondaries, round after round."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.hugepages
ROOT = Path(__file__).parents[2]


def test_twenty_rounds_of_random_death():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/tools/kill_rounds"), "--rounds", "20"],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("20 rounds in ")
