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
import os
from pydpdk._dpdk import lib
from waiting import until
with pydpdk.init(proc_type="secondary", file_prefix=os.environ["TEST_PREFIX"]):
    print("attached", flush=True)
    input()
    until(lambda: foreign() != lib.PYD_FOREIGN_UNSURE)  # the primary looks at us
    print(foreign() & lib.PYD_FOREIGN_SEEN)
"""
PRIMARY = """
import os, pydpdk
with pydpdk.init(file_prefix=os.environ["TEST_PREFIX"], memory_mb=64, lcores="3@0"):
    print("attached", flush=True)
    input()
"""
BEGIN = f"""
from children import Child, python
from pydpdk._dpdk import lib
{FOREIGN}
SECONDARY, PRIMARY = {FOREIGN + SECONDARY!r}, {PRIMARY!r}

def foreign_is(wanted):
    until(lambda: foreign() == wanted, what=foreign)

def attached(command):
    other = Child(command)
    other.lines_until("attached")
    return other

def program():
    return attached([sys.argv[1], "--lcores", "9@0", "--file-prefix", PREFIX, "--no-pci",
                     "--proc-type", "secondary", "--log-level", "1"])

def ours(code):
    return attached(python(code))
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
    with init(memory_mb=64) as eal:
        foreign_is(0)
        other = ours(SECONDARY)
        # a process that leaves before the watch has looked at it counts as foreign
        until(lambda: other.pid in eal._peers._foreign._ours)
        foreign_is(0)
        assert other.end() == "0\\n"
        foreign_is(0)
    """
    run(run_script, program, body)


def test_memory_is_never_trusted_again_after_a_foreign_program(run_script, program: Path) -> None:
    """Even after it has left: what it wrote may lie in any ring."""
    body = """
    with init(memory_mb=64):
        foreign_is(0)
        other = program()
        foreign_is(lib.PYD_FOREIGN_SEEN | lib.PYD_FOREIGN_UNSURE)
        other.end()
        assert ours(SECONDARY).end() == "1\\n"
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
        foreign_is(lib.PYD_FOREIGN_SEEN | lib.PYD_FOREIGN_UNSURE)
        others[0].end()
    """
    run(run_script, program, body)


def test_memory_is_not_trusted_without_a_watch(run_script, program: Path) -> None:
    """The user's inotify instances are used up: nothing is trusted."""
    body = """
    from pydpdk.eal import foreign as eal_foreign
    eal_foreign.inotify = lambda path, mask: -1
    with init(memory_mb=64):
        foreign_is(lib.PYD_FOREIGN_SEEN | lib.PYD_FOREIGN_UNSURE)
    """
    run(run_script, program, body)


@pytest.mark.parametrize("options", ["hugepages=False", "in_memory=True"])
def test_private_memory_is_trusted(run_script, program: Path, options: str) -> None:
    run(run_script, program, f"with init({options}, memory_mb=64):\n    assert foreign() == 0\n")


def test_a_secondary_of_a_dead_primary_trusts_nothing(run_script, program: Path) -> None:
    """Without a primary, no process watches for attaching programs."""
    body = """
    primary = ours(PRIMARY)
    with init(proc_type="secondary"):
        foreign_is(0)
        primary.kill()
        foreign_is(lib.PYD_FOREIGN_SEEN)
    """
    run(run_script, program, body)
