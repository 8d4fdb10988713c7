"""Files of the kernel and of other programs: text or None, at once."""

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from pydpdk.host import alive, fds, files


def test_a_file_in_its_forms(tmp_path: Path):
    file = tmp_path / "f"
    file.write_bytes(b" 12 \n\xff\n")
    assert files.content(file) == b" 12 \n\xff\n"
    assert files.content(file, 4) == b" 12 "
    assert files.text(file) == " 12 \n\udcff\n"
    assert files.lines(file) == [" 12 ", "\udcff"]
    assert files.word(file) == "12 \n\udcff"
    link = tmp_path / "link"
    link.symlink_to(file)
    assert files.content(link, 3) == b" 12"


@pytest.mark.parametrize(
    ("text", "base", "number"),
    [("12\n", 10, 12), ("-1\n", 10, -1), ("0x8086\n", 16, 0x8086), ("max\n", 10, None),
     ("", 10, None), ("\udcff", 10, None)],
)  # fmt: skip
def test_numbers_in_files(tmp_path: Path, text: str, base: int, number: int | None):
    (tmp_path / "f").write_bytes(os.fsencode(text))
    assert files.number(tmp_path / "f", base) == number


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: None])
def test_what_is_no_regular_file_reads_as_nothing_and_at_once(tmp_path: Path, make):
    path = tmp_path / "f"
    make(path)
    before = len(fds.open_fds())
    assert files.content(path) is files.text(path) is files.number(path) is None
    assert (files.lines(path), files.word(path)) == ([], "")
    assert len(fds.open_fds()) == before


def test_a_path_that_no_file_can_have():
    assert files.content("a\0b") is None


def test_entries_of_a_directory(tmp_path: Path):
    (tmp_path / "b").touch()
    (tmp_path / "a").mkdir()
    assert files.entries(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert files.entries(tmp_path / "b") == files.entries(tmp_path / "none") == []


def test_a_zombie_is_dead_and_still_exists():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = alive.start_time(child.pid)
    assert started >= alive.start_time() > 0
    assert alive.is_alive(child.pid, started)
    assert not alive.is_alive(child.pid, started + 1)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert alive.start_time(child.pid) == 0
    assert not alive.is_alive(child.pid, started)
    assert not alive.is_alive(child.pid, 0)
    assert alive.exists(child.pid)
    child.communicate()
    assert not alive.exists(child.pid)


def test_a_short_file_takes_little_memory():
    """Not the memory of the longest that would be read."""
    tracemalloc.start()
    try:
        assert files.word("/proc/self/comm")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_a_long_file_is_read_to_its_bound(tmp_path: Path):
    path = tmp_path / "long"
    path.write_bytes(bytes(range(256)) * 1000)
    assert files.content(path) == path.read_bytes()
    assert files.content(path, 70_000) == path.read_bytes()[:70_000]
    assert files.content(path, -1) == b""
