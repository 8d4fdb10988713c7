"""Groups: Python functions in secondaries that a primary starts and watches."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.hugepages
CPU = min(os.sched_getaffinity(0))
FUNCTIONS = """
import os, signal
import pydpdk
from pydpdk import Burst, Mempool, Memzone, Ring
from waiting import until

def add(a, b=1):
    return a + b

def whoami():
    return os.getpid(), pydpdk.processes(), sorted(os.sched_getaffinity(0))

def fail():
    raise LookupError("nothing here")

class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} {b}")

def fail_oddly():
    raise Odd(1, 2)

def until_stopped():
    until(lambda: not pydpdk.running())
    return "stopped"

def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pause()

def hold(pool, path, n=32):
    burst = Burst(n)
    burst.alloc(pool, n)
    with open(path, "a") as file:
        print(os.getpid(), file=file)
    until(lambda: not pydpdk.running())
    burst.close(force=True)

def unpicklable():
    return lambda: 0

def leave():
    os._exit(3)

def write(zone):
    zone.as_array("uint64", 8)[:] = range(8)
    return zone.name

def echo(ring_in, ring_out, total):
    with Burst(32) as burst:
        moved = 0
        while moved < total and pydpdk.running():
            ring_in.rx(burst)
            while burst:
                moved += ring_out.tx(burst)
    return moved
"""
MAIN = """
import sys
from functions import *
if __name__ == "__main__":
    sys.path.insert(0, "")
with init(lcores="0@CPU") as eal:
    with pydpdk.Group(**OPTIONS) as group:
BODY
    print("closed", len(pydpdk.processes()))
"""

RunGroup = Callable[..., Any]


@pytest.fixture
def run_group(run_script: Any, tmp_path: Path) -> RunGroup:
    """Run a few lines with a `group`; the functions above can be imported."""
    (tmp_path / "functions.py").write_text(FUNCTIONS)

    def run(body: str, options: str = "{}") -> Any:
        lines = "\n".join("        " + line for line in body.strip().splitlines())
        code = MAIN.replace("BODY", lines).replace("CPU", str(CPU)).replace("OPTIONS", options)
        done = run_script(code, timeout=90)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("closed 1\n"), done.stdout + done.stderr
        return done

    return run


def test_arguments_and_results_pass_between_processes(run_group: RunGroup) -> None:
    done = run_group("""
members = [group.start(add, 1, b=2), group.start(add, "a", "b")]
print([member.result(30) for member in members], [str(member.state) for member in members])
""")
    assert done.stdout.startswith("[3, 'ab'] ['done', 'done']\n")


def test_each_process_has_an_lcore_to_itself(run_group: RunGroup) -> None:
    done = run_group(f"""
members = [group.start(until_stopped, lcores="20@{CPU}", name="named")]
members += [group.start(until_stopped) for _ in range(2)]
assert all(member.wait_ready(30) for member in members)
found = pydpdk.processes()
print(len(found), len(set().union(*(p.lcores for p in found))))
print([p.name for p in found if 20 in p.lcores], [m.pid for m in members] == sorted(
    (p.pid for p in found[1:]), key=[m.pid for m in members].index))
pid, processes, cpus = group.start(whoami, lcores="21@{CPU}").result(30)
print(pid in [p.pid for p in processes], cpus)
""")
    assert done.stdout.startswith(f"4 4\n['named'] True\nTrue [{CPU}]\n")


def test_an_exception_comes_back_with_its_traceback(run_group: RunGroup) -> None:
    done = run_group("""
import traceback
for function in (fail, fail_oddly):
    try:
        group.start(function).result(30)
    except Exception as error:
        print(repr(error))
        text = "".join(traceback.format_exception(error))
        assert "functions.py" in text and f"in {function.__name__}" in text, text
""")
    assert done.stdout.startswith("LookupError('nothing here')\nRuntimeError('Odd: 1 2')\n")


def test_what_cannot_be_pickled_raises(run_group: RunGroup) -> None:
    done = run_group("""
for bad in (lambda: 0, 5):
    try:
        group.start(bad)
    except TypeError as error:
        print("rejected")
try:
    group.start(unpicklable).result(30)
except Exception as error:
    print("pickle" in str(error) or "local object" in str(error))
""")
    assert done.stdout.startswith("rejected\nrejected\nTrue\n")


def test_the_error_of_a_dead_member_names_what_ended_it(run_group: RunGroup) -> None:
    done = run_group("""
member = group.start(until_stopped)
member.wait_ready(30)
member.kill()
for dead in (member, group.start(leave)):
    try:
        dead.result(30)
    except pydpdk.MemberDiedError as error:
        print(str(error).partition(")")[2].partition(";")[0].strip(), dead.state)
