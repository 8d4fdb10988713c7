"""Recovery in a process without free memory: it is complete, or does nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CODE = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from dead_process import Dead
from pydpdk import NoRoomError
from pydpdk._dpdk import __file__ as ours
from pydpdk.process.recover import recover

allocator = ctypes.CDLL(sys.argv[2])
spans = [line.split()[0].split("-") for line in open("/proc/self/maps") if ours in line]
code = [ctypes.c_size_t(int(at, 16)) for at in (spans[0][0], spans[-1][1])]

with init() as eal, Mempool.create("p", 511, ops_name="lf_stack", cache_size=0) as pool:
    rings = [Ring.create(f"r{i}", 64, element="mbuf", producer="hts") for i in range(70)]
    kept, lost = Burst(32), Burst(32)
    kept.alloc(pool, 7)
    assert rings[-1].tx(kept) == 7  # among the last in the list
    lost.alloc(pool, 9)
    dead = Dead(2**22 + 1)
    dead.inherits(lost)
    for step in range(100):
        allocator.fail_at(step, *code)
        try:
            done = recover()
        except NoRoomError as error:
            assert "ENOMEM" in str(error), error
            assert pool.in_use_count == 16 and dead.c.pid == dead.pid
        else:
            break
    assert allocator.fail_at(-1, *code) >= 0  # in the last step no call failed
    print(step, done.mbufs, pool.in_use_count)
    assert rings[-1].rx(kept) == 7
    kept.close(force=True)
    for ring in rings:
        ring.close()
"""


def test_recovery_without_memory_changes_nothing(run_script, tmp_path: Path) -> None:
    made = tmp_path / "failing.so"
    command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(made), str(HERE / "failing.c")]
    subprocess.run(command, check=True)
    done = run_script(CODE, HERE, made, LD_PRELOAD=str(made))
    assert done.returncode == 0, done.stderr
    steps, rest = done.stdout.split(maxsplit=1)
    assert int(steps) >= 8  # both lists, the longer one twice, and five more allocations
    assert rest == "{'p': 9} 7\n"
