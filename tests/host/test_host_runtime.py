import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from children import Child

from pydpdk.host.runtime import clean_up, hugepage_files, is_in_use, leftovers, runtime_dir


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with a hugetlbfs mount and a parent of runtime directories."""
    (tmp_path / "dev/hugepages").mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/mounts").write_text("none /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    return tmp_path


def leave(root: Path, prefix: str) -> list[Path]:
    """Make what a dead primary leaves, in the order in which `clean_up` removes it."""
    huge, directory = root / "dev/hugepages", runtime_dir(prefix)
    directory.mkdir(parents=True)
    files = [huge / f"{prefix}map_0", huge / f"{prefix}map_1"]
    files += [directory / name for name in ("config", "fbarray_memzone", "mp_socket")]
    for file in files:
        file.write_bytes(bytes(4096))
    return [*files, directory]


@contextmanager
def other_process(code: str, *args: object) -> Iterator[None]:
    """Run Python code in another process, and keep it there."""
    argv = [sys.executable, "-c", f"{code}\nprint('ready', flush=True)\ninput()", *map(str, args)]
    child = Child(argv)
    child.until_ready()
    yield
    child.end()


LOCK_CONFIG = (
    "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX, 9, 99)"
)
BIND = "import socket, sys; s = socket.socket(1, int(sys.argv[2])); s.bind(sys.argv[1])"
FLOCK = "import fcntl, sys; f = open(sys.argv[1], 'rb'); fcntl.flock(f, fcntl.LOCK_SH)"


@pytest.mark.parametrize("prefix", ["", ".", "..", "a/b", "/", "a\0"])
def test_an_invalid_prefix_raises(prefix: str, root: Path):
    for function in (runtime_dir, hugepage_files, leftovers, is_in_use, clean_up):
        with pytest.raises(ValueError, match="file prefix"):
            function(prefix)


def test_runtime_dir_follows_the_eal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert runtime_dir("a") == Path("/var/run/dpdk/a")
    monkeypatch.setattr(os, "getuid", lambda: 7)
    assert runtime_dir("a") == Path("/run/user/7/dpdk/a")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert runtime_dir("a") == Path("/tmp/dpdk/a")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/unit")
    assert runtime_dir("a") == Path("/run/unit/dpdk/a")


def test_hugepage_files_are_those_of_exactly_this_prefix(root: Path):
    names = ["amap_0", "amap_7_12", "aamap_0", "amap_", "amap_x", "amap_0x", "amap_0map_0"]
    names += ["a.map_1", "abmap_1", "amap_1\n"]
    for name in names:
        (root / "dev/hugepages" / name).touch()

    def found(prefix: str) -> list[str]:
        return [file.name for file in hugepage_files(prefix, root=root)]

    assert found("a") == ["amap_0", "amap_7_12"]
    assert found("aa") == ["aamap_0"]
    assert found("amap_0") == ["amap_0map_0"]
    assert found("a.") == ["a.map_1"]


def test_nothing_left(root: Path):
    assert leftovers("p", root=root) == []
    assert not is_in_use("p", root=root)
    assert clean_up("p", root=root) == []


def test_sweep_removes_all_of_one_prefix_and_nothing_else(root: Path):
    left, other = leave(root, "p"), leave(root, "pp")
    assert leftovers("p", root=root) == [*left[:2], left[-1]]
    assert clean_up("p", root=root) == left
    assert leftovers("p", root=root) == []
    assert all(file.exists() for file in other)


def test_foreign_files_stay(root: Path):
    *_, directory = leave(root, "p")
    (directory / "notes").mkdir()
    assert directory not in clean_up("p", root=root)
    assert list(directory.iterdir()) == [directory / "notes"]


def test_a_runtime_directory_that_is_a_link_is_not_followed(root: Path):
    (root / "elsewhere").mkdir()
    (root / "elsewhere/config").touch()
    runtime_dir("p").parent.mkdir(parents=True)
    runtime_dir("p").symlink_to(root / "elsewhere")
    assert clean_up("p", root=root) == []
    assert (root / "elsewhere/config").exists()


def test_a_live_primary_keeps_all(root: Path):
    leave(root, "p")
    with other_process(LOCK_CONFIG, runtime_dir("p") / "config"):
        for by_others in (False, True):
            assert is_in_use("p", by_others=by_others, root=root)
        assert clean_up("p", root=root) == []
        # the check must neither take nor drop the lock
        assert is_in_use("p", root=root)
    assert not is_in_use("p", root=root)
    assert len(clean_up("p", root=root)) == 6


@pytest.mark.parametrize(
    ("name", "kind"),
    [("mp_socket_77_1", socket.SOCK_DGRAM), ("dpdk_telemetry.v2", socket.SOCK_SEQPACKET)],
)
def test_a_process_that_answers_keeps_all(root: Path, name: str, kind: int):
    """A secondary whose primary died, or a primary without shared files."""
    leave(root, "p")
    with other_process(BIND, runtime_dir("p") / name, int(kind)):
        assert is_in_use("p", by_others=True, root=root)
        assert clean_up("p", root=root) == []
    assert len(clean_up("p", root=root)) == 7


def test_a_lock_on_a_hugepage_file_keeps_all(root: Path):
    leave(root, "p")
    with other_process(FLOCK, root / "dev/hugepages/pmap_1"):
        assert is_in_use("p", root=root)
        assert clean_up("p", root=root) == []
    assert not is_in_use("p", root=root)


def test_the_own_lock_does_not_prevent_a_sweep(root: Path):
    left = leave(root, "p")
    directory = runtime_dir("p")
    (directory / "mp_socket").unlink()
    with (
        (directory / "config").open("r+b") as config,
        (root / "dev/hugepages/pmap_0").open("rb") as page,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
    ):
        fcntl.lockf(config, fcntl.LOCK_EX, 9, 99)
        fcntl.flock(page, fcntl.LOCK_SH)
        listener.bind(str(directory / "mp_socket"))
        assert is_in_use("p", root=root)
        assert clean_up("p", root=root) == left
