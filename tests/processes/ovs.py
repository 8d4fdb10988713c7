"""Open vSwitch with its DPDK data path, as a switch between two virtio_user ports of ours."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from pydpdk.host import runtime

SWITCH = Path("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk")
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PORTS = ("v0", "v1")


def missing() -> str:
    """Return why Open vSwitch cannot run here; an empty string where it can."""
    if SWITCH.exists() and shutil.which("ovsdb-server"):
        return ""
    return "no Open vSwitch with DPDK: apt-get install openvswitch-switch-dpdk"


class Switch:
    """One instance, with all its files in its own directory.

    Parameters
    ----------
    kind
        `dpdkvhostuserclient`: it connects to our sockets; `dpdkvhostuser`: it serves them.
    """

    def __init__(self, directory: Path, prefix: str, kind: str) -> None:
        self._directory, self._prefix, self.kind = directory, prefix, kind
        self._environment = {
            **os.environ,
            **{f"OVS_{what}DIR": str(directory) for what in ("RUN", "LOG", "DB", "SYSCONF")},
        }
        self._processes: dict[str, int] = {}
        self._run("ovsdb-tool", "create", self._at("conf.db"), SCHEMA)
        self._daemon("ovsdb-server", self._at("conf.db"), f"--remote=punix:{self._at('db.sock')}")
        cpu = max(os.sched_getaffinity(0))
        options = {
            "dpdk-init": "true",
            "dpdk-extra": f"--no-pci --no-telemetry --file-prefix={prefix}",
            "dpdk-lcore-mask": hex(1 << min(os.sched_getaffinity(0))),
            "pmd-cpu-mask": hex(1 << cpu),
            "dpdk-socket-mem": "128",
        }
        pairs = [f"other_config:{key}={value}" for key, value in options.items()]
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", *pairs)
        self.start()
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        for port in PORTS:
            self.vsctl("add-port", "br0", port, "--", "set", "Interface", port, *self._of(port))
        self.join()

    def join(self) -> None:
        """Join the two ports to each other; a restarted switch has forgotten this."""
        for one, other in (PORTS, PORTS[::-1]):
            flow = f"in_port={one},actions=output:{other}"
            # relative to the directory of OVS, where the full path is too long for a socket
            self._run("ovs-ofctl", "add-flow", "unix:br0.mgmt", flow)

    def path(self, port: str) -> str:
        """Return the path of a port's socket."""
        return self._at(port)

    def start(self) -> None:
        """Start the switch; it makes the bridge that is in its database."""
        self._daemon(str(SWITCH), f"unix:{self._at('db.sock')}", f"--unixctl={self._at('ctl')}")

    def kill(self) -> None:
        """Kill the switch as a crash would, and wait until it is gone."""
        self._end(str(SWITCH), signal.SIGKILL)

    def close(self) -> None:
        """End both processes; remove the runtime directory that the switch leaves behind."""
        for program in (str(SWITCH), "ovsdb-server"):
            self._end(program, signal.SIGTERM)
        runtime.clean_up(self._prefix)

    def vsctl(self, *arguments: str) -> None:
        """Change the configuration, and wait until the switch has applied it."""
        self._run("ovs-vsctl", f"--db=unix:{self._at('db.sock')}", "--timeout=60", *arguments)

    def _of(self, port: str) -> list[str]:
        serves = [f"options:vhost-server-path={self._at(port)}"]
        return [f"type={self.kind}", *(serves if self.kind.endswith("client") else [])]

    def _at(self, name: str) -> str:
        return str(self._directory / name)

    def _daemon(self, program: str, *arguments: str) -> None:
        name = Path(program).name
        files = [f"--pidfile={self._at(name)}.pid", f"--log-file={self._at(name)}.log"]
        self._run(program, *arguments, *files, "--detach")
        self._processes[program] = int((self._directory / f"{name}.pid").read_text())

    def _end(self, program: str, number: signal.Signals) -> None:
        pid = self._processes.pop(program, None)
        if pid is None:
            return
        fd = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(fd, number)
            _wait_for(fd)
        finally:
            os.close(fd)

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command, env=self._environment, cwd=self._directory, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def end_all(directory: Path) -> None:
    """Kill what still runs in a directory; the pid files of ended processes are gone."""
    for file in directory.glob("*.pid"):
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)


def _wait_for(pidfd: int) -> None:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(60_000), "it runs on"
