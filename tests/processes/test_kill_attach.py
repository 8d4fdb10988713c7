"""Processes that are killed while they attach: they hold DPDK's lock of the memory map then."""

import pytest

pytestmark = pytest.mark.hugepages


def test_a_death_while_attaching_keeps_nobody_from_memory(run_script) -> None:
    """Without recovery, the next growth of the heap waits in rte_mcfg_mem_write_lock for ever."""
    done = run_script(
        """
        import random, signal, subprocess, sys, time
        signal.alarm(100)  # ends the process: a thread that waits for the lock hears nothing else
        chance, deaths = random.Random(5), []
        with init() as eal:
            eal.on_process_death(deaths.append)
            for i in range(24):
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
        print(len(deaths), sum(not death.process.ready for death in deaths))
        """,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    all_of_them, attaching = map(int, done.stdout.split())
    assert all_of_them == 24
    assert attaching > 0
