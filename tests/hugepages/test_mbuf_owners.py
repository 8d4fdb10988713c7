"""Mbuf owners in other processes: alive, working, or dead."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.hugepages

START = """
from children import Child
LCORE_2 = max(os.sched_getaffinity(0))
HEAD = f'''
import pydpdk
from pydpdk import Burst, Mempool, Ring
eal = pydpdk.init(file_prefix={PREFIX!r}, proc_type="secondary", lcores=({LCORE_2},))
pool = Mempool.lookup("p")
'''
HOLD = '''
burst = Burst(8)
burst.alloc(pool, 3)
print("ready", flush=True)
input()
burst.free()
burst.close()
eal.close()
'''
def start(code):
    other = Child([sys.executable, "-c", HEAD + code])
    other.until_ready()
    return other
eal = init()
pool = Mempool.create("p", 1023, cache_size=0)
"""


def test_the_process_whose_burst_has_the_mbufs_is_named(run_script):
    code = """
other = start(HOLD)
owners = [mbuf.owner for mbuf in pool.outstanding()]
assert owners == [f"a burst of process {other.pid}, packet {i}" for i in range(3)], owners
try:
    pool.close()
except pydpdk.InUseError as error:
    print(str(error).replace(str(other.pid), "PID"))
other.end()
print(pool.outstanding())
eal.close()
"""
    done = run_script(START + code)
    assert done.stdout.splitlines() == [
        "<Mempool 'p' n=1023 in_use=3> stays open: 3 of its 1023 mbufs are out:"
        " 3 in a burst of process PID",
        "[]",
    ], done.stderr


def test_mbufs_of_a_killed_process_are_still_known(run_script):
    """Until its recovery, which the test prevents."""
    code = """
import warnings
from pydpdk._core import hooks
hooks.recovery = None
other = start(HOLD)
other.kill()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    pool.close(force=True)
print(str(caught[0].message).replace(str(other.pid), "PID"))
eal.close()
"""
    done = run_script(START + code)
    assert done.stdout == ("mempool 'p' closed by force: 3 in a burst of process PID (dead)\n"), (
        done.stderr
    )


def test_another_process_may_work_during_the_search(run_script):
    """Its bursts come and go, and with them the pages of their storage."""
    code = """
WORK = '''
import threading
done = threading.Event()
def wait():
    input()
    done.set()
threading.Thread(target=wait).start()
ring = Ring.lookup("r")
print("ready", flush=True)
rounds = 0
while not done.is_set():
    bursts = [Burst(65535) for _ in range(6)]  # 3 MB
    for burst in bursts:
        burst.alloc(pool, 100)
    ring.tx(bursts[0])
    ring.rx(bursts[0])
    for burst in bursts:
        burst.free()
        burst.close()
    rounds += 1
ring.close()
eal.close()
print(rounds)
'''
ring = Ring.create("r", 128, element="mbuf")
other = start(WORK)
seen, looks, end = set(), 0, time.monotonic() + 2
def look():
    global looks
    seen.update(mbuf.owner.partition(", packet")[0] for mbuf in pool.outstanding())
    looks += 1
    enough = looks > 20 and f"a burst of process {other.pid}" in seen
    return enough and time.monotonic() > end
until(look, every=0, what=lambda: (looks, seen))
assert int(other.end()) > 0
print(pool.outstanding())
ring.close()
eal.close()
"""
    done = run_script(START + code)
    assert done.stdout == "[]\n", done.stderr
