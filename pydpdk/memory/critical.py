"""Critical sections of control calls, which change shared memory outside of the gates."""

from __future__ import annotations

from types import SimpleNamespace

from pydpdk._core.lifetime import Locked
from pydpdk._dpdk import lib
from pydpdk.errors import call_errno

_section = SimpleNamespace(acquire=lib.pyd_critical_begin, release=lib.pyd_critical_end)


def inside() -> Locked:
    """Return a `with` block that is a critical section: enter after a recovery, then hold it off.

    Calls that take DPDK's locks run in one, so that a recovery can distinguish the lock of a
    living process from that of a dead one.

    Raises
    ------
    DpdkError
        EOWNERDEAD: the primary died during a recovery, or what a lock guards is damaged.

    Notes
    -----
    Threads  the calling one is in the section. DPDK's own lists are consistent at any moment, the
             parts of a pool or ring are not
    """
    return Locked(_section, None, _failed)


def _failed(result: int) -> None:
    call_errno(lambda: result, detail="the primary died during the recovery of this memory",
               call="pyd_critical_begin")  # fmt: skip
