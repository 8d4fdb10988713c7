"""What every mempool can say of itself."""

from __future__ import annotations

from pydpdk._dpdk import ffi, lib
from pydpdk._lifetime import Owner


class Counts(Owner):
    """Numbers of a mempool; `handle` is its `struct rte_mempool *`."""

    @property
    def cache_size(self) -> int:
        """[objects] that an lcore's cache is filled up to."""
        return int(self.handle.cache_size)

    @property
    def socket_id(self) -> int | None:
        """NUMA node that was asked for; None for any."""
        socket_id = int(self.handle.socket_id)
        return None if socket_id == lib.SOCKET_ID_ANY else socket_id

    @property
    def avail_count(self) -> int:
        """[objects] that can be taken, those in lcore caches included.

        Notes
        -----
        Wraps  rte_mempool_avail_count (rte_mempool.h)
        """
        return int(lib.rte_mempool_avail_count(self.handle))

    @property
    def in_use_count(self) -> int:
        """[objects] taken and not given back.

        Notes
        -----
        Wraps  rte_mempool_in_use_count (rte_mempool.h)
        """
        return int(lib.rte_mempool_in_use_count(self.handle))

    @property
    def cache_counts(self) -> dict[int, int]:
        """[objects] in the cache of each lcore that has any."""
        lens = ffi.new(f"uint32_t[{lib.RTE_MAX_LCORE}]")
        n = lib.pyd_pool_caches(self.handle, lens, lib.RTE_MAX_LCORE)
        return {lcore_id: lens[lcore_id] for lcore_id in range(n) if lens[lcore_id]}
