"""Processes with their own EAL that run the Python they are given, line by line."""

from __future__ import annotations

import ast
import itertools
import json
import os
from typing import Any

from children import Child, python

from pydpdk.host import runtime

PROGRAM = """
import ast, json, os, sys, threading, time
import pydpdk
from pydpdk import messages
from waiting import open_files, until
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
def say(**answer):
    print(json.dumps(answer), file=out, flush=True)
with pydpdk.init(**json.loads(sys.argv[1])):
    space = dict(globals())
    say(value="None")
    for line in sys.stdin:
        try:
            tree = ast.parse(json.loads(line))
            tail = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "sent", "exec"), space)
            tail = compile(ast.Expression(tail.value), "sent", "eval") if tail else "None"
            say(value=repr(eval(tail, space)))
        except BaseException as error:
            say(error=f"{type(error).__name__}: {error}")
"""

HANDLERS = """
@messages.on("echo")
def echo(message):
    message.reply(message.data)

@messages.on("boom")
def boom(message):
    raise KeyError("no such flow")

@messages.on("silent")
def silent(message):
    pass

entered, release = threading.Semaphore(0), threading.Semaphore(0)

@messages.on("held")
def held(message):
    entered.release()
    assert release.acquire(timeout=60)
    message.reply(message.data)

@messages.on("slow")
def slow(message):
    time.sleep(float(message.data))
    message.reply(b"done")

notes = []
messages.handle("note", lambda message: notes.append((message.peer, message.data)))
def fds():
    return len(os.listdir("/proc/self/fd"))
def answers(replies):
    with replies:
        return sorted((r.peer or 0, r.error or r.data) for r in replies), replies.missed
"""
_numbers = itertools.count()


class AskedError(Exception):
    """An exception that the code raised in the other process."""


class Peer(Child):
    """A primary or secondary process; no other process may use its `lcore`."""

    def __init__(self, prefix: str, lcore: int, *, secondary: bool = True) -> None:
        cpus = sorted(os.sched_getaffinity(0))
        options = {
            "file_prefix": prefix, "lcores": f"{lcore}@{cpus[lcore % len(cpus)]}",
            "proc_type": "secondary" if secondary else "primary", "hugepages": True,
        }  # fmt: skip
        super().__init__(python(PROGRAM, json.dumps(options)))
        self.result()

    def begin(self, code: str) -> None:
        """Send code to run there; do not wait for it."""
        self.write(json.dumps(code))

    def result(self) -> Any:
        """Wait for what `begin` sent; return the value of its last line."""
        answer = json.loads(self.line())
        if "error" in answer:
            raise AskedError(answer["error"])
        return ast.literal_eval(answer["value"])

    def run(self, code: str) -> Any:
        """Run code there; return the value of its last line."""
        self.begin(code)
        return self.result()

    def close(self) -> str:
        """End it in order, unless it was killed; return what it wrote to stderr."""
        if self.process.returncode is None:
            done = self.finish()
            assert done.returncode == 0, done.stderr
        return self.errors


class Programs:
    """One primary and its secondaries, all with `HANDLERS`."""

    def __init__(self) -> None:
        self.prefix = f"test-{os.getpid()}-w{next(_numbers)}"
        self._lcores = itertools.count()
        self.all: list[Peer] = []
        self.primary = self.add(secondary=False)

    def add(self, *, secondary: bool = True) -> Peer:
        peer = Peer(self.prefix, next(self._lcores), secondary=secondary)
        self.all.append(peer)
        peer.run(HANDLERS)
        return peer

    def settle(self, other: Peer) -> None:
        """Wait until the primary watches the others, and its handlers are at rest."""
        self.primary.run("notes.clear()")
        other.run("messages.send('note')")
        self.primary.run("until(lambda: notes)")  # one thread runs all handlers
        watched = f"sum('pidfd' in path for _, path in open_files()) == {len(self.all) - 1}"
        self.primary.run(f"until(lambda: {watched})")

    def close(self) -> list[str]:
        said = [peer.close() for peer in reversed(self.all)]
        assert runtime.leftovers(self.prefix) == []
        return said
