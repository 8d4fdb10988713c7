"""IPv4 routes: the longest prefix that matches each address of a column."""

from __future__ import annotations

import ipaddress
from typing import Any, ClassVar, TypeAlias

import numpy as np

from pydpdk._core.fastcall import rows
from pydpdk._dpdk import lib
from pydpdk.errors import check_range
from pydpdk.tables._routes import Hops, Routes

Prefix: TypeAlias = str | ipaddress.IPv4Network
_FIB = "fib"  # the kind of its handle
_U32 = np.dtype(np.uint32)


class Fib(Routes):
    """IPv4 routes; a lookup takes one or two memory accesses (DIR-24-8).

    Parameters
    ----------
    name
        1 to 20 characters.
    max_routes
        1 to 4,194,304, all of which fit.
    default_nh
        The next hop of addresses that no route matches.
    nh_bytes
        [bytes] of a next hop; DPDK uses one bit of them: 1 (0 to 127), 2, 4 or 8.
    num_tbl8
        How many /24 networks may have longer routes; all of them fit.
    socket_id
        NUMA node; None for any.

    Raises
    ------
    NameTakenError, NoRoomError
        The name is in use; not enough memory.
    NotSupportedError
        In a secondary: its primary has not loaded librte_fib, as it made no table yet.

    Notes
    -----
    Wraps    rte_fib_create, rte_fib_free (rte_fib.h)
    Owns     a table of 2**24 next hops in DPDK memory: 16 MB for each of their bytes
    Threads  any number may look up while one changes routes: the result for each address is that
             before or after the change; a lookup waits while DPDK writes, at most all of a /8
    """

    _call, _bits, _example = "fib", 32, "198.18.0.0/15"
    _sizes: ClassVar[dict[int, int]] = {
        1: lib.RTE_FIB_DIR24_8_1B,
        2: lib.RTE_FIB_DIR24_8_2B,
        4: lib.RTE_FIB_DIR24_8_4B,
        8: lib.RTE_FIB_DIR24_8_8B,
    }
    _network = ipaddress.IPv4Network
    _tbl8_spare, _tbl8_unit = 1, 64

    def __init__(
        self,
        name: str,
        *,
        max_routes: int = 1024,
        default_nh: int = 0,
        nh_bytes: int = 2,
        num_tbl8: int = 64,
        socket_id: int | None = None,
    ) -> None:
        super().__init__(name, nh_bytes, num_tbl8, default_nh, max_routes, socket_id)

    def add(self, prefix: Prefix, next_hop: int) -> None:
        """Add a route such as `198.18.0.0/15`, or change its next hop.

        Routes are right in any order and in every release, as DPDK's bugs (docs/upstream) are
        avoided. For that a route shorter than /8 costs one write for each /8 in it, and one to the
        last address at most 32 more.

        Raises
        ------
        NoRoomError
            `max_routes` or `num_tbl8` are used up. Nothing was changed.

        Notes
        -----
        Wraps  rte_fib_add (rte_fib.h), rte_rib_insert (rte_rib.h)
        """
        hop = check_range("next_hop", next_hop, 0, self.next_hop_max)
        self._change(prefix, hop, add=True)

    def delete(self, prefix: Prefix) -> None:
        """Delete a route.

        Raises
        ------
        NotFoundError
            There is no route of exactly that prefix.

        Notes
        -----
        Wraps  rte_fib_add (rte_fib.h), rte_rib_remove (rte_rib.h)
        """
        self._change(prefix, 0, add=False)

    @rows("pyd_rows_next_hops", _FIB, "4", "8")
    def find(self, addresses: Any) -> Hops:
        """Return the next hop of each address, `uint64[n]`.

        Parameters
        ----------
        addresses
            `uint32[n]`, as `burst.columns["ipv4.dst_addr"]`.

        Notes
        -----
        Wraps  rte_fib_lookup_bulk (rte_fib.h)
        """
        return self._found(addresses, _U32, ())
