"""Processes killed while they attach or leave: then they hold DPDK's memory map lock."""

import pytest

pytestmark = pytest.mark.hugepages


def test_memory_grows_after_a_death_while_attaching(run_script) -> None:
    """Without recovery, the next growth of the heap waits in rte_mcfg_mem_write_lock forever."""
    done = run_script(
        """
        import random
        from children import Child, python
        chance, deaths, end = random.Random(5), [], time.monotonic() + 30
        stays = "import pydpdk, signal, sys; pydpdk.attach(sys.argv[1]); sys.stdin.read()"
        with init() as eal:
            eal.on_process_death(deaths.append)
            for i in range(24):
                if time.monotonic() > end and i > 2:
                    break
                signal.alarm(60)  # ends the process: a thread in C reacts to nothing else
                child = Child(python(stays, PREFIX))
                until(lambda: len(pydpdk.processes()) == 2, every=0.0005)
                time.sleep(chance.uniform(0, 0.04))
                child.kill()
                until(lambda: len(deaths) > i)
                with Memzone.reserve(f"z{i}", 8 << 20):  # more than the heap has: it grows
                    pass
        print([death.error for death in deaths if death.error])
        """,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


OWNER = """
    import ctypes, threading
    from children import Child, python
    signal.alarm(100)  # ends the process: nothing else ends a wait for the lock
    OWNER = (
        "import ctypes, pydpdk, signal, sys\\n"
        "eal = pydpdk.attach(sys.argv[1])\\n"
        "eal._peers._registration.publish(sys.argv[2], {})\\n"
        "maps = open('/proc/self/maps').read().split()\\n"
        "dpdk = ctypes.CDLL(next(path for path in maps if 'librte_eal.so' in path))\\n"
        "dpdk['rte_mcfg_mem_' + sys.argv[3] + '_lock']()\\n"
        "print('ready', flush=True)\\n"
        "sys.stdin.read()\\n"
    )
    ids = []
    def grow():
        ids.append(threading.get_native_id())
        with Memzone.reserve("z", 8 << 20):  # more than the heap has: it takes the lock
            pass
    def spins():  # growth takes a few milliseconds
        return ids and cpu_time(f"/proc/self/task/{ids[0]}") > 0.1
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
        child = Child(python(OWNER, PREFIX, state, lock))
        child.until_ready()
        grower = threading.Thread(target=grow)
        if waiting:
            grower.start()
            until(spins)
        child.kill()
        until(lambda: deaths)
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
        import random
        from children import Child, python
        from pydpdk.host import registry
        end = time.monotonic() + 30
        chance, deaths, code = random.Random(6), [], (
            "import pydpdk, sys\\neal = pydpdk.attach(sys.argv[1])\\n"
            "print('ready', flush=True)\\neal.close()")
        def state_of(pid):
            return next((m.state for m in registry.members(PREFIX) if m.pid == pid), None)
        with init() as eal:
            eal.on_process_death(deaths.append)
            for i in range(16):
                if time.monotonic() > end and i > 2:
                    break
                signal.alarm(60)  # ends the process: a thread in C reacts to nothing else
                child = Child(python(code, PREFIX))
                child.until_ready()
                while state_of(child.pid) == "ready":
                    pass
                time.sleep(chance.choice([0, 0, chance.uniform(0, 0.002)]))
                child.kill()
                with Memzone.reserve(f"z{child.pid}", 8 << 20):
                    pass
            pydpdk.recover()
        print([death.error for death in deaths if death.error])
        """,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
