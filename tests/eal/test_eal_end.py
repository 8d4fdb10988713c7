"""How processes with an EAL end, fork and run side by side: nothing is left."""

import signal
import sys
import threading

import pytest
from children import Children

import pydpdk
from pydpdk import Eal, eal as pydpdk_eal
from pydpdk.errors import ClosedError

ENDS = {
    "return": "",
    "exception": "raise ValueError('mine')",
    "sys.exit": "import sys; sys.exit(3)",
    "keyboard": "raise KeyboardInterrupt",
    "mbufs out": "burst.alloc(pool, 5)",
    "view alive": "burst.alloc(pool, 5, length=60); view = burst[0]; view[0] = 1",
    "array alive": "array = Memzone.reserve('z', 4096).as_array(); array[0] = 1",
    "ring of mbufs": "burst.alloc(pool, 5); Ring.create('r', 16, element='mbuf').tx(burst)",
    "port runs": "port.start(); port.rx_queues[0].rx(burst)",
    "thread polls": (
        "port.start(); import threading\n"
        "def poll():\n"
        "    while True:\n"
        "        port.rx_queues[0].rx(burst); burst.free(); polled.set()\n"
        "polled = threading.Event()\n"
        "threading.Thread(target=poll, daemon=True).start(); polled.wait()"
    ),
}


def test_two_processes_have_different_prefixes(on_hugepages: bool, children: Children):
    code = (
        "import pydpdk, os; eal = pydpdk.init("
        f"hugepages={on_hugepages}, lcores=(min(os.sched_getaffinity(0)),));"
        "print(eal.file_prefix, flush=True); input()"
    )
    pair = [children.start([sys.executable, "-c", code]) for _ in range(2)]
    prefixes = {child.line() for child in pair}
    for child in pair:
        child.end()
    assert len(prefixes - {""}) == 2
    for prefix in prefixes:
        assert pydpdk.host.runtime.leftovers(prefix) == []


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


def test_close_raises_while_views_are_alive_and_then_closes(run_script):
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


@pytest.mark.parametrize("handler", ["raises", "closes"])
def test_a_log_handler_that_raises_or_blocks_does_no_harm(run_script, handler: str):
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


def test_simultaneous_closes_close_once(run_script):
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


def test_another_thread_sees_the_same_eal(eal: Eal):
    """`current` belongs to the process, not to the thread."""
    found: list[Eal] = []
    thread = threading.Thread(target=lambda: found.append(pydpdk_eal.current()))
    thread.start()
    thread.join()
    assert found == [eal]
    assert ClosedError.__mro__[1] is RuntimeError


def test_a_warning_that_raises_leaves_nothing_open(run_script):
    """With `-W error`, as here, the warning of what was never closed comes after the end."""
    done = run_script("""
    eal = init()
    pool, burst = Mempool.create("pool", 63), Burst(8)
    burst.alloc(pool, 3)
    try:
        eal.close()
    except pydpdk.LeakWarning as warning:
        print(pydpdk.eal.state(), warning)
    eal.close()
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("dead <Burst 3 of 8>"), done.stdout
