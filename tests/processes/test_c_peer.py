"""mbufs go back and forth between Python and C: by pointer, over rings, contents checked."""

import os
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import Children

from pydpdk.host import runtime

pytestmark = pytest.mark.hugepages
TOTAL = 20_000
MAIN = min(os.sched_getaffinity(0))
EXCHANGE = f"""
def packet(k):
    return bytes((k + j) & 0xff for j in range(60 + k % 1400))

def exchange(pool, to_c, to_py, total={TOTAL}):
    sent = received = 0
    with Burst(32) as out, Burst(32) as back:
        while received < total:
            if not out and sent < total and sent - received < 512:  # of 1023 mbufs
                out.alloc(pool, min(32, total - sent))
                out.fill([packet(sent + i) for i in range(len(out))])
            sent += to_c.tx(out)
            for i in range(to_py.rx(back)):
                turned = bytes(~b & 0xff for b in back.bytes(i))
                assert turned == packet(received + i), received + i
            received += back.free()
    return received
"""


def with_exchange(code: str) -> str:
    return EXCHANGE + textwrap.dedent(code)


@pytest.fixture(scope="session")
def peer(compile_c: Callable[[Path], Path]) -> Path:
    return compile_c(Path(__file__).with_name("peer.c"))


@pytest.fixture
def prefix() -> Iterator[str]:
    chosen = f"test-{os.getpid()}-c"
    yield chosen
    left = runtime.hugepage_files(chosen)
    runtime.clean_up(chosen)
    assert left == []


def test_a_c_secondary_exchanges_mbufs_with_a_python_primary(run_script, peer: Path) -> None:
    done = run_script(
        with_exchange(
            f"""
        from children import Child
        with init(lcores="0@{MAIN}"):
            with (Mempool.create("packets", 1023, cache_size=0) as pool,
                  Ring.create("to_c", 1024, element="mbuf", producer="single",
                              consumer="single") as to_c,
                  Ring.create("to_py", 1024, element="mbuf", producer="single",
                              consumer="single") as to_py):
                arguments = ["--lcores", "9@{MAIN}", "--file-prefix", PREFIX, "--no-pci",
                             "--proc-type", "secondary", "--", "{TOTAL}"]
                c = Child([sys.argv[1], *arguments])
                c.until_ready()
                print("python", exchange(pool, to_c, to_py))
                done = c.finish()
                print("c", done.stdout.strip(), done.returncode)
                print("free", pool.avail_count)
        """
        ),
        peer,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"python {TOTAL}"
    assert lines[1].startswith(f"c {TOTAL} packets") and lines[1].endswith(" 0")
    assert lines[2] == "free 1023"


def test_a_python_secondary_exchanges_mbufs_with_a_c_primary(
    run_script, children: Children, peer: Path, prefix: str
) -> None:
    arguments = ["--lcores", f"0@{MAIN}", "--file-prefix", prefix, "--no-pci", "--no-telemetry"]
    c = children.start([peer, *arguments, "--", TOTAL])
    c.until_ready()
    done = run_script(
        with_exchange(
            f"""
        with init(file_prefix="{prefix}", proc_type="secondary", hugepages="auto",
                  lcores="9@{MAIN}"):
            pool = Mempool.lookup("packets")
            to_c = Ring.lookup("to_c", element="mbuf")
            to_py = Ring.lookup("to_py", element="mbuf")
            print("python", exchange(pool, to_c, to_py), pool.avail_count)
        """
        )
    )
    assert (done.returncode, done.stdout) == (0, f"python {TOTAL} 1023\n"), done.stderr
    c.write()
    ended = c.finish()
    assert (ended.returncode, ended.stdout.split()[0]) == (0, str(TOTAL))


def test_beside_a_c_primary_entries_of_dead_processes_are_reused(
    run_script, children: Children, peer: Path, prefix: str
) -> None:
    """No recovery runs there: a process that finds the table full takes the entry of a dead one."""
    arguments = ["--lcores", f"0@{MAIN}", "--file-prefix", prefix, "--no-pci", "--no-telemetry"]
    c = children.start([peer, *arguments, "--", 1])
    c.until_ready()
    done = run_script(
        with_exchange(f"""
        import subprocess
        from pydpdk._dpdk import ffi
        from pydpdk.memory.memzone import memzones
        other = '''
        import pydpdk
        with pydpdk.init(file_prefix="{prefix}", proc_type="secondary", lcores="8@{MAIN}"):
            pydpdk.Burst(32).close()
        '''
        with init(file_prefix="{prefix}", proc_type="secondary", hugepages="auto",
                  lcores="9@{MAIN}"):
            zone = next(zone.addr for zone in memzones() if zone.name == "pydpdk")
            table = ffi.cast("struct pyd_process_table *", zone).processes
            for entry in table:
                if not entry.pid:
                    entry.pid, entry.started = 2**22 - 2, 1
            for _ in range(2):
                done = subprocess.run([sys.executable, "-c", other], stderr=-1, text=True)
                print(done.returncode, done.stderr[-500:])
            for entry in table:
                if entry.pid == 2**22 - 2:
                    entry.pid = 0  # or the zone would stay, as after real deaths
            rings = (Ring.lookup(name, element="mbuf") for name in ("to_c", "to_py"))
            exchange(Mempool.lookup("packets"), *rings, total=1)  # it ends after that
    """)
    )
    assert done.stdout.split() == ["0", "0"], done.stdout + done.stderr
    c.write()
    c.finish()
