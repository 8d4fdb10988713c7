"""Checks of other DPDK programs: running ones, and leftovers of dead ones."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import files, primary
from pydpdk.host.finding import Finding, Severity, as_root, error
from pydpdk.host.needs import Needs
from pydpdk.host.reap import DeadPrefix, dead_prefixes

_NAMED = 8  # prefixes to name at most


def _prefix(needs: Needs, _root: Path) -> Iterator[Finding]:
    if needs.file_prefix is None or needs.secondary or needs.hugepages is False:
        return
    here = primary.look(needs.file_prefix)
    if here.running:
        owner = f"process {here.pid}" if here.pid else "a program"
        command = as_root(f"kill {here.pid}") if here.pid else ""
        what = f"{owner} runs under file_prefix {needs.file_prefix!r}: choose another, or end it"
        yield error("prefix-in-use", what, command)


def _primaries(needs: Needs, _root: Path) -> Iterator[Finding]:
    others = [name for name in primary.running_prefixes() if name != needs.file_prefix]
    if others:
        what = f"{len(others)} DPDK programs run here: {', '.join(others)}"
        yield Finding("primaries", Severity.NOTE, what)


def _leftovers(_needs: Needs, _root: Path) -> Iterator[Finding]:
    dead = [one for one in dead_prefixes() if _mine(one)]
    if dead:
        names = [one.prefix for one in dead]
        pinned = sum(one.hugepage_bytes for one in dead)
        severity = Severity.WARNING if pinned else Severity.NOTE
        listed = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        what = f"{len(dead)} dead programs left files, {pinned >> 20} MB of hugepages: {listed}"
        yield Finding("leftovers", severity, what, f"pydpdk reap {shlex.join(names)}", True)


def _mine(dead: DeadPrefix) -> bool:
    """Whether this user may remove the leftovers."""
    return os.geteuid() == 0 or any(_owner(path) == os.geteuid() for path in dead.paths)


def _owner(path: Path) -> int:
    try:
        return path.lstat().st_uid
    except OSError:
        return -1


def _address_randomisation(needs: Needs, root: Path) -> Iterator[Finding]:
    file = "proc/sys/kernel/randomize_va_space"
    if needs.processes and files.word(root / file) not in ("", "0"):
        what = "Addresses are randomized: if a secondary fails to attach, start it again"
        yield Finding("aslr", Severity.NOTE, what, as_root(f"echo 0 > /{file}"))


CHECKS = (_prefix, _primaries, _leftovers, _address_randomisation)
