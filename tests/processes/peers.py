"""Processes with their own EAL that run the Python they are given, line by line."""

from __future__ import annotations

import ast
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from typing import Any

from pydpdk.host import runtime

LIMIT = 60  # [s] for one answer

PROGRAM = """
import ast, json, os, sys, threading, time
import pydpdk
from pydpdk import messages
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

asleep = threading.Semaphore(0)

@messages.on("slow")
def slow(message):
    asleep.release()
    time.sleep(float(message.data))
    message.reply(b"done")

notes = []
messages.handle("note", lambda message: notes.append((message.peer, message.data)))
def fds():
    return len(os.listdir("/proc/self/fd"))
def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
def answers(replies):
    with replies:
        return sorted((r.peer or 0, r.error or r.data) for r in replies), replies.missed
"""
_numbers = itertools.count()


class AskedError(Exception):
    """An exception that the code raised in the other process."""


class Peer:
    """A primary or secondary process; no other process may use its `lcore`."""

    def __init__(self, prefix: str, lcore: int, *, secondary: bool = True) -> None:
        self._err = tempfile.TemporaryFile("w+")  # noqa: SIM115  # unread, a pipe fills
        cpus = sorted(os.sched_getaffinity(0))
        options = {
            "file_prefix": prefix, "lcores": f"{lcore}@{cpus[lcore % len(cpus)]}",
            "proc_type": "secondary" if secondary else "primary", "hugepages": True,
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, json.dumps(options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._err, text=True,
        )  # fmt: skip
        self.pid = self._process.pid
        self.result()

    def begin(self, code: str) -> None:
        """Send code to run there; do not wait for it."""
        assert self._process.stdin is not None
        print(json.dumps(code), file=self._process.stdin, flush=True)

    def result(self) -> Any:
        """Wait for what `begin` sent; return the value of its last line."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], LIMIT)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._process.kill()
            raise AssertionError(f"no answer from {self.pid}: {self._said()}")
        answer = json.loads(line)
        if "error" in answer:
            raise AskedError(answer["error"])
        return ast.literal_eval(answer["value"])

    def run(self, code: str) -> Any:
        """Run code there; return the value of its last line."""
        self.begin(code)
        return self.result()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()
        self._process.communicate()
        self._err.close()

    def close(self) -> str:
        """End it in order; return what it wrote to stderr."""
        if self._process.returncode is not None:
            return ""
        self._process.communicate(timeout=LIMIT)
        said = self._said()
        assert self._process.returncode == 0, said
        self._err.close()
        return said

    def _said(self) -> str:
        self._err.seek(0)
        return self._err.read()


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

    def close(self) -> list[str]:
        said = [peer.close() for peer in reversed(self.all)]
        assert runtime.leftovers(self.prefix) == []
        return said
