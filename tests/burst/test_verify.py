"""`Burst.verify` beside other threads. What it finds: tests/oracle/test_mbuf.py."""

from __future__ import annotations

import threading
import time

from pydpdk import Burst, Eal, Mempool


def test_mbufs_of_a_lock_free_stack_are_not_free_while_others_take_from_it(eal: Eal):
    """A walk along such a stack may end up among elements that name mbufs of the burst."""
    ends = time.monotonic() + 1

    def take(pool: Mempool) -> None:
        with Burst(64) as burst:
            while time.monotonic() < ends:
                burst.alloc(pool, 64)
                burst.free()

    with Mempool.create("verify", 1023, cache_size=0, ops_name="lf_stack") as pool:
        thread = threading.Thread(target=take, args=(pool,))
        thread.start()
        with Burst(64) as burst:
            while time.monotonic() < ends:
                burst.alloc(pool, 64)
                burst.verify()
                burst.free()
        thread.join()
