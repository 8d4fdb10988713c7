"""Processes that are killed while they have one of DPDK's locks: no call waits forever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pydpdk.host import runtime

pytestmark = pytest.mark.hugepages

OWNER = Path(__file__).with_name("lock_owner.py")
SCRIPT = f"""
    import errno, signal, subprocess, sys, threading, time
    signal.alarm(100)  # ends the process: nothing else ends a wait for a lock
    OWNER, deaths = {str(OWNER)!r}, []
    def died_with(lock, how, *more):
        child = subprocess.Popen([sys.executable, OWNER, PREFIX, lock, how, *more],
                                 stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "held\\n"
        return child
    def wait_for_death():
        while not deaths:
            time.sleep(0.01)
        return deaths.pop()
    def use_all(name):
        with Memzone.reserve(name + "z", 8 << 20), Ring.create(name + "r", 64):
            with Mempool.create(name + "p", 511, ops_name="lf_stack") as pool, Burst(64) as burst:
                burst.alloc(pool, 32)
                burst.free()
"""

LOCKS = [
    ("heap", "spin"),
    ("map", "read"),
    ("map", "write"),
    ("mlock", "read"),
    ("mlock", "write"),
    ("mlock", "wait"),
    ("qlock", "read"),
    ("qlock", "write"),
    ("mplock", "write"),
    ("tlock", "spin"),
]


def test_every_lock_of_a_dead_process_is_released(run_script) -> None:
    done = run_script(
        SCRIPT
        + f"""
    with init() as eal:
        eal.on_process_death(deaths.append)
        for i, (lock, how) in enumerate({LOCKS!r}):
            died_with(lock, how).wait()
            use_all(f"n{{i}}")  # whether or not the death is known yet
            assert wait_for_death().error is None, (lock, how)
            use_all(f"m{{i}}")
        assert not pydpdk.recover()
        eal.close()
    print("closed")
    """,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "closed\n"


@pytest.mark.parametrize("stays", [False, True], ids=["goes_on", "stands_still"])
def test_a_death_in_the_middle_of_growth(run_script, stays: bool) -> None:
    """It has the locks of the memzones, the heap and the memory map, and waits for pages."""
    done = run_script(
        SCRIPT
        + """
    from pathlib import Path
    stays = sys.argv[1] == "True"
    CODE = (
        "import pydpdk, sys, time\\n"
        "eal = pydpdk.attach(sys.argv[1])\\n"
        "print('up', flush=True)\\n"
        "sys.stdin.readline()\\n"
        "pydpdk.Memzone.reserve('grown', 8 << 20)\\n"
    )
    def second():
        child = subprocess.Popen([sys.executable, "-c", CODE, PREFIX], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert child.stdout.readline() == "up\\n"
        return child
    def files():
        return len(list(Path("/dev/hugepages").glob(PREFIX + "map_*")))
    with init() as eal:
        eal.on_process_death(deaths.append)
        still, grower = second(), second()
        still.send_signal(signal.SIGSTOP)  # growth waits for its answer
        before = files()
        grower.stdin.write("\\n")
        grower.stdin.flush()
        while files() == before:
            time.sleep(0.001)
        grower.kill()
        grower.wait()
        if not stays:
            still.send_signal(signal.SIGCONT)
        assert wait_for_death().error is None
        if stays:
            still.send_signal(signal.SIGCONT)
        use_all("n")
        still.kill()
        still.wait()
        assert wait_for_death().error is None
        use_all("m")
        for child in (still, grower):
            child.stdin.close()
            child.stdout.close()
    print("closed")
    """,
        stays,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "closed\n"


DAMAGED = """
    def rejected(function, *arguments):
        try:
            function(*arguments)
        except pydpdk.DpdkError as error:
            assert error.errno == errno.EOWNERDEAD, error
            assert "malloc heap" in str(error), error
        else:
            raise AssertionError(function)
    def all_raise(eal):
        for ask in (lambda: Burst(64), lambda: Memzone.reserve("a", 4096),
                    lambda: Mempool.create("b", 511), lambda: Ring.create("c", 64),
                    lambda: pydpdk.Hash.create("d", "u4", entries=64),
                    lambda: Mempool.lookup("pool"), lambda: pydpdk.memory.memzone.memzones(),
                    lambda: eal.add_device("net_null7"), pydpdk.recover, eal.close):
            rejected(ask)
"""


@pytest.mark.parametrize("waiting", [False, True], ids=["free", "waited_for"])
def test_calls_in_damaged_memory_raise_and_do_not_wait(run_script, waiting: bool) -> None:
    """The heap is damaged for good: calls that take a lock raise, and a forced close works."""
    done = run_script(
        SCRIPT
        + DAMAGED
        + """
    failed = []
    def wait_in_dpdk():
        try:
            Memzone.reserve("w", 8 << 20)
        except pydpdk.DpdkError as error:
            failed.append(error.errno)
    waiting = sys.argv[1] == "True"
    eal = init(vdevs=("net_null0",))
    eal.on_process_death(deaths.append)
    pool = Mempool.create("pool", 511)
    port = Port.lookup("net_null0")
    port.configure(mempool=pool)
    port.start()
    burst = Burst(32)
    child = died_with("heap", "spin", "damage", "stay")
    threads = [threading.Thread(target=wait_in_dpdk) for _ in range(2 * waiting)]
    for thread in threads:
        thread.start()
    time.sleep(0.1 * waiting)
    child.kill()
    child.wait()
    assert wait_for_death().error.errno == errno.EOWNERDEAD
    for thread in threads:
        thread.join()
    assert failed == [errno.EOWNERDEAD] * len(threads), failed
    all_raise(eal)
    assert port.rx_queues[0].rx(burst) == 32  # packets go on
    burst.free()
    child.stdout.close()
    eal.close(force=True)
    print("closed")
    """,
        waiting,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "closed\n"


def test_calls_of_another_secondary_raise_in_damaged_memory(run_script) -> None:
    done = run_script(
        SCRIPT
        + """
    CODE = (
        "import errno, pydpdk, signal, sys, threading\\n"
        "signal.alarm(90)\\n"
        "eal = pydpdk.attach(sys.argv[1])\\n"
        "print('up', flush=True)\\n"
        "sys.stdin.readline()\\n"
        "while True:\\n"
        "    try:\\n"
        "        pydpdk.Burst(64).close()\\n"
        "    except pydpdk.DpdkError as error:\\n"
        "        print(errno.errorcode[error.errno], flush=True)\\n"
        "        break\\n"
        "eal.close(force=True)\\n"
    )
    eal = init()
    eal.on_process_death(deaths.append)
    other = subprocess.Popen([sys.executable, "-c", CODE, PREFIX], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "up\\n"
    child = died_with("heap", "spin", "damage", "stay")
    other.stdin.write("\\n")
    other.stdin.flush()
    child.kill()
    child.wait()
    assert wait_for_death().error.errno == errno.EOWNERDEAD
    print(other.stdout.readline(), end="")
    assert other.wait() == 0
    eal.close(force=True)
    """,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "EOWNERDEAD\n"


def test_a_secondary_of_a_dead_primary_does_not_wait(run_script) -> None:
    """Its locks are never released: the secondary's own end needs none of them."""
    done = run_script(
        SCRIPT
        + """
    primary = subprocess.Popen([sys.executable, OWNER, PREFIX, "heap", "spin", "primary"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert primary.stdout.readline() == "up\\n"
    eal = pydpdk.attach(PREFIX)
    primary.stdin.write("\\n")
    primary.stdin.flush()
    primary.wait()
    try:
        while True:
            Burst(64).close()
    except pydpdk.DpdkError as error:
        print(errno.errorcode[error.errno])
    eal.close(force=True)
    """,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "EOWNERDEAD\n"


TARGET = f"""
import atexit, errno, os, queue, signal, subprocess, sys, time
from pydpdk import eal

def not_asleep():
    \"\"\"Return [ns] in which this thread ran or was ready to: under load that takes long.\"\"\"
    with open("/proc/thread-self/schedstat") as file:
        return sum(map(int, file.read().split()[:2]))

begun = []

@atexit.register  # registered before the EAL's handler, so called after it
def report():
    start, before = begun
    asleep = time.monotonic_ns() - start - (not_asleep() - before)
    print("asleep", asleep, eal.state(), flush=True)

def main(app):
    deaths = queue.SimpleQueue()
    app.eal.on_process_death(deaths.put)
    subprocess.run([sys.executable, {str(OWNER)!r}, app.eal.file_prefix, "heap", "spin", "damage"],
                   stdout=subprocess.DEVNULL)
    assert deaths.get().error.errno == errno.EOWNERDEAD
    begun[:] = time.monotonic_ns(), not_asleep()
    os.kill(os.getpid(), signal.SIGTERM)
    while app.running:
        time.sleep(0.001)
"""

RUN = """
import runpy, sys, target
sys.argv = ["pydpdk", "run", "damaged.yaml"]
runpy.run_module("pydpdk", run_name="__main__", alter_sys=True)
"""


def test_a_run_in_damaged_memory_ends_at_once_on_sigterm(tmp_path: Path) -> None:
    """It waits for nothing on its way to the end: the test measures sleep, not load."""
    prefix = f"damaged-{os.getpid()}"
    (tmp_path / "target.py").write_text(TARGET)
    (tmp_path / "damaged.yaml").write_text(
        f"eal: {{file_prefix: {prefix}, hugepages: true}}\n"
        "mempools: {packets: {n: 511}}\n"
        "ports: {p0: {device: 'net_null0,size=64', mempool: packets}}\n"
        "app: {python: 'target:main'}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        capture_output=True, text=True, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    left = runtime.leftovers(prefix)
    runtime.remove(prefix)
    assert left == []
    assert "Traceback" not in done.stderr, done.stderr
    asleep = [line for line in done.stdout.splitlines() if line.startswith("asleep")]
    assert len(asleep) == 1, done.stdout + done.stderr
    _, ns, state = asleep[0].split()
    assert state == "dead"
    assert int(ns) < 1_000_000_000, done.stderr + ns
