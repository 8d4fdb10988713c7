"""A thread that reads while another closes gets `ClosedError`, and the process survives.

In its own process, because the failure was a segmentation fault: a pool is memory that `close`
returns to the kernel, a port has functions that `close` removes.
"""

import pytest

LOOK = """
import inspect, re, threading
from pydpdk import *

sys.setswitchinterval(1e-5)
eal = init(vdevs=())

def device():
    eal.add_device("net_null0")
    return Port.lookup("net_null0")

def gone(thing):
    thing.close(force=True)
    if isinstance(thing, Port):
        eal.remove_device("net_null0")

kind = sys.argv[1]
make = {
    "mempool": lambda: Mempool.create("p", 2047),
    "objects": lambda: ObjectPool.create("o", 1023, "u8"),
    "ring": lambda: Ring.create("r", 1024),
    "memzone": lambda: Memzone.reserve("z", 1 << 22),
    "channel": lambda: Channel.create("c", 64),
    "port": device,
    "hash": lambda: Hash("h", "u4"),
    "fib": lambda: Fib("f"),
}[kind]
calls = {
    "objects": lambda it: (it.outstanding(), it.arrays, it[0]),
    "mempool": lambda it: it.outstanding(),
    "memzone": lambda it: it.as_array(),
    "channel": lambda it: it.get_many(2, timeout=0),
    "hash": lambda it: (len(it), it.items()),
    "fib": lambda it: it.find([1]),
}.get(kind, repr)

current, done = [make()], threading.Event()
raised = looks = 0
wrong = []

def look():
    global raised, looks
    while not done.is_set():
        it = current[0]
        names = [name for name in dir(type(it)) if not name.startswith("_")]
        for name in names:
            if isinstance(inspect.getattr_static(type(it), name), property):
                try:
                    getattr(it, name)
                except ClosedError:
                    raised += 1
                except NotFoundError:  # a port that is not configured has no only queue
                    assert name in ("rx_queue", "tx_queue"), name
        try:
            looks += 1
            calls(it)
        except ClosedError as error:
            raised += 1
            assert re.search("was shut|after it was closed", str(error)), error
        assert it.name in repr(it)

def enough():
    return rounds > 5 and (raised or kind == "memzone")  # its values are read once

def watched():
    try:
        look()
    except BaseException as error:
        wrong.append(error)
        raise

threads = [threading.Thread(target=watched) for _ in range(3)]
for thread in threads:
    thread.start()
rounds, end = 0, time.monotonic() + 1
# a thread may or may not be inside just then: until each has happened, often
while (time.monotonic() < end or not enough()) and not wrong:
    assert time.monotonic() < end + 60, (rounds, looks, raised)
    before = looks
    until(lambda: looks > before or wrong, every=0.0003)
    try:
        gone(current[0])
    except InUseError:  # a view of the moment
        continue
    rounds += 1
    current[0] = make()
done.set()
gone(current[0])
for thread in threads:
    thread.join()
assert not wrong, wrong
"""

KINDS = ("mempool", "objects", "ring", "memzone", "channel", "port", "hash", "fib")


@pytest.mark.parametrize("kind", KINDS)
def test_a_thread_that_reads_while_another_closes_gets_closed_error(run_script, kind: str):
    done = run_script(LOOK, kind)
    assert done.returncode == 0, done.stderr


END = """
import threading
from pydpdk import *
from pydpdk.memory import live
from pydpdk.memory.address import virt2iova
from pydpdk.memory.heap import heaps
from pydpdk.memory.mempool import mempools
from pydpdk.memory.memseg import memseg_lists, memsegs
from pydpdk.memory.memzone import memzones

sys.setswitchinterval(1e-5)
eal = init(vdevs=("net_null0",))
pools = [Mempool.create(f"p{i}", 511) for i in range(6)]
zone = Memzone.reserve("z", 4096)
address = zone.info.addr
asked = (
    mempools, memzones, memsegs, memseg_lists, heaps, Port.all, live.pools, live.rings,
    live.elements, lambda: virt2iova(address), lambda: Ring.lookup("r"), lambda: Burst(4).close(),
    lambda: Mempool.lookup("p0"), lambda: DynField.lookup("none"),
)
asked_once, ended, wrong = set(), [], []

def ask(functions):
    while True:
        for function in functions:
            try:
                function()
                asked_once.add(function)
            except ClosedError as error:
                if "no EAL" in str(error) or "EAL of this process has been closed" in str(error):
                    ended.append(function)
                    return
            except NotFoundError:
                pass
            except BaseException as error:
                wrong.append(error)
                raise

threads = [threading.Thread(target=ask, args=(asked[i::4],)) for i in range(4)]
for thread in threads:
    thread.start()
until(lambda: len(asked_once) > 8 or wrong)
eal.close(force=True)
for thread in threads:
    thread.join()
assert not wrong, wrong
print(len(ended))
"""


def test_a_thread_that_calls_while_another_ends_the_eal_gets_closed_error(run_script):
    for _ in range(8):
        done = run_script(END)
        assert done.stdout == "4\n", done.stderr


def test_devices_come_and_go_in_four_threads(run_script):
    done = run_script("""
        import sys, threading
        sys.setswitchinterval(1e-6)
        eal = init()
        wrong = []

        def plug(name):
            try:
                for _ in range(600):
                    eal.add_device(name)
                    assert Port.lookup(name).stats().ipackets == 0
                    eal.remove_device(name)
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=plug, args=(f"net_null{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        eal.close()
        print(wrong)
    """)
    assert done.stdout == "[]\n", done.stderr
