"""The GIL while a call is in C: every wait here would be without end if it kept it."""

from __future__ import annotations

import pytest

from pydpdk import gil

BEGIN = """
    import ctypes, sys, threading
    from pydpdk import gil
    from pydpdk._dpdk import ffi
    from pydpdk.memory.memzone import memzones
    from waiting import cpu_time

    sys.setswitchinterval(60)  # Python takes the GIL from no thread meanwhile

    def run(*functions):
        threads = [threading.Thread(target=function) for function in functions]
        for thread in threads:
            thread.start()
        return threads
"""


def test_the_mode_is_one_of_three():
    assert gil.mode() == "auto"
    with pytest.raises(ValueError, match=r"mode must be one of auto, keep, release \(got 'no'\)"):
        gil.set_mode("no")
    try:
        for mode in gil.GilMode:
            gil.set_mode(mode)
            assert gil.mode() is mode
    finally:
        gil.set_mode("auto")


@pytest.mark.parametrize("wish", ["keep", "release", ""])
def test_the_environment_sets_the_mode(run_script, wish: str):
    out = run_script("from pydpdk import gil; print(gil.mode())", PYDPDK_GIL=wish)
    assert out.stdout == f"{wish or 'auto'}\n", out.stderr


def test_a_mode_of_the_environment_that_is_none_raises(run_script):
    out = run_script("from pydpdk import gil", PYDPDK_GIL="never")
    assert "PYDPDK_GIL must be one of auto, keep, release (got 'never')" in out.stderr


@pytest.mark.parametrize("mode", ["auto", "keep"])
def test_a_thread_that_waits_for_a_recovery_has_no_gil(run_script, mode: str):
    out = run_script(f"""
    {BEGIN}
    with init():
        gil.set_mode({mode!r})
        found = next(zone.addr for zone in memzones() if zone.name == "pydpdk")
        table = ffi.cast("struct pyd_process_table *", found)
        burst, go = Burst(1), threading.Event()
        def call():
            burst.swap_macs()  # gives the thread its critical section
            go.wait()
            burst.swap_macs()
        [thread] = run(call)
        def slept():
            status = open(f"/proc/self/task/{{thread.native_id}}/status").read()
            return int(status.partition("voluntary_ctxt_switches:")[2].split()[0])
        before = slept()
        table.stopped_by = 1  # as if this process, the first of the table, recovered
        go.set()
        until(lambda: slept() > before + 100)  # it waits in C, and looks again and again
        assert thread.is_alive()
        table.stopped_by = 0
        thread.join()
        burst.close()
    print("done")
    """)
    assert out.stdout == "done\n", out.stderr


def test_the_first_call_of_a_thread_has_no_gil_while_it_waits_for_memory(run_script):
    out = run_script(f"""
    {BEGIN}
    from pydpdk.memory import live
    with init():
        gil.set_mode("keep")
        heap = ctypes.c_uint64.from_address(live.elements()[0].addr).value
        lock = ctypes.c_int32.from_address(heap)  # it comes first
        burst = Burst(1)
        lock.value = 1
        [thread] = run(burst.swap_macs)
        until(lambda: cpu_time(f"/proc/self/task/{{thread.native_id}}") > 0.05)  # it spins
        lock.value = 0
        thread.join()
        burst.close()
    print("done")
    """)
    assert out.stdout == "done\n", out.stderr


def test_threads_that_poll_take_turns(run_script):
    out = run_script(f"""
    {BEGIN}
    TURNS = 2000  # 500 s, if Python alone let them take turns
    sys.setswitchinterval(0.25)
    both = threading.Barrier(2)
    with init(lcores=f"0@{{LCORE}}", vdevs=("net_null0,no-rx=1", "net_null1,no-rx=1")):
        pool = Mempool.create("p", 511, cache_size=0)
        ports = [Port.lookup(f"net_null{{i}}") for i in range(2)]
        for port in ports:
            port.configure(mempool=pool)
            port.start()
        last, turns = [None], [0]
        def poll(port):
            queue, mine = port.rx_queues[0], object()
            with Burst(32) as burst:
                queue.rx(burst)
                both.wait()
                while turns[0] < TURNS:
                    queue.rx(burst)
                    if last[0] is not mine:
                        last[0] = mine
                        turns[0] += 1
        threads = run(*(lambda port=port: poll(port) for port in ports))
        for thread in threads:
            thread.join()
        print("done")
    """)
    assert out.stdout == "done\n", out.stderr


def test_a_driver_that_waits_in_the_kernel_stops_no_other_thread(run_script, tmp_path):
    """A full pipe ends the wait of net_pcap only when the other thread reads it."""
    out = run_script(f"""
    {BEGIN}
    import os
    os.mkfifo("pipe")
    end = os.open("pipe", os.O_RDWR)
    SIZE = 24 + 256 * (16 + 1500)  # more than a pipe takes
    with init(lcores=f"0@{{LCORE}}", vdevs=("net_pcap0,tx_pcap=pipe",)):
        pool = Mempool.create("p", 511, cache_size=0)
        port = Port.lookup("net_pcap0")
        port.configure(mempool=pool)
        port.start()
        def send():
            with Burst(256) as burst:
                burst.alloc(pool)
                burst.fill([bytes(1500)] * 256)
                while len(burst):
                    port.tx_queues[0].tx(burst)
        [thread] = run(send)
        left = SIZE
        while left:
            left -= len(os.read(end, min(left, 65536)))
        thread.join()
    print("done")
    """)
    assert out.stdout == "done\n", out.stderr
