"""A secondary attaches, finds what exists, leaves, and takes nothing with it."""

import json

import pytest

import pydpdk
from pydpdk import Burst, Eal, InUseError, Mempool, Memzone, Ring, lcore
from pydpdk.host import primary as host_primary

pytestmark = pytest.mark.hugepages


def test_a_secondary_finds_the_same_objects_and_frees_none(
    eal: Eal, second, pool: Mempool, name: str
):
    with Ring.create(f"{name}r", 16) as ring, Memzone.reserve(f"{name}z", 4096) as zone:
        zone.as_array()[:3] = 1, 2, 3
        other = second(f"""
            with pydpdk.attach(PREFIX):
                pool, ring = Mempool.lookup({pool.name!r}), Ring.lookup({ring.name!r})
                zone = Memzone.lookup({zone.name!r})
                print([o.address for o in (pool, ring, zone)], zone.as_array()[:3].tolist())
                print([o.owned for o in (pool, ring, zone)])
                for o in (pool, ring, zone):
                    o.close()
        """)
        found, owned = other.end().splitlines()
        addresses = [o.address for o in (pool, ring, zone)]
        assert found == f"{addresses} [1, 2, 3]"
        assert owned == "[False, False, False]"
        assert (len(ring), pool.avail_count, zone.info.len) == (0, 511, 4096)


def test_mbufs_pass_between_processes_over_a_ring(second, pool: Mempool, burst: Burst, name: str):
    with Ring.create(name, 64, element="mbuf") as ring:
        burst.alloc(pool, 8, length=60)
        for i in range(8):
            burst[i][:] = i
        assert ring.tx(burst) == 8
        other = second(f"""
            with pydpdk.attach(PREFIX), Burst(8) as burst:
                ring = Ring.lookup({name!r})
                print(ring.rx(burst), [bytes(burst.bytes(i))[59] for i in range(8)])
                for i in range(8):
                    burst[i][:] = 100 + i
                ring.tx(burst)
        """)
        assert other.end() == f"8 {list(range(8))}\n"
        assert ring.rx(burst) == 8
        assert [burst.bytes(i)[0] for i in range(8)] == list(range(100, 108))
        burst.free()


def test_processes_lists_all_processes(eal: Eal, second):
    code = "with pydpdk.attach(PREFIX, '7@0', name='worker'): wait()"
    other = second(code)
    other.until_ready()
    primary, worker = pydpdk.processes()
    assert (primary.role, primary.lcores, primary.ours) == (
        "primary",
        {each.lcore_id for each in lcore.walk()},
        True,
    )
    assert (worker.pid, worker.role, worker.lcores) == (other.pid, "secondary", {7})
    assert worker.name == "worker"
    assert pydpdk.processes(eal.file_prefix) == [primary, worker]
    other.end()
    assert pydpdk.processes() == [primary]


def test_reading_primary_alive_keeps_the_lock_of_the_primary(eal: Eal, second):
    """The kernel drops a process's lock on a file when it closes any descriptor of it."""
    pydpdk.processes(eal.file_prefix)
    assert eal.file_prefix in host_primary.running_prefixes()
    other = second("with pydpdk.attach(PREFIX) as eal: print(eal.primary_alive)")
    assert other.end() == "True\n"


def test_attach_chooses_a_free_lcore_by_default(eal: Eal, second):
    """Free lcores are chosen from the highest down, also beside other processes."""
    others = [second("with pydpdk.attach(PREFIX): wait()") for _ in range(3)]
    for other in others:
        other.until_ready()
    taken = [process.lcores for process in pydpdk.processes()]
    assert len(frozenset().union(*taken)) == sum(map(len, taken)) == 3 + 3
    for other in others:
        other.end()


def test_attach_rejects_lcores_in_use_and_names_their_process(eal: Eal, second):
    lcore = min(pydpdk.processes()[0].lcores)
    other = second("with pydpdk.attach(PREFIX, '9@0', name='first'): wait()")
    other.until_ready()
    rejected = second(f"""
        tried(lambda: pydpdk.attach(PREFIX, ({lcore},)))
        tried(lambda: pydpdk.attach(PREFIX, '(8-9)@0'))
        tried(lambda: pydpdk.init(file_prefix=PREFIX, proc_type="secondary", lcores="9@0"))
        print(pydpdk.eal.state())
        with pydpdk.attach(PREFIX, '8@0'):
            print("attached")
    """).end()
    lines = rejected.splitlines()
    assert f"{lcore} by the primary" in lines[0]
    assert f"9 by the secondary 'first' (PID {other.pid})" in lines[1]
    assert "9 by the secondary 'first'" in lines[2]
    assert "would corrupt. Free: " in lines[1]
    assert lines[3:] == ["new", "attached"]
    other.end()


