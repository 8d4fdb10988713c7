"""Effects that only hugepages show: files, pages that come and go, and what a death leaves."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from children import Children

from pydpdk import Eal, Mempool
from pydpdk.host import runtime
from pydpdk.memory.memseg import hugepages

pytestmark = pytest.mark.hugepages
LCORE = min(os.sched_getaffinity(0))


@pytest.fixture
def dead(children: Children) -> str:
    """The prefix of a process that was killed while it had a pool."""
    prefix = f"test-{os.getpid()}-dead"
    code = (
        f"import pydpdk; eal = pydpdk.init(file_prefix={prefix!r}, hugepages=True,"
        f" lcores=({LCORE},)); pool = pydpdk.Mempool.create('p', 8191, cache_size=0);"
        "print('ready', flush=True); input()"
    )
    child = children.start([sys.executable, "-c", code], prefix)
    child.until_ready()
    child.kill()
    return prefix


def test_memory_grows_by_pages_and_shrinks(eal: Eal, name: str):
    before = sum(pages.size_bytes for pages in hugepages())
    with Mempool.create(name, 16383, cache_size=0) as pool:
        grown = sum(pages.size_bytes for pages in hugepages())
        assert grown - before >= 16383 * pool.data_room_size
    assert sum(pages.size_bytes for pages in hugepages()) == before


def test_pages_are_files_of_the_prefix(eal: Eal, pool: Mempool):
    files = runtime.hugepage_files(eal.file_prefix)
    assert sum(file.stat().st_size for file in files) >= 511 * pool.data_room_size


def test_all_pages_are_returned(run_script):
    """After the end of a process only files keep pages; other processes change the free count."""
    done = run_script("""
        from pydpdk.host import runtime
        eal = init(memory_mb=64)
        pool = Mempool.create("p", 16383, cache_size=0)
        for file in runtime.hugepage_files(PREFIX):
            print(file.stat().st_size, file)
    """)
    assert done.returncode == 0, done.stderr
    files = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert sum(int(size) for size, _ in files) >= 64 << 20
    assert [file for _, file in files if Path(file).exists()] == []


def test_sweep_removes_what_a_kill_leaves(dead: str):
    assert runtime.leftovers(dead) != []
    runtime.clean_up(dead)
    assert runtime.leftovers(dead) == []


def test_the_next_primary_of_the_prefix_starts_and_cleans_up(dead: str):
    code = (
        f"import pydpdk; pydpdk.init(file_prefix={dead!r}, hugepages=True,"
        f" lcores=({LCORE},)).close()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert runtime.leftovers(dead) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_python_handles_leaves_nothing(run_script, number: int):
    done = run_script(f"""
        import os, signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        # a shell starts background jobs with Ctrl-C ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
        eal = init(vdevs=("net_null0",))
        pool, burst = Mempool.create("p", 511, cache_size=0), Burst(32)
        port = Port.lookup("net_null0")
        port.configure(mempool=pool)
        port.start()
        os.kill(os.getpid(), {int(number)})
        while True:
            port.rx_queues[0].rx(burst)
            burst.free()
    """)
    assert done.returncode == (5 if number == signal.SIGTERM else -signal.SIGINT), done.stderr


def test_in_memory_has_no_files(run_script):
    done = run_script("""
        from pydpdk.host import runtime
        with init(in_memory=True) as eal:
            with Mempool.create("p", 8191, cache_size=0):
                print(runtime.hugepage_files(PREFIX), eal.hugepages)
    """)
    assert done.stdout == "[] True\n", done.stderr


def test_single_file_segments_have_one_file(run_script):
    done = run_script("""
        from pydpdk.host import runtime
        with init(single_file_segments=True) as eal:
            with Mempool.create("p", 16383, cache_size=0):
                print(len(runtime.hugepage_files(PREFIX)))
    """)
    assert done.stdout == "1\n", done.stderr


@pytest.mark.parametrize("memory", [64, (64,)])
def test_memory_is_reserved_at_the_start(run_script, memory: object):
    done = run_script(f"""
        from pydpdk.memory.memseg import hugepages
        with init(memory_mb={memory!r}):
            print(sum(pages.size_bytes for pages in hugepages()))
    """)
    assert int(done.stdout) >= 64 << 20, done.stderr


def test_telemetry_answers_while_it_runs(run_script):
    done = run_script("""
        for telemetry in (True,):
            with init(telemetry=telemetry) as eal:
                print(sorted(path.name for path in eal.runtime_dir.glob("dpdk_telemetry*")))
    """)
    assert re.fullmatch(r"\['dpdk_telemetry.*\]\n", done.stdout), done.stderr


def test_base_virtaddr_is_where_memory_is(run_script):
    done = run_script("""
        from pydpdk.memory.memseg import memsegs
        with init(base_virtaddr=0x2000000000):
            print(hex(min(segment.addr for segment in memsegs()) >> 32))
    """)
    assert done.stdout == "0x20\n", done.stderr


def test_a_forced_close_under_a_view_returns_the_pages(run_script, tmp_path: Path):
    """`force` is the documented escape: it frees even memory that a view shows."""
    done = run_script("""
        from pydpdk.memory.memseg import hugepages
        eal = init()
        before = sum(pages.size_bytes for pages in hugepages())
        pool, burst = Mempool.create("p", 8191, cache_size=0), Burst(1)
        burst.alloc(pool, length=60)
        view = burst[0]
        burst.close(force=True)
        pool.close(force=True)
        print(sum(pages.size_bytes for pages in hugepages()) - before)
        del view
        eal.close()
    """)
    assert done.stdout == "0\n", done.stderr


def test_other_eals_start_after_a_failed_start(run_script):
    """DPDK leaves its lock on the hugetlbfs mount, and every other EAL would wait for it."""
    done = run_script("""
        import fcntl
        from pydpdk import EalInitError
        from pydpdk.host.hugepages import read_mounts
        try:
            init(memory_mb=1 << 20)
        except EalInitError:
            for mount in read_mounts():
                mine = os.open(mount.path, os.O_RDONLY)
                signal.alarm(60)  # another program may be starting right now
                fcntl.flock(mine, fcntl.LOCK_EX)
                fcntl.flock(mine, fcntl.LOCK_UN)
            print("free")
    """)
    assert done.stdout == "free\n", done.stderr
