"""Check what DPDK needs on this host, before any EAL is started."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydpdk.host.finding import Finding, Severity
from pydpdk.host.needs import Needs

_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def examine(needs: Needs | None = None, *, root: Path = Path("/")) -> list[Finding]:
    """Check everything; return the worst findings first.

    Parameters
    ----------
    needs
        Needs of the start. Default: an EAL with default options.
    root
        The directory of /proc, /sys and /etc.

    Notes
    -----
    Cost     0.2 s, most of it a child that loads the binding
    """
    from pydpdk.host.doctor import checks  # here: a program without faults needs none of them

    return _run(checks.ALL, needs or Needs(), root)


def failures(needs: Needs) -> list[Finding]:
    """Check only the host, for the reason why `rte_eal_init` failed."""
    from pydpdk.host.doctor import checks

    return [
        found for found in _run(checks.HOST, needs, Path("/")) if found.severity == Severity.ERROR
    ]


def _run(
    checks: Iterable[Callable[[Needs, Path], Iterator[Finding]]], needs: Needs, root: Path
) -> list[Finding]:
    found = dict.fromkeys(finding for check in checks for finding in check(needs, root))
    return sorted(found, key=lambda finding: _RANK[finding.severity])
