"""Bugs that the sweep found in the code about other processes, each with the call that did."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
from pathlib import Path

import pytest

import pydpdk
from pydpdk import EalOptions
from pydpdk.eal.deaths import Watcher
from pydpdk.eal.peers import Peers
from pydpdk.eal.resolve import resolve
from pydpdk.host.watch import ProcessWatch
from pydpdk.process.messages.wire import Fds


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_descriptors_cannot_be_copied(copied):
    fds = Fds([os.open(os.devnull, os.O_RDONLY)])
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        copied(fds)
    fds.close()


@pytest.mark.parametrize("name", [5, b"x", Path("x")])
def test_the_name_of_a_process_must_be_text(name):
    with pytest.raises(TypeError, match=r"text of 1\.\.63 characters"):
        pydpdk.attach("no-such-prefix", name=name)


@pytest.mark.parametrize("name", ["", "\0", "\ud800", "x" * 64])
def test_a_name_of_a_process_fits_in_the_registry(name):
    with pytest.raises(ValueError, match=r"1\.\.63 printable characters"):
        pydpdk.attach("no-such-prefix", name=name)


@pytest.mark.parametrize("method", ["on_primary_death", "on_process_death"])
def test_a_callback_that_is_not_callable_raises_at_once(method):
    watcher = Watcher("no-such-prefix", os.getpid(), None)
    with pytest.raises(TypeError, match="callback must be callable"):
        getattr(watcher, method)(5)
    watcher.start()
    watcher.stop()


def inotifies() -> int:
    """Count the inotify descriptors of this process; other descriptors come and go meanwhile."""
    fds = Path("/proc/self/fdinfo").iterdir()
    found = 0
    for fd in fds:
        with contextlib.suppress(OSError):
            found += os.readlink(f"/proc/self/fd/{fd.name}") == "anon_inode:inotify"  # noqa: PTH115
    return found


@pytest.mark.parametrize("path", [Path("nowhere"), 5])
def test_a_file_that_cannot_be_watched_leaves_no_descriptor(path):
    watch = ProcessWatch(print, print)
    before = inotifies()
    with contextlib.suppress(TypeError):
        watch.file(path)
    assert inotifies() == before
    watch.start()
    watch.stop()


def test_a_value_that_could_not_be_published_is_dropped():
    class Rejects:
        def publish(self, *, ready: bool, details: object) -> None:
            raise TypeError

    peers = Peers(resolve(EalOptions(file_prefix="no-such-prefix")), Rejects(), None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        peers.publish(queues=object())
    assert peers.published("queues", None) is None


@pytest.mark.hugepages
@pytest.mark.parametrize("options", [{"name": 5}, {"name": ""}, {"lcores": "x"}, {"lcores": [1]}])
def test_a_group_starts_no_process_with_a_wrong_name_or_lcores(run_script, options):
    done = run_script(f"""
        import os
        from pydpdk import Group
        with init() as eal, Group() as group:
            try:
                group.start(os.getpid, **{options!r})
            except (TypeError, ValueError) as error:
                print(type(error).__name__, group.members)
    """)
    assert done.stdout.split("\n")[0] in ("TypeError ()", "ValueError ()"), done.stderr


@pytest.mark.hugepages
def test_a_primary_that_reads_its_own_memory_keeps_its_lock(run_script):
    done = run_script("""
        import os
        from pydpdk.host import elf
        def locked(path):
            return any(f":{path.stat().st_ino} " in line for line in open("/proc/locks"))
        with init() as eal:
            assert locked(eal.runtime_dir / "config")
            elf.read_variable(os.getpid(), "nothing", "", 8)
            print(locked(eal.runtime_dir / "config"))
    """)
    assert done.stdout.split() == ["True"], done.stderr


@pytest.mark.hugepages
def test_a_start_that_failed_does_not_keep_the_hugepages_of_the_host_locked(run_script):
    done = run_script("""
        from pathlib import Path
        from pydpdk import EalInitError
        try:
            init(memory_mb=1 << 20)
        except EalInitError as error:
            print("Cannot init memory" in str(error))
        fds = Path("/proc/self/fdinfo").iterdir()
        lines = [line for fd in fds if fd.exists() for line in fd.read_text().splitlines()]
        print([line for line in lines if "FLOCK" in line and "WRITE" in line])
    """)
    assert done.stdout.splitlines() == ["True", "[]"], done.stderr
