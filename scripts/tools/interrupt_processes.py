"""Cases with other processes: groups, and what a secondary finds, makes and leaves.

As a program, it is the primary of such a secondary:

    .venv/bin/python scripts/tools/interrupt_processes.py PREFIX
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

from interrupt_cases import (
    Case,
    closable,
    is_readable,
    leave,
    new_name,
    open_or_closed,
    pair,
    use_channel,
    use_mbuf_ring,
    use_objects,
    use_pool,
    use_ring,
    use_zone,
)

import pydpdk
from pydpdk import Channel, Group, Member, Mempool, Memzone, ObjectPool, Ring
from pydpdk._core import lifetime
from pydpdk._dpdk import ffi, lib

PATIENCE_S = 60.0


# Groups.


def answer() -> int:
    """Return at once, in its own process."""
    return 7


def until_stopped() -> int:
    """Return when asked to, in its own process."""
    while pydpdk.running():
        time.sleep(0.005)
    return 7


def _group() -> dict[str, Any]:
    return {"group": Group(), "members": []}


def _busy_group() -> dict[str, Any]:
    made = _group()
    made["members"].append(made["group"].start(until_stopped))
    assert made["members"][0].wait_ready(PATIENCE_S)
    return made


def _start(made: dict[str, Any]) -> None:
    made["members"].append(made["group"].start(answer))


def _look_group(made: dict[str, Any]) -> None:
    """Check that started members are known, answer, and end with the group."""
    group = made["group"]
    assert set(made["members"]) <= set(group.members)
    group.cancel()
    for member in group.members:
        assert member.result(PATIENCE_S) == 7
    _close_group(made)


def _close_group(made: dict[str, Any]) -> None:
    group = made["group"]
    group.close()
    group.close()
    assert all(member.done() and not member.alive for member in group.members)
    made.clear()


def _look_groups(box: list[Group]) -> None:
    for group in box:
        made: dict[str, Any] = {"group": group, "members": []}
        _start(made)
        _look_group(made)
    box.clear()


def _result(made: dict[str, Any]) -> None:
    made["group"].cancel()
    member: Member = made["members"][0]
    assert member.result(PATIENCE_S) == 7


def _stop_and_wait(made: dict[str, Any]) -> None:
    made["group"].cancel()
    assert made["group"].wait(PATIENCE_S)


def _descriptors(made: dict[str, Any]) -> None:
    """Ask for the descriptors, and wait with them."""
    group, member = made["group"], made["members"][0]
    group.fileno(), member.fileno()
    group.cancel()
    assert is_readable(member) and is_readable(group)


def group_cases() -> list[Case]:
    """Return the cases that start processes."""
    return [
        Case("make group", list, lambda box: box.append(Group()), _look_groups),
        Case("close idle group", _group, lambda made: made["group"].close(), _close_group),
        Case("leave idle group", _group, lambda made: leave(made["group"]), _close_group),
        Case("start member", _group, _start, _look_group),
        Case("result of member", _busy_group, _result, _look_group),
        Case("descriptor of group", _busy_group, _descriptors, _look_group),
        Case("wait for group", _busy_group, _stop_and_wait, _look_group),
        Case("close busy group", _busy_group, lambda made: made["group"].close(), _close_group),
    ]


# Objects that a secondary finds.


def _lookups(name: str, look_up: Callable[[], Any], use: Callable[[Any], object]) -> list[Case]:
    def look(box: list[Any]) -> None:
        found = look_up()
        assert all(one is found for one in box)
        use(found)
        closable(found)
        box.clear()

    def found() -> list[Any]:
        return [look_up()]

    return [
        Case(f"look up {name}", list, lambda box: box.append(look_up()), look),
        Case(f"close found {name}", look_up, lambda found: found.close(), open_or_closed(use)),
    ]


def _use_channel(channel: Channel) -> None:
    assert sorted(channel.peers) == sorted({os.getpid(), _primary_pid()})
    use_channel(channel)


def _primary_pid() -> int:
    return next(p.pid for p in pydpdk.processes() if p.role == "primary")


def attached_cases() -> list[Case]:
    """Return the cases of a secondary, beside a primary that runs this file."""
    return [
        *_lookups("zone", lambda: Memzone.lookup("zone"), use_zone),
        *_lookups("pool", lambda: Mempool.lookup("pool"), use_pool),
        *_lookups("objects", lambda: ObjectPool.lookup("objects"), use_objects),
        *_lookups("ring", lambda: Ring.lookup("ring"), use_ring),
        *_lookups("ring of mbufs", lambda: Ring.lookup("mbufs"), use_mbuf_ring),
        *_lookups("channel", lambda: Channel.lookup("channel"), _use_channel),
        *pair("channel", lambda: Channel.create(new_name(), 8, message_bytes=64), use_channel),
    ]


class Primary:
    """The primary, as its secondary uses it: a process that answers."""

    def __init__(self, prefix: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, prefix],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._answer("up")

    def _answer(self, expected: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == f"{expected}\n", f"the primary says {line!r} instead of {expected!r}"

    def stop_world(self) -> None:
        """Check that it can stop the world: no thread is left inside a call."""
        assert self._process.stdin is not None
        print("stop", file=self._process.stdin, flush=True)
        self._answer("0")

    def end(self) -> None:
        """Let it close all it has made; fail if it cannot."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(PATIENCE_S) == 0


def main(prefix: str) -> None:
    """Run the primary, until stdin ends."""
    with (
        pydpdk.init(
            file_prefix=prefix, hugepages=True, lcores=f"100@{min(os.sched_getaffinity(0))}"
        ),
        Memzone.reserve("zone", 4096),
        Mempool.create("pool", 15, cache_size=0) as pool,
        ObjectPool.create("objects", 15, "u8") as objects,
        Ring.create("ring", 16),
        Ring.create("mbufs", 16, element="mbuf"),
        Channel.create("channel", 8, message_bytes=64) as channel,
    ):
        print("up", flush=True)
        for _ in sys.stdin:
            found = ffi.new("struct pyd_recovery *")
            with lifetime.lock():  # the watching thread may run a recovery, after a death
                done = lib.pyd_recover(found, False, True, 1000)
                lib.pyd_recovery_free(found)
            print(done, flush=True)
        assert pool.in_use_count == objects.in_use_count == 0
        assert list(channel.peers) == [os.getpid()]


if __name__ == "__main__":
    main(sys.argv[1])
