"""Checks of resource limits and capabilities."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import fds
from pydpdk.host.container import capabilities
from pydpdk.host.cpus import numa_nodes
from pydpdk.host.finding import Finding, error
from pydpdk.host.hugepages import default_page_size_bytes, read_mounts
from pydpdk.host.needs import Needs
from pydpdk.host.sockets import is_vhost_net

_LISTS = 64 << 30
"""[bytes] of address space per page size and node (RTE_MAX_MEM_MB_PER_TYPE)."""
_OTHER_SPACE = 2 << 30  # the interpreter, libraries, stacks, the EAL's tables: 0.6 GB measured

_OF_DRIVER = {
    "net_af_packet": ("net_admin", "net_raw"),  # it sets address and promiscuity at start
    "net_pcap": ("net_raw",),
    "net_tap": ("net_admin",),
    "net_af_xdp": ("net_admin", "net_raw", "bpf"),
}


def needed_capabilities(needs: Needs) -> dict[str, str]:
    """Return the capabilities that the devices need, each with the first driver that does."""
    taken = {driver: name for name, driver in needs.interfaces().items()}
    needed: dict[str, str] = {}
    for driver in needs.drivers:
        if driver != "net_pcap" or driver in taken:  # net_pcap also reads files
            for capability in _OF_DRIVER.get(driver, ()):
                needed.setdefault(capability, driver)
    if any(map(is_vhost_net, needs.vhost_net)):
        needed.setdefault("net_admin", "virtio_user")
    if "net_bonding" in needs.drivers and "net_af_packet" in needs.drivers:
        needed.setdefault("net_admin", "net_bonding")  # it gives its members one MAC address
    if needs.iova_mode == "pa":
        needed.setdefault("sys_admin", "iova_mode: pa")
    return needed


def _capabilities(needs: Needs, root: Path) -> Iterator[Finding]:
    here = capabilities(root=root)
    missing = {name: why for name, why in needed_capabilities(needs).items() if name not in here}
    if missing.pop("sys_admin", None):
        what = "iova_mode is pa, and physical addresses are hidden from this user: leave it out, or"
        yield error("iova-pa-unprivileged", f"{what} run as root", "sudo -E $SHELL")
    if missing:
        names = ",".join(f"cap_{name}" for name in sorted(missing))
        ambient = ",".join(f"+{name}" for name in sorted(missing))
        why = ", ".join(sorted(set(missing.values())))
        # ambient, as a capability on the interpreter's file would apply to all users
        command = (
            f"sudo setpriv --reuid {os.getuid()} --regid {os.getgid()} --init-groups"
            f" --inh-caps {ambient} --ambient-caps {ambient} $SHELL"
        )
        yield error("capability-missing", f"{why} needs {names}", command)


def _files(needs: Needs, _root: Path) -> Iterator[Finding]:
    need = fds.needed(len(needs.lcores)) + len(fds.open_fds())
    yield from _limit("limit-nofile", resource.RLIMIT_NOFILE, "-n", need, 1, "file descriptors")


def _threads(needs: Needs, root: Path) -> Iterator[Finding]:
    """Check the limit of a user's processes and threads, which does not apply to root."""
    if os.geteuid() == 0:
        return
    need = max(1, len(needs.lcores)) + 4 + _threads_of(os.getuid(), root)
    yield from _limit("limit-nproc", resource.RLIMIT_NPROC, "-u", need, 1, "threads of this user")


def _address_space(needs: Needs, root: Path) -> Iterator[Finding]:
    need = needs.memory_bytes + _OTHER_SPACE
    if needs.hugepages is not False:
        sizes = {mount.page_size_bytes for mount in read_mounts(root=root)}
        need = len(numa_nodes(root=root)) * max(1, len(sizes)) * _LISTS + _OTHER_SPACE
    kind = "of address space"
    yield from _limit("limit-address-space", resource.RLIMIT_AS, "-v", need, 1024, kind)


def _file_size(needs: Needs, root: Path) -> Iterator[Finding]:
    if needs.hugepages is not False and not needs.in_memory:
        need = max(64 << 20, default_page_size_bytes(root=root))  # or a file of the EAL's tables
        yield from _limit("limit-file-size", resource.RLIMIT_FSIZE, "-f", need, 1024, "of a file")


def _locked(needs: Needs, root: Path) -> Iterator[Finding]:
    if needs.pci and "ipc_lock" not in capabilities(root=root):
        need = needs.memory_bytes + (64 << 20)
        kind = "of locked memory"
        yield from _limit("limit-memlock", resource.RLIMIT_MEMLOCK, "-l", need, 1024, kind)


def _limit(
    code: str, which: int, letter: str, need: int, unit: int, kind: str
) -> Iterator[Finding]:
    """Compare a limit with the need; the command raises the limit of the shell that runs it."""
    soft, hard = resource.getrlimit(which)
    if soft == resource.RLIM_INFINITY or soft >= need:
        return
    what = f"The limit is {_say(soft, unit)} {kind}, {_say(need, unit)} are needed"
    if hard == resource.RLIM_INFINITY or hard >= need:
        value = "unlimited" if unit > 1 and hard == resource.RLIM_INFINITY else -(-need // unit)
        command = f"ulimit -S{letter[1]} {value}"
    else:
        name = {"-n": "nofile", "-u": "nproc", "-v": "as", "-f": "fsize", "-l": "memlock"}[letter]
        value = "unlimited" if unit > 1 else need
        sudo = "" if os.geteuid() == 0 else "sudo "  # not `as_root`: $$ is the PID of this shell
        command = f"{sudo}prlimit --pid $$ --{name}={value}:{value}"
    yield error(code, what, command)


def _threads_of(uid: int, root: Path) -> int:
    count = 0
    for process in (root / "proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == uid:
                count += sum(1 for _ in (process / "task").iterdir())
        except OSError:
            continue
    return count


def _say(number: int, unit: int) -> str:
    return f"{number:,}" if unit == 1 else f"{number >> 20:,} MB"


CHECKS = (_capabilities, _files, _threads, _address_space, _file_size, _locked)
