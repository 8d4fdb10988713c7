"""Waits of the EAL before its start, and of its calls: reported, with the process."""

import fcntl
import os
from pathlib import Path

import pytest
from children import Child, Children, python

from pydpdk import BusyError
from pydpdk.eal import waits
from pydpdk.host import flocks

HOLD = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def owner(children: Children, tmp_path: Path) -> Child:
    started = children.start(python(HOLD, tmp_path))
    assert started.line() == "held"
    return started


def test_a_lock_that_is_not_released_ends_the_wait(owner, tmp_path: Path) -> None:
    said = []
    with pytest.raises(TimeoutError) as late:
        flocks.wait_for(tmp_path, 0.3, patience=0.0, say=said.append)
    assert f"{tmp_path}, which process {owner.pid} (" in str(late.value)
    assert [wait.owner for wait in said] == [owner.pid]


def test_a_free_lock_stays_free(tmp_path: Path) -> None:
    flocks.wait_for(tmp_path, 0.0, patience=0.0, say=pytest.fail)
    fd = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(fd)
    flocks.wait_for(tmp_path / "none", 0.0, patience=0.0, say=pytest.fail)


def test_init_raises_while_another_process_locks_the_directory(
    owner, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(waits.runtime, "runtime_dir", lambda _: tmp_path)
    with pytest.raises(BusyError, match=f"which process {owner.pid} "):
        waits.wait_for_turn("x", mounts=False, timeout=0.2)


@pytest.mark.hugepages
def test_a_call_that_waits_names_the_process(run_script) -> None:
    """A message locks the runtime directory, as heap growth locks the hugetlbfs mount."""
    done = run_script(
        """
        import logging, threading
        from children import Child, python
        from pydpdk import messages
        said = threading.Event()
        class Records(logging.Handler):
            def emit(self, record):
                lines.append(record.getMessage())
                if "waits for" in lines[-1]:
                    said.set()
        lines = []
        logging.getLogger("pydpdk").addHandler(Records())
        with init() as eal:
            owner = Child(python(sys.argv[1], eal.runtime_dir))
            assert owner.line() == "held"
            sender = threading.Thread(target=messages.send, args=("x",))
            sender.start()
            assert said.wait(50), lines
            owner.end()
            sender.join()
            assert f"{eal.runtime_dir}, which process {owner.pid} (" in "".join(lines)
        """,
        HOLD,
    )
    assert done.returncode == 0, done.stderr
