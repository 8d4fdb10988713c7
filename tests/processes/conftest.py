"""Secondaries of the EAL of the tests, each in its own process."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import pytest
from channel_peer import Peer
from dead_process import Dead

import pydpdk
from pydpdk import Channel, ClosedError, Eal
from pydpdk.host import registry, runtime

_lcores = itertools.cycle(range(1, 100))

PRELUDE = """\
import os, pickle, sys, time
import pydpdk
from pydpdk import Burst, Mempool, Memzone, ObjectPool, Port, Ring
PREFIX = os.environ["TEST_PREFIX"]
def tried(function):
    try:
        print("did", function())
    except Exception as error:
        print(type(error).__name__, error)
def wait():
    print("ready", flush=True)
    sys.stdin.readline()
"""


class Second:
    """A script in a process that shares the prefix; at `wait()` it waits for a line on stdin."""

    def __init__(self, prefix: str, code: str) -> None:
        self.prefix = prefix
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PRELUDE + textwrap.dedent(code)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "TEST_PREFIX": prefix, "PYTHONFAULTHANDLER": "1"},
        )  # fmt: skip

    def until_ready(self) -> list[str]:
        """Return the lines up to `wait()`."""
        lines = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line == "ready\n":
                return lines
            lines.append(line.rstrip("\n"))
        pytest.fail(f"it ended: {lines}\n{self.end()}", pytrace=False)

    def end(self) -> str:
        """Let the script run to its end; return what it printed, its errors last."""
        out, error = self.process.communicate("\n", timeout=30)
        assert self.process.returncode == 0, error
        return out + error

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def second(eal: pydpdk.Eal) -> Iterator[object]:
    """Start scripts beside the EAL of the tests: `second(code)`, or `second(code, prefix)`."""
    started: list[Second] = []

    def start(code: str, prefix: str = eal.file_prefix) -> Second:
        started.append(Second(prefix, code))
        return started[-1]

    yield start
    for other in started:
        if other.process.poll() is None:
            other.kill()
        for stream in (other.process.stdin, other.process.stdout, other.process.stderr):
            stream.close()
    for prefix in {other.prefix for other in started} - {eal.file_prefix}:
        runtime.clean_up(prefix)
    me = os.getpid()
    assert [m for m in registry.members(eal.file_prefix) if m.pid != me] == []


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
        made.c.pid = 0
    made.table.stopped_by = 0


@pytest.fixture
def peer(eal: Eal) -> Iterator[Callable[[str], Peer]]:
    """Start `peer(code)`, a secondary on its own lcore."""
    started: list[Peer] = []

    def start(code: str) -> Peer:
        started.append(Peer(eal.file_prefix, next(_lcores), code))
        return started[-1]

    yield start
    for each in started:
        each.close()
