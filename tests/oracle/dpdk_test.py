"""DPDK's own test program, beside our ports of its cases."""

import os
import shutil
import subprocess

import pytest

from pydpdk.host import runtime

SKIPPED = 77


def run_autotest(name: str, *, hugepages: bool) -> None:
    """Run one test of `dpdk-test`; fail if it fails, skip if it is not available."""
    program = shutil.which("dpdk-test")
    if program is None:
        pytest.skip("dpdk-test is not installed (Debian: apt install dpdk-dev)")
    prefix = f"test-{os.getpid()}-{name}"
    lcores = ",".join(map(str, sorted(os.sched_getaffinity(0))[:2]))
    memory = [] if hugepages else ["--no-huge"]
    done = subprocess.run(
        [program, *memory, "--no-pci", "-l", lcores, "--file-prefix", prefix, "--no-telemetry"],
        env={**os.environ, "DPDK_TEST": name}, capture_output=True, text=True, errors="replace",
        timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    runtime.clean_up(prefix)
    if done.returncode == SKIPPED:
        pytest.skip(f"dpdk-test skips {name} here")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Test OK" in done.stdout, done.stdout[-2000:]
