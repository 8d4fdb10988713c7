"""Interrupt the start or the end of the EAL at one bytecode, in its own process.

    .venv/bin/python scripts/tools/interrupt_ends.py init|close|open|attach NUMBER [--no-huge]

With NUMBER 0 it prints how many bytecodes there are. It exits with 0 if the state is correct
afterwards: the EAL runs and can be closed, or it has ended, or never started; no file is left.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from interrupt_trace import Interrupt, Point, traced

import pydpdk
from pydpdk import eal as eal_module
from pydpdk.host import runtime

PREFIX = f"interrupt-{os.getpid()}"
LCORE = min(os.sched_getaffinity(0))
FILE = """
eal: {{lcores: "{lcore}@{lcore}", file_prefix: {prefix}, hugepages: {hugepages}}}
mempools: {{pool: {{n: 255, cache_size: 0}}}}
rings: {{ring: {{size: 16}}}}
memzones: {{zone: {{size: 4096}}}}
ports: {{null: {{device: net_null0, mempool: pool}}}}
"""


class Counted:
    """Raise at the n-th bytecode."""

    def __init__(self, at: int) -> None:
        self.at, self.n = at, 0

    def __call__(self, point: Point) -> None:
        self.n += 1
        if self.n == self.at:
            print(point, file=sys.stderr)
            raise Interrupt(str(point))


def _init(hugepages: bool) -> pydpdk.Eal:
    lcores = f"{LCORE}@{LCORE}"
    return pydpdk.init(file_prefix=PREFIX, hugepages=hugepages, lcores=lcores, vdevs=("net_null0",))


def _open(hugepages: bool) -> Any:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(FILE.format(lcore=LCORE, prefix=PREFIX, hugepages=str(hugepages).lower()))
        file.flush()
        return pydpdk.open(file.name)


def _full(hugepages: bool) -> pydpdk.Eal:
    """Start an EAL with objects to close."""
    eal = _init(hugepages)
    pool = pydpdk.Mempool.create("pool", 63, cache_size=0)
    burst = pydpdk.Burst(8)
    burst.alloc(pool, 8)
    burst.free()
    port = pydpdk.Port.lookup("net_null0")
    port.configure(mempool=pool)
    port.start()
    pydpdk.Ring.create("ring", 16)
    if hugepages:
        pydpdk.Channel.create("channel", 8)
    return eal


def _finish(hugepages: bool) -> None:
    state = eal_module.state()
    if state == "new":
        _init(hugepages).close()
    elif state == "running":
        eal_module.current().close()
    assert eal_module.state() == "dead"
    left = runtime.leftovers(PREFIX)
    assert left == [], left
    assert not runtime.runtime_dir(PREFIX).exists()


def main(what: str, number: int, hugepages: bool) -> None:
    made = _full(hugepages) if what == "close" else None
    calls: dict[str, Callable[[], object]] = {
        "init": lambda: _init(hugepages),
        "open": lambda: _open(hugepages),
        "close": lambda: made.close() if made is not None else None,
    }
    counted = Counted(number)
    try:
        with traced(counted):
            calls[what]()
    except Interrupt:
        pass
    if number == 0:
        print(counted.n)
    made = None
    _finish(hugepages)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(60, exit=True)
    main(sys.argv[1], int(sys.argv[2]), "--no-huge" not in sys.argv)
