"""Checks of memory: hugepages, their mounts, and the EAL's directories."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import runtime
from pydpdk.host.container import is_confined
from pydpdk.host.cpus import numa_node_of_cpu
from pydpdk.host.finding import Finding, Severity, as_root, error
from pydpdk.host.hugepages import available, read_pools
from pydpdk.host.needs import Needs
from pydpdk.host.room import shortage
from pydpdk.host.trust import distrust

_SAFE = ("hugepages-none", "hugepages-too-few", "hugetlbfs-not-mounted")


def _hugepages(needs: Needs, root: Path) -> Iterator[Finding]:
    if needs.hugepages is False or needs.secondary:
        return
    here = available(needs.memory_bytes, in_memory=needs.in_memory, root=root)
    if here.usable:
        return
    severity = Severity.ERROR if needs.hugepages is True else Severity.WARNING
    outside = here.command.startswith("docker run")
    command = here.command if outside or not here.command else as_root(here.command)
    safe = here.code in _SAFE and not is_confined(root=root)
    yield Finding(here.code, severity, here.what, command, safe)


def _nodes(needs: Needs, root: Path) -> Iterator[Finding]:
    """Report NUMA nodes of this start's CPUs without free hugepages, if others have some."""
    if needs.hugepages is False or needs.secondary:
        return
    pools = read_pools(root=root)
    if not any(pool.free for pool in pools):
        return
    for node in sorted({numa_node_of_cpu(cpu, root=root) for cpu in needs.cpus}):
        of_node = [pool for pool in pools if pool.node == node]
        if of_node and not any(pool.free for pool in of_node):
            pool = of_node[-1]
            size = pool.size_bytes >> 10
            file = f"/sys/devices/system/node/node{node}/hugepages/hugepages-{size}kB/nr_hugepages"
            pages = max(1, -(-max(needs.memory_bytes, 1 << 30) // pool.size_bytes))
            what = f"No hugepage is free on NUMA node {node}, where lcores of this start run"
            command = as_root(f"echo {pool.total + pages} > {file}")
            yield Finding("hugepages-wrong-node", Severity.WARNING, what, command, True)


def _runtime_dir(needs: Needs, root: Path) -> Iterator[Finding]:
    if needs.hugepages is False or needs.in_memory:
        return
    directory = runtime.runtime_dir(needs.file_prefix or "pydpdk")
    severity = Severity.ERROR if needs.hugepages is True else Severity.WARNING
    why = distrust(directory, own=True)
    if why:
        command = "mkdir -m 700 -p ~/.dpdk-run && export XDG_RUNTIME_DIR=~/.dpdk-run"
        if os.geteuid() == 0:
            command = f"chown root {directory.parent} && chmod 755 {directory.parent}"
        yield Finding("runtime-dir-untrusted", severity, why, command)
        return
    there = next(path for path in (directory, *directory.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        command = as_root(f"mkdir -p {directory.parent} && chown {os.geteuid()} {directory.parent}")
        if os.geteuid() == 0:
            command = f"mount -o remount,rw $(stat -c %m {there})"
        what = f"{directory} cannot be created: {there} is not writable"
        yield Finding("runtime-dir-not-writable", severity, what, command)
        return
    short = shortage(directory, root=root)
    if short:
        yield error("runtime-dir-full", short.what, as_root(short.command))
    for path in runtime.strange_files(directory.name):
        what = f"{path} has the name of a file of the EAL and is none"
        yield error("runtime-dir-strange-file", what, f"rm -r {shlex.quote(str(path))}")


def _strange_files(needs: Needs, root: Path) -> Iterator[Finding]:
    if needs.hugepages is False or needs.in_memory:
        return
    for path in runtime.strange_hugepage_files(root=root):
        what = f"{path} is named like a hugepage file and is none"
        command = as_root(f"rm {shlex.quote(str(path))}")
        yield error("hugetlbfs-strange-file", what, command)


CHECKS = (_hugepages, _nodes, _runtime_dir, _strange_files)
