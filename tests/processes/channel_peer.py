"""Secondary processes of the tests' own EAL, in which Python code runs."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import textwrap
import threading

PRELUDE = """\
import os, sys, time
import numpy as np
import pydpdk
from pydpdk import Burst, Channel, ClosedError, PeerDiedError
def say(*what):
    print(*what, flush=True)
eal = pydpdk.init(proc_type="secondary", file_prefix=sys.argv[1], lcores=sys.argv[2])
"""


class Peer:
    """A secondary whose lines are read with a timeout; `close` always ends it."""

    def __init__(self, prefix: str, lcore: int, code: str) -> None:
        # its own lcore, on any available CPU
        cpu = sorted(os.sched_getaffinity(0))[lcore % len(os.sched_getaffinity(0))]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PRELUDE + textwrap.dedent(code), prefix,
             f"{lcore}@{cpu}"],
            stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        )  # fmt: skip
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line.strip())

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self, timeout: float = 30) -> str:
        return self.lines.get(timeout=timeout)

    def write(self, text: str = "") -> None:
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def end(self, timeout: float = 30) -> int:
        return self.process.wait(timeout)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        self.kill()
        self.process.stdin.close()
        self.process.stdout.close()
