"""Processes that are killed while they have one of DPDK's locks: no call waits forever."""

import os
import sys
from pathlib import Path

import pytest
from children import Child

from pydpdk.host import runtime

pytestmark = pytest.mark.hugepages

OWNER = Path(__file__).with_name("lock_owner.py")
SCRIPT = f"""
    import errno, threading
    from children import Child, python
    signal.alarm(100)  # ends the process: nothing else ends a wait for a lock
    deaths = []
    def owner(*arguments):
        return Child([sys.executable, {str(OWNER)!r}, PREFIX, *arguments])
    def locked(lock, how, *more):
        child = owner(lock, how, *more)
        assert child.line() == "held"
        return child
    def wait_for_death():
        until(lambda: deaths)
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
            locked(lock, how).finish()
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
        "import pydpdk, sys\\n"
        "eal = pydpdk.attach(sys.argv[1])\\n"
        "print('ready', flush=True)\\n"
        "sys.stdin.readline()\\n"
        "pydpdk.Memzone.reserve('grown', 8 << 20)\\n"
    )
    def second():
        child = Child(python(CODE, PREFIX))
        child.until_ready()
        return child
    def files():
        return len(list(Path("/dev/hugepages").glob(PREFIX + "map_*")))
    with init() as eal:
        eal.on_process_death(deaths.append)
        still, grower = second(), second()
        still.stop()  # growth waits for its answer
        before = files()
        grower.write()
        until(lambda: files() > before)
        grower.kill()
        if not stays:
            still.signal(signal.SIGCONT)
        assert wait_for_death().error is None
        if stays:
            still.signal(signal.SIGCONT)
        use_all("n")
        still.kill()
        assert wait_for_death().error is None
        use_all("m")
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
                    lambda: pydpdk.Hash("d", "u4", entries=64),
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
    def spins(thread):  # only a wait for the lock takes that long
        return cpu_time(f"/proc/self/task/{thread.native_id}") > 0.1
    waiting = sys.argv[1] == "True"
    eal = init(vdevs=("net_null0",))
    eal.on_process_death(deaths.append)
    pool = Mempool.create("pool", 511)
    port = Port.lookup("net_null0")
    port.configure(mempool=pool)
    port.start()
    burst = Burst(32)
    child = locked("heap", "spin", "damage", "stay")
    threads = [threading.Thread(target=wait_in_dpdk) for _ in range(2 * waiting)]
    for thread in threads:
        thread.start()
    until(lambda: not threads or any(map(spins, threads)))
    child.kill()
    assert wait_for_death().error.errno == errno.EOWNERDEAD
    for thread in threads:
        thread.join()
    assert failed == [errno.EOWNERDEAD] * len(threads), failed
    all_raise(eal)
    assert port.rx_queues[0].rx(burst) == 32  # packets go on
    burst.free()
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
        "import errno, pydpdk, signal, sys\\n"
        "signal.alarm(90)\\n"
        "eal = pydpdk.attach(sys.argv[1])\\n"
        "print('ready', flush=True)\\n"
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
    other = Child(python(CODE, PREFIX))
    other.until_ready()
    child = locked("heap", "spin", "damage", "stay")
    other.write()
    child.kill()
    assert wait_for_death().error.errno == errno.EOWNERDEAD
    print(other.line())
    assert other.finish().returncode == 0
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
    primary = owner("heap", "spin", "primary")
    assert primary.line() == "up"
    eal = pydpdk.attach(PREFIX)
    primary.write()
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
from waiting import until
from pydpdk import eal

def awake():
    \"\"\"Return [ns] in which this thread ran or was ready to: under load that takes long.\"\"\"
    with open("/proc/thread-self/schedstat") as file:
        return sum(map(int, file.read().split()[:2]))

begun = []

@atexit.register  # registered before the EAL's handler, so called after it
def report():
    start, before = begun
    asleep = time.monotonic_ns() - start - (awake() - before)
    print("asleep", asleep, eal.state(), flush=True)

def main(app):
    deaths = queue.SimpleQueue()
    app.eal.on_process_death(deaths.put)
    subprocess.run([sys.executable, {str(OWNER)!r}, app.eal.file_prefix, "heap", "spin", "damage"],
                   stdout=subprocess.DEVNULL)
    assert deaths.get().error.errno == errno.EOWNERDEAD
    begun[:] = time.monotonic_ns(), awake()
    os.kill(os.getpid(), signal.SIGTERM)
    until(lambda: not app.running)
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
    done = Child([sys.executable, "-c", RUN], cwd=tmp_path).finish(120)
    left = runtime.leftovers(prefix)
    runtime.remove(prefix)
    assert left == []
    assert "Traceback" not in done.stderr, done.stderr
    asleep = [line for line in done.stdout.splitlines() if line.startswith("asleep")]
    assert len(asleep) == 1, done.stdout + done.stderr
    _, ns, state = asleep[0].split()
    assert state == "dead"
    assert int(ns) < 1_000_000_000, done.stderr + ns
