"""Secondaries come and go beside a primary that forwards: a short `scripts/tools/attach_cycles`."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "tools" / "attach_cycles"


@pytest.mark.hugepages
def test_no_packet_is_lost_while_secondaries_come_and_go() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--cycles", "5"], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 of 5 secondaries" in done.stdout
    assert "512 of 512 packets still there, each once; pool 2047 of 2,047 free" in done.stdout