""")
    assert done.stdout.startswith(
        "was ended by SIGKILL dead\nended with exit code 3 before its function returned dead\n"
    )


def test_a_dead_member_restarts_as_often_as_requested(run_group: RunGroup, tmp_path: Path) -> None:
    done = run_group(f"""
from pathlib import Path
path = Path({str(tmp_path / "pids")!r})
path.touch()
with Mempool.create("packets", 511, cache_size=0, ops_name="lf_stack") as pool:
    member = group.start(hold, pool, str(path), restarts=2)
    for life in range(3):
        until(lambda: len(path.read_text().split()) == life + 1)
        member.kill()
    try:
        member.result(30)
    except pydpdk.MemberDiedError as error:
        print(member.restarted, len(set(path.read_text().split())), pool.in_use_count)
""")
    assert done.stdout.startswith("2 3 0\n"), done.stderr


def test_members_and_groups_answer_like_futures_and_are_readable_once_done(
    run_group: RunGroup,
) -> None:
    done = run_group("""
import select
def readable(*objects):
    return [one in select.select(objects, [], [], 0)[0] for one in objects]
print(readable(group), group.done())
polls, fails = group.start(until_stopped), group.start(fail)
print(readable(group, polls), polls.wait_ready(30), polls.running(), polls.done())
print(repr(fails.exception(30)), readable(group, fails))
try:
    polls.result(0)
except TimeoutError as error:
    print("has not returned within 0 s" in str(error))
print(polls.cancel(), select.select([polls], [], [], 30)[0] == [polls], polls.exception(0))
print(select.select([group], [], [], 30)[0] == [group], group.wait(0), readable(group, polls))
print(polls.cancel(), polls.result(0))
group.start(add, 1).result(30)
""")
    assert done.stdout.splitlines()[:-1] == [
        "[True] True",
        "[False, False] True True False",
        "LookupError('nothing here') [False, True]",
        "True",
        "True True None",
        "True True [True, True]",
        "False stopped",
    ]


def test_a_member_that_died_is_readable(run_group: RunGroup) -> None:
    done = run_group("""
import select
member = group.start(leave)
print(select.select([member], [], [], 30)[0] == [member], type(member.exception(0)).__name__)
""")
    assert done.stdout.startswith("True MemberDiedError\n")


def test_close_stops_members_that_poll_and_kills_the_others(
    run_group: RunGroup,
) -> None:
    done = run_group(
        """
members = group.start(until_stopped), group.start(deaf)
assert all(member.wait_ready(30) for member in members)
group.close()
print([str(member.state) for member in members], members[0].result())
""",
        "{'timeout': 1}",
    )
    assert done.stdout.startswith("['done', 'dead'] stopped\n")


def test_objects_in_shared_memory_are_passed_by_reference(run_group: RunGroup) -> None:
    done = run_group("""
with (Memzone.reserve("numbers", 64) as zone,
      Mempool.create("packets", 511, cache_size=0, ops_name="lf_stack") as pool,
      Ring.create("there", 256, element="mbuf", producer="single", consumer="single") as there,
      Ring.create("back", 256, element="mbuf", producer="single", consumer="single") as back,
      Burst(32) as burst):
    print(group.start(write, zone).result(30), zone.as_array("uint64", 8).tolist())
    member = group.start(echo, there, back, 320)
    received = 0
    for start in range(0, 320, 32):
        burst.alloc(pool, length=60)
        burst.fill([bytes([start + i & 255]) * 60 for i in range(32)])
        while burst:
            there.tx(burst)
    while received < 320:
        for i in range(back.rx(burst)):
            assert burst.bytes(i) == bytes([received + i & 255]) * 60
        received += burst.free()
    print(member.result(30), pool.avail_count)
""")
    assert done.stdout.startswith("numbers [0, 1, 2, 3, 4, 5, 6, 7]\n320 511\n")


def test_only_a_primary_has_a_group(run_group: RunGroup) -> None:
    done = run_group("""
try:
    group.start(pydpdk.Group).result(30)
except pydpdk.SecondaryError as error:
    print("rejected")
""")
    assert done.stdout.startswith("rejected\n")


def test_members_that_have_ended_keep_no_descriptor(run_group: RunGroup) -> None:
    done = run_group("""
import gc
from waiting import open_files
gc.disable()
group.start(add, 0).result(30)  # what multiprocessing keeps for itself is open now
before = open_files()
members = [group.start(add, i) for i in range(4)]
print([member.result(30) for member in members])
# the watching threads notice the ends; that of the first may have ended before
until(lambda: len(open_files()) <= len(before), what=lambda: (before, open_files()))
print([member.alive for member in members])
""")
    assert "[1, 2, 3, 4]\n[False, False, False, False]\n" in done.stdout, done.stdout
