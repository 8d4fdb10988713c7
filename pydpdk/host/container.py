"""What a container takes from a process that wants hugepages."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from pydpdk.host.capabilities import capabilities


def in_container(*, root: Path = Path("/")) -> bool:
    """Say whether this is a container of Docker, Podman or Kubernetes."""
    marks = (root / ".dockerenv", root / "run/.containerenv")
    return any(mark.exists() for mark in marks) or "KUBERNETES_SERVICE_HOST" in os.environ


def is_confined(*, root: Path = Path("/")) -> bool:
    """Say whether this is a container that may neither mount nor change the kernel's settings."""
    return in_container(root=root) and "sys_admin" not in capabilities(root=root)


def memory_policy_allowed() -> bool:
    """Say whether the EAL may ask and set the NUMA policy of its memory.

    It does both for every hugepage, and takes a refusal for a failed allocation. Docker's
    default seccomp filter refuses, unless the container is given CAP_SYS_NICE: the filter asks
    whether it was given, so a user other than root, who does not have it in effect, passes too.
    """
    try:
        libnuma = ctypes.CDLL("libnuma.so.1", use_errno=True)
    except OSError:
        return True  # a libdpdk that does not link libnuma does not ask
    failed = libnuma.get_mempolicy(None, None, ctypes.c_ulong(0), None, ctypes.c_ulong(0)) < 0
    return not (failed and ctypes.get_errno() == errno.EPERM)
