"""What changes shared memory outside of the data path's gates, and takes its time over it."""

from __future__ import annotations

from types import SimpleNamespace

from pydpdk._crossing import Locked
from pydpdk._dpdk import lib
from pydpdk.errors import call_errno

_section = SimpleNamespace(acquire=lib.pyd_critical_begin, release=lib.pyd_critical_end)


def inside() -> Locked:
    """Wait while another process repairs shared memory; then hold such repairs up, for a block.

    What takes DPDK's locks does so in here: a recovery can then tell a living process that has one
    from a dead one.

    Raises
    ------
    DpdkError
        EOWNERDEAD: the primary died over a repair, or what a lock guards is damaged for good.

    Notes
    -----
    Threads  of the calling one; DPDK's own lists are sound at any moment, what a pool or ring is
             made of is not
    """
    return Locked(_section, None, _refused)


def _refused(result: int) -> None:
    call_errno(lambda: result, detail="the primary died while it repaired this memory",
               call="pyd_critical_begin")  # fmt: skip
