"""A testpmd that forwards, for tests beside it."""

import contextlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from typing import Any

from children import Child
from waiting import until

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
        self._child = Child(
            [TESTPMD, "--lcores", LCORE_MAP, "--file-prefix", self.prefix, "--no-pci",
             "--vdev=net_null0", "--vdev=net_null1", *arguments,
             "--", "-i", "--auto-start", f"--total-num-mbufs={N_MBUFS}"],
        )  # fmt: skip
        self.process = self._child.process
        until(lambda: self._forwards() or self.process.poll() is not None, every=0.05)
        assert self.process.poll() is None, self._child.finish()

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

    def sent(self) -> int:
        return sum(self.telemetry(f"/ethdev/stats,{port}")["opackets"] for port in (0, 1))

    def files(self) -> set[str]:
        return {entry.name for entry in self.directory.iterdir()}

    def quit(self) -> str:
        self._child.write("stop\nquit")
        done = self._child.finish()
        return done.stdout + done.stderr

    def kill(self) -> None:
        self._child.kill()

    def end(self) -> None:
        self.kill()
        runtime.clean_up(self.prefix)


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Testpmd]:
    testpmd = Testpmd(*arguments)
    try:
        yield testpmd
    finally:
        testpmd.end()
