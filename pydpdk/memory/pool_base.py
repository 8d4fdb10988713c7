"""The base of mempools: checks of name and sizes, lookup, counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydpdk import eal, lcore
from pydpdk._core.lifetime import Rank, address_of
from pydpdk._core.near import naming
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.portable import Portable
from pydpdk.errors import BusyError, call_errno, call_pointer, check_name, check_range
from pydpdk.limits import MAX_OBJECTS, MEMPOOL_NAME, OPS_NAME, default_cache, largest_cache
from pydpdk.memory._rows import text, walk

LOSSY = "ring_mt_rts"


def check_mempool_name(name: str) -> bytes:
    """Return the name for C; raise if it is wrong or the EAL does not run."""
    eal.require_running()
    return check_name("mempool", name, MEMPOOL_NAME)


def check_made(name: str, n: int, cache_size: int | None, unit: str) -> tuple[bytes, int, int]:
    """Check the arguments of every new mempool; return name, objects, objects in a cache."""
    c_name = check_mempool_name(name)
    n = check_range("n", n, 1, MAX_OBJECTS, unit)
    return c_name, n, check_cache_size(cache_size, n)


def check_cache_size(cache_size: int | None, n: int) -> int:
    """Return the cache size for a pool of n objects; None is a default that fits."""
    if cache_size is None:
        return default_cache(n)
    return check_range("cache_size", cache_size, 0, largest_cache(n), f" with n={n}")


def check_ops_name(ops_name: str) -> bytes:
    """Return the name of ops for C; raise for ops with which DPDK loses objects.

    The consumer's tail of a relaxed ring stays behind until the slowest `get` is done. If other
    threads put back objects that they got meanwhile, the ring is full, and `rte_mempool_put` drops
    the objects.
    """
    if ops_name == LOSSY:
        raise ValueError(
            f"ops_name={ops_name!r} loses objects: a put beside an unfinished get may find the ring"
            " full; ring_mt_hts is for threads that share a CPU"
        )
    return check_name("ops", ops_name, OPS_NAME)


def find_mempool(name: str) -> Any:
    """Return the `struct rte_mempool *` of that name, of mbufs or objects."""
    c_name = check_mempool_name(name)
    with naming(name, mempool_names):
        return call_pointer(lib.rte_mempool_lookup, c_name, detail=name)


def mempool_names() -> list[str]:
    """Return the names of all mempools, of mbufs and of objects."""
    return walk(lib.pyd_walk_mempools, "pyd_mempool", lambda pool: text(pool.name), ffi.NULL)


def ops_of(mp: Any) -> str:
    """Return the name of a mempool's ops, as this process knows them."""
    name = ffi.new("char[32]")
    found = lib.pyd_ops_name(mp, name, 32) == 0
    return ffi.string(name).decode(errors="replace") if found else "?"


class PoolBase(Portable):
    """The base of `Mempool` and `ObjectPool`; `handle` is the `struct rte_mempool *`.

    A pool has no `len()`, which could be its capacity, `avail_count` or `in_use_count`.
    Constants are read once, as another thread may close the pool at any moment. Counters are read
    behind the gate, which `close` shuts first.
    """

    _rank = Rank.POOL
    _stays = True

    _c: Any

    def __init__(self, name: str, mp: Any, gate: Any, *, owned: bool) -> None:
        self._capacity, self._cache_size = int(mp.size), int(mp.cache_size)
        self._socket_id = None if mp.socket_id == lib.SOCKET_ID_ANY else int(mp.socket_id)
        self._ops_name = ops_of(mp)
        super().__init__(name, mp, gate, address=address_of(mp), owned=owned)

    @property
    def capacity(self) -> int:
        """[objects] of the pool, free ones and those that are out."""
        return self._known(self._capacity)

    @property
    def cache_size(self) -> int:
        """[objects] up to which an lcore's cache is filled."""
        return self._known(self._cache_size)

    @property
    def ops_name(self) -> str:
        """How free objects are kept: `ring_mp_mc`, `lf_stack`, ... as this process knows them."""
        return self._known(self._ops_name)

    @property
    def socket_id(self) -> int | None:
        """NUMA node that was requested; None for any."""
        return self._known(self._socket_id)

    @property
    def avail_count(self) -> int:
        """[objects] that can be taken, those in lcore caches included.

        Notes
        -----
        Wraps  rte_mempool_avail_count (rte_mempool.h)
        """
        return self._count(lib.pyd_pool_avail)

    @property
    def in_use_count(self) -> int:
        """[objects] taken and not given back.

        Notes
        -----
        Wraps  rte_mempool_in_use_count (rte_mempool.h)
        """
        return self._count(lib.pyd_pool_in_use)

    @property
    def cache_counts(self) -> dict[int, int]:
        """[objects] in the cache of each lcore that has any."""
        lens = ffi.new(f"uint32_t[{lib.RTE_MAX_LCORE}]")
        n = self._count(lib.pyd_pool_cached, lens, lib.RTE_MAX_LCORE)
        return {lcore_id: lens[lcore_id] for lcore_id in range(n) if lens[lcore_id]}

    def _shortage(self) -> str:
        """Return which lcores' caches have objects that this lcore cannot take, for messages.

        Only an lcore itself empties its cache: to the others the pool is empty. The string is
        empty if no cache has any.
        """
        mine = lcore.current()
        caches = {lcore_id: n for lcore_id, n in self.cache_counts.items() if lcore_id != mine}
        if not caches:
            return ""
        kept = ", ".join(f"{n} in the cache of lcore {lcore_id}" for lcore_id, n in caches.items())
        return f" ({kept}, out of reach: a smaller cache_size or a larger n helps)"

    def _count(self, function: Callable[..., int], *arguments: Any) -> int:
        n = int(function(self._gate, self.handle, *arguments))
        if n < 0:
            raise self._closed_error()
        return n

    def _shut(self, function: Callable[[Any], int], force: bool) -> None:
        """Let no more calls in; raise if one does not return, unless by force."""
        try:
            call_errno(function, self._c, detail=self.name)
        except BusyError:
            if not force:
                raise

    def _state(self) -> str:
        return f"n={self.capacity} in_use={self.in_use_count}"
