"""Calls keep the GIL only while no other process could make them wait, which memory itself says."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.hugepages
SECONDARY = """
import os, pydpdk
pydpdk.init(proc_type="secondary", file_prefix=os.environ["TEST_PREFIX"])
print("attached", flush=True)
input()
"""


@pytest.mark.parametrize("end", ["pydpdk.eal.current().close()", "os.kill(os.getpid(), 9)"])
def test_memory_is_shared_from_the_first_other_process_to_the_end_of_the_last(run_script, end: str):
    out = run_script(f"""
    from children import Child, python
    from pydpdk._dpdk import ffi
    from pydpdk.memory.memzone import memzones
    with init():
        found = next(zone.addr for zone in memzones() if zone.name == "pydpdk")
        table = ffi.cast("struct pyd_process_table *", found)
        seen = [table.shared]
        others = [Child(python({SECONDARY + end!r})) for _ in range(2)]
        for other in others:
            other.lines_until("attached")
        for other in others:
            seen.append(table.shared)
            other.process.stdin.write(b"\\n")
            other.process.stdin.flush()
            other.process.wait()
            pydpdk.recover()
        print(*seen, table.shared)
    """)
    assert out.stdout == "0 1 1 0\n", out.stderr
