"""How processes with an EAL end, fork and stand beside one another: nothing is left."""

import os
import signal
import subprocess
import threading

import pytest

import pydpdk
from pydpdk import Eal
from pydpdk import eal as pydpdk_eal
from pydpdk.errors import ClosedError


def test_two_processes_have_prefixes_of_their_own(on_hugepages: bool):
    code = (
        "import pydpdk, os; eal = pydpdk.init("
        f"hugepages={on_hugepages}, lcores=(min(os.sched_getaffinity(0)),));"
        "print(eal.file_prefix, flush=True); input()"
    )
    pair = [
        subprocess.Popen(
            [os.sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    prefixes = {child.stdout.readline().strip() for child in pair}
    for child in pair:
        child.communicate("\n", timeout=20)
        assert child.returncode == 0
    assert len(prefixes - {""}) == 2
    for prefix in prefixes:
        assert pydpdk.host.runtime.leftovers(prefix) == []


ENDS = {
    "return": "",
    "exception": "raise ValueError('mine')",
    "sys.exit": "import sys; sys.exit(3)",
    "keyboard": "raise KeyboardInterrupt",
    "mbufs out": "burst.alloc(pool, 5)",
    "view alive": "burst.alloc(pool, 5, length=60); view = burst[0]; view[0] = 1",
    "array alive": "array = Memzone.reserve('z', 4096).array(); array[0] = 1",
    "ring of mbufs": "burst.alloc(pool, 5); Ring.create('r', 16, element='mbuf').tx(burst)",
    "port runs": "port.start(); port.rx[0].rx(burst)",
    "thread polls": (
        "port.start(); import threading\n"
        "def poll():\n"
        "    while True:\n"
        "        port.rx[0].rx(burst); burst.free()\n"
        "threading.Thread(target=poll, daemon=True).start(); import time; time.sleep(0.1)"
    ),
}


@pytest.mark.parametrize("closes", [True, False], ids=["with", "atexit"])
@pytest.mark.parametrize("end", ENDS)
def test_a_process_ends_and_leaves_nothing(run_script, end: str, closes: bool):
    body = (
        "pool = Mempool.create('p', 511, cache_size=0)\n"
        "burst = Burst(32)\n"
        "port = Port.lookup('net_null0'); port.configure(mempool=pool)\n" + ENDS[end]
    )
    code = "import warnings; warnings.simplefilter('ignore')\neal = init(vdevs=('net_null0',))\n"
    if closes:
        body = "with eal:\n" + "\n".join("    " + line for line in body.splitlines())
    done = run_script(code + body)
    expected = {"exception": {1}, "sys.exit": {3}, "keyboard": {-signal.SIGINT}}.get(end, {0})
    if closes and end in ("view alive", "array alive"):
        expected = {1}
    if closes and end == "thread polls":
        expected = {0, 1}  # BusyError, where the thread is inside just then
    assert done.returncode in expected, done.stderr
    if end == "exception":
        assert done.stderr.rstrip().endswith("ValueError: mine")


def test_close_refuses_while_views_are_alive_and_then_closes(run_script):
    done = run_script("""
        from pydpdk.errors import InUseError
        eal = init()
        pool, burst = Mempool.create("p", 127, cache_size=0), Burst(4)
        burst.alloc(pool, length=60)
        view = burst[0]
        try:
            eal.close()
        except InUseError as error:
            print(error)
        view[:] = 5
        assert burst.bytes(0) == bytes([5]) * 60
        del view
        burst.free()
        eal.close()
        assert pool.closed and burst.closed
    """)
    assert done.returncode == 0, done.stderr
    assert "numpy view" in done.stdout


def test_after_a_fork_the_child_is_refused(run_script):
    """What a child would touch is its parent's, shared."""
    done = run_script("""
        import os, warnings
        from pydpdk.errors import ClosedError, DpdkError
        import numpy as np
        eal = init(vdevs=("net_ring0",))
        pool, burst = Mempool.create("p", 511, cache_size=0), Burst(4)
        values, mbufs = Ring.create("v", 16), Ring.create("m", 16, element="mbuf")
        zone = Memzone.reserve("z", 64)
        port = Port.lookup("net_ring0")
        port.configure(mempool=pool)
        port.start()
        burst.alloc(pool, length=60)
        mbuf, queue = burst.mbuf(0), port.rx[0]
        uses = dict(
            alloc=lambda: burst.alloc(pool), n=lambda: pool.in_use_count, free=burst.free,
            enqueue=lambda: values.enqueue_bulk(np.zeros(1, np.uint64)),
            tx=lambda: mbufs.tx(burst), rx=lambda: queue.rx(burst), stop=port.stop,
            start=port.start, stats=lambda: port.stats, array=zone.array,
            reserve=lambda: Memzone.reserve("y", 64), add=lambda: eal.add_device("net_null5"),
            lookup=lambda: Mempool.lookup("p"), mbuf=lambda: mbuf.append(1),
            new=lambda: Burst(1), init=init, lengths=lambda: burst.lengths,
        )
        pid = os.fork()
        if pid == 0:
            code = 0
            for name, use in uses.items():
                try:
                    use()
                    print("not refused:", name, flush=True)
                    code = 1
                except (ClosedError, DpdkError):
                    pass
            for owner in (burst, values, mbufs, port, pool, zone, eal):
                owner.close()
            os._exit(code)
        status = os.waitpid(pid, 0)[1]
        print("child", status)
        assert pool.in_use_count == 4 and burst.free() == 4
        assert port.rx[0].rx(burst) == 0 and zone.array()[0] == 0
        eal.close()
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "child 0\n"


def test_a_forked_child_that_exits_normally_leaves_the_parent_alone(run_script):
    done = run_script("""
        import os, sys
        eal = init()
        pool = Mempool.create("p", 127, cache_size=0)
        pid = os.fork()
        if pid == 0:
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert eal.runtime_dir.exists()
        with Burst(4) as burst:
            burst.alloc(pool)
            burst.free()
        eal.close()
    """)
    assert done.returncode == 0, done.stderr


def test_multiprocessing_with_spawn_works(run_script):
    done = run_script("""
        import multiprocessing
        eal = init()
        with multiprocessing.get_context("spawn").Pool(1) as workers:
            print(workers.apply(abs, (-5,)))
        eal.close()
    """)
    assert done.stdout == "5\n", done.stderr


def test_subprocesses_started_after_init_have_all_cpus(run_script):
    done = run_script("""
        import subprocess, sys, os
        before = os.sched_getaffinity(0)
        eal = init()
        assert os.sched_getaffinity(0) == before
        code = "import os; print(sorted(os.sched_getaffinity(0)))"
        seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
        assert eval(seen) == sorted(before), seen
        eal.close()
    """)
    assert done.returncode == 0, done.stderr


def test_a_dpdk_of_another_release_is_a_version_error(run_script, tmp_path):
    done = run_script("""
        import importlib, sys
        from pydpdk import version
        from pydpdk.errors import VersionError
        version.RUNNING = "23.11.0"
        try:
            version.check()
        except VersionError as error:
            assert isinstance(error, ImportError)
            print(error)
    """)
    assert f"compiled against DPDK {pydpdk.version.COMPILED}" in done.stdout, done.stderr
    assert "runs on DPDK 23.11.0" in done.stdout


def test_another_libdpdk_at_import_is_a_version_error(run_script, tmp_path):
    """A library in front that says another version: what the import itself makes of it."""
    source = tmp_path / "version.c"
    source.write_text('const char *rte_version(void) { return "DPDK 23.11.1"; }\n')
    library = tmp_path / "version.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    done = run_script("", LD_PRELOAD=str(library))
    assert done.returncode == 1
    assert "VersionError: pydpdk was compiled against DPDK" in done.stderr
    assert "23.11.1" in done.stderr


def test_few_file_descriptors_are_refused_first(run_script):
    """The EAL would panic on EMFILE."""
    done = run_script("""
        import resource, pydpdk.eal
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        try:
            init()
        except ValueError as error:
            print(pydpdk.eal.state(), error)
    """)
    assert done.stdout.startswith("new "), done.stderr
    assert "file descriptors" in done.stdout


def test_cpus_outside_the_affinity_are_refused_first(run_script):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("needs two CPUs")
    done = run_script(f"""
        import os, pydpdk.eal
        os.sched_setaffinity(0, [{cpus[0]}])
        try:
            init(lcores="{cpus[1]}")
        except ValueError as error:
            print(pydpdk.eal.state(), error)
        eal = init(lcores=None)
        print(eal.main_cpus)
        eal.close()
    """)
    assert done.stdout.startswith("new "), done.stderr
    assert "outside the CPUs" in done.stdout
    assert f"frozenset({{{cpus[0]}}})" in done.stdout


def test_two_lcores_on_one_cpu_and_one_that_floats(run_script):
    cpu = min(os.sched_getaffinity(0))
    done = run_script(f"""
        from pydpdk import lcore
        with init(lcores="5@{cpu},7@{cpu}", main_lcore=7):
            print([(one.lcore_id, one.main) for one in lcore.walk()], lcore.current())
    """)
    assert done.stdout == "[(5, False), (7, True)] 7\n", done.stderr


def test_auto_without_hugepages_is_loud(run_script):
    done = run_script("""
        from pydpdk.host import hugepages
        gone = hugepages.Availability(False, 0, "None is reserved.")
        hugepages.available = lambda *args, **options: gone
        with init(hugepages="auto") as running:
            print(running.hugepages)
    """)
    assert done.stdout == "False\n", done.stderr
    assert "running without hugepages: None is reserved." in done.stderr


@pytest.mark.parametrize("handler", ["raises", "closes"])
def test_a_log_handler_that_misbehaves_does_no_harm(run_script, handler: str):
    body = {"raises": "1 / 0", "closes": "record.args = (); record.msg = 'x'"}[handler]
    done = run_script(f"""
        import logging
        class Handler(logging.Handler):
            def emit(self, record):
                {body}
        logging.getLogger("dpdk").addHandler(Handler())
        try:
            eal = init()
        except ZeroDivisionError:
            print("raised")
        Mempool.create("p", 127, cache_size=0).close()
    """)
    assert done.stdout == "", done.stderr


def test_threads_that_close_at_once_close_once(run_script):
    done = run_script("""
        import threading
        eal = init(vdevs=("net_null0",))
        pools = [Mempool.create(f"p{i}", 127, cache_size=0) for i in range(20)]
        go = threading.Barrier(8)
        def close():
            go.wait()
            for pool in pools:
                pool.close()
            eal.close()
        threads = [threading.Thread(target=close) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(all(pool.closed for pool in pools))
    """)
    assert done.stdout == "True\n", done.stderr
    assert done.returncode == 0, done.stderr


def test_closed_says_so_in_another_thread(eal: Eal):
    """`current` is of the process, not of the thread."""
    found: list[Eal] = []
    thread = threading.Thread(target=lambda: found.append(pydpdk_eal.current()))
    thread.start()
    thread.join()
    assert found == [eal]
    assert ClosedError.__mro__[1] is RuntimeError
