"""Child processes of the tests: started with code, awaited line by line, ended, cleaned up after.

A child may import `children` and `waiting` too, for children of its own.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import IO, Any

from waiting import LIMIT

from pydpdk.host import runtime

SUPPORT = str(Path(__file__).parent)
PRELUDE = """\
import os, pickle, signal, sys, time
import pydpdk
from pydpdk import Burst, Mempool, Memzone, ObjectPool, Port, Ring
from waiting import cpu_time, until
PREFIX = os.environ["TEST_PREFIX"]
HUGEPAGES = os.environ["TEST_MEMORY"] == "hugepages"
LCORE = min(os.sched_getaffinity(0))
def init(**options):
    defaults = dict(file_prefix=PREFIX, hugepages=HUGEPAGES, lcores=(LCORE,))
    return pydpdk.init(**{**defaults, **options})
def say(*what):
    print(*what, flush=True)
def wait():
    say("ready")
    sys.stdin.readline()
def tried(function):
    try:
        say("did", function())
    except Exception as error:
        say(type(error).__name__, error)
def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def python(code: str, *argv: object) -> list[str]:
    """Return the command that runs code; its warnings are errors."""
    return [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, argv)]


def died_of_a_signal(code: int) -> bool:
    """Whether it crashed; Python ends itself with SIGINT after a KeyboardInterrupt."""
    return code in (128 + signal.SIGABRT, 128 + signal.SIGSEGV) or (
        code < 0 and code != -signal.SIGINT
    )


class Child:
    """A process whose output is read line by line; each wait for it has a deadline.

    Its stderr is a file, as an unread pipe would fill; `errors` reads it.
    """

    def __init__(self, command: list[Any], *, cwd: Path | None = None, **env: str) -> None:
        path = os.pathsep.join([SUPPORT, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._said = ""
        self._came = b""
        self.process = subprocess.Popen(
            list(map(str, command)), cwd=cwd,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
            env={**os.environ, "PYTHONFAULTHANDLER": "1", "PYTHONPATH": path, **env},
        )  # fmt: skip
        self.pid = self.process.pid

    def line(self, timeout: float = LIMIT) -> str:
        """Wait for the next line of its output, and return it without its end."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._came:
            if not self._more(deadline):
                self._fail("it ended")
        line, _, self._came = self._came.partition(b"\n")
        return line.decode()

    def lines_until(self, text: str, timeout: float = LIMIT) -> list[str]:
        """Return the lines before the first one that has `text` in it."""
        lines: list[str] = []
        while text not in (line := self.line(timeout)):
            lines.append(line)
        return lines

    def until_ready(self) -> list[str]:
        """Return the lines before `ready`."""
        return self.lines_until("ready")

    def write(self, text: str = "") -> None:
        """Write a line to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = LIMIT) -> int:
        """Wait for its end; return its exit code."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._fail(f"it runs on after {timeout} s")

    def finish(self, timeout: float = LIMIT) -> subprocess.CompletedProcess[str]:
        """Close its stdin, and read until it has ended; stdout is what was not read before."""
        deadline = time.monotonic() + timeout
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        while self._more(deadline):
            pass
        code = self.wait(max(0.1, deadline - time.monotonic()))
        out, self._came = self._came.decode(), b""
        self.kill()
        return subprocess.CompletedProcess(self.process.args, code, out, self.errors)

    def end(self, timeout: float = LIMIT) -> str:
        """Let it go on from `wait()` to its end, in order; return what it printed, errors last."""
        with contextlib.suppress(BrokenPipeError):
            self.write()
        done = self.finish(timeout)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def kill(self) -> None:
        """Kill it with SIGKILL if it runs, and wait for its end."""
        self.process.kill()
        self.process.wait(LIMIT)
        if self._stderr.closed:
            return
        self._said = self.errors
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for stream in (self.process.stdin, self.process.stdout, self._stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    @property
    def errors(self) -> str:
        """Its output to stderr so far."""
        if self._stderr.closed:
            return self._said
        # not by seek: the child writes at the same offset
        return os.pread(self._stderr.fileno(), 1 << 24, 0).decode(errors="replace")

    def _more(self, deadline: float) -> bool:
        """Wait for output; return False at its end."""
        assert self.process.stdout is not None
        poll = select.poll()
        poll.register(self.process.stdout, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            self._fail("no output in time")
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        self._came += data
        return bool(data)

    def _fail(self, why: str) -> Any:
        self.kill()
        code, said = self.process.returncode, self._came.decode(errors="replace")
        raise AssertionError(f"{why} (exit code {code}): {said}\n{self.errors}")


class Children:
    """The children of one test: `close` ends those that run and cleans up after their prefixes."""

    def __init__(self, memory: str) -> None:
        self._memory = memory
        self._started: list[Child] = []
        self._prefixes: set[str] = set()

    def start(self, command: list[Any], prefix: str = "", **options: Any) -> Child:
        """Start a program; `prefix` is cleaned up after it, unless it is the tests' own."""
        names = {"TEST_PREFIX": prefix, "TEST_MEMORY": self._memory}
        child = Child(command, **{**names, **options})
        self._started.append(child)
        self._prefixes.add(prefix)
        return child

    def script(self, code: str, *argv: object, prefix: str, prelude: str = "", **env: Any) -> Child:
        """Start Python code, with the names of `PRELUDE` and what `prelude` adds."""
        whole = PRELUDE + textwrap.dedent(prelude) + textwrap.dedent(code)
        return self.start(python(whole, *argv), prefix, **env)

    def close(self, keep: str = "") -> None:
        for child in self._started:
            child.kill()
        for prefix in self._prefixes - {keep, ""}:
            runtime.clean_up(prefix)
