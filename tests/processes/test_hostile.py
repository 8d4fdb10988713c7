"""A C program spoils packets: these are dropped and counted, the others received, none lost."""

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.hugepages
MAIN, OTHER = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
WAYS = 22  # kinds of damage in hostile.c; 0 does none, nor 9 to a single segment
SIZES = (60, 1000, 5000)  # the last in three segments
ROUNDS = 8
SOUND, TOTAL = ROUNDS * (len(SIZES) + 2), ROUNDS * len(SIZES) * WAYS


@pytest.fixture(scope="session")
def hostile(compile_c: Callable[[Path], Path]) -> Path:
    return compile_c(Path(__file__).with_name("hostile.c"))


BEGIN = f"""
import subprocess, sys
from pydpdk import Forward, lcore, worker

PACKETS = [bytes([how]) + bytes(k & 0xff for k in range(1, size))
           for _ in range({ROUNDS}) for how in range({WAYS}) for size in {SIZES}]
LEFT_ALONE = [p for p in PACKETS if p[0] == 0 or (p[0] == 9 and len(p) < 2000)]

def spoiled(ring):
    arguments = ["--lcores", "9@{OTHER}", "--file-prefix", PREFIX, "--no-pci",
                 "--proc-type", "secondary", "--", ring, str(len(PACKETS))]
    return subprocess.Popen([sys.argv[1], *arguments], stdout=subprocess.DEVNULL)

def send(pool, to_c):
    with Burst(len(PACKETS)) as burst:
        burst.alloc(pool, len(PACKETS))
        burst.fill(PACKETS)
        assert to_c.tx(burst) == len(PACKETS)

def received(rx, malformed):
    found = []
    with Burst(16) as burst:
        while len(found) + malformed() < len(PACKETS):
            rx(burst)
            found += [burst.bytes(i) for i in range(len(burst))]
            data, offsets = burst.copy_out()
            assert data.tobytes() == b"".join(found[len(found) - len(burst):])
            burst.free()
    assert found == LEFT_ALONE, (len(found), len(LEFT_ALONE))
    return len(found), malformed()
"""
RUN = f"""
with init(lcores="0@{MAIN},1@{OTHER}", vdevs=("net_ring0", "net_null0"), memory_mb=64):
    pool = Mempool.create("packets", 4095, cache_size=0)
    to_c = Ring.create("to_c", 1024, element="mbuf")
    to_py = Ring.create("to_py", 1024, element="mbuf")
    ports = [Port.lookup("net_ring0"), Port.lookup("net_null0")]
    for port in ports:
        port.configure(mempool=pool)
        port.start()
    rxq, txq = ports[0].rx_queues[0], ports[1].tx_queues[0]
    send(pool, to_c)
"""


def run(run_script, hostile: Path, body: str) -> str:
    code = BEGIN + RUN + textwrap.indent(textwrap.dedent(body), "    ")
    code += '    print("out", pool.in_use_count)\n'
    done = run_script(code, hostile)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


SEEN = f"({SOUND}, {TOTAL - SOUND})\nout 0\n"


def test_out_of_a_ring(run_script, hostile: Path) -> None:
    body = """
    with spoiled("to_py") as c:
        print(received(to_py.rx, lambda: to_py.malformed))
    """
    assert run(run_script, hostile, body) == SEEN


def test_a_program_that_came_and_left_while_the_gil_was_held_is_seen(
    run_script, hostile: Path
) -> None:
    """The program comes, spoils and ends while this process holds the GIL: it is seen even so."""
    body = """
    import ctypes
    c = spoiled("to_py")
    assert ctypes.PyDLL(None).waitpid(c.pid, None, 0) == c.pid
    print(received(to_py.rx, lambda: to_py.malformed))
    c.returncode = 0
    """
    assert run(run_script, hostile, body) == SEEN


def test_out_of_a_port(run_script, hostile: Path) -> None:
    """net_ring receives what lies in its ring, whichever process enqueued it."""
    body = """
    with spoiled("ETH_RXTX0_net_ring0") as c:
        print(received(rxq.rx, lambda: rxq.malformed))
    """
    assert run(run_script, hostile, body) == SEEN


def test_forward(run_script, hostile: Path) -> None:
    body = """
    with spoiled("ETH_RXTX0_net_ring0") as c, Burst(16) as burst:
        forward, came = Forward(burst, [(rxq, txq)], "macswap"), 0
        while came + rxq.malformed < len(PACKETS):
            came += forward.step()
        print((came, rxq.malformed))
    """
    assert run(run_script, hostile, body) == SEEN


def test_compiled_workers(run_script, hostile: Path, tmp_path: Path) -> None:
    (tmp_path / "drains.py").write_text(
        textwrap.dedent(
            """
            from pydpdk import lcore, worker

            @worker
            def drains(ring, rxq, burst, counters):
                while lcore.running():
                    counters[0] += ring.rx(burst)
                    burst.free()
                    counters[1] += rxq.rx(burst)
                    burst.free()
            """
        )
    )
    body = """
    import numpy as np
    sys.path.insert(0, ".")
    from drains import drains
    counters = np.zeros(2, np.int64)
    with Burst(16) as burst:
        job = drains.launch(to_py, rxq, burst, counters, lcore_id=1)
        for ring, at, side in (("to_py", 0, to_py), ("ETH_RXTX0_net_ring0", 1, rxq)):
            with spoiled(ring) as c:
                until(lambda: counters[at] + side.malformed == len(PACKETS))
            print((int(counters[at]), side.malformed))
            if at == 0:
                send(pool, to_c)
        job.cancel()
        job.close()
    """
    assert run(run_script, hostile, body) == SEEN.replace("out 0\n", "") + SEEN


def test_a_ring_with_spoiled_packets_closes_by_force(run_script, hostile: Path) -> None:
    body = """
    with spoiled("to_py") as c:
        pass
    assert len(to_py) == len(PACKETS)
    to_py.close(force=True)
    """
    assert run(run_script, hostile, body) == "out 0\n"
