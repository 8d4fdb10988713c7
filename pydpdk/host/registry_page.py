"""The format of a page of the registry, which describes one process."""

from __future__ import annotations

import errno
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MAX_LCORES = 1024
"""Room in a page; DPDK's own limit (RTE_MAX_LCORE) is usually lower."""


class Role(StrEnum):
    """Role of a process in its file prefix; no process can attach to an `unshared` primary."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    UNSHARED = "unshared"


class RegistrationState(StrEnum):
    """The state of a registered process's EAL."""

    ATTACHING = "attaching"
    READY = "ready"
    LEAVING = "leaving"


_ROLES, _STATES = tuple(Role), tuple(RegistrationState)
PAGE = 4096
_RECORD = struct.Struct(f"<QQBBHI{MAX_LCORES // 8}s64s")  # then `details`, as JSON
_DETAILS_MAX = PAGE - _RECORD.size


@dataclass(frozen=True)
class RegisteredProcess:
    """A process of ours that shares the memory of a file prefix.

    Attributes
    ----------
    index : int
        Its page, 0 to 127.
    started : int
        [clock ticks] since boot: with the PID it identifies a process uniquely.
    role : Role
        `unshared` is a primary that no other process can attach to: it has no hugepages, or no
        files.
    state : RegistrationState
        `attaching` until its EAL is up, then `ready`; a secondary that ends its EAL is `leaving`.
    details : dict
        Published details of a primary: device arguments, mempool drivers.
    """

    index: int
    pid: int
    started: int
    role: Role
    state: RegistrationState
    lcores: frozenset[int]
    name: str
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ready(self) -> bool:
        """Whether its EAL is up."""
        return self.state == RegistrationState.READY

    @property
    def shares(self) -> bool:
        """Whether it shares memory: as a primary that accepts secondaries, or as a secondary."""
        return self.role != Role.UNSHARED

    def __str__(self) -> str:
        return f"{self.role} {self.name!r} (PID {self.pid})"


def offset(index: int) -> int:
    """Return the offset of a page [bytes]; the head of the file comes first."""
    return (index + 1) * PAGE


def read(fd: int, index: int) -> RegisteredProcess | None:
    """Return the process of a page; None for an empty or unreadable page."""
    page = os.pread(fd, PAGE, offset(index))
    if len(page) < PAGE:
        return None
    pid, since, role, state, length, _, bits, name = _RECORD.unpack_from(page)
    if pid == 0 or role >= len(_ROLES) or state >= len(_STATES):
        return None
    bitmap = int.from_bytes(bits, "little")
    lcores = frozenset(i for i in range(MAX_LCORES) if bitmap >> i & 1)
    try:
        details = json.loads(page[_RECORD.size : _RECORD.size + length] or b"{}")
    except ValueError:
        details = {}
    text = name.rstrip(b"\0").decode(errors="replace")
    return RegisteredProcess(index, pid, since, _ROLES[role], _STATES[state], lcores, text, details)


def write(fd: int, member: RegisteredProcess) -> None:
    """Write the page of a process.

    Raises
    ------
    OSError
        The details do not fit in a page.
    """
    details = json.dumps(dict(member.details), separators=(",", ":")).encode()
    if len(details) > _DETAILS_MAX:
        text = f"{len(details)} bytes of devices and queues: {_DETAILS_MAX} fit in its page"
        raise OSError(errno.ENOSPC, text)
    bits = sum(1 << lcore for lcore in member.lcores).to_bytes(MAX_LCORES // 8, "little")
    record = _RECORD.pack(
        member.pid, member.started, _ROLES.index(member.role),
        _STATES.index(member.state), len(details), 0, bits, member.name.encode()[:64],
    )  # fmt: skip
    os.pwrite(fd, record + details, offset(member.index))


def clear(fd: int, index: int) -> None:
    """Clear a page."""
    os.pwrite(fd, bytes(_RECORD.size), offset(index))
