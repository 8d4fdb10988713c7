"""Secondaries of the EAL of the tests, each in its own process."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from children import Child, Children
from dead_process import Dead

from pydpdk import Channel, ClosedError, Eal
from pydpdk.host import registry

_lcores = itertools.cycle(range(1, 100))

Script = Callable[..., Child]

SECONDARY = """\
import numpy as np
from pydpdk import Channel, ClosedError, PeerDiedError
eal = pydpdk.init(proc_type="secondary", file_prefix=PREFIX, lcores=sys.argv[1])
"""


@pytest.fixture
def second(eal: Eal, children: Children) -> Iterator[Script]:
    """Start scripts beside the EAL of the tests: `second(code)`, or `second(code, prefix)`."""

    def start(code: str, prefix: str = eal.file_prefix) -> Child:
        return children.script(code, prefix=prefix)

    yield start
    children.close(eal.file_prefix)
    me = os.getpid()
    assert [m for m in registry.members(eal.file_prefix) if m.pid != me] == []


@pytest.fixture
def peer(second: Script, eal: Eal, children: Children) -> Script:
    """Start `peer(code)`, a secondary on its own lcore."""

    def start(code: str) -> Child:
        lcore, cpus = next(_lcores), sorted(os.sched_getaffinity(0))
        lcores = f"{lcore}@{cpus[lcore % len(cpus)]}"
        return children.script(code, lcores, prefix=eal.file_prefix, prelude=SECONDARY)

    return start


@pytest.fixture
def channel(eal: Eal, name: str):
    with Channel.create(name, 64, message_bytes=1000, segment_bytes=64) as made:
        yield made
        with contextlib.suppress(ClosedError):
            made.get_many(1000, timeout=0)


@pytest.fixture
def dead(eal: Eal) -> Iterator[Dead]:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    made = Dead(ended.pid)
    yield made
    if made.c.pid == made.pid:
        made.c.pid = made.table.shared = 0
    made.table.stopped_by = 0
