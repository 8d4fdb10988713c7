"""DPDK's own tools beside a program of ours: they attach, read and capture, and harm nothing."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from children import Child
from scapy.layers.l2 import Ether
from scapy.utils import PcapReader, wrpcap
from waiting import until

from pydpdk.host import runtime

TOOLS = ("dpdk-proc-info", "dpdk-telemetry.py", "dpdk-dumpcap", "dpdk-pdump")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.hugepages,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
CPU = min(os.sched_getaffinity(0))
N = 4095
# all different, of all lengths: a misplaced byte or packet shows
FRAMES = [
    bytes.fromhex("020000000001 020000000002 88b5") + bytes((7 * i + j) & 0xFF for j in range(size))
    for i, size in enumerate(range(46, 1400, 27))
]
PCAP = "net_pcap0,rx_pcap=in.pcap,infinite_rx=1"
FILE = """
eal: {{file_prefix: {prefix}, lcores: "100@{cpu}", capture: {capture}, hugepages: true}}
mempools: {{packets: {{n: {n}}}}}
ports:
  source: {{device: "{source}"}}
  sink: {{device: "net_null0,no-rx=1"}}
app: {{forward: {{pairs: [[source, sink]]}}}}
"""


class Running:
    """`pydpdk run` of a file, forwarding in its own process."""

    def __init__(self, directory: Path, *, capture: bool) -> None:
        # a secondary gets 63 characters of the arguments of a device, and opens the same files
        self.directory = directory
        self.prefix = f"test-{os.getpid()}-tools-{capture:d}"
        wrpcap(str(directory / "in.pcap"), list(map(Ether, FRAMES)))
        file = directory / "run.yaml"
        file.write_text(
            FILE.format(
                prefix=self.prefix, cpu=CPU, capture=str(capture).lower(), n=N,
                source=PCAP if capture else "net_null1",
            )
        )  # fmt: skip
        command = [sys.executable, "-m", "pydpdk", "run", file, "--duration", "600", "--json"]
        self._child = Child(command, cwd=directory)
        socket = runtime.runtime_dir(self.prefix) / "dpdk_telemetry.v2"
        until(socket.exists, every=0.05, what=lambda: self._child.errors)
        until(self.sent, every=0.05)

    def telemetry(self, request: str) -> Any:
        done = subprocess.run(
            ["dpdk-telemetry.py", "-f", self.prefix], input=request, capture_output=True,
            text=True, timeout=20,
        )  # fmt: skip
        return json.loads(done.stdout)[request.partition(",")[0]]

    def sent(self) -> int:
        return int(self.telemetry("/ethdev/stats,1")["opackets"])

    def tool(self, name: str, *arguments: str, enough: Callable[[], bool] | None = None) -> str:
        """Run a tool to its end, or interrupt it when it is enough; return what it printed."""
        command = [name, "--file-prefix", self.prefix, *arguments]
        # background shells ignore SIGINT, and tools inherit that: pytest_configure sets it
        tool = Child(command, cwd=self.directory)
        if enough is not None:
            until(enough, what=lambda: tool.errors)
            tool.signal(signal.SIGINT)
        done = tool.finish()
        return done.stdout + done.stderr

    def end(self) -> dict[str, Any]:
        """Stop it with SIGTERM; it must leave nothing."""
        self._child.signal(signal.SIGTERM)
        done = self._child.finish()
        left = runtime.leftovers(self.prefix)
        runtime.clean_up(self.prefix)
        assert (done.returncode, left) == (0, []), done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def capturing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Forward our own frames in a loop, with `capture: true`."""
    made = Running(tmp_path_factory.mktemp("run"), capture=True)
    yield made
    report = made.end()
    ports = report["ports"]
    assert ports["source"]["rx_packets"] == ports["sink"]["tx_packets"] > 0
    assert report["mempools"]["packets"]["in_use"] == len(FRAMES)  # those that net_pcap repeats


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Ports of net_null: dpdk-proc-info crashes on net_pcap, whatever the primary (22.11.11)."""
    made = Running(tmp_path_factory.mktemp("run"), capture=False)
    yield made
    report = made.end()
    ports = report["ports"]
    assert ports["source"]["rx_packets"] == ports["sink"]["tx_packets"] > 0
    assert report["mempools"]["packets"]["in_use"] == 0


def test_dumpcap_captures_what_passes_byte_for_byte(capturing: Running, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    out = capturing.tool("dpdk-dumpcap", "-i", "net_pcap0", "-c", "500", "-w", str(file))
    with PcapReader(str(file)) as reader:
        packets = [bytes(packet) for packet in reader]
    assert len(packets) >= 500, out
    places = [FRAMES.index(packet) for packet in packets]  # ValueError: no such frame was sent
    assert set(places) == set(range(len(FRAMES)))
    # a burst is captured whole: the order holds except where the ring of the capture was full
    follow = sum((b - a) % len(FRAMES) == 1 for a, b in itertools.pairwise(places))
    assert follow > 0.5 * len(packets)


def test_pdump_captures_what_is_received(capturing: Running) -> None:
    before, file = capturing.telemetry("/ethdev/list"), capturing.directory / "rx.pcap"
    out = capturing.tool(
        "dpdk-pdump", "--lcores", f"110@{CPU}", "--no-pci", "--",
        "--pdump", "port=0,queue=*,rx-dev=rx.pcap",
        enough=lambda: file.exists() and file.stat().st_size > 1100 * (16 + 1400),
    )  # fmt: skip
    assert "packets dequeued" in out
    with PcapReader(str(file)) as reader:
        packets = [bytes(packet) for packet, _ in zip(reader, range(1000), strict=False)]
    assert len(packets) == 1000
    assert set(packets) == set(FRAMES)
    assert capturing.telemetry("/ethdev/list") == before  # its own devices are gone again


def test_proc_info_sees_the_ports_the_pool_and_the_memory(running: Running) -> None:
    before = running.sent()
    stats = running.tool("dpdk-proc-info", "--", "--stats")
    after = running.sent()
    sent = [int(n) for n in re.findall(r"(?m)^  TX-packets: +(\d+)", stats)]
    assert before <= sent[1] <= after
    pool = running.tool("dpdk-proc-info", "--", "--show-mempool=packets")
    assert str(N) in pool
    zones = running.tool("dpdk-proc-info", "--", "-m")
    assert "name:<MP_packets>" in zones and "name:<pydpdk>" in zones


def test_telemetry_shows_the_counters_of_the_application(running: Running) -> None:
    assert running.telemetry("/mempool/list") == ["packets"]
    info = running.telemetry("/mempool/info,packets")
    assert (info["size"], info["cache_size"]) == (N, 256)
    assert running.telemetry("/ethdev/info,0")["name"] == "net_null1"


def test_tools_that_come_and_go_do_not_stop_the_traffic(running: Running) -> None:
    for _ in range(5):
        before = running.sent()
        running.tool("dpdk-proc-info", "--", "--stats")
        until(lambda before=before: running.sent() > before)


def test_without_the_key_nothing_can_be_captured(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    out = running.tool("dpdk-dumpcap", "-i", "net_null1", "-c", "10", "-w", str(file))
    rejected = "Operation not permitted|not supported|Connection timed out|cannot find pdump"
    assert re.search(rejected, out), out
