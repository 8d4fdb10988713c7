"""Routes: the longest prefix that matches each address of a column."""

from __future__ import annotations

import errno
import ipaddress
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from pydpdk import eal, lcore
from pydpdk._dpdk import ffi, lib
from pydpdk._lifetime import Owner, address_of, lock
from pydpdk._short import Handle, rows
from pydpdk.burst._fit import fit
from pydpdk.errors import ClosedError, call_errno, call_rte_errno, check_name, check_range

Prefix: TypeAlias = str | ipaddress.IPv4Network
NAME_MAX = 20
_FIB = "fib"  # the kind of its handle
ROUTES_MAX = 1 << 22
_SIZES = {
    1: lib.RTE_FIB_DIR24_8_1B,
    2: lib.RTE_FIB_DIR24_8_2B,
    4: lib.RTE_FIB_DIR24_8_4B,
    8: lib.RTE_FIB_DIR24_8_8B,
}


class Fib(Owner, Handle):
    """IPv4 routes, of which lookups take one or two steps in memory (DIR-24-8).

    Notes
    -----
    Wraps    rte_fib_create, rte_fib_free (rte_fib.h)
    Owns     a table of 2**24 next hops in DPDK memory: 16 MB for each of their bytes
    Threads  any number look up, also while one changes routes
    """

    rank = 2

    def __init__(self, name: str, c: Any, next_hop_max: int) -> None:
        self._c = c
        self.next_hop_max = next_hop_max
        self._bind(address_of(c), _FIB)
        super().__init__(name, c, address=address_of(c.fib))

    @classmethod
    def create(
        cls,
        name: str,
        *,
        max_routes: int = 1024,
        default_nh: int = 0,
        nh_bytes: int = 2,
        num_tbl8: int = 64,
        socket_id: int | None = None,
    ) -> Self:
        """Make a table without routes.

        Parameters
        ----------
        name
            1 to 20 characters.
        max_routes
            1 to 4,194,304.
        default_nh
            The next hop of addresses that no route matches.
        nh_bytes
            [bytes] of a next hop, of which one bit is DPDK's: 1 (0 to 127), 2, 4 or 8.
        num_tbl8
            How many /24 networks may have routes that are longer.
        socket_id
            NUMA node; None for any.

        Raises
        ------
        NameTakenError, NoRoomError
            The name is in use; not enough memory.
        NotSupportedError
            A secondary of a primary that has not loaded librte_fib: no table was made there yet.

        Notes
        -----
        Wraps  rte_fib_create (rte_fib.h)
        """
        eal.require_running()
        c_name = check_name("fib", name, NAME_MAX)
        if type(nh_bytes) is not int or nh_bytes not in _SIZES:
            raise ValueError(f"nh_bytes={nh_bytes!r}: 1, 2, 4 or 8 is allowed")
        most = (1 << (8 * nh_bytes - 1)) - 1
        routes = check_range("max_routes", max_routes, 1, ROUTES_MAX)
        tables = check_range("num_tbl8", num_tbl8, 1, min(most, 1 << 20))
        other = check_range("default_nh", default_nh, 0, most)
        c = ffi.new("struct pyd_fib *")
        with lock():
            call_errno(lib.pyd_fib_load, detail="librte_fib, here or in the primary")
            call_rte_errno(
                lib.pyd_fib_open, c, c_name, lcore.check_socket_id(socket_id), other, routes,
                _SIZES[nh_bytes], tables, detail=name,
            )  # fmt: skip
            return cls(name, c, most)

    def add(self, prefix: Prefix, next_hop: int) -> None:
        """Add a route, as `198.18.0.0/15`, or give it another next hop.

        Raises
        ------
        NoRoomError
            `max_routes` or `num_tbl8` are used up.

        Notes
        -----
        Wraps  rte_fib_add (rte_fib.h)
        """
        hop = check_range("next_hop", next_hop, 0, self.next_hop_max)
        self._change(prefix, hop, add=True)

    def delete(self, prefix: Prefix) -> None:
        """Take a route away.

        Raises
        ------
        NotFoundError
            There is none of exactly that prefix.

        Notes
        -----
        Wraps  rte_fib_delete (rte_fib.h)
        """
        self._change(prefix, 0, add=False)

    @rows("pyd_rows_next_hops", _FIB, "4", "8")
    def next_hops(self, addresses: Any) -> npt.NDArray[np.uint64]:
        """Return the next hop of each address, `uint64[n]`.

        Parameters
        ----------
        addresses
            `uint32[n]`, as `burst.columns["ipv4.dst_addr"]`.

        Notes
        -----
        Wraps  rte_fib_lookup_bulk (rte_fib.h)
        """
        shape = np.shape(addresses)
        if len(shape) != 1:
            raise ValueError(f"addresses: shape {shape}; (n,) is allowed")
        ips = fit("addresses", addresses, np.dtype(np.uint32), shape)
        found = np.empty(shape, np.uint64)
        data = ffi.from_buffer("uint32_t *", ips), ffi.from_buffer("uint64_t *", found)
        if lib.pyd_fib_lookup(self._c, data[0], data[1], shape[0]) == -errno.EBADF:
            raise ClosedError(f"{self!r} is used after it was closed")
        return found

    def _change(self, prefix: Prefix, next_hop: int, *, add: bool) -> None:
        if not isinstance(prefix, str | ipaddress.IPv4Network):
            raise TypeError(f"prefix={prefix!r}: text as '198.18.0.0/15' is allowed")
        network = ipaddress.IPv4Network(prefix)
        with lock():
            self.handle  # noqa: B018  # raises when closed
            arguments = int(network.network_address), network.prefixlen, next_hop, add
            call_errno(lib.pyd_fib_change, self._c, *arguments, detail=f"{network} {self!r}")

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_fib_close, self._c, detail=self.name)

    def _abandon(self) -> None:
        super()._abandon()
        self._c.gate.open = 0
