"""The guest's image: Debian's kernel, and a file system in memory that mounts the rest."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"qemu-system-x86_64": "qemu-system-x86", "depmod": "kmod"}
KERNEL = "linux-image-amd64"
_AT_BOOT = ("virtio_pci", "9pnet_virtio", "9p", "overlay")


def install() -> None:
    """Install the missing packages of QEMU and kmod."""
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if missing:
        # seabios is the firmware, which QEMU only recommends
        apt("install", "-qq", "--no-install-recommends", "-y", *missing, "seabios")


def apt(*argv: str, **where: Path) -> None:
    sudo = () if os.geteuid() == 0 else ("sudo",)
    if argv[0] == "install":
        run(*sudo, "apt-get", "update", "-qq")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = (*(sudo if argv[0] == "install" else ()), "apt-get", *argv)
    subprocess.run(
        command, check=True, env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if argv[0] == "download" else None, **where,
    )  # fmt: skip


def run(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def fetch(cache: Path) -> Path:
    """Download and unpack the current kernel of this Debian, and busybox; once."""
    found = re.search(r"Depends: (linux-image-\S+)", run("apt-cache", "depends", KERNEL))
    if found is None:
        sys.exit(f"apt knows no {KERNEL}: the lab boots a kernel of Debian's")
    tree = cache / found[1]
    if not (tree / "done").exists():
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        apt("download", found[1], "busybox-static", cwd=tree)
        for package in tree.glob("*.deb"):
            run("dpkg-deb", "-x", package, tree)
            package.unlink()
        if (tree / "usr/lib/modules").is_dir():  # the location in newer packages
            (tree / "lib").mkdir(exist_ok=True)
            (tree / "usr/lib/modules").rename(tree / "lib/modules")
        run("depmod", "-b", tree, release(tree))
        (tree / "done").touch()
    return tree


def release(tree: Path) -> str:
    """Return the kernel's release, as `uname -r` will."""
    return next((tree / "lib/modules").iterdir()).name


def make_initrd(tree: Path, output: Path) -> None:
    """Write the archive that the kernel unpacks: busybox, `init`, and what mounts the rest."""
    modules = _modules(tree)
    lab = {"REPO": ROOT, "PYTHON": ROOT / ".venv/bin/python", "MODULES": tree / "lib/modules"}
    busybox = next(p for p in (tree / "bin/busybox", tree / "usr/bin/busybox") if p.exists())
    files = {
        "bin": None,
        "dev": None,
        "bin/busybox": busybox.read_bytes(),
        "init": (ROOT / "scripts/nic_lab/init").read_bytes(),
        "lab": "".join(f"{name}='{value}'\n" for name, value in lab.items()).encode(),
        "modules": "".join(f"/{module.name}\n" for module in modules).encode(),
        **{module.name: module.read_bytes() for module in modules},
    }
    parts = [_entry(name, data, i) for i, (name, data) in enumerate(files.items(), 1)]
    output.write_bytes(gzip.compress(b"".join([*parts, _entry("TRAILER!!!", b"", 0)]), 1))


def _modules(tree: Path) -> list[Path]:
    """Return the modules to load first, in order."""
    found: list[Path] = []
    for module in _AT_BOOT:
        lines = run("modprobe", "-d", tree, "-S", release(tree), "--show-depends", module)
        paths = [Path(line.split()[1]) for line in lines.splitlines() if line.startswith("insmod")]
        found += [path for path in paths if path not in found]
    return found


def _entry(name: str, data: bytes | None, number: int) -> bytes:
    """Make an entry of a `newc` archive; a directory has no data."""
    mode = 0o040755 if data is None else 0o100755
    content, path = data or b"", name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
