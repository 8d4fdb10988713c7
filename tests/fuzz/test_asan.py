"""Hostile packets through our C under AddressSanitizer: no access outside their memory."""

from __future__ import annotations

import os
import random
import runpy
import struct
import subprocess
from pathlib import Path

import pytest
from capture_compare import shipped
from odd_packets import random_datagram

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NATIVE = ROOT / "pydpdk" / "_native"
COLUMNS = NATIVE / "columns"
BURST = [NATIVE / "burst" / name for name in ("offload.c", "span.c")]
SOURCES = [HERE / "asan_columns.c", *sorted(COLUMNS.glob("*.c")), *BURST]
PACKETS = int(os.environ.get("PYDPDK_ASAN_PACKETS", "200000"))
"""A million of them take 20 s; the suite has fewer."""


def pkg_config(what: str) -> list[str]:
    return subprocess.run(
        ["pkg-config", what, "libdpdk"], capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the C files of the extension with AddressSanitizer."""
    made = tmp_path_factory.mktemp("asan") / "asan_columns"
    text = runpy.run_path(str(ROOT / "build_verbs.py"))["declarations"]()
    (made.parent / "verbs_decl.h").write_text(text)
    flags = ["-g", "-O1", "-fsanitize=address", "-fno-omit-frame-pointer", "-D_GNU_SOURCE"]
    command = [
        "cc",
        *flags,
        *pkg_config("--cflags"),
        f"-I{NATIVE}",
        f"-I{made.parent}",
        *map(str, SOURCES),
    ]
    built = subprocess.run(
        [*command, "-o", str(made), *pkg_config("--libs")], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    return made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "packets"
    rng = random.Random(1)
    odd = [random_datagram(rng) for _ in range(1000)]
    fragments = [p for d in odd[::4] for p in d.fragments(8 * rng.randint(1, 9), rng.randrange(9))]
    packets = [*shipped(), *(d.packet() for d in odd), *fragments]
    path.write_bytes(b"".join(struct.pack("<I", len(d)) + d for d in packets))
    return path


@pytest.mark.parametrize("seed", [1, 2])
def test_hostile_packets_stay_inside_their_memory(program: Path, corpus: Path, seed: int):
    run = subprocess.run(
        [program, corpus, str(PACKETS // 2), str(seed)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )
    assert run.returncode == 0, run.stderr[:3000]
    assert int(run.stdout.split()[0]) >= PACKETS // 2
