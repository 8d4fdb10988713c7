"""Files of other users are not opened, waited for or removed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pydpdk.host import primary, program, reap, registry, runtime
from pydpdk.host.doctor.memory import _runtime_dir, _strange_files
from pydpdk.host.needs import Needs
from pydpdk.host.trust import distrust, open_regular

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes files of another user")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with a hugetlbfs mount and a parent of runtime directories."""
    (tmp_path / "dev/hugepages").mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/mounts").write_text("none /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n")
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    return tmp_path


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def of_nobody(path: Path) -> Path:
    path.mkdir()
    os.chown(path, NOBODY, NOBODY)
    return path


def linked(path: Path, to: Path) -> Path:
    path.symlink_to(to)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return path


def test_a_directory_of_this_user_is_trusted(root: Path):
    (root / "run/dpdk/a").mkdir(parents=True, mode=0o700)
    assert distrust(root / "run/dpdk/a", own=True) == ""
    assert distrust(root / "run/dpdk/none", own=True) == ""


@needs_root
def test_directories_of_others_are_not(root: Path):
    of_nobody(root / "run/dpdk")
    assert "belongs to user 65534" in distrust(root / "run/dpdk/a")
    (found,) = _runtime_dir(Needs(), Path("/"))
    assert found.code == "runtime-dir-untrusted"


@pytest.mark.parametrize("mode", [0o777, 0o702])
def test_directories_that_all_can_write_are_not(root: Path, mode: int):
    (root / "run/dpdk").mkdir()
    (root / "run/dpdk").chmod(mode)
    assert "can be written by everybody" in distrust(root / "run/dpdk/a")
    (root / "run/dpdk").chmod(0o1777)
    assert distrust(root / "run/dpdk/a") == ""
    (root / "run/dpdk/a").mkdir()
    (root / "run/dpdk/a").chmod(mode)
    assert "can be written by others" in distrust(root / "run/dpdk/a")


@needs_root
def test_the_target_of_a_link_is_neither_listed_nor_removed(root: Path):
    home = root / "home/letters"
    home.mkdir(parents=True)
    (home / "mine").write_text("text")
    linked(root / "run/dpdk", root / "home")
    assert "letters" not in reap.known_prefixes()
    assert primary.running_prefixes() == []
    assert runtime.leftovers("letters") == []
    assert runtime.clean_up("letters") == []
    assert reap.reap(["letters"]) == []
    assert (home / "mine").read_text() == "text"
    with pytest.raises(PermissionError):
        registry.register("letters", "primary", "me", lambda _: [])


def test_a_link_is_not_written_through(root: Path):
    victim = root / "victim"
    victim.write_text("text")
    (root / "run/dpdk/a").mkdir(parents=True, mode=0o700)
    for name in ("config", registry.FILE):
        (root / "run/dpdk/a" / name).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        registry.register("a", "primary", "me", lambda _: [])
    assert registry.members("a") == []
    assert victim.read_text() == "text"
    assert not runtime.is_in_use("a")


def test_fifos_are_not_waited_for(root: Path):
    (root / "run/dpdk/a").mkdir(parents=True, mode=0o700)
    for name in ("config", registry.FILE, "fbarray_memzone"):
        fifo(root / "run/dpdk/a" / name)
    page = fifo(root / "dev/hugepages/amap_0")
    assert not runtime.is_in_use("a", root=root)
    assert primary.look("a").pid == 0
    assert program.config_version("a") == (False, 0)
    assert not program.has_ports("a")
    assert registry.members("a") == registry.dead("a") == []
    (found,) = _strange_files(Needs(), root)
    assert (found.code, found.command) == ("hugetlbfs-strange-file", f"rm {page}")
    assert runtime.clean_up("a", root=root)
    assert not page.exists()


def test_strange_files_of_a_runtime_directory_are_found(root: Path):
    directory = root / "run/dpdk/a"
    directory.mkdir(parents=True, mode=0o700)
    for name in ("config", "fbarray_memzone", "mp_socket", "hugepage_info", registry.FILE, "mine"):
        (directory / name).touch()
    assert runtime.strange_files("a") == []
    odd = [fifo(directory / "fbarray_x"), directory / "hugepage_data", directory / "mp_socket_1_a"]
    odd[1].mkdir()
    odd[2].symlink_to("config")
    assert runtime.strange_files("a") == odd
    found = list(_runtime_dir(Needs(file_prefix="a"), Path("/")))
    assert {one.code for one in found} == {"runtime-dir-strange-file"}
    assert [one.command for one in found] == [f"rm -r {path}" for path in odd]


@pytest.mark.parametrize("make", [fifo, Path.mkdir, lambda p: p.symlink_to("/etc/passwd")])
def test_only_regular_files_are_opened(tmp_path: Path, make):
    make(tmp_path / "x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError):
        open_regular(tmp_path / "x")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@needs_root
def test_pages_that_may_not_be_opened_count_as_in_use():
    """Pages of another user: whether they are locked cannot be seen."""
    code = """
import os, sys
from pathlib import Path
from pydpdk.host import runtime
os.setgid(65534)
os.setuid(65534)
print(runtime.is_in_use("a", root=Path(sys.argv[1])))
"""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        root.chmod(0o755)
        (root / "proc").mkdir()
        (root / "proc/mounts").write_text("none /pages hugetlbfs rw,pagesize=2M 0 0\n")
        (root / "pages").mkdir()
        (root / "pages/amap_0").touch(mode=0o600)
        command = [sys.executable, "-c", code, root]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
