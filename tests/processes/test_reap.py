"""Dead prefixes are found, listed and removed; those of live processes are kept."""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import Child, Children

from pydpdk.host import reap, runtime
from pydpdk.host.hugepages import read_mounts

LCORE = min(os.sched_getaffinity(0))
PROGRAM = """
import sys, pydpdk
eal = pydpdk.init(file_prefix=sys.argv[1], hugepages=True, lcores=(int(sys.argv[2]),))
pool = pydpdk.Mempool.create("p", 2047, cache_size=0)
print("ready", flush=True)
sys.stdin.read()
"""


def run_reap(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pydpdk", "reap", *arguments], capture_output=True, text=True
    )


@pytest.fixture
def program(request: pytest.FixtureRequest, children: Children) -> tuple[str, Child]:
    prefix = f"test-{os.getpid()}-reap-{abs(hash(request.node.name)) % 10000}"
    child = children.start([sys.executable, "-c", PROGRAM, prefix, LCORE], prefix)
    child.until_ready()
    return prefix, child


@contextlib.contextmanager
def killed(child: Child) -> Iterator[None]:
    """Kill it; its files stay until the end of the `with` block.

    A primary that starts removes all hugepage files in its mount that no process has locked, also
    those of a killed process (clear_hugedir, eal_hugepage_info.c). It waits for these locks first.
    """
    with contextlib.ExitStack() as stack:
        for mount in read_mounts():
            fd = os.open(mount.path, os.O_RDONLY)
            stack.callback(os.close, fd)
            fcntl.flock(fd, fcntl.LOCK_EX)
        child.kill()
        yield


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use a directory of the test's own for runtime directories."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    (tmp_path / "dpdk").mkdir()
    return tmp_path / "dpdk"


@pytest.mark.hugepages
def test_a_dead_prefix_is_listed_with_its_files(program):
    prefix, child = program
    with killed(child):
        done = run_reap("--dry-run", prefix)
        assert runtime.hugepage_files(prefix) != []
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"would remove {prefix}: ")
    assert "hugepage files (" in done.stdout
    assert str(runtime.runtime_dir(prefix)) in done.stdout


@pytest.mark.hugepages
def test_a_dead_prefix_is_removed(program):
    prefix, child = program
    child.kill()
    done = run_reap(prefix)
    assert (done.returncode, done.stdout[:8]) == (0, "removed "), done.stderr
    assert runtime.leftovers(prefix) == []
    assert run_reap(prefix).stdout == "nothing to reap\n"


@pytest.mark.hugepages
def test_the_json_output_lists_what_is_removed(program):
    prefix, child = program
    with killed(child):
        report = json.loads(run_reap("--json", prefix).stdout)
    (row,) = report["prefixes"]
    assert row["prefix"] == prefix
    assert row["hugepage_bytes"] >= 2047 * 2048
    assert set(row["hugepage_files"]) <= set(row["removed"])
    assert (row["kept"], report["in_use"]) == ([], [])


@pytest.mark.hugepages
def test_a_live_prefix_is_kept(program):
    prefix, child = program
    before = runtime.leftovers(prefix)
    done = run_reap(prefix)
    assert (done.returncode, done.stdout) == (
        1, f"{prefix}: a live process uses it, nothing is removed\n",
    )  # fmt: skip
    assert runtime.leftovers(prefix) == before
    assert prefix not in [dead.prefix for dead in reap.dead_prefixes()]
    assert child.process.poll() is None


def test_without_prefixes_all_dead_ones_are_found(elsewhere: Path):
    for name in ("one", "two"):
        (elsewhere / name).mkdir()
        (elsewhere / name / "fbarray_memzone").touch()
    (elsewhere / "two" / "mp_socket_77_1f").touch()
    assert {dead.prefix for dead in reap.dead_prefixes()} >= {"one", "two"}
    assert [str(dead) for dead in reap.dead_prefixes(["two"])] == [
        f"two: 0 hugepage files (0 MB), {elsewhere / 'two'} (2 files, 0 sockets), of process 77"
    ]
    reap.reap(["one"])
    assert sorted(path.name for path in elsewhere.iterdir()) == ["two"]


def test_a_new_directory_is_not_taken_for_dead(elsewhere: Path):
    (elsewhere / "new").mkdir()
    assert reap.dead_prefixes(["new"]) == []
    assert reap.in_use(["new"]) == ["new"]
    os.utime(elsewhere / "new", (0, 0))
    assert [dead.prefix for dead in reap.dead_prefixes(["new"])] == ["new"]


def test_foreign_files_are_kept_and_reported(elsewhere: Path):
    (elsewhere / "odd" / "directory").mkdir(parents=True)
    (elsewhere / "odd" / "config").touch()
    (row,) = reap.reap(["odd"])
    assert row.kept == (elsewhere / "odd",)
    done = run_reap("odd")
    assert (done.returncode, "still there: " in done.stdout) == (1, True)


def test_a_primary_that_starts_meanwhile_keeps_its_files(elsewhere: Path, children: Children):
    """It locks its files after the check and before the removal."""
    (elsewhere / "back").mkdir()
    config = elsewhere / "back" / "config"
    config.write_bytes(bytes(64))
    (dead,) = reap.dead_prefixes(["back"])
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX);"
        "print('locked', flush=True); sys.stdin.read()"
    )
    owner = children.start([sys.executable, "-c", code, config])
    assert owner.line() == "locked"
    assert reap.remove(dead).removed == ()
    owner.kill()
    assert config.exists()
    assert reap.remove(dead).kept == ()


@pytest.mark.hugepages
def test_a_primary_that_examines_its_prefix_keeps_its_lock(run_script):
    """Closing any descriptor of a file drops all POSIX locks that the process has on it."""
    done = run_script("""
        import subprocess, sys
        from pydpdk.host import doctor, primary, program, reap, runtime
        with init():
            assert runtime.is_in_use(PREFIX) and not runtime.is_in_use(PREFIX, by_others=True)
            assert PREFIX not in [dead.prefix for dead in reap.dead_prefixes()]
            assert reap.dead_prefixes([PREFIX]) == [] and reap.in_use([PREFIX]) == [PREFIX]
            assert program.config_version(PREFIX)[0]
            doctor.examine()
            assert primary.look(PREFIX).pid == os.getpid()
            look = "import sys; from pydpdk.host import primary; print(primary.look(sys.argv[1]))"
            print(subprocess.check_output([sys.executable, "-c", look, PREFIX], text=True))
    """)
    assert "running=True, problem=''" in done.stdout, done.stderr
