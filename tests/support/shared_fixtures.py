"""Ports, files and interfaces for several files of tests."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from packets import FRAMES

from pydpdk import Burst, Mempool, Port, Ring
from pydpdk.host import runtime

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
SCRIPT = ROOT / "scripts/veth"
TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # linux/if_tun.h


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Build a program from a C file, against the DPDK of this machine."""

    def compiled(source: Path) -> Path:
        made = tmp_path_factory.mktemp("c") / source.stem
        flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "libdpdk"], text=True)
        warnings = ["-Wall", "-Wextra", "-Werror"]
        subprocess.run(["gcc", "-O2", *warnings, "-o", made, source, *flags.split()], check=True)
        return made

    return compiled


@pytest.fixture
def frames(pool: Mempool, burst: Burst) -> Burst:
    burst.alloc(pool, len(FRAMES))
    burst.fill(FRAMES)
    return burst


@pytest.fixture
def null(device) -> Port:
    return device("net_null_p,size=60")


@pytest.fixture
def loop(device, pool: Mempool) -> Port:
    """A started net_ring port that receives what it sends."""
    port = device("net_ring_p")
    port.configure(mempool=pool)
    port.start()
    return port


@pytest.fixture
def command(tmp_path, on_hugepages):
    """Make the command that runs a file, with the chosen memory and a known prefix."""
    prefixes = []

    def make(file: str | Path, *options: str) -> list[str]:
        data = yaml.safe_load((CONFIGS / file).read_text())
        prefixes.append(f"run-{os.getpid()}-{len(prefixes)}-{tmp_path.name}"[:60])
        data["eal"] = {
            **(data.get("eal") or {}), "hugepages": on_hugepages, "file_prefix": prefixes[-1],
        }  # fmt: skip
        path = tmp_path / Path(file).name
        path.write_text(yaml.safe_dump(data, sort_keys=False))
        return [sys.executable, "-m", "pydpdk", "run", str(path), *options]

    yield make
    assert [left for prefix in prefixes for left in runtime.leftovers(prefix)] == []


@pytest.fixture
def veth() -> Iterator[str]:
    """Two pairs, <name>0 to <name>1 and <name>2 to <name>3; the kernel uses 0 and 3."""
    name = f"e{os.getpid()}v"
    up = subprocess.run([SCRIPT, "up", name], capture_output=True, text=True)
    if up.returncode:
        subprocess.run([SCRIPT, "down", name], capture_output=True)
        cannot = ("Operation not permitted", "Unknown device type", "not supported")
        if shutil.which("ip") and not any(reason in up.stderr for reason in cannot):
            pytest.fail(up.stderr)
        pytest.skip(f"this machine makes no veth pair: {up.stderr.strip()}")
    yield name
    subprocess.run([SCRIPT, "down", name], capture_output=True, check=True)


@pytest.fixture
def tun() -> None:
    """Check that the kernel lets this user make tap interfaces, by making one."""
    try:
        with TUN.open("r+b", buffering=0) as file:
            fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", b"", IFF_TAP | IFF_NO_PI))
    except OSError as error:
        pytest.skip(f"no tap interface by {TUN}: {error}")


@pytest.fixture
def pair(eal, name: str):
    """Rings to a worker and back; what the bursts have at the end is freed."""
    with (
        Ring.create(f"{name}a", 64, element="mbuf") as there,
        Ring.create(f"{name}b", 64, element="mbuf") as back,
    ):
        yield there, back
