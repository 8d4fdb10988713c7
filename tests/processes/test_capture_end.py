"""A capture really ends: from then on only the tool uses what it made for the capture."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.hugepages
CPU = min(os.sched_getaffinity(0))  # one for all: pollers get interrupted inside a call

OTHER = f"""
import sys, pydpdk
with pydpdk.attach(sys.argv[1], lcores="8@{CPU}"):
    print("ready", flush=True)
    sys.stdin.read()
"""
PROGRAM = f"""
OTHER = {OTHER!r}
from children import Child, python
from pydpdk import Forward, lcore
with init(lcores="100@{CPU},101@{CPU}", capture=True, vdevs=("net_null0", "net_null1")) as eal:
    with Mempool.create("packets", 4095) as pool:
        ports = [Port.lookup(f"net_null{{i}}") for i in range(2)]
        for port in ports:
            port.configure(mempool=pool)
            port.start()
        forward = Forward(Burst(256), [(ports[0].rx_queues[0], ports[1].tx_queues[0])])

        def poll():
            while lcore.running():
                forward.step()

        others = [Child(python(OTHER, PREFIX)) for _ in range(int(sys.argv[2]))]
        for other in others:
            other.until_ready()
        with lcore.launch(poll):
            arguments = ["--lcores", "9@{CPU}", "--file-prefix", PREFIX, "--no-pci",
                         "--proc-type", "secondary", "--", "20"]
            done = Child([sys.argv[1], *arguments]).finish()
            print(done.returncode, done.stdout, done.stderr if done.returncode else "")
        for other in others:
            other.finish()
        for port in ports:
            port.close()
"""


@pytest.fixture(scope="session")
def capturer(compile_c: Callable[[Path], Path]) -> Path:
    return compile_c(Path(__file__).with_name("capturer.c"))


@pytest.mark.parametrize("secondaries", [0, 1])
def test_no_mbuf_is_taken_from_the_pool_of_the_tool_after_the_end(
    run_script, capturer, secondaries
):
    done = run_script(PROGRAM, capturer, secondaries)
    assert done.returncode == 0, done.stderr
    assert "20 times, 0 late, 0 in use" in done.stdout, done.stdout
