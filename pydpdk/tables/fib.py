"""Routes: the longest prefix that matches each address of a column."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import ClassVar

import numpy as np

from pydpdk._core.objects import install
from pydpdk._dpdk import lib
from pydpdk.tables._routes import Routes


@install("routes")
class Fib(Routes[IPv4Network]):
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
        How many /24 networks may have longer routes; all of them fit. Default: 64.
    socket_id
        NUMA node; None for any.

    Attributes
    ----------
    capacity : int
        [routes] at most; `len(fib)` are stored now.
    next_hop_max : int
        The largest next hop that fits in `nh_bytes`.

    Raises
    ------
    NameTakenError, NoRoomError
        The name is in use; not enough memory.
    NotSupportedError
        In a secondary: its primary has not loaded librte_fib, as it made no table yet.

    Notes
    -----
    Wraps    rte_fib_create, rte_fib_free (rte_fib.h), rte_fib_add (rte_fib.h) in `add`,
             rte_rib_insert (rte_rib.h) in `add`, rte_fib_add (rte_fib.h) in `delete`,
             rte_rib_remove (rte_rib.h) in `delete`, rte_fib_lookup_bulk (rte_fib.h) in `find`
    Owns     a table of 2**24 next hops in DPDK memory: 16 MB for each of their bytes
    Threads  any number may look up while one changes routes: the result for each address is that
             before or after the change; a lookup waits while DPDK writes, at most all of a /8
    """

    _bits, _network, _example = 32, IPv4Network, "198.18.0.0/15"
    _row = np.dtype("u4")
    _sizes: ClassVar = {n: getattr(lib, f"RTE_FIB_DIR24_8_{n}B") for n in (1, 2, 4, 8)}
    _tbl8_spare, _tbl8_unit, _tbl8_usual = 1, 64, 64


@install("routes")
class Fib6(Routes[IPv6Network]):
    """IPv6 routes; a lookup takes a memory access for each byte after the third (trie).

    Parameters
    ----------
    name, max_routes, default_nh, socket_id
        As for `Fib`.
    nh_bytes
        [bytes] of a next hop; DPDK uses one bit of them: 2 (0 to 32,767), 4 or 8.
    num_tbl8
        How many steps after the first 24 bits all routes need together: one for each byte of a
        prefix, shared by routes that begin alike; all of them fit. Default: 1,024. With 2 bytes,
        32,766 and 32,767 give 32,765, as DPDK needs two.

    Attributes
    ----------
    capacity, next_hop_max : int
        As of `Fib`.

    Raises
    ------
    NameTakenError, NoRoomError, NotSupportedError
        As for `Fib`.

    Notes
    -----
    Wraps    rte_fib6_create, rte_fib6_free (rte_fib6.h), rte_fib6_add (rte_fib6.h) in `add`,
             rte_rib6_insert (rte_rib6.h) in `add`, rte_fib6_add (rte_fib6.h) in `delete`,
             rte_rib6_remove (rte_rib6.h) in `delete`, rte_fib6_lookup_bulk (rte_fib6.h) in `find`
    Owns     as `Fib`
    Threads  as for `Fib`
    """

    _bits, _network, _example = 128, IPv6Network, "2001:db8::/32"
    _row = np.dtype(("u1", 16))
    _sizes: ClassVar = {n: getattr(lib, f"RTE_FIB6_TRIE_{n}B") for n in (2, 4, 8)}
    _tbl8_spare, _tbl8_unit, _tbl8_usual = 2, 1, 1024
