"""What changes shared memory outside of the data path's gates, and takes its time over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pydpdk._dpdk import lib
from pydpdk.errors import call_errno


@contextmanager
def inside() -> Iterator[None]:
    """Wait while another process repairs shared memory; then hold such repairs up.

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
    call_errno(lib.pyd_presence_enter, detail="the primary died while it repaired this memory")
    try:
        yield
    finally:
        lib.pyd_presence_leave()


def free(function: Callable[[Any], None], handle: Any) -> None:
    """Free an object in a moment without repairs; not at all in memory that none will repair."""
    if lib.pyd_presence_enter() == 0:
        function(handle)
        lib.pyd_presence_leave()
