"""The rights of this process, as its capabilities and containers restrict them."""

from __future__ import annotations

import ctypes
import errno
import os
import re
from pathlib import Path

from pydpdk.host import files

_CAPABILITIES = {"net_admin": 12, "net_raw": 13, "ipc_lock": 14, "sys_admin": 21, "bpf": 39}


def capabilities(*, root: Path = Path("/")) -> frozenset[str]:
    """Return the effective capabilities of this process that DPDK may need."""
    status = files.text(root / "proc/self/status") or ""
    match = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    bits = int(match[1], 16) if match else 0
    return frozenset(name for name, bit in _CAPABILITIES.items() if bits >> bit & 1)


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
