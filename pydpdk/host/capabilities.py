"""The effective capabilities of this process."""

from __future__ import annotations

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
