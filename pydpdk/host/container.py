"""Restrictions of containers on processes that use hugepages."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from pydpdk.host.capabilities import capabilities


def in_container(*, root: Path = Path("/")) -> bool:
    """Whether this is a container of Docker, Podman or Kubernetes."""
    marks = (root / ".dockerenv", root / "run/.containerenv")
    return any(mark.exists() for mark in marks) or "KUBERNETES_SERVICE_HOST" in os.environ


def is_confined(*, root: Path = Path("/")) -> bool:
    """Whether this is a container that may neither mount nor change the kernel's settings."""
    return in_container(root=root) and "sys_admin" not in capabilities(root=root)


def memory_policy_allowed() -> bool:
    """Whether the EAL may get and set the NUMA policy of its memory.

    The EAL does both for every hugepage, and treats an error as a failed allocation. Docker's
    default seccomp filter rejects these calls unless the container has CAP_SYS_NICE. The filter
    checks whether the container was given the capability, so non-root users, for whom it is not
    effective, pass too.
    """
    try:
        libnuma = ctypes.CDLL("libnuma.so.1", use_errno=True)
    except OSError:
        return True  # a libdpdk without libnuma does not make these calls
    failed = libnuma.get_mempolicy(None, None, ctypes.c_ulong(0), None, ctypes.c_ulong(0)) < 0
    return not (failed and ctypes.get_errno() == errno.EPERM)
