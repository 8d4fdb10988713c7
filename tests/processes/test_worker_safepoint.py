"""A compiled worker takes part in the stop of the world that a recovery needs."""

from __future__ import annotations

import pytest


@pytest.mark.hugepages
def test_a_worker_waits_while_the_world_is_stopped_and_goes_on(run_script):
    """The mbufs of a dead process are recovered although a worker polls without a break."""
    out = run_script("""
        import subprocess
        import numpy as np
        from pydpdk import lcore, worker

        @worker
        def polls(rxq, burst, counters):
            while lcore.running():
                counters[0] += rxq.rx(burst)
                burst.free()

        eal = init(lcores=f"0@{LCORE},1@{LCORE}", vdevs=("net_null0",))
        pool = Mempool.create("p", 511, cache_size=0)
        port = Port.lookup("net_null0")
        port.configure(mempool=pool)
        port.start()
        died = '''if True:
            import os, sys, pydpdk
            pydpdk.init(file_prefix=sys.argv[1], proc_type="secondary", lcores=f"5@{sys.argv[2]}")
            pydpdk.Burst(7).alloc(pydpdk.Mempool.lookup("p"))
            os.kill(os.getpid(), 9)
        '''
        subprocess.run([sys.executable, "-c", died, PREFIX, str(LCORE)])
        counters, burst = np.zeros(1, np.int64), Burst(32)
        with polls.launch(port.rx_queues[0], burst, counters) as job:
            until(lambda: counters[0])
            pydpdk.recover()
            before = int(counters[0])
            until(lambda: counters[0] > before)
            assert job.running()
        burst.close()
        print(pool.in_use_count)
        eal.close()
    """)
    assert out.stdout == "0\n", out.stderr
