"""DPDK's drivers for real NICs, in a guest with emulated ones: all of scripts/nic-lab."""

import faulthandler
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.nic

ROOT = Path(__file__).parents[2]
PMDS = {"net_e1000_em", "net_virtio", "net_vmxnet3"}


def why_not() -> str:
    """Return what keeps the lab from running here."""
    if platform.machine() != "x86_64":
        return f"the guest is x86-64 on this machine's own files, which are {platform.machine()}"
    if shutil.which("apt-cache") is None:
        return "the guest's kernel is Debian's, and there is no apt here"
    known = subprocess.run(("apt-cache", "depends", "linux-image-amd64"), capture_output=True)
    if known.returncode:
        return "apt knows no linux-image-amd64"
    if all(map(shutil.which, ("qemu-system-x86_64", "depmod"))):
        return ""
    if os.geteuid():
        return "QEMU is not installed, and only root can"
    try_it = ("apt-get", "install", "--simulate", "qemu-system-x86", "kmod")
    if subprocess.run(try_it, capture_output=True).returncode:
        return "QEMU is not installed, and apt offers none"
    return ""


@pytest.fixture(scope="module")
def lab() -> dict[str, Any]:
    if reason := why_not():
        pytest.skip(reason)
    faulthandler.cancel_dump_traceback_later()  # here, minutes do not mean a hang
    command = (ROOT / "scripts/nic-lab", "--timeout=600")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-6000:]}{done.stderr[-2000:]}"
    result: dict[str, Any] = json.loads((ROOT / "build/nic-lab.json").read_text())
    return result


def test_three_drivers_of_real_nics_carry_packets_unchanged(lab: dict[str, Any]) -> None:
    assert lab["faults"] == []
    assert {nic["PMD"] for nic in lab["nics"]} == PMDS
    for nic in lab["nics"]:
        assert nic["rx_packets"] == nic["tx_packets"] >= 1000, nic
        assert nic["rx_bytes"] >= 60 * nic["rx_packets"], nic
        assert nic["bytes"] == "equal", nic


def test_the_log_of_the_lab_has_all_steps_in_order(lab: dict[str, Any]) -> None:
    log = (ROOT / "build/nic-lab.log").read_text()
    steps = ("device-kernel-driver", "not taken from the kernel without force", "vfio-pci",
             "IOVA as va", "through the file", "devices unbind", "passed")  # fmt: skip
    places = [log.find(step) for step in steps]
    assert -1 not in places, dict(zip(steps, places, strict=True))
