"""A full runtime directory: an error before the EAL maps anything, and doctor finds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pydpdk.host import runtime

pytestmark = pytest.mark.hugepages
CODE = """
import os, sys, pydpdk
try:
    lcores = (min(os.sched_getaffinity(0)),)
    with pydpdk.init(file_prefix=sys.argv[1], hugepages=True, lcores=lcores):
        print("up")
except pydpdk.DpdkError as error:
    print(error)
"""


@pytest.fixture
def short_path():
    """A directory with short enough paths for sockets, whatever pytest uses."""
    with tempfile.TemporaryDirectory(prefix="full-") as made:
        yield Path(made)


def _in_tmpfs_of(size: str, directory, *arguments: str) -> subprocess.CompletedProcess[str]:
    mount = f'mount -t tmpfs -o size={size} tmpfs "$RUNTIME_DIRECTORY" || exit 77; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount, "sh", sys.executable, *arguments],
        env={**os.environ, "RUNTIME_DIRECTORY": str(directory)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip(f"no mount of one's own here: {done.stderr}")
    return done


@pytest.mark.parametrize(
    ("size", "says"),
    [("64k", "has room for 64 kB"), ("1m", "has room for 1024 kB"), ("8m", "up")],
)
def test_a_full_directory_is_an_error(short_path, size, says):
    prefix = f"test-{os.getpid()}-{size}"
    done = _in_tmpfs_of(size, short_path, "-c", CODE, prefix)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    assert runtime.hugepage_files(prefix) == []


@pytest.mark.parametrize(("length", "says"), [(107, "up"), (108, "at most 107 bytes for a socket")])
def test_a_path_too_long_for_a_socket_is_an_error(short_path, length, says):
    prefix = f"test-{os.getpid()}-long"
    rest = length - len(os.fsencode(short_path / "dpdk" / prefix / "dpdk_telemetry.v2"))
    directory = short_path / ("x" * (rest - 1))
    directory.mkdir()
    done = _in_tmpfs_of("8m", directory, "-c", CODE, prefix)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


@pytest.mark.parametrize("name", ["config", "fbarray_memseg-1048576k-0-0", "mp_socket_99_ab"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("victim")])
def test_the_eal_opens_no_fifo_link_or_directory_there(short_path, name, make):
    """It would wait in open(2) for ever, write to the target, or fail without the reason."""
    prefix = f"test-{os.getpid()}-odd"
    directory = short_path / "dpdk" / prefix
    directory.mkdir(parents=True)
    make(directory / name)
    (directory / "victim").write_text("text")
    environment = {**os.environ, "RUNTIME_DIRECTORY": str(short_path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, prefix],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert f"{directory / name} is no file of the EAL" in done.stdout
    assert (directory / "victim").read_text() == "text"
    assert runtime.hugepage_files(prefix) == []


def test_doctor_finds_it(tmp_path):
    done = _in_tmpfs_of("64k", tmp_path, "-m", "pydpdk", "doctor", "--json")
    (found,) = (one for one in json.loads(done.stdout) if one["code"] == "runtime-dir-full")
    assert found["command"] == f"mount -o remount,size=64M {tmp_path}"
