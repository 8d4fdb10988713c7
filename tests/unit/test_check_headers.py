"""`scripts/tools/check_headers`: our C against the headers of a DPDK, and its reports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def check(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts/tools/check_headers", "--syntax", *options],
        capture_output=True, text=True, env={**os.environ, **env},
    )  # fmt: skip


def test_the_installed_headers_match_our_declarations():
    done = check("--only", "_dpdk.c")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("1 files, 0 rejected\n")


@pytest.mark.skipif(shutil.which("pkg-config") is None, reason="needs pkg-config")
def test_a_changed_signature_is_reported(tmp_path: Path):
    """One changed header of DPDK, in front of the others."""
    cflags = subprocess.run(
        ["pkg-config", "--cflags-only-I", "libdpdk"], capture_output=True, text=True, check=True
    ).stdout.split()
    directories = [Path(flag[2:]) for flag in cflags]
    header = next(d / "rte_ethdev.h" for d in directories if (d / "rte_ethdev.h").exists())
    known = "rte_eth_dev_start(uint16_t port_id);"
    text = header.read_text()
    assert known in text
    changed = text.replace(known, "rte_eth_dev_start(uint16_t *port_id);")
    (tmp_path / "rte_ethdev.h").write_text(changed)
    # gcc searches CPATH before the directories of -isystem
    done = check("--only", "_dpdk.c", CPATH=str(tmp_path))
    assert done.returncode == 1
    assert "rte_eth_dev_start" in done.stderr
    assert done.stdout.endswith("1 files, 1 rejected\n")
