"""Whether a foreign program has attached to the memory: recorded there, for all our processes."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.hugepages
SOURCE = """
#include <stdio.h>
#include <rte_eal.h>
int main(int argc, char **argv)
{
    if (rte_eal_init(argc, argv) < 0)
        return 1;
    puts("attached");
    fflush(stdout);
    getchar();
    return rte_eal_cleanup();
}
"""
FOREIGN = """
import pydpdk
from pydpdk._dpdk import ffi
from pydpdk.memory.memzone import memzones

def foreign():
    table = next(zone.addr for zone in memzones() if zone.name == "pydpdk")
    return ffi.cast("struct pyd_process_table *", table).foreign
"""
SECONDARY = """
import os, time
from pydpdk._dpdk import lib
with pydpdk.init(proc_type="secondary", file_prefix=os.environ["TEST_PREFIX"]):
    print("attached", flush=True)
    input()
    while foreign() == lib.PYD_FOREIGN_UNSURE:  # the primary looks at us
        time.sleep(0.001)
    print(foreign() & lib.PYD_FOREIGN_SEEN)
"""
PRIMARY = """
import os, pydpdk
with pydpdk.init(file_prefix=os.environ["TEST_PREFIX"], memory_mb=64, lcores="3@0"):
    print("attached", flush=True)
    input()
"""
BEGIN = f"""
import subprocess, sys, time
from pydpdk._dpdk import lib
{FOREIGN}
SECONDARY, PRIMARY = {FOREIGN + SECONDARY!r}, {PRIMARY!r}

def until(wanted, at_most_s=60):
    end = time.monotonic() + at_most_s
    while foreign() != wanted:
        assert time.monotonic() < end, foreign()
        time.sleep(0.001)

def attached(*command):
    other = subprocess.Popen(command, stdin=-1, stdout=-1)
    assert b"attached" in other.stdout.readline()
    return other

def program():
    return attached(sys.argv[1], "--lcores", "9@0", "--file-prefix", PREFIX, "--no-pci",
                    "--proc-type", "secondary", "--log-level", "1")

def ours(code):
    return attached(sys.executable, "-c", code)

def end(other):
    out, _ = other.communicate(b"\\n", timeout=60)
    assert other.returncode == 0
    return out.split()
"""


@pytest.fixture(scope="session")
def program(compile_c: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A C program that attaches and waits."""
    source = tmp_path_factory.mktemp("c") / "foreign.c"
    source.write_text(SOURCE)
    return compile_c(source)


def run(run_script, program: Path, body: str) -> None:
    done = run_script(BEGIN + textwrap.dedent(body), program)
    assert done.returncode == 0, done.stderr


def test_alone_and_among_ours_memory_is_trusted(run_script, program: Path) -> None:
    body = """
    with init(memory_mb=64):
        until(0)
        other = ours(SECONDARY)
        until(0)
        assert end(other) == [b"0"]
        until(0)
    """
    run(run_script, program, body)


def test_memory_is_never_trusted_again_after_a_foreign_program(run_script, program: Path) -> None:
    """Even after it has left: what it wrote may lie in any ring."""
    body = """
    with init(memory_mb=64):
        until(0)
        other = program()
        assert foreign() != 0  # before it could write anything
        until(lib.PYD_FOREIGN_SEEN | lib.PYD_FOREIGN_UNSURE)
        end(other)
        assert end(ours(SECONDARY)) == [b"1"]
        assert foreign() == lib.PYD_FOREIGN_SEEN | lib.PYD_FOREIGN_UNSURE
    """
    run(run_script, program, body)


def test_a_foreign_program_that_attached_before_the_watch_is_seen(
    run_script, program: Path
) -> None:
    body = """
    from pydpdk.eal import foreign as eal_foreign
    begin = eal_foreign.ForeignWatch.start
    others = []
    def late(watch):
        others.append(program())
        begin(watch)
    eal_foreign.ForeignWatch.start = late
    with init(memory_mb=64):
        until(lib.PYD_FOREIGN_SEEN | lib.PYD_FOREIGN_UNSURE)
        end(others[0])
    """
    run(run_script, program, body)


def test_memory_is_not_trusted_without_a_watch(run_script, program: Path) -> None:
    """The user's inotify instances are used up: nothing is trusted."""
    body = """
    from pydpdk.eal import foreign as eal_foreign
    eal_foreign._libc.inotify_init1 = lambda flags: -1
    with init(memory_mb=64):
        until(lib.PYD_FOREIGN_SEEN | lib.PYD_FOREIGN_UNSURE)
    """
    run(run_script, program, body)


@pytest.mark.parametrize("options", ["hugepages=False", "in_memory=True"])
def test_private_memory_is_trusted(run_script, program: Path, options: str) -> None:
    run(run_script, program, f"with init({options}, memory_mb=64):\n    assert foreign() == 0\n")


def test_a_secondary_of_a_dead_primary_trusts_nothing(run_script, program: Path) -> None:
    """Without a primary, no process watches for attaching programs."""
    body = """
    import signal
    primary = ours(PRIMARY)
    with init(proc_type="secondary"):
        until(0)
        primary.send_signal(signal.SIGKILL)
        primary.communicate()
        until(lib.PYD_FOREIGN_SEEN)
    """
    run(run_script, program, body)
