"""An EAL and the children of its process: calls in forked ones raise, others are free."""


def test_calls_in_a_forked_child_raise(run_script):
    """A child would use shared memory of its parent, and locks of threads that it lacks."""
    done = run_script("""
        import os, threading, warnings
        from pydpdk._core.lifetime import lock
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
        mbuf, queue = burst.mbuf(0), port.rx_queues[0]
        uses = dict(
            alloc=lambda: burst.alloc(pool), n=lambda: pool.in_use_count, free=burst.free,
            enqueue=lambda: values.enqueue_bulk(np.zeros(1, np.uint64)),
            tx=lambda: mbufs.tx(burst), rx=lambda: queue.rx(burst), stop=port.stop,
            start=port.start, stats=port.stats, array=zone.as_array,
            reserve=lambda: Memzone.reserve("y", 64), add=lambda: eal.add_device("net_null5"),
            lookup=lambda: Mempool.lookup("p"), mbuf=lambda: mbuf.append(b"x"),
            new=lambda: Burst(1), init=init, lengths=lambda: burst.lengths,
        )
        held, forked = threading.Event(), threading.Event()
        def hold():
            with lock():
                held.set()
                forked.wait()
        owner = threading.Thread(target=hold)
        owner.start()
        held.wait()
        pid = os.fork()
        if pid == 0:
            code = 0
            for name, use in uses.items():
                try:
                    use()
                    print("no error:", name, flush=True)
                    code = 1
                except (ClosedError, DpdkError) as error:
                    if not ("forked" in str(error) or "closed>" in str(error)):
                        print(name, error, flush=True)
                        code = 1
            for owner in (burst, values, mbufs, port, pool, zone, eal):
                owner.close()
            os._exit(code)
        forked.set()
        owner.join()
        status = os.waitpid(pid, 0)[1]
        print("child", status)
        assert pool.in_use_count == 4 and burst.free() == 4
        assert port.rx_queues[0].rx(burst) == 0 and zone.as_array()[0] == 0
        eal.close()
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "child 0\n"


def test_a_forked_child_that_exits_does_not_affect_its_parent(run_script):
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
