"""Processes killed while they attach or leave: then they hold DPDK's memory map lock."""

import pytest

pytestmark = pytest.mark.hugepages


def test_memory_grows_after_a_death_while_attaching(run_script) -> None:
    """Without recovery, the next growth of the heap waits in rte_mcfg_mem_write_lock forever."""
    done = run_script(
        """
        import random, signal, subprocess, sys, time
        chance, deaths, end = random.Random(5), [], time.monotonic() + 30
        with init() as eal:
            eal.on_process_death(deaths.append)
            for i in range(24):
                if time.monotonic() > end and i > 2:
                    break
                signal.alarm(60)  # ends the process: a thread in C reacts to nothing else
                child = subprocess.Popen(
                    [sys.executable, "-c", "import pydpdk, sys, time; pydpdk.attach(sys.argv[1]);"
                     " time.sleep(9)", PREFIX], stderr=subprocess.DEVNULL)
                while len(pydpdk.processes()) < 2:
                    time.sleep(0.0005)
                time.sleep(chance.uniform(0, 0.04))
                child.kill()
                child.wait()
                while len(deaths) <= i:
                    time.sleep(0.001)
                with Memzone.reserve(f"z{i}", 8 << 20):  # more than the heap has: it grows
                    pass
        print([death.error for death in deaths if death.error])
        """,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


OWNER = """
    import ctypes, signal, subprocess, sys, threading, time
    signal.alarm(50)  # ends the process: nothing else ends a wait for the lock
    OWNER = (
        "import ctypes, pydpdk, sys, time\\n"
        "eal = pydpdk.attach(sys.argv[1])\\n"
        "eal._peers._registration.publish(sys.argv[2], {})\\n"
        "maps = open('/proc/self/maps').read().split()\\n"
        "dpdk = ctypes.CDLL(next(path for path in maps if 'librte_eal.so' in path))\\n"
        "dpdk['rte_mcfg_mem_' + sys.argv[3] + '_lock']()\\n"
        "print('held', flush=True)\\n"
        "time.sleep(60)\\n"
    )
    def grow():
        with Memzone.reserve("z", 8 << 20):  # more than the heap has: it takes the lock
            pass
"""


@pytest.mark.parametrize("waiting", [False, True], ids=["free", "waited_for"])
@pytest.mark.parametrize(("state", "lock"), [("attaching", "read"), ("leaving", "write")])
def test_the_memory_map_lock_of_a_dead_process_is_released(
    run_script, state: str, lock: str, waiting: bool
) -> None:
    done = run_script(
        OWNER
        + """
    state, lock, waiting = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
    with init() as eal:
        deaths = []
        eal.on_process_death(deaths.append)
        child = subprocess.Popen(
            [sys.executable, "-c", OWNER, PREFIX, state, lock], stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "held\\n"
        grower = threading.Thread(target=grow)
        if waiting:
            grower.start()
            time.sleep(0.2)
            assert grower.is_alive()
        child.kill()
        child.wait()
        while not deaths:
            time.sleep(0.01)
        if not waiting:
            grower.start()
        grower.join()
        pydpdk.recover()  # finds all of DPDK's locks free
        print(deaths[0].process.state, deaths[0].error)
        """,
        state, lock, waiting,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{state} None\n"


def test_memory_grows_after_a_death_while_leaving(run_script) -> None:
    """It leaves within milliseconds: killed at random moments of that time."""
    done = run_script(
        """
        import random, signal, subprocess, sys, time
        from pydpdk.host import registry
        end = time.monotonic() + 30
        chance, deaths, code = random.Random(6), [], (
            "import pydpdk, sys\\neal = pydpdk.attach(sys.argv[1])\\n"
            "print('up', flush=True)\\neal.close()")
        def state_of(pid):
            return next((m.state for m in registry.members(PREFIX) if m.pid == pid), None)
        with init() as eal:
            eal.on_process_death(deaths.append)
            for i in range(16):
                if time.monotonic() > end and i > 2:
                    break
                signal.alarm(60)  # ends the process: a thread in C reacts to nothing else
                child = subprocess.Popen(
                    [sys.executable, "-c", code, PREFIX], stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL)
                child.stdout.readline()
                while state_of(child.pid) == "ready":
                    pass
                time.sleep(chance.choice([0, 0, chance.uniform(0, 0.002)]))
                child.kill()
                child.communicate()
                with Memzone.reserve(f"z{child.pid}", 8 << 20):
                    pass
            pydpdk.recover()
        print([death.error for death in deaths if death.error])
        """,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
