"""An exception of a signal handler at any bytecode of calls that make, close, launch and free.

`scripts/tools/interrupt_rounds` raises at all of them, which takes minutes; here at an even choice.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pydpdk._crossing import Locked, Undo

SCRIPTS = Path(__file__).parents[2] / "scripts" / "tools"


@pytest.fixture
def run_script(on_hugepages):
    def run(name: str, *argv: object) -> subprocess.CompletedProcess[str]:
        memory = [] if on_hugepages else ["--no-huge"]
        return subprocess.run(
            [sys.executable, str(SCRIPTS / name), *map(str, argv), *memory],
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip

    return run


@pytest.mark.parametrize(
    ("kind", "only", "every"),
    [("objects", "", 97), ("moving", "", 397), ("groups", "idle", 29), ("groups", "member", 397)],
)
def test_an_interrupted_call_leaves_nothing_half_open(run_script, kind, only, every):
    done = run_script("interrupt_rounds", "--kinds", kind, "--only", only, "--every", every)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 wrong")


@pytest.mark.hugepages
def test_an_interrupted_call_of_a_secondary_leaves_nothing_half_open(run_script):
    done = run_script("interrupt_rounds", "--attach", "--every", 97)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 wrong")


def test_ctrl_c_from_another_process_leaves_nothing_open(run_script):
    done = run_script("interrupt_rounds", "--from-outside", 30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 wrong")


@pytest.mark.parametrize("what", ["init", "close", "open"])
def test_an_interrupted_start_or_end_leaves_nothing(run_script, what):
    counted = run_script("interrupt_ends.py", what, 0)
    assert counted.returncode == 0, counted.stderr
    n = int(counted.stdout)
    for i in range(1, 4):
        done = run_script("interrupt_ends.py", what, n * i // 4)
        assert done.returncode == 0, done.stderr


class ParsedError(BaseException):
    pass


def _parted(lock: threading.Lock) -> None:
    """Leave a block as an exception does that is raised between its last step and its end."""

    def trace(frame, event, _):
        frame.f_trace_opcodes = True
        if event == "opcode" and lock.locked() and frame.f_lineno == last:
            raise ParsedError
        return trace

    def block() -> None:
        with Locked(lock):
            pass

    last = block.__code__.co_firstlineno + 1
    sys.settrace(trace)
    try:
        block()
    finally:
        sys.settrace(None)


def test_a_lock_is_released_if_the_block_does_not_reach_its_end():
    """With `with lock:` this lock stays taken, as in a generator's `finally`."""
    lock = threading.Lock()
    with pytest.raises(ParsedError):
        _parted(lock)
    assert not lock.locked()


def test_a_check_runs_with_the_lock_and_its_error_releases_it():
    lock, seen = threading.Lock(), []

    def check() -> None:
        seen.append(lock.locked())
        raise KeyError("no")

    with pytest.raises(KeyError), Locked(lock, check):
        pytest.fail("the block is not entered")
    assert seen == [True]
    assert not lock.locked()


def test_undo_runs_once_unless_the_block_ends():
    undone: list[int] = []
    with Undo(undone.append, 1):
        pass
    with pytest.raises(KeyError), Undo(undone.append, 2):
        raise KeyError("no")
    undo = Undo(undone.append, 3)
    undo.__enter__()
    del undo
    Undo(undone.append, 4)  # was never entered
    assert undone == [2, 3]


BETWEEN = """
import sys
import pydpdk
from pydpdk.eal import peers
from pydpdk.host import runtime

class Interrupt(Exception): pass

def start(prefix, at):
    '''Raise at a bytecode after the registration was made, until Peers has it.'''
    seen = 0
    def each(frame, event, arg):
        nonlocal seen
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_code.co_name in ("__init__", "settle"):
            seen += made
            if seen == at:
                raise Interrupt
        return each
    made, register = 0, peers.register
    def registers(*args, **options):
        nonlocal made
        found = register(*args, **options)
        made = 1
        return found
    peers.register = registers
    ours = peers.__file__
    sys.settrace(lambda frame, *_: each if frame.f_code.co_filename == ours else None)
    try:
        init(file_prefix=prefix).close()
    except Interrupt:
        return True
    finally:
        sys.settrace(None)
        peers.register = register
    return False

for at in range(1, 1000):
    if not start(PREFIX, at):
        break
    assert runtime.leftovers(PREFIX) == [], at
print(at)
"""


def test_an_exception_beside_the_registration_leaves_none(children, tmp_path):
    prefix = f"between-{os.getpid()}"
    done = children.script(BETWEEN, prefix=prefix, cwd=tmp_path).finish(120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20  # bytecodes between making the registration and keeping it