def test_auto_is_secondary_beside_a_primary_and_else_primary(eal: Eal, second, name: str):
    code = """
        options = dict(file_prefix=PREFIX, lcores="20@0", hugepages=True)
        with pydpdk.init(proc_type="auto", **options) as eal:
            print(eal.proc_type)
    """
    assert second(code).end() == "secondary\n"
    assert second(code, f"{eal.file_prefix}-{name}").end() == "primary\n"


def test_a_secondary_uses_the_iova_mode_of_the_primary(eal: Eal, second):
    """By default the EAL of root chooses pa in the secondary, and would write that into mbufs."""
    assert second("print(pydpdk.attach(PREFIX).iova_mode)").end() == f"{eal.iova_mode}\n"


def test_a_primary_does_not_close_beside_a_secondary(second):
    primary = second(
        """
        import warnings
        eal = pydpdk.init(file_prefix=PREFIX, hugepages=True, lcores="0@0")
        wait()
        tried(eal.close)
        print(eal)
        wait()
        eal.close()
        print(eal, pydpdk.host.runtime.leftovers(PREFIX))
    """,
        "test-closed-late",
    )
    primary.until_ready()
    other = second("with pydpdk.attach(PREFIX, name='late'): wait()", "test-closed-late")
    other.until_ready()
    primary.write()
    rejected, state = primary.until_ready()
    assert rejected.startswith(InUseError.__name__)
    assert f"secondary 'late' (PID {other.pid})" in rejected
    assert "end them first" in rejected
    assert "dead" not in state
    other.end()
    assert primary.end() == "<Eal 'test-closed-late' dead> []\n"


def test_detaching_does_not_change_the_ports_of_the_primary(
    eal: Eal, second, device, pool: Mempool
):
    """`rte_eal_cleanup` removes all devices of a process: in a secondary, only its view of them."""
    port = device("net_ring_keep")
    port.configure(mempool=pool)
    port.start()
    with Burst(32) as burst:
        for _ in range(3):
            with_port = """
                with pydpdk.attach(PREFIX):
                    print(Port.lookup("net_ring_keep").stats().opackets)
            """
            burst.alloc(pool, 4, length=60)
            assert port.tx_queues[0].tx(burst) == 4
            assert int(second(with_port).end()) == port.stats().opackets
            assert port.rx_queues[0].rx(burst) == 4
            burst.free()
            assert port.link().up
    port.stop()


def test_a_forked_child_does_not_remove_the_registration_of_its_parent(second):
    primary = second(
        """
        eal = pydpdk.init(file_prefix=PREFIX, hugepages=True, lcores="0@0")
        child = os.fork()
        if child == 0:
            try:
                eal.close()
                pydpdk.processes()
            except pydpdk.ClosedError:
                os._exit(7)
            os._exit(1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(pydpdk.processes()))
        eal.close()
    """,
        "test-forked",
    )
    assert primary.end() == "7 1\n"


def test_the_registry_is_readable_without_an_eal(eal: Eal, second):
    other = second("""
        import json
        from dataclasses import asdict
        rows = map(asdict, pydpdk.processes(PREFIX))
        print(json.dumps([row | {"lcores": sorted(row["lcores"])} for row in rows]))
        tried(pydpdk.processes)
    """)
    rows, rejected = other.end().splitlines()
    (row,) = json.loads(rows)
    assert (row["role"], row["ours"]) == ("primary", True)
    assert rejected == "ClosedError no EAL is running: name a file prefix"


TABLE = """
import sys, pydpdk
with pydpdk.attach(sys.argv[1]):
    try:
        eval(sys.argv[2])("there").close()
        print("made")
    except pydpdk.NotSupportedError as error:
        print(error)
"""


@pytest.mark.parametrize("make", ["pydpdk.Fib", "pydpdk.Fib6"])
def test_tables_need_a_primary_with_the_same_table(run_script, make: str):
    """A tailq that the primary lacks is NULL in a secondary, and DPDK would dereference it."""
    done = run_script(
        """
        import subprocess, sys
        def other():
            command = [sys.executable, "-c", sys.argv[1], PREFIX, sys.argv[2]]
            return subprocess.check_output(command, text=True)
        with init():
            print(other(), end="")
            eval(sys.argv[2])("here").close()
            print(other(), end="")
        """,
        TABLE,
        make,
    )
    before, after = done.stdout.splitlines()
    assert "librte_fib, here or in the primary" in before
    assert after == "made", done.stderr
