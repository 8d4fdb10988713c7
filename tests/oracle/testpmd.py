"""A testpmd that forwards, for tests beside it."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from pydpdk.host import runtime

TESTPMD = shutil.which("dpdk-testpmd")
N_MBUFS = 4096
LCORES = sorted(os.sched_getaffinity(0))[:2]
# two lcores on the available CPUs: testpmd forwards on one beside its main lcore
LCORE_MAP = f"0@{LCORES[0]},1@{LCORES[-1]}"


class Testpmd:
    """A testpmd with its own prefix, and two net_null ports between which it forwards."""

    __test__ = False

    def __init__(self, *arguments: str) -> None:
        self.prefix = f"test-{os.getpid()}-pmd"
        self.directory = runtime.runtime_dir(self.prefix)
        assert TESTPMD is not None
        self.process = subprocess.Popen(
            [TESTPMD, "--lcores", LCORE_MAP, "--file-prefix", self.prefix, "--no-pci",
             "--vdev=net_null0", "--vdev=net_null1", *arguments,
             "--", "-i", "--auto-start", f"--total-num-mbufs={N_MBUFS}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while not self._forwards():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _forwards(self) -> bool:
        # its output stays in its buffer: the counters show when it forwards
        try:
            return self.sent() > 0
        except (OSError, TypeError, KeyError, ValueError):
            return False

    def telemetry(self, request: str) -> Any:
        """Ask DPDK itself; indices come from its own lists."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.settimeout(10)
            link.connect(str(self.directory / "dpdk_telemetry.v2"))
            link.recv(1 << 14)
            link.send(request.encode())
            return json.loads(link.recv(1 << 16))[request.partition(",")[0]]

    def rate(self, seconds: float = 0.5) -> float:
        """Return the packets per second that both ports send, in millions."""
        before, start = self.sent(), time.monotonic()
        time.sleep(seconds)
        return (self.sent() - before) / (time.monotonic() - start) / 1e6

    def sent(self) -> int:
        return sum(self.telemetry(f"/ethdev/stats,{port}")["opackets"] for port in (0, 1))

    def files(self) -> set[str]:
        return {entry.name for entry in self.directory.iterdir()}

    def quit(self) -> str:
        out, _ = self.process.communicate("stop\nquit\n", timeout=30)
        return out

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        runtime.clean_up(self.prefix)


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Testpmd]:
    testpmd = Testpmd(*arguments)
    try:
        yield testpmd
    finally:
        testpmd.end()
