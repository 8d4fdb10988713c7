"""A pytest fixture that fails a test which leaks mbufs, for programs that use pydpdk.

Put into the tests' `conftest.py`::

    from pydpdk.testing import no_mbuf_leaks

and request it, or make it `autouse`. It is no pytest plugin: that would load libdpdk into every
run of pytest in the environment. With `PYDPDK_TRACE=1` it also says where each mbuf was taken.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pydpdk import eal as pydpdk_eal
from pydpdk._core import lifetime
from pydpdk.errors import NotSupportedError
from pydpdk.memory.mempool import Mempool
from pydpdk.memory.outstanding import Outstanding, culprits


def outstanding() -> dict[str, list[Outstanding]]:
    """Return the outstanding mbufs of each open pool of this process that has any."""
    found: dict[str, list[Outstanding]] = {}
    if pydpdk_eal.state() != pydpdk_eal.EalState.RUNNING:
        return found
    for pool in lifetime.owners():
        if isinstance(pool, Mempool) and pool.in_use_count:
            try:
                found[pool.name] = pool.outstanding()
            except NotSupportedError:
                continue
    return found


@pytest.fixture
def no_mbuf_leaks() -> Iterator[None]:
    """Fail a test that leaves more mbufs outstanding than it found; name them and their owners."""
    before = {pool: {mbuf.address for mbuf in out} for pool, out in outstanding().items()}
    yield
    leaks = []
    for pool, out in outstanding().items():
        new = [mbuf for mbuf in out if mbuf.address not in before.get(pool, set())]
        if len(out) > len(before.get(pool, set())):
            leaks.append(f"{len(new)} mbufs of mempool {pool!r}: {culprits(new)}")
    if leaks:
        pytest.fail("this test leaks " + "; ".join(leaks), pytrace=False)
