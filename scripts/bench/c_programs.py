"""Compile the C sides of the benchmarks, when they run, against the DPDK of this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path


def compiler() -> str:
    return os.environ.get("CC", "cc")


def check_compiler() -> None:
    """Exit if this machine cannot compile: before a measurement, which takes long."""
    for program in (compiler(), "pkg-config"):
        if shutil.which(program) is None:
            sys.exit(f"no {program} for the C side: apt install dpdk-dev gcc pkg-config")


def compile_c(source: Path, target: Path, *flags: str, dpdk: bool = True) -> Path:
    """Compile a C file as optimised as pydpdk's own; return the target."""
    command = [compiler(), "-O3", "-Wall", "-Wextra", *flags]
    command += [str(source), "-o", str(target)]
    if dpdk:
        found = subprocess.check_output(["pkg-config", "--cflags", "--libs", "libdpdk"], text=True)
        command += shlex.split(found)
    subprocess.run(command, check=True)
    return target
