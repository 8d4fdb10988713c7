"""Hosts for tests: kernels in network namespaces of their own, at the other end of interfaces."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

import ping_end
import pytest
from children import Child

_MARKS = [
    pytest.mark.net_admin,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root"),
    pytest.mark.skipif(not all(map(shutil.which, ("ip", "unshare"))), reason="needs ip, unshare"),
    pytest.mark.skipif(
        subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0,
        reason="no network namespace can be made here",
    ),
]


def needs_namespaces(test: Any) -> Any:
    """Mark a test or a class of tests that needs network namespaces."""
    for mark in _MARKS:
        test = mark(test)
    return test


class Host(Child):
    """Runs `ping_end`, whose arguments these are; `close` removes the interface, too."""

    def __init__(self, interface: str, *argv: str) -> None:
        super().__init__(["unshare", "--net", sys.executable, ping_end.__file__, *argv])
        self.interface = interface
        self.until_ready()
        add = f"ip link add {interface} type veth peer name eth0 netns {self.pid}"
        subprocess.run(add.split(), check=True)
        subprocess.run(["ip", "link", "set", interface, "up", "addrgenmode", "none"], check=True)

    def configure(self) -> None:
        """Give it its addresses."""
        self.write()
        assert self.line() == "configured"

    def close(self) -> None:
        self.kill()
        subprocess.run(["ip", "link", "del", self.interface], capture_output=True)
